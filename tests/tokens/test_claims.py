"""Times in tokens: no clock, no tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.tokens.claims import is_expired, is_premature, seconds, times

NOW = datetime(2030, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
STAMP = int(NOW.timestamp())

moments = st.datetimes(
    min_value=datetime(2000, 1, 1),  # noqa: DTZ001  # hypothesis adds the zone
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001  # the strategy adds the zone
    timezones=st.just(UTC),
)
lifetimes = st.integers(min_value=1, max_value=10**8).map(lambda s: timedelta(seconds=s))


@given(moments, lifetimes)
def test_a_token_lives_exactly_its_lifetime(now: datetime, lifetime: timedelta) -> None:
    claims = times(now, lifetime)
    assert claims["exp"] - claims["iat"] == lifetime.total_seconds()
    assert not is_premature(claims, now)
    assert not is_expired(claims, now) or lifetime <= timedelta(seconds=1)
    assert is_expired(claims, now + lifetime)


def test_times_are_whole_seconds() -> None:
    assert seconds(NOW) == STAMP
    assert times(NOW, timedelta(minutes=5)) == {"iat": STAMP, "exp": STAMP + 300}


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"exp": None},
        {"exp": STAMP},
        {"exp": STAMP - 1},
        {"exp": float(STAMP + 60)},
        {"exp": str(STAMP + 60)},
        {"exp": True},
        {"exp": [STAMP + 60]},
    ],
)
def test_a_token_without_a_whole_number_that_lies_ahead_is_expired(claims: dict[str, Any]) -> None:
    assert is_expired(claims, NOW)


@pytest.mark.parametrize("name", ["iat", "nbf"])
@pytest.mark.parametrize(
    ("value", "premature"),
    [
        (STAMP, False),
        (STAMP + 60, False),
        (STAMP + 61, True),
        (None, False),
        ("1", True),
        (1.5, True),
        (True, True),
    ],
)
def test_a_time_ahead_of_any_clock_is_premature(name: str, value: Any, premature: bool) -> None:
    assert is_premature({name: value}, NOW) is premature
