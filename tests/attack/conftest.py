"""What the attack tests share: a town, and a clock that moves."""

from __future__ import annotations

import os
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from tests.attack.clock import Clock
from tests.attack.machine import Attack
from tests.attack.people import Town, found_town


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    # The middle of a time step: a code that is made now is of this step when it is judged.
    real = timezone.now()
    clock = Clock(real - timedelta(seconds=real.timestamp() % 30 - 15))
    monkeypatch.setattr("django.utils.timezone.now", clock.now)
    return clock


@pytest.fixture
def town(db: None, clock: Clock) -> Town:
    return found_town()


@pytest.fixture
def attack(town: Town, clock: Clock) -> type[Attack]:
    return type("AttackOnTheTown", (Attack,), {"town": town, "clock": clock, "happened": Counter()})


@pytest.fixture
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of the test runner share."""
    own = tmp_path_factory.getbasetemp()
    shared = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "attack"
    shared.mkdir(exist_ok=True)
    return shared
