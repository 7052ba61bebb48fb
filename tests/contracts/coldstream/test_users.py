"""``GET`` and ``PUT /users/{id}``: who reads whom, who changes what."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from accounts.models import LoginEvent, SubjectIdentifier, User
from tests.contracts.coldstream.account import (
    MEDIA,
    UNAUTHORIZED,
    access,
    bad_request,
    me,
    part,
    problem,
    told,
)
from tests.fixtures import Cast, Persona

NOT_FOUND = problem(404, "Not Found")
FORBIDDEN = problem(403, "Forbidden")
NAMES = {"firstName": "Alice", "secondName": "Liddell"}


def bearing(token: str, **headers: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", **headers}


def number(who: Persona) -> int:
    """The integer id of somebody who may not have logged in yet."""
    row, _ = SubjectIdentifier.objects.get_or_create(
        user=who.user, sector="coldstream", defaults={"value": str(who.user.pk.int % 2**31)}
    )
    return int(row.value)


def read(client: Client, token: str, who: object, at: str = "") -> Any:
    return client.get(f"{at}/users/{who}", headers=bearing(token))


def put(client: Client, token: str, who: object, body: Any, at: str = "") -> Any:
    data = body if isinstance(body, bytes) else json.dumps(body)
    headers = bearing(token, **{"Content-Type": MEDIA})
    return client.generic("PUT", f"{at}/users/{who}", data, headers=headers)


def shown(cast: Cast, who: Persona, **more: Any) -> tuple[int, bytes]:
    body = {
        "id": number(who),
        "email": who.email,
        "firstName": who.user.display_name,
        "secondName": "",
        "phone": None,
        "organizations": [{"id": cast.alpha.number, "name": "Alpha"}],
        **more,
    }
    return 200, json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


def test_a_user_reads_himself_and_his_colleagues(client: Client, cast: Cast) -> None:
    User.objects.filter(username="alice").update(phone="+44 20 7946 0000")
    alice, bob = access(client, cast.alice), number(cast.bob)
    own = read(client, alice, part(alice, 1)["sub"])
    assert told(own) == told(me(client, alice)) == shown(cast, cast.alice, phone="+44 20 7946 0000")
    assert told(read(client, alice, bob)) == shown(cast, cast.bob)
    assert told(read(client, alice, number(cast.svc))) == shown(cast, cast.svc)


def test_a_telephone_number_is_its_owners_and_officers_to_read(client: Client, cast: Cast) -> None:
    User.objects.filter(username="alice").update(phone="+44 20 7946 0000")
    wanted, alone = number(cast.alice), shown(cast, cast.alice)
    full = shown(cast, cast.alice, phone="+44 20 7946 0000")
    officer = access(client, cast.erin)
    assert told(read(client, officer, wanted)) == full
    User.objects.filter(username="erin").update(is_staff=False)
    assert told(read(client, officer, wanted)) == alone


def test_an_id_that_means_nothing_here_is_404_whatever_it_is_elsewhere(
    client: Client, cast: Cast
) -> None:
    token, known = access(client, cast.erin), number(cast.bob)
    ids: list[object] = [
        number(cast.dave),
        number(cast.alice_of_beta),
        number(cast.carol),
        2**31 - 2,
        0,
        -1,
        f"0{known}",
        f"+{known}",
        f"{known}.0",
        f" {known}",
        f"{known}%00",
        "1" * 11,
        "9" * 5000,
        "１７",
        cast.bob.user.pk,
        "bob",
        "Me",
    ]
    answers = [(each, told(read(client, token, each))) for each in ids]
    answers += [(each, told(put(client, token, each, NAMES))) for each in ids]
    assert [answer for answer in answers if answer[1] != NOT_FOUND] == []
    assert told(read(client, token, known)) == shown(cast, cast.bob)


def test_without_a_good_token_nothing_is_told_of_any_id(client: Client, cast: Cast) -> None:
    beta = access(client, cast.alice_of_beta)
    for who in (number(cast.alice), 17, "x"):
        for answer in (client.get(f"/users/{who}"), read(client, beta, who, at="/t/alpha")):
            assert told(answer) == UNAUTHORIZED
        assert told(put(client, "rubbish", who, b"{")) == UNAUTHORIZED
        assert told(put(client, beta, who, NAMES, at="/t/alpha")) == UNAUTHORIZED


def test_a_user_changes_his_own_record(client: Client, cast: Cast) -> None:
    token, mine = access(client, cast.alice), number(cast.alice)
    body = {**NAMES, "phone": "+44 (0)20 7946-0000"}
    expected = shown(
        cast, cast.alice, firstName="Alice", secondName="Liddell", phone="+44 (0)20 7946-0000"
    )
    assert told(put(client, token, mine, body)) == expected
    assert told(me(client, token)) == expected
    row = LoginEvent.objects.get(event="admin:user:changed")
    assert (row.contract, row.reason) == ("coldstream", "profile changed")
    assert (row.tenant_id, row.user_id) == (cast.alpha.id, cast.alice.user.pk)
    # A first name like the one that was shown already is no change.
    assert row.trace == [["by", "alice"], ["fields", "secondName, phone"]]


def test_what_is_left_out_stays_and_what_is_null_or_empty_goes(client: Client, cast: Cast) -> None:
    token, mine = access(client, cast.alice), number(cast.alice)
    for told_phone, kept in (
        ("112", "112"),
        (..., "112"),
        (None, None),
        ("113", "113"),
        ("", None),
    ):
        body = NAMES if told_phone is ... else {**NAMES, "phone": told_phone}
        assert put(client, token, mine, body).json()["phone"] == kept
    assert put(client, token, mine, {**NAMES, "secondName": ""}).json()["secondName"] == ""


def test_what_changes_nothing_writes_nothing(
    client: Client, cast: Cast, django_assert_num_queries: Any
) -> None:
    token, mine = access(client, cast.alice), number(cast.alice)
    with django_assert_num_queries(1):
        answer = put(client, token, mine, {"firstName": "Alice", "secondName": ""})
    assert answer.status_code == 200
    with django_assert_num_queries(2):
        put(client, token, mine, NAMES)
    with django_assert_num_queries(1):
        put(client, token, mine, {**NAMES, "id": 7, "email": "x@y.example", "isAdmin": True})
    assert LoginEvent.objects.filter(event="admin:user:changed").count() == 1
    assert User.objects.get(pk=cast.alice.user.pk).email == "alice@alpha.example"


def test_what_was_read_may_be_sent_back_whatever_it_is(client: Client, cast: Cast) -> None:
    """Other doors have other rules for names and numbers; a client sends back all that it read."""
    token = access(client, cast.alice)
    names = {"given_name": "", "display_name": "Professor " + "A" * 150, "family_name": "B\u202eC"}
    User.objects.filter(pk=cast.alice.user.pk).update(**names, phone="+44 20 7946 ext. 6")
    was = me(client, token).json()
    assert put(client, token, was["id"], was).json() == was
    moved = put(client, token, was["id"], {**was, "phone": "+44 20"}).json()
    assert moved == {**was, "phone": "+44 20"}
    longer = put(client, token, was["id"], {**was, "firstName": "x" * 101})
    assert told(longer) == bad_request("firstName is too long")


def test_officers_change_others_of_their_tenant_and_nobody_else_does(
    client: Client, cast: Cast
) -> None:
    bob, boss = number(cast.bob), number(cast.svc)
    User.objects.filter(pk=cast.svc.user.pk).update(is_superuser=True)
    alice, erin = access(client, cast.alice), access(client, cast.erin)
    assert told(put(client, alice, bob, NAMES)) == FORBIDDEN
    assert told(put(client, alice, bob, b"{")) == FORBIDDEN
    assert told(put(client, erin, bob, NAMES)) == shown(cast, cast.bob, **NAMES)
    assert told(put(client, erin, boss, NAMES)) == FORBIDDEN
    assert LoginEvent.objects.get(event="admin:user:changed").trace[0] == ["by", "erin"]
    User.objects.filter(username="erin").update(is_superuser=True)
    assert put(client, erin, boss, NAMES).status_code == 200
    User.objects.filter(username="erin").update(is_superuser=False, is_staff=False)
    assert told(put(client, erin, bob, NAMES)) == FORBIDDEN


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"firstName": ...}, "firstName is missing"),
        ({"firstName": ""}, "firstName must not be empty"),
        ({"firstName": " \u3000"}, "firstName must not be empty"),
        ({"firstName": None}, "firstName must be a string"),
        ({"firstName": 7}, "firstName must be a string"),
        ({"firstName": "x" * 101}, "firstName is too long"),
        ({"firstName": "a\nb"}, "firstName holds characters that cannot be shown"),
        ({"firstName": "a\u202eb"}, "firstName holds characters that cannot be shown"),
        ({"secondName": ...}, "secondName is missing"),
        ({"secondName": None}, "secondName must be a string"),
        ({"secondName": ["x"]}, "secondName must be a string"),
        ({"secondName": "\x1b[2J"}, "secondName holds characters that cannot be shown"),
        ({"phone": 112}, "phone must be a string"),
        ({"phone": "1" * 33}, "phone is too long"),
        ({"phone": "call me"}, "phone must be a telephone number"),
        ({"phone": "１１２"}, "phone must be a telephone number"),
        ({"phone": "<script>"}, "phone must be a telephone number"),
    ],
)
def test_a_record_that_breaks_a_rule_is_400_and_changes_nothing(
    client: Client, cast: Cast, change: dict[str, Any], detail: str
) -> None:
    token, mine = access(client, cast.alice), number(cast.alice)
    body = {name: value for name, value in {**NAMES, **change}.items() if value is not ...}
    assert told(put(client, token, mine, body)) == bad_request(detail)
    user = User.objects.get(pk=cast.alice.user.pk)
    assert (user.given_name, user.family_name, user.phone) == ("", "", "")
    assert not LoginEvent.objects.filter(event="admin:user:changed").exists()


def test_the_content_type_and_the_methods_are_as_elsewhere(client: Client, cast: Cast) -> None:
    token, mine = access(client, cast.alice), number(cast.alice)
    answer = client.put(f"/users/{mine}", b"x", "text/plain", headers=bearing(token))
    assert told(answer) == problem(415, "Unsupported Media Type")
    answer = client.post(f"/users/{mine}", headers=bearing(token))
    assert told(answer) == problem(405, "Method Not Allowed")
    assert answer["Allow"] == "GET, HEAD, PUT"
    assert told(client.head(f"/users/{mine}", headers=bearing(token))) == (200, b"")


def test_reading_a_colleague_takes_two_statements(
    client: Client, cast: Cast, django_assert_num_queries: Any
) -> None:
    token, mine, other = access(client, cast.alice), number(cast.alice), number(cast.bob)
    with django_assert_num_queries(1):
        read(client, token, mine)
    with django_assert_num_queries(2):
        read(client, token, other)
    with django_assert_num_queries(0):
        read(client, "rubbish", other)
