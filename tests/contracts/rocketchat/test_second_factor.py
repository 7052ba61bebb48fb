"""The second factor at the login: the client sends the whole login again, with a code."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from accounts.models import Session, ThrottleBucket
from mfa.models import RecoveryCode
from tests.contracts.rocketchat.exchange import (
    CODE_INVALID,
    CODE_REQUIRED,
    LOGIN,
    UNAUTHORIZED,
    log_in,
    plain,
    refused,
    statements,
)
from tests.fixtures import PASSWORD, Cast

BOB: dict[str, Any] = {"user": "bob", "password": PASSWORD}
DIGEST = {"digest": hashlib.sha256(PASSWORD.encode()).hexdigest(), "algorithm": "sha-256"}


@pytest.mark.parametrize(
    "body",
    [
        BOB,
        {**BOB, "code": ""},
        {**BOB, "code": None},
        {"user": {"username": "bob"}, "password": DIGEST},
        {"ldap": True, "username": "bob", "ldapPass": PASSWORD, "ldapOptions": {}},
    ],
)
def test_a_right_password_alone_is_asked_for_a_code(
    client: Client, cast: Cast, body: dict[str, Any]
) -> None:
    refused(log_in(client, body), 401, CODE_REQUIRED)
    assert not Session.objects.exists()


def test_being_asked_for_a_code_counts_as_no_failure(client: Client, cast: Cast) -> None:
    for _ in range(12):
        refused(log_in(client, BOB), 401, CODE_REQUIRED)


@pytest.mark.parametrize(
    "body",
    [
        BOB,
        {"username": "bob", "password": PASSWORD},
        {"user": {"username": "bob"}, "password": PASSWORD},
        {"user": "bob", "password": DIGEST},
        {"ldap": True, "username": "bob", "ldapPass": PASSWORD, "ldapOptions": {}},
    ],
)
@pytest.mark.parametrize("place", ["body", "header"])
def test_a_code_is_taken_from_the_body_or_the_header(
    client: Client, cast: Cast, body: dict[str, Any], place: str
) -> None:
    code = cast.bob.code()
    answer = (
        log_in(client, {**body, "code": code})
        if place == "body"
        else log_in(client, body, headers={"x-2fa-code": code, "x-2fa-method": "email"})
    )
    assert answer.status_code == 200, answer.content
    plain(answer)
    me = answer.json()["data"]["me"]
    assert me["services"] == {"password": {"exists": True}, "totp": {"enabled": True}}
    assert [record["method"] for record in Session.objects.get().amr] == ["pwd", "otp"]


def test_the_code_of_the_body_goes_before_the_headers(client: Client, cast: Cast) -> None:
    code = cast.bob.code()
    wrong = log_in(client, {**BOB, "code": "000000"}, headers={"x-2fa-code": code})
    refused(wrong, 401, CODE_INVALID)
    assert log_in(client, {**BOB, "code": ""}, headers={"x-2fa-code": code}).status_code == 200


@pytest.mark.parametrize(
    "login",
    [
        {"user": {"username": "bob"}, "password": PASSWORD},
        {"user": {"email": "bob@alpha.example"}, "password": DIGEST},
        {"ldap": True, "username": "bob", "ldapPass": PASSWORD, "ldapOptions": {}},
    ],
)
def test_the_internal_form_carries_code_and_login(
    client: Client, cast: Cast, login: dict[str, Any]
) -> None:
    refused(log_in(client, {"totp": {"code": "000000", "login": login}}), 401, CODE_INVALID)
    answer = log_in(client, {"totp": {"code": cast.bob.code(), "login": login}})
    assert answer.status_code == 200, answer.content


def test_a_form_carries_a_code_too(client: Client, cast: Cast) -> None:
    body = urlencode({**BOB, "code": cast.bob.code()})
    answer = client.post(LOGIN, body, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 200, answer.content


def test_a_wrong_code_is_told_as_such(client: Client, cast: Cast) -> None:
    for code in ("000000", "00000000", "abc", " ", "x" * 60_000, "１２３４５６"):
        refused(log_in(client, {**BOB, "code": code}), 401, CODE_INVALID)
        ThrottleBucket.objects.all().delete()
    assert not Session.objects.exists()


def test_a_code_works_once(client: Client, cast: Cast) -> None:
    body = {**BOB, "code": cast.bob.code()}
    assert log_in(client, body).status_code == 200
    refused(log_in(client, body), 401, CODE_INVALID)


def test_every_saved_code_works_once(client: Client, cast: Cast) -> None:
    body = {**BOB, "code": cast.bob.recovery_codes[0]}
    answer = log_in(client, body)
    assert answer.status_code == 200, answer.content
    assert [record["method"] for record in Session.objects.get().amr] == ["pwd", "recovery"]
    assert RecoveryCode.objects.filter(used_at=None).count() == 9
    refused(log_in(client, body), 401, CODE_INVALID)
    assert log_in(client, {**BOB, "code": cast.bob.recovery_codes[1]}).status_code == 200


def test_too_many_wrong_codes_read_as_wrong_even_if_right(client: Client, cast: Cast) -> None:
    for _ in range(5):
        refused(log_in(client, {**BOB, "code": "000000"}), 401, CODE_INVALID)
    refused(log_in(client, {**BOB, "code": cast.bob.code()}), 401, CODE_INVALID)
    # The password alone is still asked for a code: nothing tells that codes are locked.
    refused(log_in(client, BOB), 401, CODE_REQUIRED)
    assert not Session.objects.exists()


def test_a_right_code_helps_no_wrong_password(client: Client, cast: Cast) -> None:
    code = cast.bob.code()
    refused(log_in(client, {**BOB, "password": "wrong", "code": code}), 401, UNAUTHORIZED)
    # And it was not spent on it.
    assert log_in(client, {**BOB, "code": code}).status_code == 200


def test_a_stale_code_of_a_user_without_a_second_factor_is_ignored(
    client: Client, cast: Cast
) -> None:
    body = {"user": "alice", "password": PASSWORD, "code": "abc"}
    assert log_in(client, body).status_code == 200
    answer = log_in(
        client, {"user": "alice", "password": PASSWORD}, headers={"x-2fa-code": "123456"}
    )
    assert answer.status_code == 200


def test_another_users_saved_code_is_wrong(client: Client, cast: Cast) -> None:
    RecoveryCode.objects.update(user=cast.alice.user)
    refused(log_in(client, {**BOB, "code": cast.bob.recovery_codes[0]}), 401, CODE_INVALID)
    assert not RecoveryCode.objects.exclude(used_at=None).exists()


def test_a_login_with_a_code_runs_eight_statements_at_most(client: Client, cast: Cast) -> None:
    log_in(client, BOB)
    with statements(8):
        assert log_in(client, {**BOB, "code": cast.bob.code()}).status_code == 200
