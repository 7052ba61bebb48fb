"""What the OpenAPI document says of the calls, on both faces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from accounts.contracts.bytebase import changes, logins, views, wording, workloads
from accounts.contracts.bytebase.connect import procedures
from accounts.contracts.bytebase.connect.transport import Face as ConnectFace
from accounts.contracts.bytebase.protojson import Enum, Moment, Texts, camel
from accounts.contracts.bytebase.wording import Code
from accounts.login.outcome import Reason
from accounts.models import User
from accounts.wire.contract import Answer, Fault
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
    key_in,
    listed,
    one_of,
    record,
    told,
)
from accounts.wire.views import ContractView

_KEY = (("token",), ("access-token",))
_MOMENT = told("2026-01-31T12:00:00Z", format="date-time")
_TRUE = constant(value=True)
_COOKIES = {"Set-Cookie": "`access-token`, `refresh-token` and `user`, where `web` was asked for"}

_WORKLOAD = record(
    {},
    {
        "providerType": one_of(*wording.PROVIDERS[1:]),
        "issuerUrl": TEXT,
        "allowedAudiences": TEXTS,
        "subjectPattern": TEXT,
    },
)
_USER = Named(
    "User",
    record(
        {
            "name": told("users/alice@acme.test"),
            "state": one_of("ACTIVE", "DELETED"),
            "title": TEXT,
            "userType": one_of(*wording.USER_TYPES.values()),
            "profile": record({}, {"lastLoginTime": _MOMENT, "lastChangePasswordTime": _MOMENT}),
        },
        {
            "email": TEXT,
            "serviceKey": TEXT,
            "mfaEnabled": _TRUE,
            "tempOtpSecret": TEXT,
            "tempRecoveryCodes": TEXTS,
            "tempOtpSecretCreatedTime": _MOMENT,
            "phone": TEXT,
            "groups": TEXTS,
            "workloadIdentityConfig": _WORKLOAD,
        },
    ),
)
_LOGIN = Named(
    "LoginResponse",
    record(
        {},
        {"token": TEXT, "mfaTempToken": TEXT, "requireResetPassword": _TRUE, "user": _USER},
    ),
)
_EXCHANGED = record({"accessToken": TEXT})
_EMPTY = record({})
_USERS = record({}, {"users": listed(_USER), "nextPageToken": TEXT})
_INFO = record(
    {"version": TEXT},
    {
        "externalUrl": TEXT,
        "needAdminSetup": _TRUE,
        "disallowSignup": _TRUE,
        "require2fa": _TRUE,
        "workspaceId": TEXT,
        "disallowPasswordSignin": _TRUE,
        "passwordRestriction": record({}, {"minLength": NUMBER}),
    },
)
_PROVIDERS = record({}, {"identityProviders": listed(record({"name": TEXT}, closed=False))})

# What is told of a message that is read but cannot be done.
_CODES = (
    Code.INVALID_ARGUMENT,
    Code.NOT_FOUND,
    Code.ALREADY_EXISTS,
    Code.PERMISSION_DENIED,
    Code.RESOURCE_EXHAUSTED,
)
_DETAILS: Mapping[Reason | Fault, Sequence[Mapping[str, Any]]] = {
    Reason.KIND_NOT_ALLOWED: (
        *(
            {"subject": SimpleNamespace(user=SimpleNamespace(kind=kind))}
            for kind in (User.Kind.SERVICE, User.Kind.WORKLOAD)
        ),
        {"bar": wording.NO_PASSWORDS},
        {"bar": 'email "eve@example.com" does not belong to domains [acme.test]'},
    ),
    Fault.INVALID: (
        {"field": "email"},
        {"message": 'unknown field "x"'},
        *({"message": "what is wrong", "code": code} for code in _CODES),
    ),
    Fault.FORBIDDEN: (
        {"message": wording.LOG_IN_AGAIN},
        {
            "method": "/bytebase.v1.UserService/ListUsers",
            "permission": "bb.users.list",
        },
    ),
    Fault.UNSUPPORTED_MEDIA: ({}, {"encoding": "br"}),
    Fault.WRONG_KIND: ({"audiences": ["bb.user.mfa.prod"]},),
}


def _public(summary: str, gives: Given, **more: Any) -> Action:
    """A call for everybody; a header in another form than Bearer is refused all the same."""
    return Action(
        summary,
        gives,
        opened_by=more.pop("opened_by", _KEY),
        key_optional=True,
        faults=(Fault.NO_TOKEN, Fault.INVALID),
        **more,
    )


def _own(summary: str, gives: Given, **more: Any) -> Action:
    """A call of somebody who is signed in."""
    return Action(
        summary,
        gives,
        opened_by=_KEY,
        faults=(Fault.FORBIDDEN, Fault.INVALID),
        body_required=False,
        **more,
    )


_CROSS_SITE = wording.status(Code.PERMISSION_DENIED, "cross-site web login is refused")
_NO_PROVIDER = wording.status(Code.NOT_FOUND, "identity provider not found")
_LOG_IN = _public(
    "Log in: with a password, a provider's code, or the second step",
    Given(_LOGIN, headers=_COOKIES, about="Logged in; or `mfaTempToken`, and nothing else."),
    takes=logins.LoginRequest,
    body_required=False,
    reasons=ANY_REASON,
    answers=[_CROSS_SITE, _NO_PROVIDER],
)
_LOG_OUT = _public(
    "End every session that a presented token belongs to",
    Given(_EMPTY, headers=_COOKIES),
    takes=views.Empty,
    body_required=False,
)
_EXCHANGE = _public(
    "A workload's own token for one of this server",
    Given(_EXCHANGED),
    takes=workloads.ExchangeTokenRequest,
    body_required=False,
    reasons=ANY_REASON,
)
_GET_ME = _own("Who the bearer is", Given(_USER))
_GET_USER = _own("Who somebody is", Given(_USER))
# A new password is hashed, and judged by the tenant's rules.
_UPDATE = (Reason.OVERLOADED, Reason.PASSWORD_REJECTED, Reason.THROTTLED_FACTOR, Reason.SPENT_CODE)
_UPDATE_USER = _own(
    "Change a user: profile, password, second factors, a machine's key",
    Given(_USER, about="The user as he is now; a new key or secret is shown here alone."),
    takes=changes.UserMessage,
    reasons=(*_UPDATE, Reason.WRONG_CODE),
    parameters=[
        Parameter("updateMask", TEXT, "The fields to be changed, separated by commas"),
        Parameter("regenerateTempMfaSecret", FLAG, "Make a secret for an authenticator app"),
        Parameter("regenerateRecoveryCodes", FLAG, "Put the new recovery codes into use"),
        Parameter("otpCode", TEXT, "A code of the new authenticator app"),
    ],
)

_REST: Mapping[type[Any], Mapping[str, Action]] = {
    views.Login: {"POST": _LOG_IN},
    views.Logout: {"POST": _LOG_OUT},
    views.Refresh: {
        "POST": _public(
            "New cookies for a browser's session",
            Given(_EMPTY, headers=_COOKIES),
            takes=views.Empty,
            body_required=False,
            opened_by=[["refresh-token"]],
            reasons=ANY_REASON,
            answers=[wording.unauthenticated("refresh token not found")],
        )
    },
    views.ExchangeToken: {"POST": _EXCHANGE},
    views.Me: {"GET": _GET_ME},
    views.OneUser: {
        "GET": _GET_USER,
        "PATCH": _UPDATE_USER,
        "DELETE": _own("Deactivate a user", Given(_EMPTY), about="For officers of the tenant."),
    },
    views.Users: {
        "GET": _own(
            "The users of the tenant, the oldest first",
            Given(_USERS),
            parameters=[
                Parameter("pageSize", {"type": "integer"}, "10 if it is not said, 1000 at most"),
                Parameter("pageToken", TEXT, "The `nextPageToken` of the page before"),
                Parameter("showDeleted", FLAG, "The deactivated ones, too"),
                Parameter("filter", told('state == "ACTIVE"'), "Which ones, in a form of CEL"),
            ],
            about="For officers of the tenant.",
        ),
        "POST": _public(
            "Make an account: sign-up, or as an officer",
            Given(_USER, about="The new user; a machine's key is shown here alone."),
            takes=changes.UserMessage,
            body_required=False,
            reasons=_UPDATE,
            answers=[wording.status(Code.PERMISSION_DENIED, wording.LOG_IN_AGAIN)],
        ),
    },
    views.BatchOfUsers: {
        "GET": _own(
            "Users by their names",
            Given(_USERS),
            parameters=[
                Parameter("names", TEXTS, "The users' resource names"),
            ],
            about="For officers of the tenant.",
        )
    },
    views.UndeleteUser: {
        "POST": _own(
            "Reactivate a user",
            Given(_USER),
            takes=views.NamedUser,
            about="For officers of the tenant.",
        )
    },
    views.UpdateEmail: {
        "POST": _own(
            "Give a user another address",
            Given(_USER),
            takes=views.UpdateEmailRequest,
            about="For officers of the tenant.",
        )
    },
    views.ActuatorInfo: {"GET": _public("What a login page asks first", Given(_INFO))},
    views.IdentityProviders: {
        "GET": _public("The identity providers of a login page", Given(_PROVIDERS))
    },
}

_MEDIA = ("application/json", "application/proto")
_PROTOCOL = (
    Parameter("Connect-Protocol-Version", constant("1"), "The protocol's version", place="header"),
    Parameter(
        "Connect-Timeout-Ms", told("5000", pattern="^[0-9]{1,10}$"), "A time limit", place="header"
    ),
)


def _called(
    rest: Action, shape: type[Any], gives: Schema | Named, answers: Sequence[Answer] = ()
) -> Mapping[str, Action]:
    """The same call on the other face: one message in, one message out."""
    return {
        "POST": Action(
            rest.summary,
            Given(gives, media=_MEDIA, headers=rest.gives.headers, about=rest.gives.about),
            takes=shape,
            media=_MEDIA,
            parameters=_PROTOCOL,
            opened_by=rest.opened_by,
            key_optional=rest.key_optional,
            reasons=rest.reasons,
            faults=rest.faults,
            answers=answers,
        )
    }


_CONNECT: Mapping[type[Any], Mapping[str, Action]] = {
    procedures.Login: _called(_LOG_IN, logins.LoginRequest, _LOGIN),
    procedures.Logout: _called(_LOG_OUT, views.Empty, _EMPTY),
    procedures.ExchangeToken: _called(_EXCHANGE, workloads.ExchangeTokenRequest, _EXCHANGED),
    procedures.GetCurrentUser: _called(_GET_ME, views.Empty, _USER),
    procedures.GetUser: _called(_GET_USER, procedures.GetUserRequest, _USER),
    procedures.UpdateUser: _called(_UPDATE_USER, procedures.UpdateUserRequest, _USER),
}


def _numbered(field: Enum) -> Schema:
    return {"anyOf": [one_of(*sorted(field.names)), {"type": "integer"}]}


DESCRIPTION = Description(
    about=(
        "`AuthService` and users, over REST and by the Connect protocol. Every member of a request "
        "may also be spelled as in the product's proto files."
    ),
    keys={
        "token": bearer_key("The `token` of a login"),
        "access-token": key_in("cookie", "access-token", "The access token of a browser login"),
        "refresh-token": key_in("cookie", "refresh-token", "The refresh token beside it"),
    },
    varying={"email": {"type": "string", "minLength": 1, "pattern": "^[^/]+$"}},
    fields={
        Texts: lambda _: TEXTS,
        Enum: _numbered,
        procedures.Mask: lambda _: TEXT,
        Moment: lambda _: _MOMENT,
    },
    faces={
        ConnectFace: Face("Connect", spelled=camel, nulls=True),
        ContractView: Face("", spelled=camel, closed=True, nulls=True),
    },
    actions={**_REST, **_CONNECT},
    details=_DETAILS,
)
