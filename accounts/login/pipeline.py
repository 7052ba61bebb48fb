"""The one gate: every door that can open a session ends in :func:`authenticate`.

The order is fixed. Resolve the tenant and the account, or nobody at equal cost; count the attempt;
check the first factor outside any transaction; let the pure policy say what is still due; then
write the verdict, whatever it is, and only after that answer or raise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction

from accounts.login import challenge as challenge_step
from accounts.login import first_factor, second_factor
from accounts.login.attempt import Attempt, ChallengeToken, SecondFactor
from accounts.login.first_factor import Proof
from accounts.login.journey import Journey
from accounts.login.outcome import (
    Authenticated,
    ChallengeRequired,
    Factor,
    Obligation,
    Reason,
)
from accounts.login.policy import Allow, Demand, Refuse, Step, decide
from accounts.login.profile import ChallengeForm, LoginProfile
from accounts.login.second_factor import Match
from accounts.login.subject import Subject
from accounts.models.statement import Update
from mfa import challenges
from mfa.models import Challenge

_STEP_OF = {
    Obligation.CHANGE_PASSWORD: Challenge.Step.NEW_PASSWORD,
    Obligation.BIND_FACTOR: Challenge.Step.BIND_FACTOR,
}
_NO_FACTORS: frozenset[Factor] = frozenset()


class _Lost(Exception):
    """A single-use secret was spent by another request a moment ago."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class _Step:
    """Where a login stands when a code is presented."""

    subject: Subject
    records: list[dict[str, Any]]
    writes: tuple[Update, ...] = ()
    challenge: Challenge | None = None


def authenticate(attempt: Attempt, profile: LoginProfile) -> Authenticated | ChallengeRequired:
    """Judge one attempt. Raises LoginRefused after the refusal was recorded."""
    journey = Journey(attempt.client, profile)
    token = attempt.challenge
    if token is not None:
        return _second_step(token, attempt, journey)
    proof = first_factor.check(attempt, journey)
    journey.subject = proof.subject
    return _after_first_factor(proof, attempt, journey)


def _after_first_factor(
    proof: Proof, attempt: Attempt, journey: Journey
) -> Authenticated | ChallengeRequired:
    situation = journey.situation(
        proof.subject, proved=_NO_FACTORS, by_service_secret=proof.by_service_secret
    )
    decision = decide(situation)
    code = attempt.second_factor
    repeats = journey.profile.challenge is ChallengeForm.REPEAT
    if isinstance(decision, Demand) and code is not None and repeats:
        return _with_code(code, _Step(proof.subject, [proof.record], proof.writes), journey)
    if isinstance(decision, Refuse):
        journey.refuse(decision.reason)
    if isinstance(decision, Allow):
        return journey.accept(proof.subject, [proof.record], decision.advised, *proof.writes)
    return _challenge(proof.subject, decision, [proof.record], journey)


def _second_step(
    token: ChallengeToken, attempt: Attempt, journey: Journey
) -> Authenticated | ChallengeRequired:
    challenge, subject = challenge_step.load(token, attempt, journey)
    code = attempt.second_factor
    if challenge.step != Challenge.Step.SECOND_FACTOR:
        journey.refuse(Reason.CHALLENGE_FOREIGN)
    if challenge.security_epoch != subject.user.security_epoch:
        journey.refuse(Reason.CHALLENGE_EXPIRED)
    if code is None:
        journey.refuse(Reason.FACTOR_MISSING)
    return _with_code(code, _Step(subject, list(challenge.amr), challenge=challenge), journey)


def _with_code(
    code: SecondFactor, step: _Step, journey: Journey
) -> Authenticated | ChallengeRequired:
    if step.challenge is not None and not challenges.count_attempt(step.challenge):
        journey.refuse(Reason.CHALLENGE_SPENT)
    found = second_factor.match(code, step.subject, journey)
    records = [*step.records, second_factor.record(found, journey.client.now)]
    decision = decide(
        journey.situation(step.subject, proved=frozenset({found.factor}), by_service_secret=False)
    )
    if isinstance(decision, Refuse):
        journey.refuse(decision.reason)
    try:
        with transaction.atomic(durable=True):
            _spend(found, step.challenge, journey)
            if isinstance(decision, Allow):
                return journey.accept(step.subject, records, decision.advised, *step.writes)
            return _challenge(step.subject, decision, records, journey)
    except _Lost as lost:
        journey.refuse(lost.reason)


def _spend(found: Match, challenge: Challenge | None, journey: Journey) -> None:
    """Use up the challenge and the code; the transaction undoes the one if the other is gone."""
    now = journey.client.now
    if challenge is not None and not challenges.spend(challenge, now):
        raise _Lost(Reason.CHALLENGE_SPENT)
    if not found.spend(now):
        raise _Lost(Reason.SPENT_CODE if found.factor is Factor.OTP else Reason.WRONG_RECOVERY_CODE)


def _challenge(
    subject: Subject, due: Demand | Step, records: list[dict[str, Any]], journey: Journey
) -> ChallengeRequired:
    if isinstance(due, Demand):
        step, factors = Challenge.Step.SECOND_FACTOR, due.factors
    else:
        step, factors = _STEP_OF[due.obligation], _NO_FACTORS
    journey.note("due", ", ".join(sorted(factors)) or step)
    if journey.profile.challenge is ChallengeForm.REPEAT:
        journey.challenge(None)
        return ChallengeRequired(subject, "", step, factors)
    challenge, token = challenge_step.open_for(subject, step, records, journey)
    journey.challenge(challenge)
    return ChallengeRequired(subject, token, step, factors)
