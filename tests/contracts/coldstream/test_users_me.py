"""``GET /users/me``: the user object, and what a token is worth."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.client import ClientContext
from accounts.contracts.coldstream.tokens import ACCESS
from accounts.login import sessions
from accounts.models import Session, User
from accounts.tokens import jwt
from tenants import resolve
from tests.contracts.coldstream.account import (
    ME,
    UNAUTHORIZED,
    access,
    later,
    login,
    me,
    part,
    told,
)
from tests.fixtures import PASSWORD, Cast


def test_the_user_object_is_told_whole(client: Client, cast: Cast) -> None:
    user = cast.alice.user
    user.given_name, user.family_name, user.phone = "Alice", "Liddell", "+44 20 7946 0000"
    user.save()
    token = access(client, cast.alice)
    expected = {
        "id": int(part(token, 1)["sub"]),
        "email": "alice@alpha.example",
        "firstName": "Alice",
        "secondName": "Liddell",
        "phone": "+44 20 7946 0000",
        "organizations": [{"id": cast.alpha.number, "name": "Alpha"}],
    }
    assert told(me(client, token)) == (200, json.dumps(expected, separators=(",", ":")).encode())


def test_what_an_account_has_not_is_null_or_empty(client: Client, cast: Cast) -> None:
    body = me(client, access(client, cast.alice)).json()
    assert (body["firstName"], body["secondName"], body["phone"]) == ("Alice", "", None)


def test_the_id_is_an_integer_that_stays(client: Client, cast: Cast) -> None:
    ids = {me(client, access(client, cast.alice)).json()["id"] for _ in range(2)}
    (number,) = ids
    assert type(number) is int
    assert 0 < number < 2**31
    assert me(client, access(client, cast.erin)).json()["id"] != number


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer rubbish",
        "{token}",
        "Basic {token}",
        "Bearer {token} x",
    ],
)
def test_anything_but_the_token_as_bearer_is_401(
    client: Client, cast: Cast, header: str | None
) -> None:
    token = access(client, cast.alice)
    sent = {} if header is None else {"Authorization": header.format(token=token)}
    assert told(client.get(ME, headers=sent)) == UNAUTHORIZED


def test_a_token_in_a_cookie_or_a_query_is_no_token(client: Client, cast: Cast) -> None:
    token = access(client, cast.alice)
    client.cookies["accessToken"] = token
    assert told(client.get(ME, {"accessToken": token, "access_token": token})) == UNAUTHORIZED


def _ended(cast: Cast) -> None:
    client = ClientContext(contract="", now=timezone.now())
    sessions.end(Session.objects.get(), "by an administrator", client)


def _everything_ended(cast: Cast) -> None:
    User.objects.filter(pk=cast.alice.user.pk).update(security_epoch=1)


def _disabled(cast: Cast) -> None:
    User.objects.filter(pk=cast.alice.user.pk).update(state=User.State.DISABLED)


def _deleted(cast: Cast) -> None:
    cast.alice.user.delete()


@pytest.mark.parametrize("over", [_ended, _everything_ended, _disabled, _deleted])
def test_what_ends_the_session_kills_the_token_at_once(
    client: Client, cast: Cast, over: Any
) -> None:
    token = access(client, cast.alice)
    over(cast)
    assert told(me(client, token)) == UNAUTHORIZED


def test_a_token_lives_eight_hours(client: Client, cast: Cast) -> None:
    token = access(client, cast.alice)
    with later(hours=7, minutes=59):
        assert me(client, token).status_code == 200
    with later(hours=8, seconds=1):
        assert told(me(client, token)) == UNAUTHORIZED


@pytest.mark.parametrize(("session", "life"), [(28800, 900), (300, 300)])
def test_a_tenants_session_never_makes_the_token_live_longer(
    client: Client, cast: Cast, session: int, life: int
) -> None:
    cast.alpha.contracts = {"coldstream": {"lifetimes": {"access": 900, "session": session}}}
    cast.alpha.save()
    resolve.invalidate()
    token = access(client, cast.alice)
    with later(seconds=life - 2):
        assert me(client, token).status_code == 200
    with later(seconds=life + 1):
        assert told(me(client, token)) == UNAUTHORIZED


def _text(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_a_forged_token_opens_nothing(client: Client, cast: Cast) -> None:
    token = access(client, cast.alice)
    other = access(client, cast.erin)
    head, body, signature = token.split(".")
    kid = part(token, 0)["kid"]
    public = client.get("/.well-known/jwks.json").content.decode()
    forged = [
        f"{head}.{body}",
        f"{head}.{body}.",
        f"{head}.{other.split('.')[1]}.{signature}",
        f"{_text({'alg': 'none', 'typ': 'JWT'})}.{body}.",
        f"{_text({'alg': 'none', 'kid': kid})}.{body}.{signature}",
        f"{_text({'alg': 'HS256', 'kid': kid})}.{body}.{signature}",
        f"{_text({'alg': 'ES256', 'kid': 'other'})}.{body}.{signature}",
        f"{_text({'alg': 'ES256', 'kid': [kid]})}.{body}.{signature}",
        f"{_text({'alg': 'ES256', 'kid': kid, 'jwk': public})}.{body}.{signature}",
        f"{_text({'alg': 'ES256', 'kid': kid, 'crit': ['exp']})}.{body}.{signature}",
        "x" * 9000,
    ]
    for text in forged:
        assert told(me(client, text)) == UNAUTHORIZED, text[:80]


@pytest.mark.parametrize("change", [{"aud": "bytebase"}, {"aud": None}, {"exp": None}])
def test_a_token_of_our_key_with_other_claims_opens_nothing(
    client: Client, cast: Cast, change: dict[str, Any]
) -> None:
    claims = part(access(client, cast.alice), 1)
    now = timezone.now()
    assert me(client, jwt.sign(ACCESS, cast.alpha.id, claims, now)).status_code == 200
    changed = {name: value for name, value in {**claims, **change}.items() if value}
    assert told(me(client, jwt.sign(ACCESS, cast.alpha.id, changed, now))) == UNAUTHORIZED


def test_another_contracts_token_opens_nothing(client: Client, cast: Cast) -> None:
    answer = client.post(
        "/api/login",
        {"username": "alice", "password": PASSWORD},
        content_type="application/json",
    )
    for token in answer.json().values():
        assert told(me(client, token)) == UNAUTHORIZED


def test_a_token_of_one_tenant_opens_nothing_at_anothers_address(
    client: Client, cast: Cast
) -> None:
    token = access(client, cast.alice)
    assert told(me(client, token, at="/t/beta")) == UNAUTHORIZED
    assert told(me(client, token, Host="beta.example.com")) == UNAUTHORIZED
    assert me(client, token, at="/t/alpha").status_code == 200
    foreign = login(client, "dave@beta.example").json()["accessToken"]
    assert told(me(client, foreign, at="/t/alpha")) == UNAUTHORIZED
    assert me(client, foreign).json()["organizations"][0]["name"] == "Beta"
