"""Bodies that are no login: refused like a wrong password."""

from __future__ import annotations

from typing import Any

from django.test import Client

from accounts.models import Session, User
from tests.contracts.rocketchat.exchange import DIGEST, LOGIN, UNAUTHORIZED, log_in, plain, refused
from tests.fixtures import PASSWORD, Cast

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
