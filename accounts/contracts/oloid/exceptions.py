"""Cognito's errors: ``__type`` and ``message`` in the body and again in the headers.

A caller's error is 400, whatever it is; 4xx of other kinds are only for what is no call at all.
"""

from __future__ import annotations

from collections.abc import Mapping

from accounts.contracts.oloid.wording import (
    DENIED,
    FACTOR_UNSUPPORTED,
    SIGN_IN_AGAIN,
)
from accounts.login.outcome import LoginRefused, Reason
from accounts.wire.contract import Answer, Fault, FaultAnswer, Faulted, Refusal, always
from accounts.wire.waiting import retry_after

CONTENT_TYPE = "application/x-amz-json-1.1"

CODE_MISMATCH = "CodeMismatchException"
# A word about passwords, no password.
ENABLE_SOFTWARE_TOKEN_MFA = "EnableSoftwareTokenMFAException"  # noqa: S105
EXPIRED_CODE = "ExpiredCodeException"
INTERNAL_ERROR = "InternalErrorException"
INVALID_PARAMETER = "InvalidParameterException"
INVALID_PASSWORD = "InvalidPasswordException"  # noqa: S105  # a word about passwords, no password
NOT_AUTHORIZED = "NotAuthorizedException"
# A word about passwords, no password.
REFRESH_TOKEN_REUSE = "RefreshTokenReuseException"  # noqa: S105
RESOURCE_NOT_FOUND = "ResourceNotFoundException"
SERIALIZATION = "SerializationException"
# A word about passwords, no password.
SOFTWARE_TOKEN_MFA_NOT_FOUND = "SoftwareTokenMFANotFoundException"  # noqa: S105
TOO_MANY_REQUESTS = "TooManyRequestsException"
UNKNOWN_OPERATION = "UnknownOperationException"
# A word about passwords, no password.
UNSUPPORTED_TOKEN_TYPE = "UnsupportedTokenTypeException"  # noqa: S105


def exception(
    kind: str, message: str = "", *, status: int = 400, headers: Mapping[str, str] | None = None
) -> Answer:
    """One error. The header's colon ends the type; a message-less error has no message at all."""
    named = {"x-amzn-ErrorType": f"{kind}:"}
    body = {"__type": kind}
    if message:
        named["x-amzn-ErrorMessage"] = message
        body["message"] = message
    return Answer(status, body, {**named, **(headers or {})}, CONTENT_TYPE)


def _denied(message: str) -> Refusal:
    return always(exception(NOT_AUTHORIZED, message))


def _too_many_passwords(refused: LoginRefused) -> Answer:
    return exception(NOT_AUTHORIZED, "Password attempts exceeded", headers=retry_after(refused))


def _too_many(refused: LoginRefused) -> Answer:
    return exception(TOO_MANY_REQUESTS, "Too many requests", headers=retry_after(refused))


def _weak_password(refused: LoginRefused) -> Answer:
    rule = refused.detail.get("objection", "")
    return exception(INVALID_PASSWORD, f"Password did not conform with policy: {rule}")


_UNAVAILABLE = exception(
    "ServiceUnavailableException",
    "The service is busy. Try again in a moment.",
    status=503,
    headers={"Retry-After": "1"},
)
_DISABLED = exception(NOT_AUTHORIZED, "User is disabled.")
_FOREIGN_SESSION = _denied("Invalid session for the user.")
_EXPIRED_REFRESH = _denied("Refresh Token has expired")

_SPECIAL: Mapping[Reason, Refusal] = {
    # Known only to who had the right password, code or token.
    Reason.DISABLED: always(_DISABLED),
    Reason.THROTTLED_SUBJECT: _too_many_passwords,
    Reason.THROTTLED_ADDRESS: _too_many,
    Reason.THROTTLED_FACTOR: _too_many,
    Reason.OVERLOADED: always(_UNAVAILABLE),
    Reason.EXTERNAL_UNAVAILABLE: always(_UNAVAILABLE),
    Reason.FACTOR_UNSUPPORTED: _denied(FACTOR_UNSUPPORTED),
    # A session that was made for another challenge than the one it answers.
    Reason.FACTOR_MISSING: _FOREIGN_SESSION,
    Reason.WRONG_CODE: always(exception(CODE_MISMATCH, "Invalid code received for user")),
    Reason.SPENT_CODE: always(
        exception(EXPIRED_CODE, "Your software token has already been used once.")
    ),
    Reason.PASSWORD_REJECTED: _weak_password,
    Reason.CHALLENGE_UNKNOWN: _FOREIGN_SESSION,
    Reason.CHALLENGE_FOREIGN: _FOREIGN_SESSION,
    Reason.CHALLENGE_EXPIRED: _denied("Invalid session for the user, session is expired."),
    Reason.CHALLENGE_SPENT: _denied("Invalid session for the user, session can only be used once."),
    Reason.GRANT_UNKNOWN: _denied("Invalid Refresh Token"),
    Reason.GRANT_EXPIRED: _EXPIRED_REFRESH,
    Reason.GRANT_REPLAYED: always(
        exception(REFRESH_TOKEN_REUSE, "Refresh Token has already been used")
    ),
    Reason.SESSION_EXPIRED: _EXPIRED_REFRESH,
    Reason.SESSION_ENDED: _denied("Refresh Token has been revoked"),
}
REFUSALS: Mapping[Reason, Refusal] = {
    reason: _SPECIAL.get(reason, _denied(DENIED)) for reason in Reason
}


def _invalid(faulted: Faulted) -> Answer:
    return exception(INVALID_PARAMETER, faulted.message)


def _malformed(faulted: Faulted) -> Answer:
    return exception(SERIALIZATION, faulted.message)


def _not_found(faulted: Faulted) -> Answer:
    """An app client that does not exist; without one named, there is nothing at this address."""
    client_id = faulted.detail.get("client_id")
    if client_id is None:
        return exception(UNKNOWN_OPERATION, status=404)
    return exception(RESOURCE_NOT_FOUND, f"User pool client {client_id} does not exist.")


def _forbidden(faulted: Faulted) -> Answer:
    """A client that proves no secret; else a login that lies too far back or proved too little."""
    return exception(NOT_AUTHORIZED, str(faulted.detail.get("told", SIGN_IN_AGAIN)))


def _method(faulted: Faulted) -> Answer:
    allow = str(faulted.detail.get("allow", ""))
    return exception(UNKNOWN_OPERATION, status=405, headers={"Allow": allow})


_WRONG_MEDIA = f"the content type must be {CONTENT_TYPE}"

FAULTS: Mapping[Fault, FaultAnswer] = {
    Fault.MALFORMED: _malformed,
    Fault.INVALID: _invalid,
    Fault.UNSUPPORTED_MEDIA: always(exception(SERIALIZATION, _WRONG_MEDIA)),
    Fault.TOO_LARGE: always(exception(SERIALIZATION, "the body is too large", status=413)),
    Fault.NOT_FOUND: _not_found,
    Fault.METHOD_NOT_ALLOWED: _method,
    Fault.NO_TOKEN: always(exception(NOT_AUTHORIZED, "Invalid Access Token")),
    Fault.BAD_TOKEN: always(exception(NOT_AUTHORIZED, "Invalid Access Token")),
    Fault.EXPIRED_TOKEN: always(exception(NOT_AUTHORIZED, "Access Token has expired")),
    Fault.WRONG_KIND: always(exception(NOT_AUTHORIZED, "Invalid Access Token")),
    Fault.ENDED: always(exception(NOT_AUTHORIZED, "Access Token has been revoked")),
    Fault.SUBJECT_GONE: always(exception(NOT_AUTHORIZED, "Invalid Access Token")),
    Fault.SUBJECT_DISABLED: always(_DISABLED),
    Fault.FORBIDDEN: _forbidden,
    Fault.BAD_HOST: always(exception(INVALID_PARAMETER, "unknown host")),
    Fault.INTERNAL: always(exception(INTERNAL_ERROR, "Internal error", status=500)),
    Fault.UNAVAILABLE: always(_UNAVAILABLE),
}
