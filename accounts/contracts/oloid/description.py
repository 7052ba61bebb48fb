"""What the OpenAPI document says of the calls, the product's own and Cognito's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from accounts.contracts.oloid import credentials, exceptions, pools, shapes
from accounts.contracts.oloid.credentials import CredentialShape
from accounts.contracts.oloid.exceptions import CONTENT_TYPE, exception
from accounts.contracts.oloid.login import Login, LoginShape, TenantNameText
from accounts.contracts.oloid.operations import OPERATIONS
from accounts.contracts.oloid.transport import Operations
from accounts.contracts.oloid.wording import SIGN_IN_AGAIN
from accounts.login.outcome import Reason
from accounts.wire.contract import Fault
from accounts.wire.description import (
    ANY_REASON,
    FLAG,
    NUMBER,
    TEXT,
    TEXTS,
    Action,
    Description,
    Face,
    Given,
    Named,
    Parameter,
    Schema,
    bearer_key,
    constant,
    either,
    listed,
    one_of,
    record,
    told,
)

_KEY = (("AccessToken",),)
_METADATA = Named(
    "Metadata",
    record(
        {
            "httpStatusCode": constant(200),
            "requestId": TEXT,
            "attempts": NUMBER,
            "totalRetryDelay": NUMBER,
        }
    ),
)
_PARAMETERS: Schema = {"type": "object", "additionalProperties": TEXT}
# Null counts as absent.
_ASKED_PARAMETERS: Schema = {
    "type": "object",
    "additionalProperties": {"anyOf": [TEXT, {"type": "null"}]},
}
_RESULT = Named(
    "AuthenticationResult",
    record(
        {
            "IdToken": TEXT,
            "TokenType": constant("Bearer"),
            "ExpiresIn": NUMBER,
            "AccessToken": TEXT,
        },
        {"RefreshToken": TEXT},
    ),
)
_CHALLENGE_NAMES = one_of(
    "SOFTWARE_TOKEN_MFA", "EMAIL_OTP", "SELECT_MFA_TYPE", "NEW_PASSWORD_REQUIRED", "MFA_SETUP"
)
_TOKENS: Mapping[str, Any] = {"ChallengeParameters": _PARAMETERS, "AuthenticationResult": _RESULT}
_CHALLENGE: Mapping[str, Any] = {
    "ChallengeName": _CHALLENGE_NAMES,
    "Session": TEXT,
    "ChallengeParameters": _PARAMETERS,
}
_ACCOUNT = record({"OloID": TEXT, "TenantID": TEXT, "TenantName": TEXT})
_LOGGED_IN = {
    "oneOf": [
        record({"cognitoToken": record({"$metadata": _METADATA, **_TOKENS}), "user": _ACCOUNT}),
        record({"cognitoToken": record({"$metadata": _METADATA, **_CHALLENGE})}),
    ]
}

_MACHINE = Named(
    "Machine",
    record(
        {
            "Username": TEXT,
            "OloID": TEXT,
            "DisplayName": TEXT,
            "Role": TEXT,
            "Scopes": TEXTS,
            "Status": one_of("Active", "Inactive"),
            "UserStatus": constant("CONFIRMED"),
            "TenantID": TEXT,
            "TenantName": TEXT,
            "Enabled": FLAG,
            "CreatedAt": told("2026-01-31T12:00:00Z", format="date-time"),
        }
    ),
)
_CREDENTIAL = Named(
    "IssuedCredential", record({"$metadata": _METADATA, "User": _MACHINE, "Password": TEXT})
)
_DONE = record({"status": constant("200"), "message": TEXT, "data": TEXT})


def _officers(summary: str, gives: Schema, **more: Any) -> Action:
    return Action(
        summary,
        Given(gives),
        opened_by=_KEY,
        faults=(Fault.FORBIDDEN,),
        about="For officers of the tenant.",
        **more,
    )


_OWN: Mapping[type[Any], Mapping[str, Action]] = {
    Login: {
        "POST": Action(
            "Log in with user name, tenant name and password",
            Given(_LOGGED_IN, about="Logged in; or a challenge, which the other address takes."),
            takes=LoginShape,
            reasons=ANY_REASON,
            about="A machine sends its ClientID and secret as user name and password.",
        )
    },
    credentials.Credentials: {
        "GET": _officers(
            "The tenant's machine credentials",
            record({"message": TEXT, "data": record({"Users": listed(_CREDENTIAL)})}),
        ),
        "POST": _officers(
            "A new machine credential",
            record(
                {
                    "message": TEXT,
                    "data": record(
                        {
                            "Key": TEXT,
                            "Tags": listed(record({"Key": TEXT, "Value": TEXT})),
                            "Description": TEXT,
                            "Secrets": record({"Data": _CREDENTIAL}),
                        }
                    ),
                }
            ),
            takes=CredentialShape,
        ),
    },
    credentials.Credential: {
        "GET": _officers("A machine credential", record({"message": TEXT, "data": _CREDENTIAL})),
        "PUT": _officers("Change a machine credential", _DONE, takes=CredentialShape),
        "DELETE": _officers("Delete a machine credential", _DONE),
    },
    pools.KeySet: {
        "GET": Action(
            "The keys that tokens are verified with",
            Given(
                record(
                    {"keys": listed(record({"kid": TEXT, "kty": TEXT, "alg": TEXT}, closed=False))}
                )
            ),
        )
    },
    pools.Discovery: {
        "GET": Action(
            "The issuer of the tokens and where its keys are",
            Given(
                record(
                    {
                        "issuer": TEXT,
                        "jwks_uri": TEXT,
                        "id_token_signing_alg_values_supported": TEXTS,
                    }
                )
            ),
        )
    },
}

# Every operation has the one address: the header says which is meant.
_TARGETS = [f"AWSCognitoIdentityProviderService.{name}" for name in OPERATIONS]
_ASKED: Sequence[Any] = (
    shapes.InitiateAuthShape,
    shapes.RespondToAuthChallengeShape,
    shapes.AccessTokenShape,
    shapes.AssociateSoftwareTokenShape,
    shapes.VerifySoftwareTokenShape,
    shapes.SetUserMFAPreferenceShape,
    shapes.RevokeTokenShape,
    shapes.GetTokensFromRefreshTokenShape,
)
_ATTRIBUTE = record({"Name": TEXT, "Value": TEXT})
_GIVEN = either(
    record({}),
    record(_TOKENS),
    record(_CHALLENGE),
    record({"AuthenticationResult": _RESULT}),
    record(
        {"Username": TEXT, "UserAttributes": listed(_ATTRIBUTE)},
        {"PreferredMfaSetting": TEXT, "UserMFASettingList": TEXTS},
    ),
    record({"SecretCode": TEXT}, {"Session": TEXT}),
    record({"Status": constant("SUCCESS")}, {"Session": TEXT}),
)
_COGNITO: Mapping[type[Any], Mapping[str, Action]] = {
    Operations: {
        "POST": Action(
            "Every operation of Cognito that is served",
            Given(
                _GIVEN,
                media=[CONTENT_TYPE],
                headers={"x-amzn-RequestId": "The call's id; the audit trail has its beginning"},
            ),
            takes=either(*_ASKED),
            media=[CONTENT_TYPE, "application/json"],
            parameters=[
                Parameter(
                    "X-Amz-Target",
                    one_of(*_TARGETS),
                    "The operation",
                    place="header",
                    required=True,
                )
            ],
            reasons=ANY_REASON,
            faults=[*(fault for fault in Fault if fault is not Fault.METHOD_NOT_ALLOWED)],
            answers=[
                exception(exceptions.UNKNOWN_OPERATION),
                exception(exceptions.UNSUPPORTED_TOKEN_TYPE, "The token is not a refresh token"),
                exception(
                    exceptions.ENABLE_SOFTWARE_TOKEN_MFA,
                    "Code mismatch and fail enable Software Token MFA",
                ),
                exception(
                    exceptions.SOFTWARE_TOKEN_MFA_NOT_FOUND,
                    "Software Token MFA does not exist for the user.",
                ),
            ],
            about=(
                "The body is the operation's, the tokens are in it: "
                + ", ".join(f"`{name}`" for name in OPERATIONS)
                + "."
            ),
        )
    }
}


def _text(**more: Any) -> Any:
    return lambda _: {"type": "string", **more}


DESCRIPTION = Description(
    about="The product's login with its machine credentials, and the Cognito operations behind it.",
    keys={"AccessToken": bearer_key("The `AccessToken` of a login")},
    varying={
        "username": {"type": "string", "minLength": 1, "pattern": "^[^/]+$"},
        "pool_id": told("us-east-1_AbCdEfGhI", pattern="^[A-Za-z0-9-]{1,40}_[A-Za-z0-9]{1,40}$"),
    },
    fields={
        TenantNameText: _text(minLength=2),
        shapes.ClientId: _text(pattern="^[A-Za-z0-9_+]{1,128}$"),
        shapes.SessionToken: _text(minLength=20, maxLength=4096),
        shapes.UserCode: _text(pattern="^[0-9]{6}$"),
        shapes.Texts: lambda _: _ASKED_PARAMETERS,
        shapes.MfaSettings: lambda _: record(
            {}, {"Enabled": FLAG, "PreferredMfa": FLAG}, closed=False
        ),
        credentials.Scopes: lambda _: {"type": "array", "items": TEXT, "maxItems": 50},
    },
    faces={Operations: Face("Cognito", nulls=True)},
    actions={**_OWN, **_COGNITO},
    details={
        Fault.NOT_FOUND: ({}, {"client_id": "1example23456789"}),
        Fault.FORBIDDEN: ({}, {"message": SIGN_IN_AGAIN}),
        Reason.PASSWORD_REJECTED: ({"objection": "the password is too short"},),
        Fault.INVALID: (
            {"field": "UserName", "problem": "is missing"},
            {"message": "the body must be a JSON object"},
            {},
        ),
    },
)
