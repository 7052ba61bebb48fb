"""What the attack tests share: a town, and a clock that moves."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

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
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    # The middle of a time step: a code that is made now is of this step when it is judged.
    real = timezone.now()
    clock = Clock(real - timedelta(seconds=real.timestamp() % 30 - 15))
    monkeypatch.setattr("django.utils.timezone.now", clock.now)
    return clock


@pytest.fixture
def town(db: None, clock: Clock) -> Town:
    return found_town()
