"""``GET /api/login/refresh``: one refresh token, used all day, and dead with its session."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.client import ClientContext
from accounts.login import sessions
from accounts.models import Grant, Session, User
from tests.contracts.datarhei.core import (
    NO_GOOD_TOKEN,
    NOT_FOUND,
    SHORT,
    call,
    claims,
    later,
    tokens,
    told,
)
from tests.fixtures import Cast, make_cast

REFRESH = "/api/login/refresh"


def refreshed(client: Client, token: str) -> str:
    answer = call(client, REFRESH, token, headers={"Content-Type": "application/json"})
    status, body = told(answer)
    assert (status, list(answer.json())) == (200, ["access_token"])
    assert body == json.dumps(answer.json(), separators=(",", ":")).encode()
    access: str = answer.json()["access_token"]
    return access


def test_the_refresh_token_is_used_again_and_again_and_every_access_token_stays_good(
    client: Client, cast: Cast
) -> None:
    access, refresh = tokens(client, cast.alice)
    every = [access, *(refreshed(client, refresh) for _ in range(3))]
    for token in every:
        assert told(call(client, "/api/v3/process", token)) == (404, NOT_FOUND)
        assert (claims(token)["usefor"], claims(token)["exi"]) == ("access", 600)
    assert not Grant.objects.exists()
    assert Session.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_parallel_refreshes_with_one_token_all_succeed() -> None:
    cast = make_cast()
    _, refresh = tokens(Client(), cast.alice)

    def once(_: int) -> str:
        try:
            return refreshed(Client(), refresh)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(once, range(12)))) == 12


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer rubbish",
        "Basic YWxpY2U6c2VjcmV0",
        "JWT {refresh}",
        "{refresh}",
        "Bearer {refresh} more",
        "Bearer {access}",
    ],
)
def test_anything_but_a_refresh_token_as_bearer_is_401(
    client: Client, cast: Cast, header: str | None
) -> None:
    access, refresh = tokens(client, cast.alice)
    sent = {} if header is None else {"Authorization": header.format(**locals())}
    assert told(client.get(REFRESH, headers=sent)) == (401, NO_GOOD_TOKEN)


def test_the_scheme_is_read_in_any_case(client: Client, cast: Cast) -> None:
    _, refresh = tokens(client, cast.alice)
    answer = client.get(REFRESH, headers={"Authorization": f"bEARER {refresh}"})
    assert answer.status_code == 200


@pytest.mark.parametrize("where", ["cookie", "query"])
def test_a_token_in_a_cookie_or_a_query_is_no_token(client: Client, cast: Cast, where: str) -> None:
    access, refresh = tokens(client, cast.alice)
    for path, token in ((REFRESH, refresh), ("/api/v3/process", access)):
        if where == "cookie":
            for name in ("access_token", "refresh_token", "Authorization"):
                client.cookies[name] = token
        query = {"access_token": token, "refresh_token": token, "token": token}
        answer = client.get(path, query if where == "query" else {})
        assert told(answer) == (401, NO_GOOD_TOKEN)


def _ended(cast: Cast) -> None:
    client = ClientContext(contract="", now=timezone.now())
    sessions.end(Session.objects.get(), "by an administrator", client)


def _everything_ended(cast: Cast) -> None:
    User.objects.filter(pk=cast.alice.user.pk).update(security_epoch=1)


def _disabled(cast: Cast) -> None:
    User.objects.filter(pk=cast.alice.user.pk).update(state=User.State.DISABLED)


def _renamed(cast: Cast) -> None:
    cast.alice.user.username = "alicia"
    cast.alice.user.save()


def _deleted(cast: Cast) -> None:
    cast.alice.user.delete()


@pytest.mark.parametrize("over", [_ended, _everything_ended, _disabled, _renamed, _deleted])
def test_what_ends_the_session_kills_both_tokens_at_once(
    client: Client, cast: Cast, over: Any
) -> None:
    access, refresh = tokens(client, cast.alice)
    over(cast)
    assert told(call(client, REFRESH, refresh)) == (401, NO_GOOD_TOKEN)
    assert told(call(client, "/api/v3/process", access)) == (401, NO_GOOD_TOKEN)
    assert told(call(client, "/api", access)) == (200, SHORT)


def test_an_access_token_lives_ten_minutes_and_a_refresh_token_a_day(
    client: Client, cast: Cast
) -> None:
    access, refresh = tokens(client, cast.alice)
    with later(minutes=9.9):
        assert told(call(client, "/api/v3/process", access)) == (404, NOT_FOUND)
    with later(minutes=10.1):
        assert told(call(client, "/api/v3/process", access)) == (401, NO_GOOD_TOKEN)
        assert told(call(client, "/api", access)) == (200, SHORT)
    with later(hours=23, minutes=59):
        refreshed(client, refresh)
    with later(hours=24, seconds=1):
        assert told(call(client, REFRESH, refresh)) == (401, NO_GOOD_TOKEN)


def test_an_access_token_of_the_last_minute_says_600_seconds_and_ends_with_the_session(
    client: Client, cast: Cast
) -> None:
    _, refresh = tokens(client, cast.alice)
    with later(hours=23, minutes=59):
        last = refreshed(client, refresh)
        assert claims(last)["exp"] - claims(last)["iat"] == claims(last)["exi"] == 600
        assert told(call(client, "/api/v3/process", last)) == (404, NOT_FOUND)
    with later(hours=24, seconds=1):
        assert told(call(client, "/api/v3/process", last)) == (401, NO_GOOD_TOKEN)


def test_a_refresh_is_one_statement_and_a_bad_token_none(
    client: Client, cast: Cast, django_assert_num_queries: Any
) -> None:
    access, refresh = tokens(client, cast.alice)
    forged = refresh[:-2] + ("AA" if refresh[-2:] != "AA" else "BB")
    with django_assert_num_queries(1):
        refreshed(client, refresh)
    with django_assert_num_queries(0):
        for token in (forged, "rubbish", access):
            assert told(call(client, REFRESH, token)) == (401, NO_GOOD_TOKEN)
        with later(hours=25):
            assert told(call(client, REFRESH, refresh)) == (401, NO_GOOD_TOKEN)
