"""The examples of the document are exchanges that happen."""

from __future__ import annotations

import pytest

from accounts.openapi.exchanges import exchanges
from accounts.wire.registry import contracts
from tests.openapi import recording
from tests.ops.demo import Demo


@pytest.mark.parametrize("slug", list(contracts()))
def test_a_demo_answers_as_the_examples_show(slug: str, demo: Demo) -> None:
    assert list(recording.misfits(demo, slug)) == []


def test_another_answer_is_noticed() -> None:
    shown = {"a": "x…", "b": [1, {"c": None}], "d": "…"}
    assert recording.fits(shown, {"a": "xyz", "b": [1, {"c": None}], "d": ""}, [])
    for other in (
        {"a": "yz", "b": [1, {"c": None}], "d": ""},
        {"a": "x", "b": [True, {"c": None}], "d": ""},
        {"a": "x", "b": [1], "d": ""},
        {"b": [1, {"c": None}], "a": "x", "d": ""},
        {"a": "x", "b": [1, {"c": None}], "d": "", "e": 1},
    ):
        assert not recording.fits(shown, other, []), other
    assert recording.fits({"a": 1}, {"a": 2}, ["a"])
    assert not recording.fits({"a": 1}, {"a": "2"}, ["a"])


def test_no_example_holds_a_secret_of_the_demo_that_was_recorded() -> None:
    for slug in contracts():
        assert exchanges(slug), f"{slug} shows no exchange"
        for exchange in exchanges(slug):
            for shown in (exchange.body, exchange.answer_body):
                assert recording.masked(shown, []) == shown, exchange.name
