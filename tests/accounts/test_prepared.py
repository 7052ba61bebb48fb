"""Queries that are compiled once give what the same query gives, in every thread."""

from __future__ import annotations

import threading
from unittest.mock import patch

import pytest
from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.sql.compiler import SQLCompiler
from django.test.utils import CaptureQueriesContext

from accounts.models import Session, User
from accounts.models.prepared import Parameter, Prepared
from tests.fixtures import Cast, make_cast


def _rows(named: bool) -> QuerySet[User]:  # a shape
    key = Parameter("key")
    where = Q(username_key=key) if named else Q(email_key=key)
    live = Session.objects.filter(user=OuterRef("pk"), expires_at__gt=Parameter("now"))
    rows = User.objects.filter(where, tenant_id=Parameter("tenant")).select_related("tenant")
    return rows.annotate(has_session=Exists(live), same_key=Exists(User.objects.filter(where)))


def test_rows_come_with_relations_and_annotations_in_one_statement(cast: Cast) -> None:
    find = Prepared(_rows)
    user = cast.alice.user
    given = {"tenant": user.tenant_id, "now": user.created_at}
    with CaptureQueriesContext(connection) as run:
        (found,) = find(True, key="alice", **given)
        (mailed,) = find(False, key=user.email_key, **given)
        assert found.tenant == mailed.tenant == cast.alpha
    assert (found, mailed, len(run)) == (user, user, 2)
    assert (found.has_session, found.same_key) == (False, True)  # type: ignore[attr-defined]
    assert vars(found)["created_at"] == user.created_at
    assert find(True, key="alice", tenant=cast.beta.pk, now=user.created_at) != [user]
    assert find(True, key="nobody", **given) == []


def test_a_shape_is_compiled_once_and_no_value_of_a_run_is_kept(cast: Cast) -> None:
    find = Prepared(_rows)
    tenant, now = cast.alpha.pk, cast.alice.user.created_at
    written = SQLCompiler.as_sql
    with patch.object(SQLCompiler, "as_sql", autospec=True, side_effect=written) as compiled:
        names = [find(True, key=key, tenant=tenant, now=now) for key in ("alice", "bob", "alice")]
        first = compiled.call_count
        find(True, key="carol", tenant=tenant, now=now)
        assert compiled.call_count == first
    assert [[user.username for user in users] for users in names] == [["alice"], ["bob"], ["alice"]]


def test_a_forgotten_value_is_an_error_and_not_the_one_of_another_run(cast: Cast) -> None:
    find = Prepared(_rows)
    assert find(True, key="alice", tenant=cast.alpha.pk, now=cast.alice.user.created_at)
    with pytest.raises(KeyError, match="tenant"):
        find(True, key="alice", now=cast.alice.user.created_at)


@pytest.mark.django_db(transaction=True)
def test_threads_run_it_at_once_each_over_its_own_connection() -> None:
    cast = make_cast()
    find = Prepared(_rows)
    people = [cast.alice.user, cast.bob.user, cast.carol.user, cast.erin.user]
    wrong: list[str] = []

    def search(user: User) -> None:
        for _ in range(25):
            found = find(True, key=user.username_key, tenant=user.tenant_id, now=user.created_at)
            if found != [user]:
                wrong.append(user.username)
        connection.close()

    threads = [threading.Thread(target=search, args=(user,)) for user in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
