"""``GET /organizations/{id}/members``: one's own organization, page by page."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.models import SubjectIdentifier, User
from tests.contracts.coldstream.account import (
    UNAUTHORIZED,
    access,
    bad_request,
    me,
    problem,
    told,
)
from tests.fixtures import Cast

NOT_FOUND = problem(404, "Not Found")


def members(client: Client, token: str, organization: object, query: str = "", at: str = "") -> Any:
    path = f"{at}/organizations/{organization}/members{query}"
    return client.get(path, headers={"Authorization": f"Bearer {token}"})


def crowd(cast: Cast, count: int) -> None:
    User.objects.bulk_create(
        User(
            tenant=cast.alpha,
            username=f"u{n:03}",
            username_key=f"u{n:03}",
            email=f"u{n:03}@alpha.example",
            email_key=f"u{n:03}@alpha.example",
        )
        for n in range(count)
    )


def test_the_members_are_told_whole(client: Client, cast: Cast) -> None:
    User.objects.filter(username="alice").update(phone="112")
    token = access(client, cast.alice)
    answer = members(client, token, cast.alpha.number)
    status, _ = told(answer)
    listed = answer.json()
    assert (status, list(listed)) == (200, ["items", "pageNumber", "totalPages"])
    assert (listed["pageNumber"], listed["totalPages"]) == (1, 1)
    # The oldest account first; no disabled one, none of another tenant.
    who = ["bob", "svc", "alice", "erin"]
    emails = [item["email"].partition("@")[0] for item in listed["items"]]
    assert emails == who
    own = listed["items"][2]
    assert own == me(client, token).json()
    assert own["phone"] == "112"
    officer = members(client, access(client, cast.erin), cast.alpha.number).json()
    assert officer == listed
    User.objects.filter(username="erin").update(is_staff=False)
    colleague = members(client, access(client, cast.erin), cast.alpha.number).json()
    assert colleague["items"][2] == {**own, "phone": None}


def test_everybody_listed_has_an_integer_id_that_stays(client: Client, cast: Cast) -> None:
    token = access(client, cast.alice)
    first, second = (members(client, token, cast.alpha.number).json() for _ in range(2))
    assert first == second
    ids = [item["id"] for item in first["items"]]
    assert len({*ids}) == 4
    assert all(type(number) is int and 0 < number < 2**31 for number in ids)
    stored = SubjectIdentifier.objects.filter(sector="coldstream")
    assert {int(row.value) for row in stored} == {*ids}
    for item in first["items"]:
        answer = client.get(f"/users/{item['id']}", headers={"Authorization": f"Bearer {token}"})
        assert answer.json() == item


def test_a_workload_is_no_member(client: Client, cast: Cast) -> None:
    User.objects.filter(username="bob").update(kind=User.Kind.WORKLOAD)
    listed = members(client, access(client, cast.alice), cast.alpha.number).json()["items"]
    assert "bob@alpha.example" not in {item["email"] for item in listed}


def test_other_organizations_are_not_known_whether_they_are_there_or_not(
    client: Client, cast: Cast
) -> None:
    token, number = access(client, cast.erin), cast.alpha.number
    ids = (cast.beta.number, 1, 0, f"0{number}", f"{number} ", "x", "9" * 3000, "alpha")
    assert [each for each in ids if told(members(client, token, each)) != NOT_FOUND] == []
    beta = access(client, cast.dave)
    assert told(members(client, beta, number)) == NOT_FOUND
    assert told(members(client, beta, number, at="/t/alpha")) == UNAUTHORIZED
    assert told(client.get(f"/organizations/{number}/members")) == UNAUTHORIZED
    assert len(members(client, beta, cast.beta.number).json()["items"]) == 2


def test_the_pages_hold_everybody_once(client: Client, cast: Cast) -> None:
    crowd(cast, 107)
    token, number = access(client, cast.alice), cast.alpha.number
    first = members(client, token, number).json()
    assert (len(first["items"]), first["pageNumber"], first["totalPages"]) == (100, 1, 2)
    second = members(client, token, number, "?pageNumber=2").json()
    assert (len(second["items"]), second["pageNumber"], second["totalPages"]) == (11, 2, 2)
    ids = [item["id"] for page in (first, second) for item in page["items"]]
    assert len({*ids}) == 111
    small = members(client, token, number, "?PageNumber=3&PAGESIZE=2").json()
    assert [item["id"] for item in small["items"]] == ids[4:6]
    assert small["totalPages"] == 56
    # A connector begins to count at 0.
    assert members(client, token, number, "?pageNumber=0").json() == first
    beyond = members(client, token, number, "?pageNumber=999999").json()
    assert beyond == {"items": [], "pageNumber": 999999, "totalPages": 2}


@pytest.mark.parametrize("name", ["pageNumber", "pageSize"])
def test_a_parameter_that_is_no_such_number_is_400(client: Client, cast: Cast, name: str) -> None:
    token, number, other = access(client, cast.alice), cast.alpha.number, []
    rule = "0 to 999999" if name == "pageNumber" else "1 to 100"
    wrong = ["", "-1", "+1", "1.0", "x", "１", "1%00", "1000000", "%ff", "9" * 5000, f"1&{name}=1"]
    wrong += [f"1&{name.upper()}=2", *(["0", "101"] if name == "pageSize" else [])]
    for value in wrong:
        answer = members(client, token, number, f"?{name}={value}")
        if told(answer) != bad_request(f"{name} must be a number from {rule}"):
            other.append((value[:9], answer.content))
    assert other == []
    assert members(client, token, number, "?other=x&page=-1").status_code == 200


def test_the_list_takes_as_many_statements_for_many_as_for_few(
    client: Client, cast: Cast, django_assert_num_queries: Any
) -> None:
    token, number = access(client, cast.alice), cast.alpha.number
    for more in (0, 60):
        crowd(cast, more)
        # Session, count, page, and in a block of its own one for all ids that are missing.
        with django_assert_num_queries(6):
            members(client, token, number)
        with django_assert_num_queries(3):
            members(client, token, number)
    with django_assert_num_queries(0):
        members(client, "rubbish", number)


def test_a_list_takes_no_other_method(client: Client, cast: Cast) -> None:
    answer = client.post(f"/organizations/{cast.alpha.number}/members")
    assert told(answer) == problem(405, "Method Not Allowed")
    assert answer["Allow"] == "GET, HEAD"
