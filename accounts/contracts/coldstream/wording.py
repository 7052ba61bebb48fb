"""Problem documents (RFC 9457) for every refusal and fault, as ASP.NET Core services write them."""

from __future__ import annotations

from accounts.login.outcome import LoginRefused, Reason
from accounts.wire.contract import OF_A_TOKEN, Answer, Fault, Faulted, always
from accounts.wire.waiting import retry_after


def _problem(
    status: int, title: str, detail: str = "", headers: dict[str, str] | None = None
) -> Answer:
    body = {"type": "about:blank", "title": title, "status": status}
    if detail:
        body["detail"] = detail
    return Answer(status, body, headers or {}, "application/problem+json")


_UNAUTHORIZED = _problem(401, "Unauthorized")
_BAD_REQUEST = _problem(400, "Bad Request")
_UNAVAILABLE = _problem(503, "Service Unavailable", headers={"Retry-After": "1"})
_NO_APP = "API login needs an authenticator app: set one up, or ask your administrator."
_CHANGE_FIRST = "The password must be changed before it works here: ask your administrator."
_BIND_FIRST = "Your organization requires a second factor: set up an authenticator app first."


def _too_many(refused: LoginRefused) -> Answer:
    return _problem(429, "Too Many Requests", headers=retry_after(refused))


def _invalid(faulted: Faulted) -> Answer:
    return _problem(400, "Bad Request", faulted.message)


def _method(faulted: Faulted) -> Answer:
    allow = str(faulted.detail.get("allow", ""))
    return _problem(405, "Method Not Allowed", headers={"Allow": allow})


_SPECIAL = {
    Reason.THROTTLED_SUBJECT: _too_many,
    Reason.THROTTLED_ADDRESS: _too_many,
    Reason.THROTTLED_FACTOR: _too_many,
    Reason.OVERLOADED: always(_UNAVAILABLE),
    Reason.EXTERNAL_UNAVAILABLE: always(_UNAVAILABLE),
    Reason.FACTOR_UNSUPPORTED: always(_problem(403, "Forbidden", _NO_APP)),
    Reason.MUST_CHANGE_PASSWORD: always(_problem(403, "Forbidden", _CHANGE_FIRST)),
    Reason.MUST_BIND_FACTOR: always(_problem(403, "Forbidden", _BIND_FIRST)),
    Reason.NOTHING_PRESENTED: always(_BAD_REQUEST),
    Reason.FACTOR_MISSING: always(_BAD_REQUEST),
}
REFUSALS = {reason: _SPECIAL.get(reason, always(_UNAUTHORIZED)) for reason in Reason}

FAULTS = {
    Fault.MALFORMED: _invalid,
    Fault.INVALID: _invalid,
    Fault.UNSUPPORTED_MEDIA: always(_problem(415, "Unsupported Media Type")),
    Fault.TOO_LARGE: always(_problem(413, "Content Too Large")),
    Fault.NOT_FOUND: always(_problem(404, "Not Found")),
    Fault.METHOD_NOT_ALLOWED: _method,
    **dict.fromkeys(OF_A_TOKEN, always(_UNAUTHORIZED)),
    Fault.FORBIDDEN: always(_problem(403, "Forbidden")),
    Fault.BAD_HOST: always(_BAD_REQUEST),
    Fault.INTERNAL: always(_problem(500, "Internal Server Error")),
    Fault.UNAVAILABLE: always(_UNAVAILABLE),
}
