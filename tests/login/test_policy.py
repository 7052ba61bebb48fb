"""The pure decision: no clock, no tables."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from accounts.login.outcome import Factor, Obligation, Reason
from accounts.login.policy import Allow, Demand, Refuse, Situation, Step, decide
from accounts.login.profile import ChallengeForm, ObligationForm
from tenants.policy import Policy, SecondFactorRule

OTP, CODES, PASSKEY, MAIL = Factor.OTP, Factor.RECOVERY_CODE, Factor.PASSKEY, Factor.EMAIL
NONE: frozenset[Factor] = frozenset()
REQUIRED = Policy(SecondFactorRule.REQUIRED)
FOR_STAFF = Policy(SecondFactorRule.REQUIRED_FOR_STAFF)
CHANGE, BIND = Obligation.CHANGE_PASSWORD, Obligation.BIND_FACTOR
ADVISE, CHALLENGE, REFUSE = ObligationForm.ADVISE, ObligationForm.CHALLENGE, ObligationForm.REFUSE


def situation(**changes: Any) -> Situation:
    plain: dict[str, Any] = {
        "kind": "person",
        "enabled": True,
        "staff": False,
        "must_change_password": False,
        "owned": NONE,
        "proved": NONE,
        "by_service_secret": False,
        "policy": Policy(),
        "challenge": ChallengeForm.TOKEN,
        "carried": frozenset({OTP, CODES}),
        "kinds": frozenset({"person"}),
    }
    for name in ("owned", "proved", "carried", "kinds"):
        if name in changes:
            changes[name] = frozenset(changes[name])
    return Situation(**{**plain, **changes})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, Allow()),
        ({"enabled": False}, Refuse(Reason.DISABLED)),
        ({"kind": "service"}, Refuse(Reason.KIND_NOT_ALLOWED)),
        ({"kind": "service", "kinds": {"service"}}, Allow()),
        # Who is disabled learns nothing else.
        ({"enabled": False, "owned": {OTP}}, Refuse(Reason.DISABLED)),
        ({"enabled": False, "by_service_secret": True}, Refuse(Reason.DISABLED)),
        ({"enabled": False, "must_change_password": True}, Refuse(Reason.DISABLED)),
        # A second factor that is owned is due, whatever the tenant's rule says.
        ({"owned": {OTP}}, Demand(frozenset({OTP}))),
        ({"owned": {OTP, CODES}}, Demand(frozenset({OTP, CODES}))),
        ({"owned": {OTP, CODES}, "carried": {OTP}}, Demand(frozenset({OTP}))),
        ({"owned": {OTP}, "proved": {OTP}}, Allow()),
        ({"owned": {OTP, CODES}, "proved": {CODES}}, Allow()),
        # A proof of something that is not owned proves nothing.
        ({"owned": {OTP}, "proved": {MAIL}}, Demand(frozenset({OTP}))),
        # The contract cannot carry it.
        ({"owned": {OTP}, "challenge": ChallengeForm.NONE}, Refuse(Reason.FACTOR_UNSUPPORTED)),
        ({"owned": {PASSKEY}}, Refuse(Reason.FACTOR_UNSUPPORTED)),
        ({"owned": {MAIL}}, Refuse(Reason.FACTOR_UNSUPPORTED)),
        ({"owned": {OTP, PASSKEY}}, Demand(frozenset({OTP}))),
        # Recovery codes alone are no second factor here.
        ({"owned": {PASSKEY, CODES}}, Refuse(Reason.FACTOR_UNSUPPORTED)),
        # An app password stands for both factors; obligations wait for a person.
        ({"owned": {OTP}, "by_service_secret": True}, Allow()),
        ({"by_service_secret": True, "policy": REQUIRED}, Allow()),
        # Obligations.
        ({"policy": REQUIRED}, Refuse(Reason.MUST_BIND_FACTOR)),
        ({"policy": REQUIRED, "obligations": {BIND: CHALLENGE}}, Step(BIND)),
        ({"policy": REQUIRED, "obligations": {BIND: ADVISE}}, Allow(frozenset({BIND}))),
        ({"policy": REQUIRED, "owned": {OTP}, "proved": {OTP}}, Allow()),
        # A machine that has proved itself by another issuer's word, not by a secret.
        ({"policy": REQUIRED, "kind": "workload", "kinds": {"workload"}}, Allow()),
        ({"policy": FOR_STAFF}, Allow()),
        ({"policy": FOR_STAFF, "staff": True}, Refuse(Reason.MUST_BIND_FACTOR)),
        ({"must_change_password": True}, Refuse(Reason.MUST_CHANGE_PASSWORD)),
        (
            {"must_change_password": True, "obligations": {CHANGE: ADVISE}},
            Allow(frozenset({CHANGE})),
        ),
        # Told only after the second factor where it is told at all …
        (
            {"must_change_password": True, "owned": {OTP}, "obligations": {CHANGE: ADVISE}},
            Demand(frozenset({OTP})),
        ),
        (
            {"must_change_password": True, "owned": {OTP}, "proved": {OTP}},
            Refuse(Reason.MUST_CHANGE_PASSWORD),
        ),
        # … but asked for before it where it is a step.
        (
            {"must_change_password": True, "owned": {OTP}, "obligations": {CHANGE: CHALLENGE}},
            Step(CHANGE),
        ),
        (
            {
                "must_change_password": True,
                "policy": REQUIRED,
                "obligations": {CHANGE: ADVISE, BIND: ADVISE},
            },
            Allow(frozenset({CHANGE, BIND})),
        ),
        (
            {
                "must_change_password": True,
                "policy": REQUIRED,
                "obligations": {CHANGE: ADVISE, BIND: CHALLENGE},
            },
            Step(BIND),
        ),
    ],
)
def test_the_decision(given: dict[str, Any], expected: object) -> None:
    assert decide(situation(**given)) == expected


FACTORS = [frozenset(f) for f in ((), (OTP,), (OTP, CODES), (PASSKEY,), (MAIL,), (OTP, MAIL))]


def test_nobody_who_owns_a_second_factor_is_let_in_without_one() -> None:
    for owned, proved, carried, challenge, policy, change in product(
        FACTORS, FACTORS, FACTORS, ChallengeForm, (Policy(), REQUIRED), (True, False)
    ):
        decision = decide(
            situation(
                owned=owned,
                proved=proved,
                carried=carried,
                challenge=challenge,
                policy=policy,
                must_change_password=change,
                obligations={CHANGE: ADVISE, BIND: ADVISE},
            )
        )
        if isinstance(decision, Allow) and owned:
            assert owned & proved
        if isinstance(decision, Demand):
            assert decision.factors <= owned & carried
            assert decision.factors - {CODES}


def test_a_disabled_account_is_refused_in_every_situation() -> None:
    for owned, secret, challenge, change in product(
        FACTORS, (True, False), ChallengeForm, (True, False)
    ):
        decision = decide(
            situation(
                enabled=False,
                owned=owned,
                proved=owned,
                by_service_secret=secret,
                challenge=challenge,
                must_change_password=change,
            )
        )
        assert decision == Refuse(Reason.DISABLED)
