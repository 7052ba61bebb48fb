"""Cognito's operations: one address, the operation named by the ``X-Amz-Target`` header.

The operations here need no signature in the product; one that comes all the same is ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from accounts.client import ClientContext
from accounts.contracts.oloid.answers import (
    EMAIL_OTP,
    FACTOR_OF,
    MFA_SETUP,
    NEW_PASSWORD_REQUIRED,
    SELECT_MFA_TYPE,
    SOFTWARE_TOKEN_MFA,
    mfa_settings,
    render,
)
from accounts.contracts.oloid.client_secrets import (
    check_hash,
    check_secret,
    demand_hash,
    names_of,
)
from accounts.contracts.oloid.exceptions import UNSUPPORTED_TOKEN_TYPE, exception
from accounts.contracts.oloid.preferences import set_user_mfa_preference
from accounts.contracts.oloid.shapes import (
    AccessTokenShape,
    GetTokensFromRefreshTokenShape,
    InitiateAuthShape,
    RespondToAuthChallengeShape,
    RevokeTokenShape,
    members,
    parameter,
)
from accounts.contracts.oloid.software_tokens import (
    associate_software_token,
    verify_software_token,
)
from accounts.contracts.oloid.tokens import (
    LOGIN,
    SLUG,
    attribute_texts,
    authentication_result,
    bearer,
    mandate_claims,
    pair,
)
from accounts.login import grants, sessions
from accounts.login.attempt import (
    Attempt,
    ChallengeToken,
    Credential,
    FactorChoice,
    Identifier,
    NameForm,
    NewPassword,
    OneTimePassword,
    Password,
)
from accounts.login.grants import Refreshed
from accounts.login.outcome import Factor
from accounts.login.pipeline import authenticate
from accounts.models import Grant
from accounts.wire.call import Call
from accounts.wire.contract import Answer, Fault, Faulted
from tenants.hint import TenantHint
from tenants.policy import TenantRecord
from tenants.resolve import directory

Body = dict[str, Any]
Parameters = dict[str, str]
Proofs = tuple[Credential, ...]


def _pool(call: Call, client_id: str) -> TenantRecord:
    """The tenant whose app client this is. Raises Faulted(NOT_FOUND)."""
    tenant = directory().by_client.get(client_id)
    if tenant is None or not tenant.serves(SLUG):
        raise Faulted(Fault.NOT_FOUND, client_id=client_id)
    if call.addressed is not None and call.addressed.id != tenant.id:
        raise Faulted(Fault.NOT_FOUND, client_id=client_id)
    return tenant


def _client(call: Call, pool: TenantRecord) -> ClientContext:
    return call.client(client_id=pool.client_id)


def _log_in(call: Call, pool: TenantRecord, username: str, *credentials: Credential) -> Body:
    attempt = Attempt(
        credentials,
        TenantHint(slug=pool.slug),
        _client(call, pool),
        Identifier(NameForm.ANY, username),
    )
    return render(authenticate(attempt, LOGIN), call.now)


def _by_password(call: Call, pool: TenantRecord, given: Parameters) -> Body:
    username, password = parameter(given, "USERNAME"), parameter(given, "PASSWORD")
    check_hash(pool, given, [username])
    return _log_in(call, pool, username, Password(password))


def _rotates(pool: TenantRecord) -> bool:
    """Whether a refresh token is good once; clients that know it say so to their tenant."""
    return pool.contract(SLUG).options.get("refresh_token_rotation") is True


def _presented(call: Call, pool: TenantRecord, token: str) -> Refreshed:
    return grants.present(token, Grant.Kind.REFRESH, LOGIN, _client(call, pool), pool)


def _renewed(call: Call, refreshed: Refreshed, successor: str = "") -> Body:
    """New ID and access token; groups and attributes as they are now."""
    live, subject = refreshed.found.session, refreshed.found.subject
    tokens = replace(pair(live, subject, call.now), refresh=successor)
    return authentication_result(tokens, live, subject, call.now)


def _by_refresh_token(call: Call, pool: TenantRecord, given: Parameters) -> Body:
    """One statement."""
    if _rotates(pool):
        raise Faulted(Fault.INVALID, "REFRESH_TOKEN_AUTH flow not enabled for this client")
    token = parameter(given, "REFRESH_TOKEN")
    demand_hash(pool, given)
    refreshed = _presented(call, pool, token)
    check_hash(pool, given, names_of(refreshed.found.subject))
    return {"ChallengeParameters": {}, "AuthenticationResult": _renewed(call, refreshed)}


_FLOWS: Mapping[str, Callable[[Call, TenantRecord, Parameters], Body]] = {
    "USER_PASSWORD_AUTH": _by_password,
    "REFRESH_TOKEN_AUTH": _by_refresh_token,
    "REFRESH_TOKEN": _by_refresh_token,
}
_OTHER_FLOWS = {
    # Its verifier would be a fast hash of the password beside the slow one.
    "USER_SRP_AUTH": "USER_SRP_AUTH is not enabled for the client.",
    "CUSTOM_AUTH": "CUSTOM_AUTH is not enabled for the client.",
    "USER_AUTH": "USER_AUTH is not enabled for the client.",
    "ADMIN_NO_SRP_AUTH": "Initiate Auth method not supported.",
    "ADMIN_USER_PASSWORD_AUTH": "Initiate Auth method not supported.",
}


def initiate_auth(call: Call, body: Any) -> Body:
    """A login by password, or the renewal of one by its refresh token."""
    asked = members(InitiateAuthShape, body)
    pool = _pool(call, asked["ClientId"])
    flow = _FLOWS.get(asked["AuthFlow"])
    if flow is None:
        raise Faulted(Fault.INVALID, _OTHER_FLOWS.get(asked["AuthFlow"], "AuthFlow is unknown"))
    return flow(call, pool, asked["AuthParameters"])


def _code(given: Parameters) -> Proofs:
    return (OneTimePassword(parameter(given, "SOFTWARE_TOKEN_MFA_CODE"), Factor.OTP),)


def _new_password(given: Parameters) -> Proofs:
    """``userAttributes.*`` may come beside it; attributes are not the user's to change here."""
    return (NewPassword(parameter(given, "NEW_PASSWORD")),)


def _proved_before(_given: Parameters) -> Proofs:
    """The session of ``VerifySoftwareToken`` says it all."""
    return ()


def _mailed_code(given: Parameters) -> Proofs:
    # The mail shows the six digits with a dash in the middle; both are taken.
    code = parameter(given, "EMAIL_OTP_CODE").replace("-", "")
    return (OneTimePassword(code, Factor.EMAIL),)


def _choice(given: Parameters) -> Proofs:
    factor = FACTOR_OF.get(parameter(given, "ANSWER"))
    if factor is None:
        raise Faulted(Fault.INVALID, "ANSWER is unknown or not offered")
    return (FactorChoice(factor),)


# What the answer to each challenge proves. Names that are not here are no challenges.
_ANSWERS: Mapping[str, Callable[[Parameters], Proofs]] = {
    SOFTWARE_TOKEN_MFA: _code,
    NEW_PASSWORD_REQUIRED: _new_password,
    MFA_SETUP: _proved_before,
    SELECT_MFA_TYPE: _choice,
    EMAIL_OTP: _mailed_code,
}


def respond_to_auth_challenge(call: Call, body: Any) -> Body:
    """The next step of a login, with the session of the step before."""
    asked = members(RespondToAuthChallengeShape, body)
    pool = _pool(call, asked["ClientId"])
    proofs = _ANSWERS.get(asked["ChallengeName"])
    if proofs is None:
        raise Faulted(Fault.INVALID, "ChallengeName is unknown or not offered")
    given = asked["ChallengeResponses"]
    username, token = parameter(given, "USERNAME"), ChallengeToken(asked["Session"])
    check_hash(pool, given, [username])
    return _log_in(call, pool, username, token, *proofs(given))


def get_tokens_from_refresh_token(call: Call, body: Any) -> Body:
    """The same renewal; with a new refresh token where the tenant has them rotate."""
    asked = members(GetTokensFromRefreshTokenShape, body)
    pool = _pool(call, asked["ClientId"])
    check_secret(pool, asked["ClientSecret"])
    if not _rotates(pool):
        refreshed = _presented(call, pool, asked["RefreshToken"])
        return {"AuthenticationResult": _renewed(call, refreshed)}
    rotated = grants.rotate(asked["RefreshToken"], LOGIN, _client(call, pool), pool)
    return {"AuthenticationResult": _renewed(call, rotated, rotated.token)}


def get_user(call: Call, body: Any) -> Body:
    """Who the bearer is."""
    subject = bearer(call, members(AccessTokenShape, body)["AccessToken"]).subject
    answer: Body = {
        "Username": subject.user.username,
        "UserAttributes": [
            {"Name": name, "Value": text}
            for name, text in (attribute_texts(subject.user) | mandate_claims(subject)).items()
        ],
    }
    return {**answer, **mfa_settings(subject)}


def global_sign_out(call: Call, body: Any) -> Body:
    """End all sessions of the user at this contract."""
    user = bearer(call, members(AccessTokenShape, body)["AccessToken"]).subject.user
    sessions.end_all(user, "global sign-out", call.client(), contract=SLUG)
    return {}


def revoke_token(call: Call, body: Any) -> Body | Answer:
    """End the session of a refresh token, with the access tokens of the same ``origin_jti``."""
    asked = members(RevokeTokenShape, body)
    pool = _pool(call, asked["ClientId"])
    check_secret(pool, asked["ClientSecret"])
    # A signed token is never a refresh token here: those are opaque.
    if asked["Token"].count(".") == 2:
        return exception(UNSUPPORTED_TOKEN_TYPE, "The token is not a refresh token")
    client = _client(call, pool)
    session = grants.live_session(asked["Token"], LOGIN, client, pool)
    # As RFC 7009 section 2.2 has it: what is no good token needs no revoking.
    if session is not None:
        sessions.end(session, "token revoked", client)
    return {}


Operation = Callable[[Call, Any], Body | Answer]

OPERATIONS: Mapping[str, Operation] = {
    "InitiateAuth": initiate_auth,
    "RespondToAuthChallenge": respond_to_auth_challenge,
    "GetUser": get_user,
    "RevokeToken": revoke_token,
    "GlobalSignOut": global_sign_out,
    "GetTokensFromRefreshToken": get_tokens_from_refresh_token,
    "AssociateSoftwareToken": associate_software_token,
    "VerifySoftwareToken": verify_software_token,
    "SetUserMFAPreference": set_user_mfa_preference,
}
