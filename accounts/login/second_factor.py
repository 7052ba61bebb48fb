"""The second factor: a code is matched without a lock and spent under one, exactly once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.views.decorators.debug import sensitive_variables

from accounts.login import sessions, throttle
from accounts.login.attempt import OneTimePassword, RecoveryCodeInput, SecondFactor
from accounts.login.journey import Journey
from accounts.login.outcome import Factor, Reason
from accounts.login.subject import Subject
from mfa import recovery_codes
from mfa.models import RecoveryCode, TotpAuthenticator
from mfa.totp import matching_step
from tenants.hashing import Overloaded


@dataclass(frozen=True, slots=True)
class TotpMatch:
    """A right code of an authenticator, not yet spent."""

    authenticator: TotpAuthenticator
    step: int
    factor = Factor.OTP
    method = sessions.OTP

    def spend(self, now: datetime) -> bool:
        """Use up the step; False if it was used before, on any contract."""
        return self.authenticator.spend_step(self.step)


@dataclass(frozen=True, slots=True)
class RecoveryMatch:
    """An unused recovery code, not yet spent."""

    code: RecoveryCode
    factor = Factor.RECOVERY_CODE
    method = sessions.RECOVERY

    def spend(self, now: datetime) -> bool:
        """Use up the code; False if another request was faster."""
        return recovery_codes.spend(self.code, now)


Match = TotpMatch | RecoveryMatch


@sensitive_variables("presented")
def match(presented: SecondFactor, subject: Subject, journey: Journey) -> Match:
    """Judge a code; nothing is spent yet. Raises LoginRefused after it was recorded."""
    journey.factor = Factor.OTP if isinstance(presented, OneTimePassword) else Factor.RECOVERY_CODE
    journey.reserve(throttle.factor_buckets(subject.user.pk))
    found: Match | None
    if isinstance(presented, OneTimePassword):
        found, wrong = _totp(presented, subject, journey.client.now), Reason.WRONG_CODE
    else:
        found, wrong = _recovery(presented, subject, journey), Reason.WRONG_RECOVERY_CODE
    journey.note("second factor", "right" if found else "wrong")
    if found is None:
        journey.refuse(wrong)
    return found


def _totp(presented: OneTimePassword, subject: Subject, now: datetime) -> Match | None:
    owned = TotpAuthenticator.objects.filter(user=subject.user.pk, confirmed=True)
    for authenticator in owned:
        step = matching_step(authenticator.secret(), presented.code, now)
        if step is not None:
            return TotpMatch(authenticator, step)
    return None


def _recovery(presented: RecoveryCodeInput, subject: Subject, journey: Journey) -> Match | None:
    if Factor.RECOVERY_CODE not in subject.factors:
        return None
    try:
        code = recovery_codes.find(subject.user.pk, presented.code)
    except Overloaded:
        journey.give_back()
        journey.refuse(Reason.OVERLOADED)
    return RecoveryMatch(code) if code else None


def record(found: Match, now: datetime) -> dict[str, Any]:
    """The amr record of a spent factor."""
    return sessions.amr(found.method, now)
