"""The decision: which factors and steps are still due. Pure: no clock, no tables, no settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from accounts.login.outcome import Factor, Obligation, Reason
from accounts.login.profile import ChallengeForm, ObligationForm
from tenants.policy import Policy


@dataclass(frozen=True, slots=True)
class Situation:
    """All that the decision rests on. The first factor was right."""

    kind: str
    enabled: bool
    staff: bool
    must_change_password: bool
    owned: frozenset[Factor]
    # Proved in this login, beyond the first factor.
    proved: frozenset[Factor]
    # The first factor was a service secret or app password: no second factor goes with it.
    by_service_secret: bool
    policy: Policy
    challenge: ChallengeForm
    carried: frozenset[Factor]
    kinds: frozenset[str]
    obligations: Mapping[Obligation, ObligationForm] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Allow:
    """Nothing is due; ``advised`` is told to the client."""

    advised: frozenset[Obligation] = frozenset()


@dataclass(frozen=True, slots=True)
class Demand:
    """One of these factors is due."""

    factors: frozenset[Factor]


@dataclass(frozen=True, slots=True)
class Step:
    """An obligation must be met before tokens are issued."""

    obligation: Obligation


@dataclass(frozen=True, slots=True)
class Refuse:
    """The login ends here."""

    reason: Reason


Decision = Allow | Demand | Step | Refuse

_PERSON = "person"

_OWED: Mapping[Obligation, Reason] = {
    Obligation.CHANGE_PASSWORD: Reason.MUST_CHANGE_PASSWORD,
    Obligation.BIND_FACTOR: Reason.MUST_BIND_FACTOR,
}


def decide(situation: Situation) -> Decision:
    """What follows after a right first factor."""
    if not situation.enabled:
        return Refuse(Reason.DISABLED)
    if situation.kind not in situation.kinds:
        return Refuse(Reason.KIND_NOT_ALLOWED)
    if situation.by_service_secret:
        return Allow()
    if situation.must_change_password and _form(situation, Obligation.CHANGE_PASSWORD) is (
        ObligationForm.CHALLENGE
    ):
        # Before the second factor, as Cognito's clients expect it. Nothing is changed until the
        # whole login is done: the new hash waits in the challenge.
        return Step(Obligation.CHANGE_PASSWORD)
    if situation.owned and not situation.owned & situation.proved:
        return _demand(situation)
    return _settle(situation)


def _demand(situation: Situation) -> Decision:
    carried = situation.owned & situation.carried
    # Recovery codes stand in for a lost authenticator; alone they are no second factor.
    if situation.challenge is ChallengeForm.NONE or not carried - {Factor.RECOVERY_CODE}:
        return Refuse(Reason.FACTOR_UNSUPPORTED)
    return Demand(carried)


def _form(situation: Situation, obligation: Obligation) -> ObligationForm:
    return situation.obligations.get(obligation, ObligationForm.REFUSE)


def _owed(situation: Situation) -> list[Obligation]:
    owed = []
    if situation.must_change_password:
        owed.append(Obligation.CHANGE_PASSWORD)
    demanded = situation.policy.demands_second_factor(staff=situation.staff)
    # A machine holds no authenticator: the rule is for people.
    if demanded and not situation.owned and situation.kind == _PERSON:
        owed.append(Obligation.BIND_FACTOR)
    return owed


def _settle(situation: Situation) -> Decision:
    owed = _owed(situation)
    for obligation in owed:
        form = _form(situation, obligation)
        if form is ObligationForm.REFUSE:
            return Refuse(_OWED[obligation])
        if form is ObligationForm.CHALLENGE:
            return Step(obligation)
    return Allow(frozenset(owed))
