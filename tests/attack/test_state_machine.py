"""Nothing comes out of any door that was not earned, whatever is sent in whatever order."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping
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

RUNS = int(os.environ.get("DRAGOMAN_ATTACK_RUNS", "25"))
_ALWAYS_THE_SAME = "DRAGOMAN_ATTACK_RUNS" not in os.environ


@pytest.fixture
def attack(town: Town, clock: Clock) -> type[Attack]:
    return type("AttackOnTheTown", (Attack,), {"town": town, "clock": clock, "happened": Counter()})


def run(machine: type[Attack], examples: int) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            deadline=None,
            database=None,
            derandomize=_ALWAYS_THE_SAME,
            phases=(Phase.generate, Phase.shrink),
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


def next_step(story: Attack, code: str, door: str = "coldstream otp", way: str = "fits") -> None:
    story.prove_the_password(door="coldstream", who="frank", nonce="")
    story.go_on(
        door=door,
        way=way,
        pick=0,
        other="alice",
        code=code,
        address="own",
        nonce="same",
        named="himself",
        tenant="own",
    )


def wrong_password(story: Attack) -> None:
    story.begin(
        door="coldstream",
        who="alice",
        other="bob",
        password="wrong",
        code="",
        address="own",
        nonce="",
        named="himself",
    )


def log_in(story: Attack, door: str, who: str, again: str | None = None) -> None:
    story.log_in(door=door, who=who, recovering=True, again=again)


def use_after_the_end(story: Attack) -> None:
    log_in(story, "coldstream", "alice")
    story.end_all_sessions(who="alice")
    story.use(place="coldstream me", pick=0, address="own", fitting=True)


def refresh_with_a_replaced_token(story: Attack) -> None:
    log_in(story, "bytebase web", "alice")
    story.renew(place="bytebase refresh", pick=0, address="own", fitting=True)
    story.wait(seconds=11)
    story.renew(place="bytebase refresh", pick=1, address="own", fitting=True)


# A fault of the core, and a story in which it lets somebody have what he did not earn.
FAULTS: Mapping[str, tuple[Any, str, Any, Callable[[Attack], None]]] = {
    "the second factor is forgotten": (
        pipeline,
        "decide",
        lambda s: Allow() if isinstance(decide(s), Demand) else decide(s),
        lambda story: log_in(story, "coldstream", "frank"),
    ),
    "any code is right": (
        second_factor,
        "matching_step",
        lambda *_: 1,
        lambda story: next_step(story, "wrong"),
    ),
    "a code of the app is good again": (
        TotpAuthenticator,
        "spend_step",
        always,
        lambda story: log_in(story, "coldstream", "frank", "rocketchat plain"),
    ),
    "a saved code is good again": (
        recovery_codes,
        "spend",
        always,
        lambda story: log_in(story, "rocketchat plain", "frank", "console"),
    ),
    "a challenge is good for another contract": (
        challenge,
        "_objection",
        lambda *_: None,
        lambda story: next_step(story, "fresh", "console code", "any"),
    ),
    "an ended session lives on": (sessions, "judge", lambda *_: None, use_after_the_end),
    "a replaced refresh token is good for ever": (
        grants,
        "_replayed",
        lambda *_: False,
        refresh_with_a_replaced_token,
    ),
    "any password is right": (passwords, "verify", always, wrong_password),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_model_notices_when(
    attack: type[Attack], monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    owner, name, broken, tell = FAULTS[fault]
    for patched in (False, True):
        story = attack()
        try:
            if patched:
                monkeypatch.setattr(owner, name, broken)
                with pytest.raises(AssertionError):
                    _told(story, tell)
            else:
                _told(story, tell)
        finally:
            story.teardown()


def _told(story: Attack, tell: Callable[[Attack], None]) -> None:
    tell(story)
    story.every_spent_step_was_seen()
