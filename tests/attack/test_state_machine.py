"""Nothing comes out of any door that was not earned, whatever is sent in whatever order."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.attack.doors import minting
from tests.attack.machine import Attack

# So many stories in all. Told in parts, so that all processes of the test runner share them.
RUNS, PARTS = int(os.environ.get("DRAGOMAN_ATTACK_RUNS", "160")), 8
# Calls in a story: a login with its later steps, and what is done with what it gave.
STEPS = int(os.environ.get("DRAGOMAN_ATTACK_STEPS", "12"))
_ALWAYS_THE_SAME = "DRAGOMAN_ATTACK_RUNS" not in os.environ
# Asked of a part that is long enough: each of these has happened.
_CHANGES = [
    *("prove oloid", "prove bytebase", "prove rocketchat", "bound on the way"),
    *("oloid off", "bytebase off", "rocketchat off", "rocketchat reset", "rocketchat codes"),
    *("rocketchat mail", "rocketchat no mail", "mail code", "totp code", "recovery code"),
]


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_no_sequence_of_steps_gets_more_than_it_proved(attack: type[Attack], part: int) -> None:
    if _ALWAYS_THE_SAME:
        seed(part)(attack)
    examples = -(-RUNS // PARTS)
    run_state_machine_as_test(
        attack,
        settings=settings(
            max_examples=examples,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )
    print(attack.happened)  # noqa: T201  # what a long run is read for
    if examples * STEPS >= 250 * 30:
        doors = minting() - {" RespondToAuthChallenge"}
        never = (doors | set(_CHANGES)) - set(attack.happened)
        assert not never, f"never happened: {never}"
