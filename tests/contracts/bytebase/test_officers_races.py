"""Officers who act at the same moment, each over a connection of his own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from accounts.models import LoginEvent, ServiceCredential, User
from tests.contracts.bytebase.conversation import LOGIN, Api
from tests.fixtures import Persona, make_cast

ROUNDS = 3


def at_once(*calls: Callable[[Client], Any]) -> list[Any]:
    """Run the calls at the same moment; their answers in the order of the calls."""
    line = Barrier(len(calls))

    def one(call: Callable[[Client], Any]) -> Any:
        try:
            line.wait()
            return call(Client())
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(one, calls))


def leave(client: Client, officer: Persona, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return client.delete(f"/v1/users/{officer.email}", headers=headers).status_code


def renew(client: Client, machine: Persona, token: str) -> str:
    answer = client.patch(
        f"/v1/users/{machine.email}?updateMask=service_key",
        b"{}",
        content_type="application/json",
        headers={"Authorization": f"Bearer {token}"},
    )
    return str(answer.json()["serviceKey"])


@pytest.mark.django_db(transaction=True)
def test_of_two_officers_who_leave_at_once_one_stays_and_of_two_keys_one_opens() -> None:
    cast, api = make_cast(), Api()
    officers = User.objects.filter(pk__in=[cast.alice.user.pk, cast.erin.user.pk])
    for _ in range(ROUNDS):
        officers.update(is_staff=True, state=User.State.ACTIVE)
        alice, erin = api.token(cast.alice), api.token(cast.erin)
        # Each sends himself away; then each the other one.
        told = at_once(leave_of(cast.alice, alice), leave_of(cast.erin, erin))
        assert sorted(told) == [200, 400]
        officers.update(state=User.State.ACTIVE)
        alice, erin = api.token(cast.alice), api.token(cast.erin)
        told = at_once(leave_of(cast.erin, alice), leave_of(cast.alice, erin))
        assert told.count(200) == 1
        assert officers.filter(state=User.State.ACTIVE).count() == 1
    officers.update(state=User.State.ACTIVE)
    erin = api.token(cast.erin)
    made = at_once(*[partial(renew, machine=cast.svc, token=erin)] * ROUNDS)
    opened = [
        api.post(LOGIN, {"email": cast.svc.email, "password": key}).status_code for key in made
    ]
    assert sorted(opened) == [200, *[401] * (ROUNDS - 1)]
    live = ServiceCredential.objects.filter(user=cast.svc.user, revoked_at=None)
    assert live.filter(contract="bytebase").count() == 1


def send(client: Client, path: str, body: dict[str, Any], token: str) -> tuple[int, str]:
    headers = {"Authorization": f"Bearer {token}"}
    answer = client.post(path, body, content_type="application/json", headers=headers)
    return answer.status_code, answer.json().get("message", "")


@pytest.mark.django_db(transaction=True)
def test_of_many_who_give_an_address_at_once_one_does_and_the_others_are_told_why() -> None:
    cast = make_cast()
    officer = Api().token(cast.erin)
    ada = {"email": "ada@alpha.example", "title": "Ada", "userType": "USER"}
    made = at_once(*[partial(send, path="/v1/users", body=ada, token=officer)] * 4)
    taken = "email ada@alpha.example is already existed"
    assert sorted(made) == [(200, ""), *[(409, taken)] * 3]
    path = "/v1/users/ada@alpha.example:updateEmail"
    news = [{"email": f"ada{number}@alpha.example"} for number in range(4)]
    moved = at_once(*[partial(send, path=path, body=new, token=officer) for new in news])
    gone = 'user "ada@alpha.example" not found'
    assert sorted(moved) == [(200, ""), *[(404, gone)] * 3]
    assert LoginEvent.objects.filter(reason="address changed").count() == 1
    [user] = User.objects.filter(display_name="Ada")
    assert {"email": user.email} == news[moved.index((200, ""))]
    assert user.username == user.email


def leave_of(officer: Persona, token: str) -> Callable[[Client], int]:
    return partial(leave, officer=officer, token=token)
