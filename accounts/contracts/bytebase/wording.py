"""The product's words: the error body and both error tables."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

from accounts.contracts.bytebase.protojson import camel, quoted
from accounts.login.outcome import LoginRefused, Reason
from accounts.models import User
from accounts.wire.contract import Answer, Fault, Faulted, always


class Code(IntEnum):
    """The gRPC status codes that are answered here."""

    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    INTERNAL = 13
    UNAVAILABLE = 14
    UNAUTHENTICATED = 16


_HTTP: Mapping[Code, int] = {
    Code.UNKNOWN: 500,
    Code.INVALID_ARGUMENT: 400,
    Code.NOT_FOUND: 404,
    Code.ALREADY_EXISTS: 409,
    Code.PERMISSION_DENIED: 403,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.INTERNAL: 500,
    Code.UNAVAILABLE: 503,
    Code.UNAUTHENTICATED: 401,
}

HEADER_FORMAT = "authorization header format must be Bearer {token}"
_NO_LOGIN = "invalid email or password"
_NO_CLAIM = "failed to parse claim"
_EXPIRED = "access token expired"
_SPENT_REFRESH = "invalid refresh token"
_OLD_REFRESH = "refresh token expired"
BIND_FIRST = "2FA is required, please set it up first"
LOG_IN_AGAIN = "the login is too old for this change, please log in again"
KEY_LOGIN = "a login with a service key may not make this change"
NO_PASSWORDS = "password signin is disallowed"
NO_SERVICE = "service key can be mutated for service accounts only"
NO_TRUST = "workload identity config is changed by officers, of workload identities only"
NO_PERSON = "password can be mutated for end users only"
_SAME_PASSWORD = "password cannot be the same"  # noqa: S105  # a word about passwords, no password
_LOCKED = "too many failed login attempts, please try again later"
_FACTOR_LOCKED = "too many failed MFA attempts, please try again later"
_DEACTIVATED = "user has been deactivated by administrators"
_WEB_IS_FOR_USERS = "only users can use web login"

# The product's names for the kinds of accounts.
USER_TYPES: Mapping[str, str] = {
    User.Kind.PERSON: "USER",
    User.Kind.SERVICE: "SERVICE_ACCOUNT",
    User.Kind.WORKLOAD: "WORKLOAD_IDENTITY",
}

# Who runs a workload's issuer; it decides nothing.
PROVIDERS = ("PROVIDER_TYPE_UNSPECIFIED", "GITHUB", "GITLAB")


def too_short(shortest: int) -> str:
    """A password of fewer characters than the tenant demands."""
    return f"password length should no less than {shortest} characters"


def status(
    code: Code, message: str, http: int | None = None, headers: Mapping[str, str] | None = None
) -> Answer:
    """The error body. A 401 repeats its message in ``WWW-Authenticate`` as the gateway does."""
    more = dict(headers or {})
    if code is Code.UNAUTHENTICATED:
        # A header holds printable ASCII only, whatever an account is called.
        more["WWW-Authenticate"] = "".join(c if " " <= c <= "~" else "?" for c in message)
    return Answer(http or _HTTP[code], {"code": int(code), "message": message}, more)


def unauthenticated(message: str) -> Answer:
    """A 401."""
    return status(Code.UNAUTHENTICATED, message)


def invalid(message: str) -> Answer:
    """A 400 about a field's value."""
    return status(Code.INVALID_ARGUMENT, message)


_UNAVAILABLE = status(
    Code.UNAVAILABLE, "the server is busy, please try again", headers={"Retry-After": "1"}
)
_FACTOR_ELSEWHERE = "this account's second factor does not work with this API"
_NOT_ADMITTED = "this identity provider opens no account here"
_NOT_VOUCHED = "the identity provider does not vouch for the email address"
_CHANGE_FIRST = "the password must be changed first: ask your administrator"


def _kind_not_allowed(refused: LoginRefused) -> Answer:
    """The account's kind has no password login at all, or none with cookies; or it is barred."""
    if bar := refused.detail.get("bar"):
        return status(Code.PERMISSION_DENIED, bar) if bar == NO_PASSWORDS else invalid(bar)
    kind = refused.detail["subject"].user.kind
    if kind == User.Kind.SERVICE:
        return status(Code.PERMISSION_DENIED, _WEB_IS_FOR_USERS)
    return unauthenticated(f"user type {USER_TYPES[kind]} cannot login")


def _challenge_expired(refused: LoginRefused) -> Answer:
    """Disabling an account also ends its unfinished logins; then the product names the cause."""
    subject = refused.detail.get("subject")
    gone = subject is not None and not subject.user.is_active
    return unauthenticated(_DEACTIVATED if gone else _NO_CLAIM)


def objection(message: str, code: Code = Code.INVALID_ARGUMENT) -> Faulted:
    """To be raised about a well-formed message that is refused, in exactly these words."""
    return Faulted(Fault.INVALID, message, verbatim=True, code=code)


def no_such_user(email: str) -> Faulted:
    """To be raised to an officer where nobody in his tenant has the address."""
    return objection(f"user {quoted(email)} not found", Code.NOT_FOUND)


def denied(method: str, permission: str) -> Faulted:
    """To be raised where a method of ``UserService`` needs a permission that the caller has not."""
    full = f"/bytebase.v1.UserService/{method}"
    return Faulted(Fault.FORBIDDEN, method=full, permission=permission)


def _rejected(refused: LoginRefused) -> Answer:
    if refused.detail.get("same"):
        return invalid(_SAME_PASSWORD)
    return invalid(str(refused.detail.get("objection", "invalid password")))


def _provider_failed(refused: LoginRefused) -> Answer:
    """The provider refused a code, or what comes after it; its own words follow."""
    if refused.detail.get("stage") == "identifier":
        title = quoted(str(refused.detail.get("provider", "")))
        return invalid(f"missing identifier in user info from identity provider {title}")
    stage = "exchange token" if refused.detail.get("stage") == "token" else "get user info"
    said = "".join(c for c in str(refused.detail.get("said", ""))[:200] if c.isprintable())
    return status(Code.INTERNAL, f"failed to {stage}: {said}")


def _provider_away(refused: LoginRefused) -> Answer:
    """Who named no provider is told nothing of one: a directory judges his plain password."""
    return _provider_failed(refused) if "said" in refused.detail else _UNAVAILABLE


_NOBODY = always(unauthenticated(_NO_LOGIN))
_NO_CHALLENGE = always(unauthenticated(_NO_CLAIM))
_TOO_MANY = always(status(Code.RESOURCE_EXHAUSTED, _LOCKED))

REFUSALS = {
    Reason.NOTHING_PRESENTED: _NOBODY,
    Reason.UNKNOWN_TENANT: _NOBODY,
    Reason.UNKNOWN_SUBJECT: _NOBODY,
    Reason.NO_PASSWORD: _NOBODY,
    Reason.WRONG_PASSWORD: _NOBODY,
    Reason.TENANT_SUSPENDED: _NOBODY,
    Reason.CONTRACT_OFF: _NOBODY,
    Reason.DISABLED: always(unauthenticated(_DEACTIVATED)),
    Reason.KIND_NOT_ALLOWED: _kind_not_allowed,
    Reason.EXTERNAL_REFUSED: _provider_failed,
    Reason.EXTERNAL_UNAVAILABLE: _provider_away,
    Reason.EXTERNAL_UNKNOWN: always(status(Code.PERMISSION_DENIED, _NOT_ADMITTED)),
    Reason.EXTERNAL_CONFLICT: always(status(Code.PERMISSION_DENIED, _NOT_ADMITTED)),
    Reason.EXTERNAL_UNVERIFIED: always(status(Code.PERMISSION_DENIED, _NOT_VOUCHED)),
    Reason.THROTTLED_SUBJECT: _TOO_MANY,
    Reason.THROTTLED_ADDRESS: _TOO_MANY,
    Reason.THROTTLED_FACTOR: always(status(Code.RESOURCE_EXHAUSTED, _FACTOR_LOCKED)),
    Reason.OVERLOADED: always(_UNAVAILABLE),
    Reason.FACTOR_UNSUPPORTED: always(status(Code.PERMISSION_DENIED, _FACTOR_ELSEWHERE)),
    Reason.FACTOR_MISSING: always(unauthenticated("OTP or recovery code is required for MFA")),
    Reason.WRONG_CODE: always(unauthenticated("invalid MFA code")),
    Reason.SPENT_CODE: always(unauthenticated("invalid MFA code")),
    Reason.WRONG_RECOVERY_CODE: always(unauthenticated("invalid recovery code")),
    # Only a token that we have signed gets so far: the account is gone, and its challenge with it.
    Reason.CHALLENGE_UNKNOWN: _NOBODY,
    Reason.CHALLENGE_FOREIGN: _NO_CHALLENGE,
    Reason.CHALLENGE_SPENT: _NO_CHALLENGE,
    Reason.CHALLENGE_EXPIRED: _challenge_expired,
    Reason.PASSWORD_REJECTED: _rejected,
    Reason.MUST_CHANGE_PASSWORD: always(status(Code.PERMISSION_DENIED, _CHANGE_FIRST)),
    Reason.MUST_BIND_FACTOR: always(status(Code.PERMISSION_DENIED, BIND_FIRST)),
    # These five come from a refresh token only.
    Reason.GRANT_UNKNOWN: always(unauthenticated(_SPENT_REFRESH)),
    Reason.GRANT_REPLAYED: always(unauthenticated(_SPENT_REFRESH)),
    Reason.SESSION_ENDED: always(unauthenticated(_SPENT_REFRESH)),
    Reason.GRANT_EXPIRED: always(unauthenticated(_OLD_REFRESH)),
    Reason.SESSION_EXPIRED: always(unauthenticated(_OLD_REFRESH)),
}


def _routing(http: int) -> Any:
    """An unknown path or a wrong method: code 2 under the HTTP status."""

    def answer(faulted: Faulted) -> Answer:
        request, allow = faulted.request, str(faulted.detail.get("allow", ""))
        where = f"request method {request.method}, URI {request.get_full_path()}" if request else ""
        message = f"not_found: gateway routing error {http}: {where}"
        return status(Code.UNKNOWN, message, http, {"Allow": allow} if allow else None)

    return answer


def _unparsed(faulted: Faulted) -> Answer:
    if code := faulted.detail.get("code"):
        return status(code, faulted.message)
    field = faulted.detail.get("field")
    return invalid(
        f"proto: invalid value for field {camel(field)}" if field else f"proto: {faulted.message}"
    )


def _wrong_kind(faulted: Faulted) -> Answer:
    got = " ".join(quoted(audience) for audience in faulted.detail.get("audiences", ()))
    return unauthenticated(
        f"invalid access token, audience mismatch, got [{got}], expected "
        '"bb.user.access.prod" or "bb.oauth2.access". '
        "you may send request to the wrong environment"
    )


def _gone(faulted: Faulted) -> Answer:
    email = quoted(str(faulted.detail.get("email", "")))
    return unauthenticated(f"user email {email} not exists in the access token")


def _disabled(faulted: Faulted) -> Answer:
    found = faulted.detail.get("found")
    email = found.subject.user.email if found else ""
    return unauthenticated(f"user ID '{email}' has been deactivated by administrators")


def _forbidden(faulted: Faulted) -> Answer:
    if "method" not in faulted.detail:
        return status(Code.PERMISSION_DENIED, faulted.message)
    method, permission = faulted.detail.get("method", ""), faulted.detail.get("permission", "")
    return status(
        Code.PERMISSION_DENIED,
        f'permission denied for method "{method}", '
        f'user does not have permission "{permission}", extra []',
    )


def _no_token(faulted: Faulted) -> Answer:
    return unauthenticated(faulted.message or "access token not found")


FAULTS = {
    Fault.MALFORMED: _unparsed,
    Fault.INVALID: _unparsed,
    Fault.TOO_LARGE: _unparsed,
    # Never raised here: the content type is ignored.
    Fault.UNSUPPORTED_MEDIA: _unparsed,
    Fault.NOT_FOUND: _routing(404),
    Fault.METHOD_NOT_ALLOWED: _routing(405),
    Fault.NO_TOKEN: _no_token,
    Fault.BAD_TOKEN: always(unauthenticated(_NO_CLAIM)),
    Fault.EXPIRED_TOKEN: always(unauthenticated(_EXPIRED)),
    Fault.ENDED: always(unauthenticated(_EXPIRED)),
    Fault.WRONG_KIND: _wrong_kind,
    Fault.SUBJECT_GONE: _gone,
    Fault.SUBJECT_DISABLED: _disabled,
    Fault.FORBIDDEN: _forbidden,
    Fault.BAD_HOST: always(invalid("invalid host")),
    Fault.INTERNAL: always(status(Code.INTERNAL, "internal error")),
    Fault.UNAVAILABLE: always(_UNAVAILABLE),
}
