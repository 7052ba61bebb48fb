"""Oloid's error object, and what it says to every refusal and fault at the product's own paths."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accounts.login.outcome import LoginRefused, Reason
from accounts.wire.contract import OF_A_TOKEN, Answer, Fault, FaultAnswer, Faulted, Refusal, always
from accounts.wire.waiting import retry_after

DENIED = "Incorrect username or password."
FACTOR_UNSUPPORTED = (
    "The second factor of this account does not work with this API. Ask your administrator."
)
SIGN_IN_AGAIN = "Sign in again, with your second factor if you have one, to change second factors."
SIGN_IN_FOR_CREDENTIALS = (
    "Sign in again, with your second factor if you have one, to change credentials."
)


def problem(
    status: int, message: str, *, headers: Mapping[str, str] | None = None, **more: Any
) -> Answer:
    """The error object: its ``status`` is a text in the product's own description."""
    return Answer(status, {"status": str(status), "message": message, **more}, headers or {})


def _too_many(refused: LoginRefused) -> Answer:
    return problem(429, "Too Many Requests", headers=retry_after(refused))


def _invalid(faulted: Faulted) -> Answer:
    """The product's text, and in ``details`` which key is wrong."""
    field = faulted.detail.get("field")
    if field:
        return problem(400, "Bad Request", details={field: faulted.detail["problem"]})
    if faulted.message:
        return problem(400, "Bad Request", details={"body": faulted.message})
    return problem(400, "Bad Request")


def _method(faulted: Faulted) -> Answer:
    allow = str(faulted.detail.get("allow", ""))
    return problem(405, "Method Not Allowed", headers={"Allow": allow})


def _forbidden(faulted: Faulted) -> Answer:
    return problem(403, faulted.message or "Forbidden")


_DENIED = problem(401, DENIED)
_UNAUTHORIZED = problem(401, "Unauthorized: Access token is missing or invalid")
_UNAVAILABLE = problem(503, "Service Unavailable", headers={"Retry-After": "1"})

_SPECIAL: Mapping[Reason, Refusal] = {
    Reason.THROTTLED_SUBJECT: _too_many,
    Reason.THROTTLED_ADDRESS: _too_many,
    Reason.THROTTLED_FACTOR: _too_many,
    Reason.OVERLOADED: always(_UNAVAILABLE),
    Reason.EXTERNAL_UNAVAILABLE: always(_UNAVAILABLE),
    Reason.FACTOR_UNSUPPORTED: always(problem(401, FACTOR_UNSUPPORTED)),
}
# One answer for every other reason: what was wrong is for the audit trail alone.
REFUSALS: Mapping[Reason, Refusal] = {
    reason: _SPECIAL.get(reason, always(_DENIED)) for reason in Reason
}

FAULTS: Mapping[Fault, FaultAnswer] = {
    Fault.MALFORMED: _invalid,
    Fault.INVALID: _invalid,
    Fault.UNSUPPORTED_MEDIA: always(problem(415, "Unsupported Media Type")),
    Fault.TOO_LARGE: always(problem(413, "Content Too Large")),
    Fault.NOT_FOUND: always(problem(404, "Not Found")),
    Fault.METHOD_NOT_ALLOWED: _method,
    **dict.fromkeys(OF_A_TOKEN, always(_UNAUTHORIZED)),
    Fault.FORBIDDEN: _forbidden,
    Fault.BAD_HOST: always(problem(400, "Bad Request")),
    Fault.INTERNAL: always(problem(500, "Internal Server Error")),
    Fault.UNAVAILABLE: always(_UNAVAILABLE),
}
