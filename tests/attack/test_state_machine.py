"""Nothing comes out of any door that was not earned, whatever is sent in whatever order."""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.attack.doors import walked
from tests.attack.machine import Attack

# So many stories in all. Told in parts, so that all processes of the test runner share them.
RUNS, PARTS = int(os.environ.get("DRAGOMAN_ATTACK_RUNS", "160")), 8
# Calls in a story: a login with its later steps, and what is done with what it gave.
STEPS = int(os.environ.get("DRAGOMAN_ATTACK_STEPS", "12"))
# Random ones, or the same again: what CI has seen pass is what it sees again.
SEED = os.environ.get("DRAGOMAN_ATTACK_SEED", "" if "DRAGOMAN_ATTACK_RUNS" in os.environ else "0")
# Enough for everything to have happened once, in all parts together.
_LONG = 2000 * 30
_CHANGES = [
    *("prove oloid", "prove bytebase", "prove rocketchat", "bound on the way"),
    *("oloid off", "bytebase off", "rocketchat off", "rocketchat reset", "rocketchat codes"),
    *("rocketchat mail", "rocketchat no mail", "mail code", "totp code", "recovery code"),
]


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_no_sequence_of_steps_gets_more_than_it_proved(
    attack: type[Attack], part: int, whole_run: Path
) -> None:
    if SEED:
        seed(int(SEED) + part)(attack)
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
    happened = _so_far(whole_run, part, attack.happened)
    if happened is not None and RUNS * STEPS >= _LONG:
        never = (walked() | set(_CHANGES)) - happened
        assert not never, f"never happened: {never}"


def _so_far(folder: Path, part: int, happened: Collection[str]) -> set[str] | None:
    """What happened in all parts; None while others are still being told."""
    (folder / f"part-{part}.json").write_text(json.dumps(sorted(happened)))
    told = list(folder.glob("part-*.json"))
    if len(told) < PARTS:
        return None
    return {what for each in told for what in json.loads(each.read_text())}
