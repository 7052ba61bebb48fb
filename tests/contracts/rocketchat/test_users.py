"""``me`` and ``users.info``: who sees what of whom."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.models import SubjectIdentifier, User
from tests.contracts.rocketchat.exchange import TIME, USER_ID, plain, refused, signed_in, statements
from tests.fixtures import PASSWORD, Cast, Persona

INFO = "/api/v1/users.info"
NOT_FOUND = b'{"success":false,"error":"User not found."}'


def seen(persona: Persona, **more: Any) -> dict[str, Any]:
    """What everybody in the tenant sees of a person."""
    return {
        "_id": USER_ID,
        "name": persona.username.title(),
        "username": persona.username,
        "type": "user",
        "status": "offline",
        "utcOffset": 0,
        "active": True,
        **more,
        "canViewAllInfo": bool(more),
    }


def full(persona: Persona, **more: Any) -> dict[str, Any]:
    """What an administrator sees of a person."""
    return seen(
        persona,
        emails=[{"address": persona.email, "verified": True}],
        statusConnection="offline",
        createdAt=TIME,
        **more,
        roles=["user"],
    )


def test_me_is_the_me_of_the_login_at_top_level(client: Client, cast: Cast) -> None:
    headers = signed_in(client, "alice", PASSWORD)
    answer = client.get("/api/v1/me", headers=headers)
    assert answer.status_code == 200
    plain(answer)
    expected = {
        "_id": headers["X-User-Id"],
        "name": "Alice",
        "username": "alice",
        "emails": [{"address": "alice@alpha.example", "verified": True}],
        "email": "alice@alpha.example",
        "status": "offline",
        "statusConnection": "offline",
        "utcOffset": 0,
        "active": True,
        "roles": ["user"],
        "services": {"password": {"exists": True}},
        "settings": {"profile": {}, "preferences": {}},
        "avatarUrl": "http://testserver/avatar/alice",
        "isOAuthUser": False,
        "_updatedAt": TIME,
        "success": True,
    }
    assert answer.json() == expected
    assert list(answer.json()) == list(expected)


def test_nothing_secret_is_in_me(client: Client, cast: Cast) -> None:
    body = {"code": cast.bob.code()}
    headers = signed_in(client, "bob", PASSWORD, **body)
    text = client.get("/api/v1/me", headers=headers).content.decode()
    user = User.objects.get(pk=cast.bob.user.pk)
    for secret in (user.password, str(user.pk), "argon2", headers["X-Auth-Token"]):
        assert secret not in text


def test_an_unusual_user_name_is_quoted_in_the_avatars_address(client: Client, cast: Cast) -> None:
    User.objects.filter(pk=cast.alice.user.pk).update(username="a/b ü", username_key="a/b ü")
    headers = signed_in(client, "a/b ü", PASSWORD)
    me = client.get("/api/v1/me", headers=headers).json()
    assert me["avatarUrl"] == "http://testserver/avatar/a%2Fb%20%C3%BC"


class TestUsersInfo:
    @pytest.mark.parametrize("selector", ["userId", "username", "email"])
    def test_everybody_sees_himself_in_full(
        self, client: Client, cast: Cast, selector: str
    ) -> None:
        headers = signed_in(client, "alice", PASSWORD)
        value = {
            "userId": headers["X-User-Id"],
            "username": "alice",
            "email": cast.alice.email,
        }[selector]
        answer = client.get(INFO, {selector: value}, headers=headers)
        assert answer.status_code == 200
        plain(answer)
        expected = full(cast.alice, lastLogin=TIME)
        expected["services"] = {"password": {"exists": True}}
        assert answer.json() == {"user": expected, "success": True}
        assert answer.json()["user"]["_id"] == headers["X-User-Id"]

    def test_others_are_seen_without_address_and_roles(self, client: Client, cast: Cast) -> None:
        headers = signed_in(client, "alice", PASSWORD)
        answer = client.get(INFO, {"username": "erin"}, headers=headers)
        assert answer.json() == {"user": seen(cast.erin), "success": True}

    @pytest.mark.parametrize("office", ["is_staff", "is_superuser"])
    def test_an_officer_sees_all_but_how_others_log_in(
        self, client: Client, cast: Cast, office: str
    ) -> None:
        User.objects.filter(pk=cast.alice.user.pk).update(**{office: True})
        headers = signed_in(client, "alice", PASSWORD)
        answer = client.get(INFO, {"username": "erin"}, headers=headers)
        assert answer.json() == {"user": full(cast.erin), "success": True}

    def test_a_deactivated_account_and_a_machine_are_shown_as_such(
        self, client: Client, cast: Cast
    ) -> None:
        headers = signed_in(client, "alice", PASSWORD)
        carol = client.get(INFO, {"username": "carol"}, headers=headers).json()["user"]
        assert carol == {**seen(cast.carol), "active": False}
        svc = client.get(INFO, {"username": "svc"}, headers=headers).json()["user"]
        assert svc == {**seen(cast.svc), "name": "svc", "type": "bot"}

    def test_the_id_that_was_told_of_somebody_stays_his(self, client: Client, cast: Cast) -> None:
        headers = signed_in(client, "alice", PASSWORD)
        told = client.get(INFO, {"username": "erin"}, headers=headers).json()["user"]["_id"]
        assert signed_in(client, "erin", PASSWORD)["X-User-Id"] == told
        again = client.get(INFO, {"userId": told}, headers=headers).json()["user"]
        assert again["username"] == "erin"
        assert SubjectIdentifier.objects.filter(user=cast.erin.user).count() == 1

    def test_nobody_outside_the_tenant_is_known(self, client: Client, cast: Cast) -> None:
        beta = signed_in(client, cast.dave.email, PASSWORD)
        headers = signed_in(client, "alice", PASSWORD)
        for query in (
            {"username": "dave"},
            {"email": cast.dave.email},
            {"userId": beta["X-User-Id"]},
            {"username": "nobody"},
            {"username": "alice@alpha.example"},
            {"userId": "alice"},
            {"userId": "x" * 1000},
            {"username": "é" * 1000},
        ):
            refused(client.get(INFO, query, headers=headers), 400, NOT_FOUND)

    @pytest.mark.parametrize("query", [{}, {"importId": "x"}, {"username": ""}, {"userId": "\0"}])
    def test_no_selector_is_told(self, client: Client, cast: Cast, query: dict[str, str]) -> None:
        headers = signed_in(client, "alice", PASSWORD)
        refused(
            client.get(INFO, query, headers=headers),
            400,
            b'{"success":false,"error":"must have required property \'userId\'\\n '
            b"must have required property 'username'\\n must have required property 'email'\\n "
            b'must match a schema in anyOf [invalid-params]","errorType":"invalid-params"}',
        )

    def test_it_runs_two_statements(self, client: Client, cast: Cast) -> None:
        headers = signed_in(client, "alice", PASSWORD)
        with statements(2):
            client.get(INFO, {"userId": headers["X-User-Id"]}, headers=headers)
