"""What the sign-in page says to every refusal of the core."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from accounts.login.outcome import LoginRefused, Reason


@dataclass(frozen=True, slots=True)
class Words:
    """A sentence, a status, and whether the login begins anew or the same page comes again."""

    text: str
    status: int = 403
    starts_over: bool = True


# One sentence for whatever is wrong with the first factor: it tells nothing about who exists.
_FIRST = Words("The name or the password is not right.")
_CODE = Words("The code is not right, or it was used before.", starts_over=False)
_OVER = Words("This sign-in took too long or too many tries. Please begin again.")
_WAIT = Words("Too many tries.", status=429)

REFUSALS: Mapping[Reason, Words] = {
    Reason.NOTHING_PRESENTED: _FIRST,
    Reason.UNKNOWN_TENANT: _FIRST,
    Reason.UNKNOWN_SUBJECT: _FIRST,
    Reason.NO_PASSWORD: _FIRST,
    Reason.WRONG_PASSWORD: _FIRST,
    Reason.TENANT_SUSPENDED: _FIRST,
    Reason.DISABLED: _FIRST,
    Reason.CONTRACT_OFF: _FIRST,
    Reason.KIND_NOT_ALLOWED: _FIRST,
    Reason.THROTTLED_SUBJECT: _WAIT,
    Reason.THROTTLED_ADDRESS: _WAIT,
    Reason.THROTTLED_FACTOR: _WAIT,
    Reason.OVERLOADED: Words("The service is busy. Please try again in a moment.", status=503),
    Reason.FACTOR_UNSUPPORTED: Words(
        "Your second factor cannot be used here yet: the console asks for an authenticator app."
    ),
    Reason.FACTOR_MISSING: Words("Please enter what this page asks for.", starts_over=False),
    Reason.WRONG_CODE: _CODE,
    Reason.SPENT_CODE: _CODE,
    Reason.WRONG_RECOVERY_CODE: _CODE,
    Reason.CHALLENGE_UNKNOWN: _OVER,
    Reason.CHALLENGE_FOREIGN: _OVER,
    Reason.CHALLENGE_EXPIRED: _OVER,
    Reason.CHALLENGE_SPENT: _OVER,
    Reason.PASSWORD_REJECTED: Words("Please choose another password.", starts_over=False),
    Reason.MUST_CHANGE_PASSWORD: Words("Your password must be changed first."),
    Reason.MUST_BIND_FACTOR: Words(
        "Your organization requires a second factor: an authenticator app must be set up first."
    ),
    Reason.GRANT_UNKNOWN: _OVER,
    Reason.GRANT_EXPIRED: _OVER,
    Reason.GRANT_REPLAYED: _OVER,
    Reason.SESSION_EXPIRED: _OVER,
    Reason.SESSION_ENDED: _OVER,
}


def words(refused: LoginRefused) -> Words:
    """The sentence for a refusal, with the waiting time or the objection where there is one."""
    known = REFUSALS[refused.reason]
    if objection := refused.detail.get("objection"):
        return Words(str(objection), known.status, known.starts_over)
    if wait := refused.detail.get("retry_after"):
        return Words(f"{known.text} Please wait {minutes(wait)}.", known.status)
    return known


def minutes(wait: timedelta) -> str:
    """A waiting time, rounded up to whole minutes."""
    count = max(1, math.ceil(wait / timedelta(minutes=1)))
    return "1 minute" if count == 1 else f"{count} minutes"
