"""Nothing comes out of any door that was not earned, whatever is sent in whatever order."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from accounts.login import challenge, grants, passwords, pipeline, second_factor, sessions
from accounts.login.policy import Allow, Demand, decide
from mfa import recovery_codes
from mfa.models import TotpAuthenticator
from tests.attack.conftest import Clock
from tests.attack.doors import minting
from tests.attack.machine import Attack
from tests.attack.people import Town

RUNS = int(os.environ.get("DRAGOMAN_ATTACK_RUNS", "60"))
_ALWAYS_THE_SAME = "DRAGOMAN_ATTACK_RUNS" not in os.environ
_PHASES = (Phase.generate, Phase.shrink)


@pytest.fixture
def attack(town: Town, clock: Clock) -> type[Attack]:
    return type("AttackOnTheTown", (Attack,), {"town": town, "clock": clock, "happened": Counter()})


def run(machine: type[Attack], examples: int, *, phases: tuple[Phase, ...] = _PHASES) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            deadline=None,
            database=None,
            derandomize=_ALWAYS_THE_SAME,
            phases=phases,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_no_sequence_of_steps_gets_more_than_it_proved(attack: type[Attack]) -> None:
    run(attack, RUNS)
    print(attack.happened)  # noqa: T201  # what a long run is read for
    assert attack.happened["code"]
    assert attack.happened["recovery code"]
    if RUNS >= 500:
        never = minting() - {" RespondToAuthChallenge"} - set(attack.happened)
        assert not never, f"never opened: {never}"


def always(_self: Any, *_: Any) -> bool:
    return True


@pytest.mark.parametrize(
    ("owner", "name", "broken"),
    [
        # The second factor is asked for and then forgotten.
        (pipeline, "decide", lambda s: Allow() if isinstance(decide(s), Demand) else decide(s)),
        # Any code is right.
        (second_factor, "matching_step", lambda *_: 1),
        # A code is good as often as one likes.
        (TotpAuthenticator, "spend_step", always),
        (recovery_codes, "spend", always),
        # A challenge is good for everybody, everywhere and for ever.
        (challenge, "_objection", lambda *_: None),
        # What was revoked or has run out lives on.
        (sessions, "judge", lambda *_: None),
        # A replaced refresh token is good for ever.
        (grants, "_replayed", lambda *_: False),
        # Every password is right.
        (passwords, "verify", always),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_a_broken_gate_is_noticed(
    attack: type[Attack], monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, broken: Any
) -> None:
    """The machine can fail: each of these faults is found within a few examples."""
    monkeypatch.setattr(owner, name, broken)
    with pytest.raises((AssertionError, ExceptionGroup)):
        run(attack, 150, phases=(Phase.generate,))
