"""Fixtures of the Bytebase tests."""

import pytest

from tests.contracts.bytebase.connect_calls import JSON, PROTO, Caller
from tests.contracts.bytebase.conversation import Api, Clock


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture(params=[JSON, PROTO], ids=["json", "proto"])
def caller(request: pytest.FixtureRequest) -> Caller:
    """A program of each of the two forms."""
    return Caller(request.param)
