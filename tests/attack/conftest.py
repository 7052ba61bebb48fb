"""What the attack tests share: a town, a clock that moves, and hashes that cost nothing."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from accounts.login import passwords
from mfa import slow_hash
from tests.attack.people import Town, found_town


class Clock:
    """The server's clock: it stands still until a test moves it."""

    def __init__(self, start: datetime) -> None:
        self.start = self._now = start

    def now(self) -> datetime:
        return self._now

    def forward(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)

    def rewind(self) -> None:
        self._now = self.start


@pytest.fixture
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of logins: their slow hashes would be all that is measured."""
    monkeypatch.setattr(passwords._HASHER, "memory_cost", 8, raising=True)
    monkeypatch.setattr(passwords._HASHER, "time_cost", 1, raising=True)
    monkeypatch.setattr(passwords, "NEVER", passwords._never())
    monkeypatch.setattr(slow_hash, "_MEMORY", 8)
    monkeypatch.setattr(slow_hash, "_TIME", 1)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    # The middle of a time step: a code that is made now is of this step when it is judged.
    real = timezone.now()
    clock = Clock(real - timedelta(seconds=real.timestamp() % 30 - 15))
    monkeypatch.setattr("django.utils.timezone.now", clock.now)
    return clock


@pytest.fixture
def town(db: None, cheap_hashes: None, clock: Clock) -> Town:
    return found_town()
