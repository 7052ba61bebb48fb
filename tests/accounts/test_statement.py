"""Several writes in one statement: all or none."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import Grant, Group, LoginEvent, Session, User
from accounts.models.statement import Insert, Update, execute
from tenants.uuid7 import uuid7
from tests.login.gate import Town


def session(town: Town) -> Session:
    now = timezone.now()
    return Session(
        tenant=town.alpha,
        user=town.alice,
        contract="probe",
        acr="aal1",
        auth_time=now,
        expires_at=now,
        security_epoch=0,
    )


def grant(of: Session, token_hash: bytes) -> Grant:
    return Grant(session=of, kind="refresh", token_hash=token_hash, expires_at=timezone.now())


def test_rows_that_point_to_each_other_are_written_at_once(
    town: Town, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    live = session(town)
    rows = User.objects.filter(pk=town.alice.pk)
    with django_assert_num_queries(1):
        execute(
            Insert(grant(live, b"a" * 32)),
            Insert(live),
            Update(rows, display_name='O\'Hara "%s" %% \\'),
            Insert(LoginEvent(event="x", trace=[["a", "b"]])),
        )
    assert Grant.objects.get().session == live
    assert User.objects.get(pk=town.alice.pk).display_name == 'O\'Hara "%s" %% \\'
    assert LoginEvent.objects.get().trace == [["a", "b"]]


@pytest.mark.parametrize("broken", ["unique", "foreign key", "not null"])
def test_one_failing_write_undoes_the_others(town: Town, broken: str) -> None:
    first = session(town)
    execute(Insert(first), Insert(grant(first, b"a" * 32)))
    live = session(town)
    writes: dict[str, Insert | Update] = {
        "unique": Insert(grant(live, b"a" * 32)),
        "foreign key": Insert(Group(tenant_id=uuid7(), name="x")),
        "not null": Update(User.objects.filter(pk=town.bob.pk), username=None),
    }

    def write() -> None:
        execute(
            Insert(live),
            Update(User.objects.filter(pk=town.alice.pk), display_name="changed"),
            writes[broken],
            Insert(LoginEvent(event="x")),
        )
        # A foreign key is checked when the transaction ends, at the latest.
        transaction.get_connection().check_constraints()

    with pytest.raises(IntegrityError), transaction.atomic():
        write()
    assert Session.objects.count() == 1
    assert User.objects.get(pk=town.alice.pk).display_name == "Alice"
    assert not LoginEvent.objects.exists()


def test_an_update_that_finds_no_row_does_not_hinder_the_rest(town: Town) -> None:
    execute(
        Update(User.objects.filter(pk=uuid7()), display_name="x"), Insert(LoginEvent(event="x"))
    )
    assert LoginEvent.objects.count() == 1
