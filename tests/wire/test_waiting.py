"""How long a client is told to wait."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts.contracts.oloid.exceptions import REFUSALS as COGNITOS
from accounts.login.outcome import LoginRefused, Reason
from accounts.wire.registry import contracts
from accounts.wire.waiting import retry_after, seconds


@pytest.mark.parametrize(
    ("wait", "told"),
    [
        (timedelta(), 1),
        (None, 60),
        (timedelta(microseconds=1), 1),
        (timedelta(seconds=-5), 1),
        (timedelta(seconds=1), 1),
        # A second too early would be refused again.
        (timedelta(seconds=1, microseconds=1), 2),
        (timedelta(minutes=10), 600),
        (timedelta(days=30), 30 * 86400),
    ],
)
def test_the_wait_is_told_in_whole_seconds_and_never_too_short(
    wait: timedelta | None, told: int
) -> None:
    refused = LoginRefused(Reason.THROTTLED_SUBJECT, retry_after=wait)
    assert seconds(refused) == told
    assert retry_after(refused) == {"Retry-After": str(told)}


def test_a_refusal_that_says_nothing_is_taken_for_a_minutes() -> None:
    assert seconds(LoginRefused(Reason.OVERLOADED)) == 60


def test_every_contract_that_says_how_long_says_it_so() -> None:
    spoken = {**{slug: each.refusals for slug, each in contracts().items()}, "Cognito": COGNITOS}
    refused = LoginRefused(Reason.THROTTLED_SUBJECT, retry_after=timedelta(seconds=59.5))
    answers = {slug: table[refused.reason](refused) for slug, table in spoken.items()}
    named = {slug: answer.headers.get("Retry-After") for slug, answer in answers.items()}
    told = {slug: wait for slug, wait in named.items() if wait is not None}
    assert {"Cognito", "coldstream", "datarhei", "oloid"} <= {*told}
    assert {*told.values()} == {"60"}, told
