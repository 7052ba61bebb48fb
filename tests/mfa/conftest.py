"""The town of tests/login/gate.py as a fixture."""

from __future__ import annotations

import pytest

from tests.login.gate import Town, found_town


@pytest.fixture
def town(db: None) -> Town:
    return found_town()
