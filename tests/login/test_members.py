"""Identifiers of many users at once: one statement, and one identifier for each, whoever asks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import count
from uuid import UUID

import pytest
from django.db import IntegrityError, connection

from accounts.login.subject import make_identifiers
from accounts.models import SubjectIdentifier, User
from tests.fixtures import Cast, make_cast


def test_whoever_was_first_counts_and_a_taken_value_is_drawn_again(cast: Cast) -> None:
    SubjectIdentifier.objects.create(user=cast.bob.user, sector="probe", value="7")
    drawn = count(6)
    users = [cast.alice.user, cast.bob.user, cast.erin.user]
    made = make_identifiers(users, "probe", lambda: str(next(drawn)))
    # 6, 7 and 8 were tried first; 7 is bob's, and so he keeps it and the others have new ones.
    assert made[cast.bob.user.pk] == "7"
    assert len({*made.values()}) == 3
    rows = SubjectIdentifier.objects.filter(sector="probe")
    assert {row.user_id: row.value for row in rows} == made


def test_values_that_are_all_taken_end_in_an_error(cast: Cast) -> None:
    SubjectIdentifier.objects.create(user=cast.bob.user, sector="probe", value="7")
    with pytest.raises(IntegrityError):
        make_identifiers([cast.alice.user], "probe", lambda: "7")
    assert make_identifiers([], "probe", lambda: "7") == {}


@pytest.mark.django_db(transaction=True)
def test_requests_at_once_are_told_the_same_identifiers() -> None:
    cast = make_cast()
    users = list(User.objects.filter(tenant=cast.alpha).order_by("pk"))
    drawn = count(1)

    def once(_: int) -> dict[UUID, str]:
        try:
            return make_identifiers(users, "probe", lambda: str(next(drawn)))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(once, range(12)))
    assert all(answer == answers[0] for answer in answers)
    assert len(answers[0]) == len(users)
