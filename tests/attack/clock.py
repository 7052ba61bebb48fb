"""The clock of the attack tests."""

from __future__ import annotations

from datetime import datetime, timedelta


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
