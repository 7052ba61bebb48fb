"""The trail only grows."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import DatabaseError, connection, transaction

from accounts.audit import Event, row
from accounts.models import LoginEvent
from tests.login.gate import PASSWORD, Town, context, last_event, logged_in, login, reason_of


def test_a_row_can_be_neither_changed_nor_deleted(town: Town) -> None:
    logged_in()
    event = last_event()
    event.reason = "something else"
    attempts: list[Callable[[], object]] = [
        event.save,
        event.delete,
        lambda: LoginEvent.objects.update(reason="x"),
        lambda: LoginEvent.objects.all().delete(),
        lambda: connection.cursor().execute("DELETE FROM accounts_loginevent"),
    ]
    for attempt in attempts:
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            attempt()
    assert last_event().reason == ""


def test_the_trail_outlives_the_user(town: Town) -> None:
    logged_in()
    gone = town.alice.pk
    town.alice.delete()
    assert last_event().user_id == gone


def test_the_vocabulary_fits_its_column() -> None:
    longest = LoginEvent._meta.get_field("event").max_length
    assert longest
    assert all(len(event) <= longest and event.count(":") == 2 for event in Event)
    assert len(set(Event)) == len(Event)


def test_long_and_odd_texts_of_a_client_are_stored_whole_or_cut(town: Town) -> None:
    agent = "\u202e\r\n\x1b[31m" + "ü" * 300
    row(Event.LOGIN_REFUSED, context(agent=agent)).save()
    assert last_event().agent == agent[:256]


def test_no_name_of_a_stranger_is_kept(town: Town) -> None:
    """People type passwords into the field of the name."""
    assert reason_of(login, "hunter2hunter2", PASSWORD)
    assert "hunter2" not in str(LoginEvent.objects.values())
