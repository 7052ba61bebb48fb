"""One folding for all names."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenants.names import deceptive, fold

TEXT = st.text(alphabet=st.characters(codec="utf-8"), max_size=40)


@given(TEXT)
def test_folding_twice_is_folding_once(name: str) -> None:
    assert fold(fold(name)) == fold(name)


@given(TEXT)
def test_every_normal_form_of_a_name_folds_alike(name: str) -> None:
    forms = {fold(unicodedata.normalize(form, name)) for form in ("NFC", "NFD", "NFKC", "NFKD")}
    assert forms == {fold(name)}


@given(st.text(alphabet=st.characters(codec="ascii"), max_size=40))
def test_the_short_way_for_ascii_is_the_long_way(name: str) -> None:
    assert fold(name) == unicodedata.normalize("NFKC", name).casefold().strip()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Admin", "admin"),
        ("ａｄｍｉｎ", "admin"),
        ("  admin\t", "admin"),
        ("STRASSE", "straße"),
        ("é", "e\u0301"),
        ("ﬁn", "fin"),
        ("K", "\u212a"),
        ("bob＠alpha.example", "bob@alpha.example"),
    ],
)
def test_names_that_are_one(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    "name",
    [
        "ad\u200bmin",  # zero width space
        "ad\u202emin",  # right-to-left override
        "admin\x00",
        "ad\nmin",
        "\u0430dmin",  # Cyrillic a among Latin
        "admin\u03bf",  # Greek omicron
        "a\ue000",  # private use
    ],
)
def test_names_that_look_like_another_are_refused(name: str) -> None:
    assert deceptive(name)


@pytest.mark.parametrize(
    "name",
    ["alice", "alice.b-c_9", "Ålesund", "иван", "Ελένη", "大山", "naïve user", "o'brien"],
)
def test_honest_names_are_taken(name: str) -> None:
    assert deceptive(name) is None
