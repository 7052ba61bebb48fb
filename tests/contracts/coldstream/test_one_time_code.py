"""``POST /account/login/otp``: one code, one success, bound to the first step."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Session, User
from mfa import challenges
from mfa.models import Challenge
from tests.contracts.coldstream.account import (
    CODE,
    UNAUTHORIZED,
    bad_request,
    challenged,
    code,
    later,
    login,
    me,
    part,
    post,
    problem,
    told,
)
from tests.fixtures import PASSWORD, Cast

NONCE = "9f86d081884c7d659a2feaa0c55ad0"


def test_the_code_of_the_authenticator_app_completes_the_login(client: Client, cast: Cast) -> None:
    first = login(client, cast.bob.email, nonce=NONCE)
    token = first.json()["mfaToken"]
    assert told(first) == (200, f'{{"mfaToken":"{token}"}}'.encode())
    assert len(token) >= 43
    assert not Session.objects.exists()
    second = code(client, token, cast.bob.code(), NONCE)
    access = second.json()["accessToken"]
    assert told(second) == (200, f'{{"accessToken":"{access}"}}'.encode())
    assert me(client, access).json()["email"] == "bob@alpha.example"
    methods = [record["method"] for record in Session.objects.get().amr]
    assert methods == ["pwd", "otp"]


def test_blanks_around_the_code_are_no_part_of_it(client: Client, cast: Cast) -> None:
    token = challenged(client, cast.bob)
    assert code(client, token, f" \t{cast.bob.code()}\r\n").status_code == 200


@pytest.mark.parametrize(
    "otp",
    ["000000", "12345", "1234567", " ", "+12345", "12_345", "１２３４５６", "abcdef", "x" * 9999],
)
def test_whatever_is_not_the_code_is_401(client: Client, cast: Cast, otp: str) -> None:
    token = challenged(client, cast.bob)
    assert told(code(client, token, otp)) == UNAUTHORIZED


def test_a_recovery_code_is_no_code_here(client: Client, cast: Cast) -> None:
    token = challenged(client, cast.bob)
    assert told(code(client, token, cast.bob.recovery_codes[0])) == UNAUTHORIZED


def test_the_password_has_no_say_in_the_second_step(client: Client, cast: Cast) -> None:
    body = {"email": cast.bob.email, "password": PASSWORD, "otp": cast.bob.code(), "mfaToken": "x"}
    assert told(post(client, CODE, body)) == UNAUTHORIZED


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"otp": 123456}, "otp must be a string"),
        ({"otp": None}, "otp must be a string"),
        ({"otp": ["123456"]}, "otp must be a string"),
        ({"otp": True}, "otp must be a string"),
        ({"otp": ""}, "otp must not be empty"),
        ({"mfaToken": ""}, "mfaToken must not be empty"),
        ({"mfaToken": None}, "mfaToken must be a string"),
        ({"mfaToken": {"token": "x"}}, "mfaToken must be a string"),
    ],
)
def test_a_body_that_is_not_the_documented_one_is_400_and_costs_no_try(
    client: Client, cast: Cast, change: dict[str, Any], detail: str
) -> None:
    token = challenged(client, cast.bob)
    for _ in range(6):
        body = {"otp": "123456", "mfaToken": token, **change}
        assert told(post(client, CODE, body)) == bad_request(detail)
    assert code(client, token, cast.bob.code()).status_code == 200


@pytest.mark.parametrize(
    ("first", "second", "status"),
    [
        (NONCE, NONCE, 200),
        (NONCE, "another", 401),
        (NONCE, NONCE.upper(), 401),
        (NONCE, f"Bearer {NONCE}", 401),
        (NONCE, "", 401),
        (NONCE, None, 401),
        (None, None, 200),
        (None, NONCE, 200),
        ("", NONCE, 200),
        ("Basic YTpi", "Basic YTpi", 200),
    ],
)
def test_an_identity_token_of_the_first_step_must_come_again(
    client: Client, cast: Cast, first: str | None, second: str | None, status: int
) -> None:
    token = challenged(client, cast.bob, first)
    answer = code(client, token, cast.bob.code(), second)
    assert answer.status_code == status
    if status != 200:
        assert told(answer) == UNAUTHORIZED
        # Somebody else's try spoils nothing.
        assert code(client, token, cast.bob.code(), first).status_code == 200


def test_the_identity_token_is_stored_as_a_hash_only(client: Client, cast: Cast) -> None:
    challenged(client, cast.bob, NONCE)
    stored = challenges.nonce_hash(NONCE)
    assert NONCE not in str(Challenge.objects.values().get())
    assert Challenge.objects.get().nonce_hash == stored
    assert NONCE.encode() not in (stored or b"")


def test_an_mfa_token_works_once(client: Client, cast: Cast) -> None:
    token = challenged(client, cast.bob)
    assert code(client, token, cast.bob.code()).status_code == 200
    with later(seconds=61):
        assert told(code(client, token, cast.bob.code())) == UNAUTHORIZED


def test_a_code_works_once_also_with_a_new_mfa_token(client: Client, cast: Cast) -> None:
    otp = cast.bob.code()
    assert code(client, challenged(client, cast.bob), otp).status_code == 200
    assert told(code(client, challenged(client, cast.bob), otp)) == UNAUTHORIZED


def test_an_mfa_token_lives_five_minutes(client: Client, cast: Cast) -> None:
    token = challenged(client, cast.bob)
    with later(minutes=5, seconds=1):
        assert told(code(client, token, cast.bob.code())) == UNAUTHORIZED
    with later(minutes=4, seconds=50):
        assert code(client, token, cast.bob.code()).status_code == 200


def test_five_wrong_codes_end_the_mfa_token_and_then_the_tries(client: Client, cast: Cast) -> None:
    token = challenged(client, cast.bob)
    for _ in range(5):
        assert told(code(client, token, "000000")) == UNAUTHORIZED
    assert told(code(client, token, cast.bob.code())) == UNAUTHORIZED
    answer = code(client, challenged(client, cast.bob), cast.bob.code())
    assert told(answer) == problem(429, "Too Many Requests")
    assert 290 <= int(answer["Retry-After"]) <= 300
    with later(minutes=5, seconds=1):
        assert code(client, challenged(client, cast.bob), cast.bob.code()).status_code == 200


def test_tries_that_have_to_wait_do_not_use_the_mfa_token_up(client: Client, cast: Cast) -> None:
    """It is good for five wrong codes: what is told to wait was not looked at."""
    with later(minutes=-1):
        token = challenged(client, cast.bob)
        for _ in range(5):
            code(client, token, "000000")
    token = challenged(client, cast.bob)
    for _ in range(6):
        assert code(client, token, cast.bob.code()).status_code == 429
    with later(minutes=4, seconds=30):
        assert code(client, token, cast.bob.code()).status_code == 200


def test_an_mfa_token_is_nothing_but_that(client: Client, cast: Cast) -> None:
    token = challenged(client, cast.bob)
    assert told(me(client, token)) == UNAUTHORIZED
    for other in ("", token[:-1], f"{token}A", "rubbish", "x" * 9999):
        if other:
            assert told(code(client, other, cast.bob.code())) == UNAUTHORIZED


def test_an_mfa_token_of_another_contract_or_tenant_is_unknown_here(
    client: Client, cast: Cast
) -> None:
    token = challenged(client, cast.bob)
    body = {"otp": cast.bob.code(), "mfaToken": token}
    assert told(post(client, f"/t/beta{CODE}", body)) == UNAUTHORIZED
    Challenge.objects.update(contract="bytebase")
    assert told(post(client, CODE, body)) == UNAUTHORIZED


@pytest.mark.parametrize("change", [{"state": User.State.DISABLED}, {"security_epoch": 1}])
def test_an_account_that_changed_meanwhile_is_not_let_in(
    client: Client, cast: Cast, change: dict[str, Any]
) -> None:
    token = challenged(client, cast.bob)
    User.objects.filter(pk=cast.bob.user.pk).update(**change)
    assert told(code(client, token, cast.bob.code())) == UNAUTHORIZED
    assert not Session.objects.exists()


def test_the_token_of_both_steps_is_the_same_as_that_of_one(client: Client, cast: Cast) -> None:
    before = int(timezone.now().timestamp())
    access = code(client, challenged(client, cast.bob), cast.bob.code()).json()["accessToken"]
    claims = part(access, 1)
    assert list(claims) == ["iss", "aud", "sub", "email", "iat", "exp", "jti"]
    assert claims["exp"] - claims["iat"] == 8 * 3600
    assert claims["iat"] >= before
