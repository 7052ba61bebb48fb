"""The one gate: every door that can open a session ends in :func:`authenticate`.

The order is fixed. Resolve the tenant and the account, or nobody at equal cost; count the attempt;
check the first factor outside any transaction; let the pure policy say what is still due; then
write the verdict, whatever it is, and only after that answer or raise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from django.db import transaction

from accounts import notices
from accounts.login import challenge as challenge_step
from accounts.login import (
    external_login,
    first_factor,
    passkey_login,
    password_change,
    second_factor,
    sessions,
)
from accounts.login.attempt import Attempt, ChallengeToken, PasskeyAssertion
from accounts.login.journey import AccountChanged, Journey
from accounts.login.outcome import (
    Authenticated,
    ChallengeRequired,
    Factor,
    LoginRefused,
    Obligation,
    Reason,
)
from accounts.login.passkey_login import PasskeyMatch
from accounts.login.policy import Allow, Demand, Refuse, Step, decide
from accounts.login.profile import ChallengeForm, LoginProfile
from accounts.login.progress import Pending, Progress
from accounts.login.second_factor import Match
from accounts.login.subject import Subject, identified
from mfa import binding, challenges, owner
from mfa.models import Challenge
from tenants.hashing import Overloaded

Outcome = Authenticated | ChallengeRequired
Spend = Callable[[], Reason | None]

_STEP_OF = {
    Obligation.CHANGE_PASSWORD: Challenge.Step.NEW_PASSWORD,
    Obligation.BIND_FACTOR: Challenge.Step.BIND_FACTOR,
}
_NO_FACTORS: frozenset[Factor] = frozenset()
# A try that was counted before it was judged, and then not judged, is none of the challenge's.
_UNJUDGED = frozenset({Reason.OVERLOADED, Reason.THROTTLED_FACTOR})


class _Lost(Exception):
    """A single-use secret was spent by another request a moment ago."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


def authenticate(attempt: Attempt, profile: LoginProfile) -> Outcome:
    """Judge one attempt. Raises LoginRefused after the refusal was recorded."""
    journey = Journey(attempt.client, profile)
    token = attempt.challenge
    if token is not None:
        return _next_step(token, attempt, journey)
    if attempt.passkey is not None:
        return _passkey_alone(attempt.passkey, attempt, journey)
    proof = external_login.check(attempt, journey) or first_factor.check(attempt, journey)
    journey.subject = proof.subject
    federated = proof.record["method"] == sessions.FEDERATED
    _demand_no_bar(proof.subject, journey, profile.external_bar if federated else profile.bar)
    progress = Progress(
        proof.subject, (proof.record,), proof.by_service_secret, proof.writes, proof.rehashed
    )
    code = attempt.second_factor
    if code is not None and profile.challenge is ChallengeForm.REPEAT:
        decision = decide(journey.situation(progress))
        if isinstance(decision, Demand):
            found = second_factor.match(code, progress.subject, journey)
            spend = _spending(found, journey, progress.subject)
            return _spend_and_go_on(progress, journey, spend, found)
    return _go_on(progress, journey)


def _demand_no_bar(subject: Subject, journey: Journey, barring: Callable[[Subject], str]) -> None:
    if bar := barring(subject):
        # No guess, so it is not counted; see Journey.refuse_proved.
        journey.give_back()
        journey.note("bar", bar)
        journey.refuse(Reason.KIND_NOT_ALLOWED, bar=bar)


def _passkey_alone(assertion: PasskeyAssertion, attempt: Attempt, journey: Journey) -> Outcome:
    """A passkey whose device has checked its holder is both factors at once."""
    proof = passkey_login.check(assertion, attempt, journey)
    _demand_no_bar(proof.subject, journey, journey.profile.bar)
    progress = Progress(proof.subject, proof.records(attempt.client.now))
    return _spend_and_go_on(progress, journey, lambda: proof.spend(attempt.client))


def _next_step(token: ChallengeToken, attempt: Attempt, journey: Journey) -> Outcome:
    """Continue a login at the step that its challenge stands for."""
    challenge, subject = challenge_step.load(token, attempt, journey)
    if challenge.security_epoch != subject.user.security_epoch:
        journey.refuse(Reason.CHALLENGE_EXPIRED)
    progress = Progress(subject, tuple(challenge.amr), pending=Pending.of(challenge))
    try:
        return _STEPS[Challenge.Step(challenge.step)](challenge, progress, attempt, journey)
    except LoginRefused as refused:
        if refused.reason in _UNJUDGED:
            challenges.give_attempt_back(challenge)
        raise


def _code_step(
    challenge: Challenge, progress: Progress, attempt: Attempt, journey: Journey
) -> Outcome:
    if attempt.passkey is not None:
        return _passkey_step(attempt.passkey, challenge, progress, attempt, journey)
    code = attempt.second_factor
    if code is None:
        journey.refuse(Reason.FACTOR_MISSING)
    if challenge.factor not in ("", second_factor.meant_by(code, progress.subject)):
        journey.refuse(Reason.CHALLENGE_FOREIGN)
    _count(challenge, journey)
    found = second_factor.match(code, progress.subject, journey)
    return _spend_and_go_on(progress, journey, _spending(found, journey, challenge), found)


def _passkey_step(
    assertion: PasskeyAssertion,
    challenge: Challenge,
    progress: Progress,
    attempt: Attempt,
    journey: Journey,
) -> Outcome:
    asked = challenge.factor in ("", Factor.PASSKEY)
    if not asked or Factor.PASSKEY not in journey.profile.factors:
        journey.refuse(Reason.CHALLENGE_FOREIGN)
    _count(challenge, journey)
    found = passkey_login.match(assertion, challenge, attempt, progress.subject, journey)
    return _spend_and_go_on(progress, journey, _spending(found, journey, challenge), found)


def _choice_step(
    challenge: Challenge, progress: Progress, attempt: Attempt, journey: Journey
) -> Outcome:
    """Ask for the second factor that the user has chosen among his own."""
    choice, subject = attempt.choice, progress.subject
    if choice is None:
        journey.refuse(Reason.FACTOR_MISSING)
    _count(challenge, journey)
    if choice.factor not in subject.factors & journey.profile.factors:
        journey.refuse(Reason.FACTOR_MISSING)
    return _spend_and_go_on(
        progress, journey, lambda: _spend_challenge(challenge, journey), chosen=choice.factor
    )


def _password_step(
    challenge: Challenge, progress: Progress, attempt: Attempt, journey: Journey
) -> Outcome:
    chosen = attempt.new_password
    if chosen is None:
        journey.refuse(Reason.FACTOR_MISSING)
    _count(challenge, journey)
    subject = progress.subject
    try:
        hashed = password_change.prepare(subject, chosen.value)
    except LoginRefused as refused:
        journey.refuse(refused.reason, objection=refused.detail["objection"])
    except Overloaded:
        journey.refuse(Reason.OVERLOADED)
    changed = progress.with_pending(replace(progress.pending, password_hash=hashed))
    return _spend_and_go_on(changed, journey, lambda: _spend_challenge(challenge, journey))


def _binding_step(
    challenge: Challenge, progress: Progress, attempt: Attempt, journey: Journey
) -> Outcome:
    """The last step of enrolment during login: the new authenticator was proved already."""
    answers_another = any(
        (attempt.second_factor, attempt.passkey, attempt.new_password, attempt.choice)
    )
    if progress.pending.totp_step < 0 or answers_another:
        journey.refuse(Reason.CHALLENGE_FOREIGN)
    if progress.subject.factors:
        # Bound elsewhere meanwhile: the password alone does not replace it.
        journey.refuse(Reason.CHALLENGE_EXPIRED)
    bound = progress.with_record(sessions.amr(sessions.OTP, attempt.client.now))
    return _spend_and_go_on(bound, journey, lambda: _spend_challenge(challenge, journey))


_STEPS: Mapping[Challenge.Step, Callable[[Challenge, Progress, Attempt, Journey], Outcome]] = {
    Challenge.Step.SECOND_FACTOR: _code_step,
    Challenge.Step.NEW_PASSWORD: _password_step,
    Challenge.Step.BIND_FACTOR: _binding_step,
    Challenge.Step.SELECT_FACTOR: _choice_step,
}


def _count(challenge: Challenge, journey: Journey) -> None:
    """Count a try before it is judged, so that parallel tries cannot exceed the limit."""
    if not challenges.count_attempt(challenge):
        journey.refuse(Reason.CHALLENGE_SPENT)


def _spend_challenge(challenge: Challenge, journey: Journey) -> Reason | None:
    spent = challenges.spend(challenge, journey.client.now)
    return None if spent else Reason.CHALLENGE_SPENT


def _spending(found: Match | PasskeyMatch, journey: Journey, begun: Challenge | Subject) -> Spend:
    """Use up the challenge, then the code; the transaction undoes the one if the other is gone.

    Without a challenge the account alone is held: spending one does that as well.
    """

    def spend() -> Reason | None:
        if isinstance(begun, Subject):
            owner.hold(begun.user.pk)
        elif reason := _spend_challenge(begun, journey):
            return reason
        return None if found.spend(journey.client.now) else found.spent_reason

    return spend


def _spend_and_go_on(
    progress: Progress,
    journey: Journey,
    spend: Spend,
    found: Match | PasskeyMatch | None = None,
    chosen: Factor | None = None,
) -> Outcome:
    """Spend what was presented and write what follows from it in one transaction."""
    if found is not None:
        progress = progress.with_record(second_factor.record(found, journey.client.now))
    decision = decide(journey.situation(progress))
    if isinstance(decision, Refuse):
        journey.refuse_proved(decision.reason)
    try:
        with transaction.atomic(durable=True):
            _all_or_nothing(spend())
            outcome = _concluded(progress, decision, journey, chosen)
    except _Lost as lost:
        journey.refuse(lost.reason)
    except (binding.AlreadyBound, AccountChanged):
        journey.refuse(Reason.CHALLENGE_EXPIRED)
    if found is not None and found.factor is Factor.RECOVERY_CODE:
        notices.recovery_code_used(progress.subject.user)
    return outcome


def _all_or_nothing(reason: Reason | None) -> None:
    if reason is not None:
        raise _Lost(reason)


def _go_on(progress: Progress, journey: Journey) -> Outcome:
    decision = decide(journey.situation(progress))
    if isinstance(decision, Refuse):
        journey.refuse_proved(decision.reason)
    return _concluded(progress, decision, journey)


def _concluded(
    progress: Progress,
    decision: Allow | Demand | Step,
    journey: Journey,
    chosen: Factor | None = None,
) -> Outcome:
    profile = journey.profile
    subject = identified(progress.subject, profile.sector, profile.new_identifier)
    progress = replace(progress, subject=subject)
    if isinstance(decision, Allow):
        return journey.accept(progress, decision.advised)
    if isinstance(decision, Demand):
        step, factors = _asked_for(decision.factors, chosen, subject, profile)
    else:
        step, factors = _STEP_OF[decision.obligation], _NO_FACTORS
    journey.note("due", ", ".join(sorted(factors)) or step)
    if journey.profile.challenge is ChallengeForm.REPEAT:
        journey.challenge(None)
        return ChallengeRequired(progress.subject, "", step, factors)
    named = next(iter(factors), "") if profile.names_factor and len(factors) == 1 else ""
    challenge, token = challenge_step.open_for(progress, step, journey, factor=named)
    journey.challenge(challenge)
    return ChallengeRequired(progress.subject, token, step, factors)


def _asked_for(
    carried: frozenset[Factor], chosen: Factor | None, subject: Subject, profile: LoginProfile
) -> tuple[Challenge.Step, frozenset[Factor]]:
    """The step that asks for a second factor, or for which one, and what answers it."""
    if profile.names_factor and len(carried) > 1:
        wanted = chosen or subject.user.preferred_factor
        one = frozenset(factor for factor in carried if factor == wanted)
        if not one:
            return Challenge.Step.SELECT_FACTOR, carried
        return Challenge.Step.SECOND_FACTOR, one
    return Challenge.Step.SECOND_FACTOR, carried
