"""The town of tests/login/gate.py, and the mails that leave it."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import mail
from django.db import transaction

from tests.login.gate import Town, found_town


@pytest.fixture
def town(db: None) -> Town:
    return found_town()


@pytest.fixture
def letters(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The mails that have left, at once: a test's transaction never ends."""
    monkeypatch.setattr(transaction, "on_commit", lambda done: done())
    return mail.outbox
