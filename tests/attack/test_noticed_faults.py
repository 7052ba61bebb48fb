"""The model of the machine notices faults: each is patched into the core, and a story finds it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from accounts.contracts.rocketchat import second_factor as step_up
from accounts.login import (
    challenge,
    enrolment,
    grants,
    passwords,
    pipeline,
    second_factor,
    sessions,
)
from accounts.login.policy import Allow, Demand, decide
from mfa import binding, recovery_codes
from mfa.models import TotpAuthenticator
from tests.attack.machine import Attack
from tests.attack.places import ABSENT


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


def bind_with_an_old_login(story: Attack) -> None:
    log_in(story, "oloid InitiateAuth", "alice")
    story.wait(seconds=901)
    story.ask_for_a_secret(way="oloid", pick=0, fitting=True, step_up=ABSENT, address="own")


def bind_with_a_wrong_code(story: Attack) -> None:
    story.enrol(way="rocketchat", who="alice", code="wrong", pause=0)


def make_a_token_with_an_old_login(story: Attack) -> None:
    story.log_in_and_make_tokens(who="frank", name="one", again=False, pause=1801)


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
        lambda story: log_in(story, "rocketchat plain", "frank", "browser"),
    ),
    "a challenge is good for another contract": (
        challenge,
        "_objection",
        lambda *_: None,
        lambda story: next_step(story, "fresh", "browser code", "any"),
    ),
    "an ended session lives on": (sessions, "judge", lambda *_: None, use_after_the_end),
    "a replaced refresh token is good for ever": (
        grants,
        "_replayed",
        lambda *_: False,
        refresh_with_a_replaced_token,
    ),
    "any password is right": (passwords, "verify", always, wrong_password),
    "an old login may bind a factor": (enrolment, "is_fresh", always, bind_with_an_old_login),
    "an old login may make a token": (
        step_up,
        "refusal",
        lambda *_, **__: None,
        make_a_token_with_an_old_login,
    ),
    "any code proves a new app": (binding, "proved_step", lambda *_: 1, bind_with_a_wrong_code),
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
    story.every_factor_is_what_it_should_be()
