"""The accepted forms of the login and its whole answer."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Grant, LoginEvent, Session, User
from tests.contracts.rocketchat.exchange import (
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
    token_headers,
)
from tests.fixtures import PASSWORD, Cast, Persona

DIGEST = hashlib.sha256(PASSWORD.encode()).hexdigest()


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


UNUSABLE: list[Any] = [
    {"username": "alice@alpha.example", "password": PASSWORD},
    {"email": "alice", "password": PASSWORD},
    {"user": {"username": "alice", "email": "alice@alpha.example"}, "password": PASSWORD},
    {"user": {"name": "alice"}, "password": PASSWORD},
    {"user": {}, "password": PASSWORD},
    {"user": ["alice"], "password": PASSWORD},
    {"user": 7, "password": PASSWORD},
    {"user": {"username": {"$ne": ""}}, "password": PASSWORD},
    {"user": "", "password": PASSWORD},
    {"username": 7, "password": PASSWORD},
    {"password": PASSWORD},
    {"user": "alice"},
    {"user": "alice", "password": ""},
    {"user": "alice", "password": None},
    {"user": "alice", "password": 7},
    {"user": "alice", "password": ["a"]},
    {"user": "alice", "password": "x" * 257},
    {"user": "alice", "password": {"digest": DIGEST}},
    {"user": "alice", "password": {"digest": DIGEST.upper(), "algorithm": "sha-256"}},
    {"user": "alice", "password": {"digest": DIGEST, "algorithm": "sha-512"}},
    {"user": "alice", "password": {"digest": DIGEST, "algorithm": "sha-256", "x": 1}},
    {"user": "alice", "password": {"digest": "0" * 64, "algorithm": "sha-256"}},
    {"user": "alice", "password": {"hashed": DIGEST}},
    {"user": "alice", "password": PASSWORD, "code": 123456},
    {"user": "alice", "password": PASSWORD, "unknown": 1},
    {"user": {"username": "alice"}, "password": PASSWORD, "unknown": 1},
    {"user": "alice", "password": PASSWORD, "resume": "x" * 43},
    {"ldap": True, "username": "alice", "password": PASSWORD},
    {"ldap": True, "username": "alice", "ldapPass": ""},
    {"ldap": True, "username": {"username": "alice"}, "ldapPass": PASSWORD},
    # The inner login is not brought into form, so its user must be an object.
    {"totp": {"code": "123456", "login": {"user": "alice", "password": PASSWORD}}},
    {"totp": {"code": "", "login": {"user": {"username": "alice"}, "password": PASSWORD}}},
    {"totp": {"login": {"user": {"username": "alice"}, "password": PASSWORD}}},
    {"totp": "123456"},
    {"totp": {"code": "123456", "login": []}},
    # Other providers are not served over this contract.
    {"serviceName": "google", "accessToken": "t", "expiresIn": 200, "idToken": "t"},
    {"serviceName": "facebook", "accessToken": "t", "secret": "s", "expiresIn": 200},
    {"crowd": True, "username": "alice", "crowdPassword": PASSWORD},
    {},
    [],
    None,
    "alice",
    7,
]


def test_everything_else_is_refused_like_a_wrong_password(client: Client, cast: Cast) -> None:
    for body in UNUSABLE:
        answer = log_in(client, body)
        assert (answer.status_code, answer.content) == (401, UNAUTHORIZED), body
        plain(answer)
    assert not Session.objects.exists()


UNREADABLE = [
    ("application/json", b""),
    ("application/json", b"{"),
    ("application/json", b'{"user":"alice","user":"alice","password":"%s"}'),
    ("application/json", b'{"user":"alice","password":"\\u0000"}'),
    ("application/json", b'{"user":"alice\x00","password":"p"}'),
    ("application/json", b'{"user":"\xff","password":"p"}'),
    ("application/json", b'{"user":"alice","password":"\\ud800"}'),
    ("application/json", b"[" * 10_000 + b"]" * 10_000),
    ("application/json", b'{"a":' * 10_000 + b"1" + b"}" * 10_000),
    ("application/json", b'{"user":"alice","password":NaN}'),
    ("application/json", b'{"user":"alice","password":"' + b"x" * 60_000 + b'"}'),
    ("application/json", b'{"user":"' + b"x" * 60_000 + b'","password":"p"}'),
    ("application/x-www-form-urlencoded", b"user=%ff&password=p"),
    ("application/x-www-form-urlencoded", b"user=alice&password=%00"),
    ("application/x-www-form-urlencoded", b"&".join(b"a%d=1" % n for n in range(300))),
    ("application/x-www-form-urlencoded", b"user[username]=alice&password=p"),
    ("text/plain", b'{"user":"alice","password":"correct horse battery staple"}'),
    ("multipart/form-data; boundary=x", b"--x--"),
    ("", b'{"user":"alice","password":"correct horse battery staple"}'),
    ("application/json; charset=bz2_codec", b"BZh9"),
]


def test_a_body_that_cannot_be_read_has_no_usable_members(client: Client, cast: Cast) -> None:
    for content_type, body in UNREADABLE:
        answer = client.generic("POST", LOGIN, body, content_type=content_type)
        assert (answer.status_code, answer.content) == (401, UNAUTHORIZED), body[:80]
        plain(answer)
    assert not Session.objects.exists()


def test_a_body_beyond_the_limit_is_refused_unread(client: Client, cast: Cast) -> None:
    body = b'{"user":"alice","password":"' + b"x" * 3_000_000 + b'"}'
    answer = client.post(LOGIN, body, content_type="application/json")
    refused(answer, 413, b'{"success":false,"error":"Request body is too large"}')


def test_a_content_type_may_have_parameters(client: Client, cast: Cast) -> None:
    body = b'{"user":"alice","password":"correct horse battery staple"}'
    answer = client.post(LOGIN, body, content_type="Application/JSON;charset=utf-8")
    assert answer.status_code == 200


def test_members_that_nobody_asked_for_change_no_account(client: Client, cast: Cast) -> None:
    before = User.objects.values().get(pk=cast.alice.user.pk)
    body = {"user": "alice", "password": PASSWORD, "is_superuser": True, "roles": ["admin"]}
    refused(log_in(client, body), 401, UNAUTHORIZED)
    assert User.objects.values().get(pk=cast.alice.user.pk) == before


def test_outer_blanks_of_a_password_count(client: Client, cast: Cast) -> None:
    refused(log_in(client, {"user": "alice", "password": f" {PASSWORD}"}), 401, UNAUTHORIZED)


class TestResume:
    def test_the_same_token_comes_back_and_its_end_stays(self, client: Client, cast: Cast) -> None:
        first = log_in(client, {"user": "alice", "password": PASSWORD})
        ends = Grant.objects.values("expires_at", "session__expires_at").get()
        again = log_in(client, {"resume": first.json()["data"]["authToken"]})
        assert (again.status_code, again.json()) == (200, first.json())
        plain(again)
        assert Grant.objects.values("expires_at", "session__expires_at").get() == ends
        assert Session.objects.count() == 1

    def test_it_runs_one_statement(self, client: Client, cast: Cast) -> None:
        token = signed_in(client, "alice", PASSWORD)["X-Auth-Token"]
        with statements(1):
            assert log_in(client, {"resume": token}).status_code == 200

    def test_it_asks_for_no_second_factor(self, client: Client, cast: Cast) -> None:
        body = {"user": "bob", "password": PASSWORD, "code": cast.bob.code()}
        token = token_headers(log_in(client, body))["X-Auth-Token"]
        assert log_in(client, {"resume": token}).status_code == 200

    def test_a_form_resumes_too(self, client: Client, cast: Cast) -> None:
        token = signed_in(client, "alice", PASSWORD)["X-Auth-Token"]
        answer = client.post(
            LOGIN, urlencode({"resume": token}), content_type="application/x-www-form-urlencoded"
        )
        assert answer.json()["data"]["authToken"] == token

    def test_the_token_speaks_before_a_password(self, client: Client, cast: Cast) -> None:
        token = signed_in(client, "alice", PASSWORD)["X-Auth-Token"]
        body = {"resume": token, "user": "bob", "password": "wrong"}
        assert log_in(client, body).json()["data"]["me"]["username"] == "alice"

    def test_an_unknown_token_is_unauthorized(self, client: Client, cast: Cast) -> None:
        tokens: list[Any] = ["x" * 43, "x" * 42, "x" * 65_000, "é" * 43, 7, ["x"], {}]
        for token in tokens:
            refused(log_in(client, {"resume": token}), 401, UNAUTHORIZED)

    def test_a_token_of_another_form_costs_no_statement(self, client: Client, cast: Cast) -> None:
        log_in(client, {"resume": "x" * 42})
        with statements(0):
            log_in(client, {"resume": "x" * 42})

    def test_a_cut_or_padded_token_is_unknown(self, client: Client, cast: Cast) -> None:
        token = signed_in(client, "alice", PASSWORD)["X-Auth-Token"]
        for other in (token[:-1], token + "A", token.swapcase(), token + "=", " " + token):
            refused(log_in(client, {"resume": other}), 401, UNAUTHORIZED)

    def test_an_expired_token_is_unauthorized(self, client: Client, cast: Cast) -> None:
        token = signed_in(client, "alice", PASSWORD)["X-Auth-Token"]
        past = timezone.now() - timedelta(seconds=1)
        Grant.objects.update(expires_at=past)
        refused(log_in(client, {"resume": token}), 401, UNAUTHORIZED)

    @pytest.mark.parametrize(
        "change",
        [
            {"state": User.State.DISABLED},
            {"security_epoch": 1},
        ],
    )
    def test_a_deactivated_account_has_no_tokens_left(
        self, client: Client, cast: Cast, change: dict[str, Any]
    ) -> None:
        token = signed_in(client, "alice", PASSWORD)["X-Auth-Token"]
        User.objects.filter(pk=cast.alice.user.pk).update(**change)
        refused(log_in(client, {"resume": token}), 401, UNAUTHORIZED)

    def test_a_token_of_another_contract_resumes_nothing(self, client: Client, cast: Cast) -> None:
        token = signed_in(client, "alice", PASSWORD)["X-Auth-Token"]
        Session.objects.update(contract="bytebase")
        refused(log_in(client, {"resume": token}), 401, UNAUTHORIZED)

    def test_a_refresh_token_resumes_nothing(self, client: Client, cast: Cast) -> None:
        token = signed_in(client, "alice", PASSWORD)["X-Auth-Token"]
        Grant.objects.update(kind=Grant.Kind.REFRESH)
        refused(log_in(client, {"resume": token}), 401, UNAUTHORIZED)


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
