"""Fixtures of the Bytebase tests."""

import pytest

from tests.contracts.bytebase.conversation import Api, Clock


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)
