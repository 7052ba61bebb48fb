"""Handles in version 4 UUIDs: no tables."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.models.session import HANDLE_BITS, new_handle
from accounts.tokens.handles import Handle, mint, read, tenant_tag


@given(st.integers(min_value=0, max_value=2**HANDLE_BITS - 1), st.uuids())
def test_a_handle_survives_the_round_trip(session: int, tenant: UUID) -> None:
    text = str(mint(session, tenant))
    assert UUID(text).version == 4
    assert UUID(text).variant == "specified in RFC 4122"
    assert read(text) == Handle(session, tenant_tag(tenant))


def test_two_tokens_of_one_session_have_different_ids_that_lead_to_it() -> None:
    tenant = uuid4()
    first, second = mint(7, tenant), mint(7, tenant)
    assert first != second
    assert read(str(first)) == read(str(second))


def test_new_handles_fit_and_differ() -> None:
    made = {new_handle() for _ in range(1000)}
    assert len(made) == 1000
    assert all(0 <= handle < 2**HANDLE_BITS for handle in made)


GOOD = str(mint(1, uuid4()))


@pytest.mark.parametrize(
    "text",
    [
        None,
        7,
        "",
        [GOOD],
        GOOD.upper() if GOOD.upper() != GOOD else "A" + GOOD[1:],
        GOOD.replace("-", ""),
        "{" + GOOD + "}",
        "urn:uuid:" + GOOD,
        GOOD + "\n",
        " " + GOOD,
        GOOD[:-1],
        GOOD + "0",
        "019a1b2c-3d4e-7f60-8123-456789abcdef",
        GOOD[:-1] + "\uff11",
    ],
)
def test_anything_but_a_plain_version_4_uuid_leads_nowhere(text: object) -> None:
    assert read(text) is None


@given(st.one_of(st.text(max_size=60), st.none(), st.integers(), st.uuids().map(str)))
def test_reading_never_fails(text: object) -> None:
    handle = read(text)
    assert handle is None or 0 <= handle.session < 2**HANDLE_BITS
