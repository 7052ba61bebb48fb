"""What the sign-in page says to every refusal of the core.

The tables hold English; :func:`words` says it in the reader's language.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.utils.translation import gettext, gettext_noop, ngettext

from accounts.login.outcome import LoginRefused, Reason


@dataclass(frozen=True, slots=True)
class Words:
    """A sentence, a status, and whether the login begins anew or the same page comes again."""

    text: str
    status: int = 403
    starts_over: bool = True
    # The field that it is about is marked, and has the focus.
    beside: bool = False


# One sentence for whatever is wrong with the first factor: it tells nothing about who exists.
_FIRST = Words(gettext_noop("The name or the password is not right."))
_CODE = Words(gettext_noop("The code is not right, or it was used before."), starts_over=False)
_OVER = Words(gettext_noop("This sign-in took too long or too many tries. Please begin again."))
_WAIT = Words(gettext_noop("Too many tries."), status=429)
_BUSY = Words(gettext_noop("The service is busy. Please try again in a moment."), status=503)
_FACTOR = Words(gettext_noop("Your second factor cannot be used in a browser."))
_EMPTY = Words(gettext_noop("Please enter what this page asks for."), starts_over=False)
_OTHER = Words(gettext_noop("Please choose another password."), starts_over=False)
_EXTERNAL = Words(
    gettext_noop("That sign-in opens no account here. Please ask your administrator.")
)
_EXTERNAL_REFUSED = Words(gettext_noop("The other service did not confirm who you are."))
_EXTERNAL_UNVERIFIED = Words(
    gettext_noop("The other service has not verified your e-mail address. Please do that there.")
)
_EXTERNAL_AWAY = Words(
    gettext_noop("The other service did not answer. Please try again later."), status=503
)

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
    Reason.EXTERNAL_REFUSED: _EXTERNAL_REFUSED,
    Reason.EXTERNAL_UNAVAILABLE: _EXTERNAL_AWAY,
    Reason.EXTERNAL_UNKNOWN: _EXTERNAL,
    Reason.EXTERNAL_CONFLICT: _EXTERNAL,
    Reason.EXTERNAL_UNVERIFIED: _EXTERNAL_UNVERIFIED,
    Reason.THROTTLED_SUBJECT: _WAIT,
    Reason.THROTTLED_ADDRESS: _WAIT,
    Reason.THROTTLED_FACTOR: _WAIT,
    Reason.OVERLOADED: _BUSY,
    Reason.FACTOR_UNSUPPORTED: _FACTOR,
    Reason.FACTOR_MISSING: _EMPTY,
    Reason.WRONG_CODE: _CODE,
    Reason.SPENT_CODE: _CODE,
    Reason.WRONG_RECOVERY_CODE: _CODE,
    Reason.CHALLENGE_UNKNOWN: _OVER,
    Reason.CHALLENGE_FOREIGN: _OVER,
    Reason.CHALLENGE_EXPIRED: _OVER,
    Reason.CHALLENGE_SPENT: _OVER,
    Reason.PASSWORD_REJECTED: _OTHER,
    # Both are steps of the sign-in here; the gate refuses neither.
    Reason.MUST_CHANGE_PASSWORD: _OVER,
    Reason.MUST_BIND_FACTOR: _OVER,
    Reason.GRANT_UNKNOWN: _OVER,
    Reason.GRANT_EXPIRED: _OVER,
    Reason.GRANT_REPLAYED: _OVER,
    Reason.SESSION_EXPIRED: _OVER,
    Reason.SESSION_ENDED: _OVER,
}


def words(refused: LoginRefused) -> Words:
    """The sentence for a refusal, with the waiting time or the objection where there is one."""
    known = REFUSALS[refused.reason]
    text = gettext(known.text)
    if objection := refused.detail.get("objection"):
        text = str(objection)
    elif wait := refused.detail.get("retry_after"):
        text = f"{text} {minutes(wait)}"
    return Words(text, known.status, known.starts_over)


def minutes(wait: timedelta) -> str:
    """How long to wait, rounded up to whole minutes."""
    count = max(1, math.ceil(wait / timedelta(minutes=1)))
    told = ngettext("Please wait %(count)d minute.", "Please wait %(count)d minutes.", count)
    return told % {"count": count}
