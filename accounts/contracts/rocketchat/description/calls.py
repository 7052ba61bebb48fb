"""How calls are described: envelopes, what opens them, and what any of them may be refused for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from accounts.contracts.rocketchat import wording
from accounts.login.outcome import Reason
from accounts.wire.contract import Answer, Fault
from accounts.wire.description import (
    TEXT,
    Action,
    Given,
    Parameter,
    Schema,
    constant,
    one_of,
    record,
)

MEDIA = ("application/json", "application/x-www-form-urlencoded")
_KEY = (("authToken", "userId"),)
LIMITS = {
    "X-RateLimit-Limit": "So many calls a minute are served; only where calls are limited",
    "X-RateLimit-Remaining": "So many are left",
    "X-RateLimit-Reset": "When there are more again, in milliseconds since 1970",
}
CODE_HEADERS = (
    Parameter("X-2FA-Code", TEXT, "The second factor of a guarded call", place="header"),
    Parameter(
        "X-2FA-Method", one_of("totp", "email", "password"), "Which one it is", place="header"
    ),
)


def success(**members: Any) -> Given:
    """The envelope of everything but login and logout."""
    return Given(record({**members, "success": constant(value=True)}), headers=LIMITS)


def asks(*, too_few: bool = False, **members: Schema) -> Schema:
    """A body with these members and any others; ``too_few``: it may lack them."""
    return record({} if too_few else members, members if too_few else {}, closed=False)


WHO = asks(too_few=True, userId=TEXT, username=TEXT, user=TEXT)
SLOW = (wording.too_many(timedelta(seconds=1)),)
# Of somebody whose codes come by mail.
_MAILED = {"method": "email", "codeGenerated": False, "availableMethods": ["email"]}
_MAILED |= {"emailOrUsername": "alice"}
_SENT = {**_MAILED, "codeGenerated": True, "codeExpires": "2026-01-31T12:00:00.000Z"}
_DEMANDS: Sequence[tuple[str, str, dict[str, Any]]] = (
    ("totp-required", "TOTP Required", wording.TOTP_DETAILS),
    ("totp-required", "TOTP Required", _SENT),
    ("totp-invalid", "TOTP Invalid", wording.TOTP_DETAILS),
    ("totp-max-attempts", "TOTP Maximun Failed Attempts Reached", _MAILED),
)
LOGIN_DEMANDS = tuple(wording.refused(*demand) for demand in _DEMANDS)
_STEP_UP = tuple(
    wording.failed(400, text, code, details=details) for code, text, details in _DEMANDS
)


def guarded(
    summary: str,
    gives: Given,
    *,
    takes: Schema | None = None,
    parameters: Sequence[Parameter] = (),
    answers: Sequence[Answer] = (),
    stepped_up: bool = False,
    faults: Sequence[Fault] = (),
    about: str = "",
) -> Action:
    """A call of somebody who is signed in; ``stepped_up``: a second factor may be asked for."""
    return Action(
        summary,
        gives,
        takes=takes,
        media=MEDIA,
        body_required=False,
        parameters=[*parameters, *(CODE_HEADERS if stepped_up else ())],
        opened_by=_KEY,
        faults=(*faults, Fault.FORBIDDEN) if stepped_up else faults,
        # The password of a guarded call is hashed like that of a login.
        reasons=(Reason.OVERLOADED,) if stepped_up else (),
        answers=[*answers, *SLOW, *(_STEP_UP if stepped_up else ())],
        about=about,
    )


def open_to_all(summary: str, gives: Given, **more: Any) -> Action:
    """A call that nobody need be signed in for."""
    return Action(summary, gives, answers=[*more.pop("answers", ()), *SLOW], **more)
