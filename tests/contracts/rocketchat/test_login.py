"""The accepted forms of the login and its whole answer."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from accounts.models import LoginEvent, User
from tests.contracts.rocketchat.exchange import (
    DIGEST,
    LOGIN,
    TIME,
    TOKEN,
    UNAUTHORIZED,
    USER_ID,
    log_in,
    plain,
    refused,
    signed_in,
    statements,
)
from tests.fixtures import PASSWORD, Cast, Persona


def me_of(persona: Persona, **more: Any) -> dict[str, Any]:
    """The ``me`` of a plain person, whole."""
    return {
        "_id": USER_ID,
        "name": persona.username.title(),
        "username": persona.username,
        "emails": [{"address": persona.email, "verified": True}],
        "email": persona.email,
        "status": "offline",
        "statusConnection": "offline",
        "utcOffset": 0,
        "active": True,
        "roles": ["user"],
        "services": {"password": {"exists": True}},
        **more,
        "settings": {"profile": {}, "preferences": {}},
        "avatarUrl": f"http://testserver/avatar/{persona.username}",
        "isOAuthUser": False,
        "_updatedAt": TIME,
    }


def test_a_right_password_gives_token_user_id_and_me(client: Client, cast: Cast) -> None:
    answer = log_in(client, {"user": "alice", "password": PASSWORD})
    assert answer.status_code == 200
    plain(answer)
    told = answer.json()
    expected = {
        "status": "success",
        "data": {"userId": USER_ID, "authToken": TOKEN, "me": me_of(cast.alice)},
        "success": True,
    }
    assert told == expected
    assert list(told) == list(expected)
    assert list(told["data"]) == ["userId", "authToken", "me"]
    assert list(told["data"]["me"]) == list(me_of(cast.alice))
    assert told["data"]["me"]["_id"] == told["data"]["userId"]


ALICES_LOGINS: list[Any] = [
    {"user": "alice", "password": PASSWORD},
    {"user": "ALICE", "password": PASSWORD},
    {"user": "alice@alpha.example", "password": PASSWORD},
    {"username": "alice", "password": PASSWORD},
    {"email": "alice@alpha.example", "password": PASSWORD},
    {"user": {"username": "alice"}, "password": PASSWORD},
    {"user": {"email": "alice@alpha.example"}, "password": PASSWORD},
    {"user": "alice", "password": {"digest": DIGEST, "algorithm": "sha-256"}},
    {"user": {"username": "alice"}, "password": {"digest": DIGEST, "algorithm": "sha-256"}},
    {"ldap": True, "username": "alice", "ldapPass": PASSWORD, "ldapOptions": {}},
    {"ldap": True, "username": "alice@alpha.example", "ldapPass": PASSWORD, "ldapOptions": {}},
    {"user": "alice", "password": PASSWORD, "code": "123456"},
    {"user": "alice", "password": PASSWORD, "code": None},
    {"user": "alice", "password": PASSWORD, "code": ""},
    # Of several names the first of user, username, email counts.
    {"user": "alice", "username": "bob", "email": "bob@alpha.example", "password": PASSWORD},
    {"username": "alice", "email": "bob@alpha.example", "password": PASSWORD},
    {"user": None, "username": "alice", "password": PASSWORD},
    {"username": "", "email": "alice@alpha.example", "password": PASSWORD},
    # An empty token is none; a code may come around the whole login.
    {
        "resume": "",
        "totp": {"code": "1", "login": {"user": {"username": "alice"}, "password": PASSWORD}},
    },
]


def test_every_documented_form_logs_alice_in(client: Client, cast: Cast) -> None:
    for body in ALICES_LOGINS:
        answer = log_in(client, body)
        assert answer.status_code == 200, (body, answer.content)
        assert answer.json()["data"]["me"] == me_of(cast.alice), body


def test_a_form_encoded_login_is_the_same(client: Client, cast: Cast) -> None:
    for name in ({"user": "alice"}, {"username": "alice"}, {"email": cast.alice.email}):
        body = urlencode({**name, "password": PASSWORD, "code": "000000"})
        answer = client.post(
            LOGIN, body, content_type="application/x-www-form-urlencoded; charset=UTF-8"
        )
        assert answer.status_code == 200, answer.content
        assert answer.json()["data"]["me"] == me_of(cast.alice)


def test_the_user_id_is_a_name_too(client: Client, cast: Cast) -> None:
    user_id = signed_in(client, "alice", PASSWORD)["X-User-Id"]
    answer = log_in(client, {"user": {"id": user_id}, "password": PASSWORD})
    assert answer.json()["data"]["userId"] == user_id


def test_the_user_id_stays_the_same_for_life(client: Client, cast: Cast) -> None:
    first, second = (signed_in(client, "alice", PASSWORD) for _ in range(2))
    assert first["X-User-Id"] == second["X-User-Id"]
    assert first["X-Auth-Token"] != second["X-Auth-Token"]


class TestAccounts:
    def test_a_machine_logs_in_with_its_secret(self, client: Client, cast: Cast) -> None:
        answer = log_in(client, {"user": "svc", "password": cast.svc.client_secret})
        assert answer.status_code == 200, answer.content
        assert answer.json()["data"]["me"]["services"] == {"password": {"exists": False}}

    def test_the_digest_of_a_machines_secret_opens_nothing(
        self, client: Client, cast: Cast
    ) -> None:
        digest = hashlib.sha256(cast.svc.client_secret.encode()).hexdigest()
        body = {"user": "svc", "password": {"digest": digest, "algorithm": "sha-256"}}
        refused(log_in(client, body), 401, UNAUTHORIZED)

    def test_a_password_that_must_be_changed_is_told_and_works(
        self, client: Client, cast: Cast
    ) -> None:
        User.objects.filter(pk=cast.alice.user.pk).update(must_change_password=True)
        me = log_in(client, {"user": "alice", "password": PASSWORD}).json()["data"]["me"]
        assert me == me_of(cast.alice, requirePasswordChange=True)

    def test_groups_are_roles_and_a_superuser_is_admin(self, client: Client, cast: Cast) -> None:
        cast.alice.user.member_of.create(tenant=cast.alpha, name="leader")
        User.objects.filter(pk=cast.alice.user.pk).update(is_superuser=True)
        me = log_in(client, {"user": "alice", "password": PASSWORD}).json()["data"]["me"]
        assert me == {**me_of(cast.alice), "roles": ["user", "leader", "admin"]}

    def test_an_unverified_address_is_no_email(self, client: Client, cast: Cast) -> None:
        User.objects.filter(pk=cast.alice.user.pk).update(email_verified=False)
        me = log_in(client, {"user": "alice", "password": PASSWORD}).json()["data"]["me"]
        expected = me_of(cast.alice)
        expected["emails"][0]["verified"] = False
        del expected["email"]
        assert me == expected

    def test_members_without_a_value_are_left_out(self, client: Client, cast: Cast) -> None:
        User.objects.filter(pk=cast.alice.user.pk).update(email="", email_key="", display_name="")
        me = log_in(client, {"user": "alice", "password": PASSWORD}).json()["data"]["me"]
        assert "emails" not in me
        assert "email" not in me
        assert me["name"] == "alice"


class TestTenants:
    def test_a_prefix_names_the_tenant(self, client: Client, cast: Cast) -> None:
        answer = log_in(client, {"user": "alice", "password": PASSWORD}, at="/t/beta")
        me = answer.json()["data"]["me"]
        assert me["emails"] == [{"address": cast.alice_of_beta.email, "verified": True}]
        assert me["avatarUrl"] == "http://testserver/t/beta/avatar/alice"

    def test_a_host_names_the_tenant(self, client: Client, cast: Cast) -> None:
        body = {"user": "alice", "password": PASSWORD}
        answer = log_in(client, body, headers={"Host": "beta.example.com"})
        assert answer.json()["data"]["me"]["email"] == cast.alice_of_beta.email

    @pytest.mark.parametrize("member", ["user", "email"])
    def test_the_domain_of_an_address_names_the_tenant(
        self, client: Client, cast: Cast, member: str
    ) -> None:
        answer = log_in(client, {member: cast.dave.email, "password": PASSWORD})
        assert answer.json()["data"]["me"]["username"] == "dave"

    def test_nobody_logs_in_at_another_tenants_address(self, client: Client, cast: Cast) -> None:
        body = {"user": cast.dave.email, "password": PASSWORD}
        refused(log_in(client, body, at="/t/alpha"), 401, UNAUTHORIZED)

    def test_a_user_id_names_nobody_in_another_tenant(self, client: Client, cast: Cast) -> None:
        user_id = signed_in(client, "alice", PASSWORD)["X-User-Id"]
        body = {"user": {"id": user_id}, "password": PASSWORD}
        refused(log_in(client, body, at="/t/beta"), 401, UNAUTHORIZED)

    def test_a_token_resumes_nothing_at_another_tenants_address(
        self, client: Client, cast: Cast
    ) -> None:
        token = signed_in(client, "alice", PASSWORD)["X-Auth-Token"]
        refused(log_in(client, {"resume": token}, at="/t/beta"), 401, UNAUTHORIZED)
        assert log_in(client, {"resume": token}, at="/t/alpha").status_code == 200


def test_a_login_runs_five_statements_at_most(client: Client, cast: Cast) -> None:
    signed_in(client, "alice", PASSWORD)
    with statements(4):
        signed_in(client, "alice", PASSWORD)


def test_every_verdict_is_on_record(client: Client, cast: Cast) -> None:
    log_in(client, {"user": "alice", "password": "wrong"})
    log_in(client, {"user": "nobody", "password": "wrong"})
    log_in(client, {"user": "alice", "password": PASSWORD})
    rows = LoginEvent.objects.filter(contract="rocketchat").order_by("at")
    assert [(row.event, row.reason) for row in rows] == [
        ("login:subject:refused", "wrong_password"),
        ("login:subject:refused", "unknown_subject"),
        ("login:subject:accepted", ""),
    ]
