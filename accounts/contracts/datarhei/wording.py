"""What Core tells about itself, and its words for every refusal and fault."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone

from accounts.contracts.datarhei import auth0
from accounts.login.outcome import LoginRefused, Reason
from accounts.wire.contract import OF_A_TOKEN, Answer, Fault, Faulted, always
from accounts.wire.waiting import retry_after
from tenants.policy import TenantRecord

APP = "datarhei-core"
# Clients demand a version that satisfies ^16.11.0; a stranger is told the major one only.
VERSION, PUBLIC_VERSION = "16.16.0", "16.0.0"
_STARTED = timezone.now()


def render_public(tenant: TenantRecord | None) -> dict[str, Any]:
    """What anybody is told: ``id`` and ``created_at`` are left out, clients go by that."""
    return {"app": APP, "auths": auths(tenant), "version": {"number": PUBLIC_VERSION}}


def render_about(tenant: TenantRecord, now: datetime) -> dict[str, Any]:
    """What somebody with an access token is told."""
    return {
        "app": APP,
        "auths": auths(tenant),
        "name": tenant.name,
        "id": str(tenant.id),
        "created_at": _STARTED.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "uptime_seconds": max(0, int((now - _STARTED).total_seconds())),
        "version": {
            "number": VERSION,
            "repository_commit": "",
            "repository_branch": "",
            "build_date": "",
            "arch": "linux/amd64",
            "compiler": "",
        },
    }


def auths(tenant: TenantRecord | None) -> list[str]:
    """The ways to log in: ``localjwt`` first, one client looks no further than its first match."""
    return ["localjwt", *(each.element() for each in auth0.offered(tenant))]


# Every error has the same three members; without better ones the details repeat the reason phrase,
# as Core's error handler does.

_PHRASES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Request Entity Too Large",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


def _error(status: int, detail: str = "", headers: Mapping[str, str] | None = None) -> Answer:
    phrase = _PHRASES[status]
    body = {"code": status, "message": phrase, "details": [detail or phrase]}
    return Answer(status, body, headers or {})


_NO_CREDENTIALS = _error(400, "Missing authorization credentials")
_WRONG_CREDENTIALS = _error(401, "Invalid authorization credentials: invalid username or password")
_NO_GOOD_TOKEN = _error(401, "Missing or invalid JWT token")
_BUSY = _error(503, headers={"Retry-After": "1"})


def _too_many(refused: LoginRefused) -> Answer:
    return _error(429, "Too many failed logins", retry_after(refused))


def _method(faulted: Faulted) -> Answer:
    return _error(405, headers={"Allow": str(faulted.detail.get("allow", ""))})


_SPECIAL = {
    Reason.NOTHING_PRESENTED: always(_NO_CREDENTIALS),
    Reason.THROTTLED_SUBJECT: _too_many,
    Reason.THROTTLED_ADDRESS: _too_many,
    Reason.THROTTLED_FACTOR: _too_many,
    Reason.OVERLOADED: always(_BUSY),
    Reason.EXTERNAL_UNAVAILABLE: always(_BUSY),
}
# No client can do anything about the others, so all of them are a wrong password.
REFUSALS = {reason: _SPECIAL.get(reason, always(_WRONG_CREDENTIALS)) for reason in Reason}

FAULTS = {
    Fault.MALFORMED: always(_NO_CREDENTIALS),
    Fault.INVALID: always(_NO_CREDENTIALS),
    Fault.UNSUPPORTED_MEDIA: always(_NO_CREDENTIALS),
    Fault.TOO_LARGE: always(_error(413)),
    Fault.NOT_FOUND: always(_error(404)),
    Fault.METHOD_NOT_ALLOWED: _method,
    **dict.fromkeys(OF_A_TOKEN, always(_NO_GOOD_TOKEN)),
    Fault.FORBIDDEN: always(_error(403)),
    Fault.BAD_HOST: always(_error(400)),
    Fault.INTERNAL: always(_error(500)),
    Fault.UNAVAILABLE: always(_BUSY),
}
