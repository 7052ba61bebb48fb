"""Both error tables, whole; what no test can bring about is here alone."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.urls.resolvers import RoutePattern

from accounts.contracts.bytebase import CONTRACT
from accounts.login.outcome import LoginRefused, Reason
from accounts.wire.contract import Fault, Faulted

NOBODY = (401, 16, "invalid email or password")
FORGED = (401, 16, "failed to parse claim")
LOCKED = (429, 8, "too many failed login attempts, please try again later")
SPENT = (401, 16, "invalid refresh token")
OLD = (401, 16, "refresh token expired")
BUSY = (503, 14, "the server is busy, please try again")
WORKLOAD = SimpleNamespace(user=SimpleNamespace(kind="workload", is_active=True))

REASONS = {
    Reason.NOTHING_PRESENTED: NOBODY,
    Reason.UNKNOWN_TENANT: NOBODY,
    Reason.UNKNOWN_SUBJECT: NOBODY,
    Reason.NO_PASSWORD: NOBODY,
    Reason.WRONG_PASSWORD: NOBODY,
    Reason.TENANT_SUSPENDED: NOBODY,
    Reason.CONTRACT_OFF: NOBODY,
    Reason.DISABLED: (401, 16, "user has been deactivated by administrators"),
    Reason.KIND_NOT_ALLOWED: (401, 16, "user type WORKLOAD_IDENTITY cannot login"),
    Reason.EXTERNAL_REFUSED: (500, 13, "failed to exchange token: no"),
    Reason.EXTERNAL_UNAVAILABLE: (500, 13, "failed to exchange token: no"),
    Reason.EXTERNAL_UNKNOWN: (403, 7, "this identity provider opens no account here"),
    Reason.EXTERNAL_CONFLICT: (403, 7, "this identity provider opens no account here"),
    Reason.EXTERNAL_UNVERIFIED: (
        403,
        7,
        "the identity provider does not vouch for the email address",
    ),
    Reason.THROTTLED_SUBJECT: LOCKED,
    Reason.THROTTLED_ADDRESS: LOCKED,
    Reason.THROTTLED_FACTOR: (
        429,
        8,
        "too many failed MFA attempts, please try again later",
    ),
    Reason.OVERLOADED: BUSY,
    Reason.FACTOR_UNSUPPORTED: (
        403,
        7,
        "this account's second factor does not work with this API",
    ),
    Reason.FACTOR_MISSING: (401, 16, "OTP or recovery code is required for MFA"),
    Reason.WRONG_CODE: (401, 16, "invalid MFA code"),
    Reason.SPENT_CODE: (401, 16, "invalid MFA code"),
    Reason.WRONG_RECOVERY_CODE: (401, 16, "invalid recovery code"),
    Reason.CHALLENGE_UNKNOWN: NOBODY,
    Reason.CHALLENGE_FOREIGN: FORGED,
    Reason.CHALLENGE_SPENT: FORGED,
    Reason.CHALLENGE_EXPIRED: FORGED,
    Reason.PASSWORD_REJECTED: (400, 3, "too short"),
    Reason.MUST_CHANGE_PASSWORD: (
        403,
        7,
        "the password must be changed first: ask your administrator",
    ),
    Reason.MUST_BIND_FACTOR: (403, 7, "2FA is required, please set it up first"),
    Reason.GRANT_UNKNOWN: SPENT,
    Reason.GRANT_REPLAYED: SPENT,
    Reason.SESSION_ENDED: SPENT,
    Reason.GRANT_EXPIRED: OLD,
    Reason.SESSION_EXPIRED: OLD,
}
FAULTS = {
    Fault.MALFORMED: (400, 3, "proto: why"),
    Fault.INVALID: (400, 3, "proto: why"),
    Fault.TOO_LARGE: (400, 3, "proto: why"),
    Fault.UNSUPPORTED_MEDIA: (400, 3, "proto: why"),
    Fault.NO_TOKEN: (401, 16, "why"),
    Fault.BAD_TOKEN: FORGED,
    Fault.EXPIRED_TOKEN: (401, 16, "access token expired"),
    Fault.ENDED: (401, 16, "access token expired"),
    Fault.BAD_HOST: (400, 3, "invalid host"),
    Fault.INTERNAL: (500, 13, "internal error"),
    Fault.UNAVAILABLE: BUSY,
}


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_its_words(reason: Reason) -> None:
    detail = {"subject": WORKLOAD, "objection": "too short", "said": "no", "stage": "token"}
    answer = CONTRACT.refuse(LoginRefused(reason, **detail))
    http, code, message = REASONS[reason]
    assert (answer.status, answer.body) == (http, {"code": code, "message": message})
    assert answer.headers.get("WWW-Authenticate") == (message if http == 401 else None)
    assert answer.headers.get("Retry-After") == ("1" if http == 503 else None)


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_has_its_words(fault: Fault) -> None:
    answer = CONTRACT.fault(Faulted(fault, "why"))
    http, code, message = FAULTS.get(fault, (answer.status, answer.body["code"], None))
    assert (answer.status, list(answer.body)) == (http, ["code", "message"])
    assert (answer.body["code"], message) in {
        (code, answer.body["message"]),
        (code, None),
    }
    assert type(answer.body["code"]) is int


# A due password is advice here and no step; the sentences about a chosen one are the core's.
# What a provider says stands behind its sentence.
UNREACHABLE = {
    Reason.PASSWORD_REJECTED,
    Reason.MUST_CHANGE_PASSWORD,
    Reason.EXTERNAL_REFUSED,
    Reason.EXTERNAL_UNAVAILABLE,
}


def test_the_page_prints_every_message_that_can_come_out() -> None:
    page = (Path(settings.BASE_DIR) / "docs/contracts/bytebase.md").read_text()
    messages = {REASONS[reason][2] for reason in set(Reason) - UNREACHABLE}
    messages |= {told[2] for told in FAULTS.values()} - {"proto: why", "why"}
    assert sorted(message for message in messages if f"`{message}`" not in page) == []
    served = {
        str(pattern.pattern).replace("<str:email>", "{email}")
        for pattern in CONTRACT.urlpatterns
        if isinstance(pattern.pattern, RoutePattern)
    }
    assert sorted(path for path in served if f"/{path}`" not in page) == []


def test_a_header_holds_what_a_header_can_hold() -> None:
    answer = CONTRACT.fault(Faulted(Fault.SUBJECT_GONE, email="ö\r\nSet-Cookie: x@a.b"))
    value = answer.headers["WWW-Authenticate"]
    assert value.isascii()
    assert value.isprintable()
