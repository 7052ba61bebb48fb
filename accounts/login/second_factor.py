"""The second factor: a code is matched without a lock and spent under one, exactly once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.views.decorators.debug import sensitive_variables

from accounts.login import sessions, throttle
from accounts.login.attempt import RecoveryCodeInput, SecondFactor
from accounts.login.journey import Journey
from accounts.login.outcome import Factor, Reason
from accounts.login.passkey_login import PasskeyMatch
from accounts.login.subject import Subject
from mfa import email_codes, recovery_codes
from mfa.models import EmailCode, RecoveryCode, TotpAuthenticator
from mfa.totp import is_code, matching_step
from tenants.hashing import Overloaded


@dataclass(frozen=True, slots=True)
class TotpMatch:
    """A right code of an authenticator, not yet spent."""

    authenticator: TotpAuthenticator
    step: int
    factor = Factor.OTP
    method = sessions.OTP
    spent_reason = Reason.SPENT_CODE

    def spend(self, now: datetime) -> bool:
        """Use up the step; False if it was used before, on any contract."""
        return self.authenticator.spend_step(self.step)


@dataclass(frozen=True, slots=True)
class RecoveryMatch:
    """An unused recovery code, not yet spent."""

    code: RecoveryCode
    factor = Factor.RECOVERY_CODE
    method = sessions.RECOVERY
    spent_reason = Reason.WRONG_RECOVERY_CODE

    def spend(self, now: datetime) -> bool:
        """Use up the code; False if another request was faster."""
        return recovery_codes.spend(self.code, now)


@dataclass(frozen=True, slots=True)
class EmailMatch:
    """A right code from a mail, not yet spent."""

    code: EmailCode
    factor = Factor.EMAIL
    method = sessions.EMAIL
    spent_reason = Reason.SPENT_CODE

    def spend(self, now: datetime) -> bool:
        """Use up the code; False if another request was faster."""
        return email_codes.spend(self.code, now)


Match = TotpMatch | RecoveryMatch | EmailMatch


@sensitive_variables("presented")
def match(presented: SecondFactor, subject: Subject, journey: Journey) -> Match:
    """Judge a code; nothing is spent yet. Raises LoginRefused after it was recorded."""
    meant = journey.factor = meant_by(presented, subject)
    journey.reserve(throttle.factor_buckets(subject.user.pk))
    try:
        found = _FINDERS[meant](presented.code, subject, journey.client.now)
    except Overloaded:
        journey.give_back()
        journey.refuse(Reason.OVERLOADED)
    journey.note("second factor", "right" if found else "wrong")
    if found is None:
        recovering = meant is Factor.RECOVERY_CODE
        journey.refuse(Reason.WRONG_RECOVERY_CODE if recovering else Reason.WRONG_CODE)
    return found


def meant_by(presented: SecondFactor, subject: Subject) -> Factor:
    """Which factor a code belongs to: six digits are the app's if there is one, else the mail's.

    Unless the contract has a field for each.
    """
    if isinstance(presented, RecoveryCodeInput):
        return Factor.RECOVERY_CODE
    if presented.factor is not None:
        return presented.factor
    mailed = Factor.EMAIL in subject.factors and Factor.OTP not in subject.factors
    return Factor.EMAIL if mailed else Factor.OTP


def _totp(code: str, subject: Subject, now: datetime) -> Match | None:
    for authenticator in TotpAuthenticator.objects.filter(user=subject.user.pk, confirmed=True):
        step = matching_step(authenticator.secret(), code, now)
        if step is not None:
            return TotpMatch(authenticator, step)
    return None


def _recovery(code: str, subject: Subject, now: datetime) -> Match | None:
    del now
    if Factor.RECOVERY_CODE not in subject.factors:
        return None
    found = recovery_codes.find(subject.user.pk, code)
    return RecoveryMatch(found) if found else None


def _email(code: str, subject: Subject, now: datetime) -> Match | None:
    if Factor.EMAIL not in subject.factors or not is_code(code):
        return None
    found = email_codes.find(subject.user.pk, code, now)
    return EmailMatch(found) if found else None


_FINDERS = {Factor.OTP: _totp, Factor.RECOVERY_CODE: _recovery, Factor.EMAIL: _email}


def record(found: Match | PasskeyMatch, now: datetime) -> dict[str, Any]:
    """The amr record of a spent factor."""
    return sessions.amr(found.method, now)
