"""Bar charts as numbers: templates make the SVG of them, and a table that says the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# The picture's own units; it is drawn as wide as there is room.
WIDTH, HEIGHT = 600, 120
_GAP = 0.2


def _told(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


@dataclass(frozen=True, slots=True)
class Count:
    """What happened in one stretch of time."""

    label: str
    good: int = 0
    bad: int = 0


@dataclass(frozen=True, slots=True)
class Bar:
    """One stretch of time as two boxes, the refusals on top."""

    count: Count
    x: float
    width: float
    good_y: float
    good_height: float
    bad_y: float
    bad_height: float


@dataclass(frozen=True, slots=True)
class Chart:
    """Logins and refusals of one contract."""

    slug: str
    title: str
    bars: Sequence[Bar]
    # The highest bar.
    top: int
    good: int
    bad: int

    @property
    def is_empty(self) -> bool:
        """Whether nothing happened."""
        return self.top == 0

    @property
    def sentence(self) -> str:
        """What the picture says, for who does not see it."""
        if self.is_empty:
            return "No logins and no refusals."
        peak = max(self.bars, key=lambda bar: bar.count.good + bar.count.bad).count
        return (
            f"{_told(self.good, 'login')} and {_told(self.bad, 'refusal')}; most of them, "
            f"{peak.good} and {peak.bad}, in {peak.label}."
        )


def chart(slug: str, title: str, counts: Sequence[Count], top: int = 0) -> Chart:
    """The bars of one contract; ``top`` is the number that fills the height, if it is larger."""
    highest = max((count.good + count.bad for count in counts), default=0)
    scale = HEIGHT / max(highest, top, 1)
    step = WIDTH / max(len(counts), 1)
    bars = []
    for place, count in enumerate(counts):
        good, bad = count.good * scale, count.bad * scale
        bars.append(
            Bar(
                count,
                x=round(step * (place + _GAP / 2), 2),
                width=round(step * (1 - _GAP), 2),
                good_y=round(HEIGHT - good, 2),
                good_height=round(good, 2),
                bad_y=round(HEIGHT - good - bad, 2),
                bad_height=round(bad, 2),
            )
        )
    return Chart(
        slug,
        title,
        bars,
        highest,
        sum(count.good for count in counts),
        sum(count.bad for count in counts),
    )


@dataclass(frozen=True, slots=True)
class Share:
    """How many of some have what all should have."""

    title: str
    having: int
    lacking: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.having + self.lacking

    @property
    def percent(self) -> int:
        """Of a hundred, rounded down: 100 is all of them."""
        return self.having * 100 // self.total if self.total else 0

    @property
    def width(self) -> float:
        """Of the picture's width."""
        return round(WIDTH * self.having / self.total, 2) if self.total else 0.0
