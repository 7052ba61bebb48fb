"""One code, one use: what one contract took, no other takes again."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import mail

from accounts.models import Session
from tests.attack.clock import Clock
from tests.attack.doors import FIRST, SECOND, Step
from tests.attack.people import Actor, Town
from tests.attack.places import of
from tests.attack.undone import undone
from tests.attack.wire import Heard, send

# First step, and the step that carries the code; Rocket.Chat sends both at once.
TOTP: dict[str, tuple[Step, Step | None]] = {
    "coldstream": (FIRST["coldstream"], SECOND["coldstream otp"]),
    "bytebase": (FIRST["bytebase"], SECOND["bytebase otp"]),
    "rocketchat": (FIRST["rocketchat plain"], None),
    "oloid": (FIRST["oloid Login"], SECOND["oloid code"]),
    "browser": (FIRST["browser"], SECOND["browser code"]),
}
RECOVERY: dict[str, tuple[Step, Step | None]] = {
    "bytebase": (FIRST["bytebase web"], SECOND["bytebase recovery"]),
    "rocketchat": (FIRST["rocketchat header"], None),
    "browser": (FIRST["browser"], SECOND["browser code"]),
}


def log_in(ways: dict[str, tuple[Step, Step | None]], at: str, who: Actor, code: str) -> Heard:
    first, second = ways[at]
    if second is None:
        return send(first.sent(of(who, code=code)))
    waiting = send(first.sent(of(who)))
    assert waiting.challenge, waiting
    return send(second.sent(of(who, challenge=waiting.challenge, code=code)))


@pytest.mark.parametrize("here", TOTP)
def test_a_code_of_the_app_that_was_used_here_is_refused_everywhere(
    town: Town, clock: Clock, here: str
) -> None:
    frank = town["frank"]
    code = frank.code()
    assert log_in(TOTP, here, frank, code).loot
    for there in TOTP:
        with undone():
            assert not log_in(TOTP, there, frank, code).loot, there
            assert Session.objects.count() == 1
            # The code before it is spent with it; the next one is good.
            assert not log_in(TOTP, there, frank, frank.code(steps=-1)).loot, there
            clock.forward(30)
            assert log_in(TOTP, there, frank, frank.code()).loot, there
        clock.rewind()


@pytest.mark.parametrize("here", RECOVERY)
def test_a_saved_code_that_was_used_here_is_refused_everywhere(town: Town, here: str) -> None:
    frank = town["frank"]
    first, second, _ = frank.recovery_codes
    assert log_in(RECOVERY, here, frank, first).loot
    for there in RECOVERY:
        with undone():
            assert not log_in(RECOVERY, there, frank, first).loot, there
            assert Session.objects.count() == 1
            assert log_in(RECOVERY, there, frank, second).loot, there


@pytest.mark.parametrize("here", RECOVERY)
def test_the_owner_hears_of_a_saved_code_that_was_used_and_of_no_other_try(
    town: Town, django_capture_on_commit_callbacks: Any, here: str
) -> None:
    frank = town["frank"]
    used = frank.recovery_codes[0]
    with django_capture_on_commit_callbacks(execute=True):
        for typed in ("0000-0000-0000-0000", used, used):
            log_in(RECOVERY, here, frank, typed)
    assert Session.objects.count() == 1
    (told,) = mail.outbox
    assert (told.to, told.subject) == ([frank.email], "A recovery code was used")
    assert "make a new set" in str(told.body)
    assert used not in str(told.body)


def test_another_users_codes_are_refused_everywhere(town: Town) -> None:
    bob, frank, namesake = town["bob"], town["frank"], town["bob of beta"]
    for other in (bob, namesake):
        for ways in (TOTP, RECOVERY):
            for at in ways:
                code = other.code() if ways is TOTP else other.recovery_codes[0]
                # Taken back each time: no lock may stand in for the refusal of the code.
                with undone():
                    assert not log_in(ways, at, frank, code).loot, at
                    assert not Session.objects.exists()
                    own = frank.code() if ways is TOTP else frank.recovery_codes[0]
                    assert log_in(ways, at, frank, own).loot, at
