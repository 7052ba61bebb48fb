"""``POST /api/login``: who gets tokens, and in which words the others are refused."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from accounts import provisioning
from accounts.models import LoginEvent, Session
from mfa.models import Passkey
from tenants import resolve
from tenants.hashing import Overloaded
from tenants.models import TenantPolicy
from tests.contracts.datarhei.core import (
    NO_CREDENTIALS,
    NO_GOOD_TOKEN,
    NOT_FOUND,
    WRONG_CREDENTIALS,
    call,
    claims,
    login,
    tokens,
    told,
)
from tests.fixtures import PASSWORD, Cast

JSON = "application/json"


def test_a_right_password_gives_an_access_and_a_refresh_token_and_nothing_else(
    client: Client, cast: Cast
) -> None:
    answer = login(client, "alice")
    status, body = told(answer)
    assert status == 200
    members = answer.json()
    assert list(members) == ["access_token", "refresh_token"]
    assert body == json.dumps(members, separators=(",", ":")).encode()
    session = Session.objects.get()
    assert (session.user, session.contract) == (cast.alice.user, "datarhei")
    assert session.expires_at - session.auth_time == timedelta(hours=24)


def test_parameters_of_the_media_type_unknown_members_and_queries_are_ignored(
    client: Client, cast: Cast
) -> None:
    answer = client.post(
        "/api/login?domain=example.eu.auth0.com",
        json.dumps({"username": "alice", "password": PASSWORD, "remember": {"me": [True]}}),
        content_type="Application/JSON; charset=utf-8",
    )
    assert answer.status_code == 200


@pytest.mark.parametrize("name", ["alice", "ALICE", "alice@alpha.example"])
def test_the_user_name_in_either_case_and_the_address_mean_the_user_and_sub_is_the_name(
    client: Client, cast: Cast, name: str
) -> None:
    answer = login(client, name)
    assert claims(answer.json()["access_token"])["sub"] == "alice"


def test_a_service_account_logs_in_with_its_client_id_and_secret(
    client: Client, cast: Cast
) -> None:
    answer = login(client, cast.svc.client_id, cast.svc.client_secret)
    assert claims(answer.json()["access_token"])["sub"] == "svc"


def test_the_password_is_compared_exactly(client: Client, cast: Cast) -> None:
    provisioning.create_user(cast.alpha, "blank", password="  a password in blanks  ")
    assert login(client, "blank", "  a password in blanks  ").status_code == 200
    assert told(login(client, "blank", "a password in blanks")) == (401, WRONG_CREDENTIALS)


def _unknown(cast: Cast) -> tuple[str, str]:
    return "nobody", PASSWORD


def _wrong(cast: Cast) -> tuple[str, str]:
    return "alice", "wrong"


def _long(cast: Cast) -> tuple[str, str]:
    return "alice", "x" * 60_000


def _disabled(cast: Cast) -> tuple[str, str]:
    return "carol", PASSWORD


def _other_tenant(cast: Cast) -> tuple[str, str]:
    return "dave", PASSWORD


def _second_factor(cast: Cast) -> tuple[str, str]:
    return "bob", PASSWORD


def _security_key(cast: Cast) -> tuple[str, str]:
    Passkey.objects.create(user=cast.alice.user, credential_id=b"k", public_key=b"p", name="key")
    return "alice", PASSWORD


def _must_change(cast: Cast) -> tuple[str, str]:
    cast.alice.user.must_change_password = True
    cast.alice.user.save()
    return "alice", PASSWORD


def _must_enrol(cast: Cast) -> tuple[str, str]:
    TenantPolicy(tenant=cast.alpha, second_factor="required").save()
    resolve.invalidate()
    return "alice", PASSWORD


def _no_password(cast: Cast) -> tuple[str, str]:
    return "svc", PASSWORD


@pytest.mark.parametrize(
    "case",
    [
        _unknown,
        _wrong,
        _long,
        _disabled,
        _other_tenant,
        _second_factor,
        _security_key,
        _must_change,
        _must_enrol,
        _no_password,
    ],
)
def test_whatever_else_is_wrong_is_a_wrong_password_to_the_byte(
    client: Client, cast: Cast, case: Any
) -> None:
    name, password = case(cast)
    answer, plain = login(client, name, password), login(client, "alice", "not this one")
    assert told(answer) == told(plain) == (401, WRONG_CREDENTIALS)
    assert dict(answer.headers) == dict(plain.headers)
    assert not Session.objects.exists()
    assert LoginEvent.objects.filter(event="login:subject:refused").count() == 2


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"null",
        b"[]",
        b'"alice"',
        b'["alice","secret"]',
        b'{"username":"alice"}',
        b'{"password":"secret"}',
        b'{"username":"","password":"secret"}',
        b'{"username":"alice","password":""}',
        b'{"username":"","password":""}',
        b'{"username":null,"password":"secret"}',
        b'{"username":"alice","password":12345678}',
        b'{"username":["alice"],"password":"secret"}',
        b'{"username":"alice","password":{"$ne":""}}',
        b'{"username":"alice","password":true}',
        b'{"username":"alice","password":"secret"',
        b'{"username":"alice","username":"bob","password":"secret"}',
        b'{"username":"alice","password":"sec\\u0000ret"}',
        b'{"username":"alice","password":"\\ud800"}',
        b'{"username":"alice","password":"\xff"}',
        b"username=alice&password=secret",
        b"[" * 10_000,
    ],
)
def test_a_body_without_both_members_as_texts_is_no_credentials_at_all(
    client: Client, cast: Cast, body: bytes
) -> None:
    answer = client.generic("POST", "/api/login", body, content_type=JSON)
    assert told(answer) == (400, NO_CREDENTIALS)


@pytest.mark.parametrize(
    "media",
    ["", "text/plain", "application/x-www-form-urlencoded", "application/problem+json", "json"],
)
def test_a_wrong_media_type_is_a_missing_body_and_never_a_415(
    client: Client, cast: Cast, media: str
) -> None:
    body = json.dumps({"username": "alice", "password": PASSWORD})
    answer = client.generic("POST", "/api/login", body, content_type=media)
    assert told(answer) == (400, NO_CREDENTIALS)


@pytest.mark.parametrize("body", [b"", b'{"username":"","password":""}'])
def test_a_bearer_token_alone_logs_nobody_in(client: Client, cast: Cast, body: bytes) -> None:
    access, refresh = tokens(client, cast.alice)
    for token in (access, refresh, "eyJhbGciOiJub25lIn0.e30."):
        answer = call(client, "/api/login", token, "POST", data=body, content_type=JSON)
        assert told(answer) == (400, NO_CREDENTIALS)


def test_a_password_in_the_body_decides_and_the_header_has_no_say(
    client: Client, cast: Cast
) -> None:
    access, _ = tokens(client, cast.alice)
    for password, status in ((PASSWORD, 200), ("wrong", 401)):
        body = json.dumps({"username": "erin", "password": password})
        answer = call(client, "/api/login", access, "POST", data=body, content_type=JSON)
        assert answer.status_code == status


def test_an_app_password_stands_in_for_the_password_and_the_second_factor(
    client: Client, cast: Cast
) -> None:
    issued = provisioning.issue_credential(
        cast.bob.user, client_id="bob-core", contract="datarhei", label="Core"
    )
    for name in ("bob", "bob@alpha.example", "bob-core"):
        answer = login(client, name, issued.secret)
        assert claims(answer.json()["refresh_token"])["sub"] == "bob"
    issued.credential.refresh_from_db()
    assert issued.credential.last_used_at is not None


def test_an_app_password_for_every_contract_is_good_here(client: Client, cast: Cast) -> None:
    issued = provisioning.issue_credential(cast.bob.user, client_id="bob-any")
    assert login(client, "bob", issued.secret).status_code == 200


@pytest.mark.parametrize("case", ["contract", "revoked", "expired", "owner", "id", "disabled"])
def test_an_app_password_that_is_not_good_is_a_wrong_password(
    client: Client, cast: Cast, case: str
) -> None:
    contract = "rocketchat" if case == "contract" else "datarhei"
    owner = cast.carol.user if case == "disabled" else cast.bob.user
    issued = provisioning.issue_credential(owner, client_id="app", contract=contract)
    now = timezone.now()
    credential = issued.credential
    credential.revoked_at = now if case == "revoked" else None
    credential.expires_at = now - timedelta(seconds=1) if case == "expired" else None
    credential.save()
    name = {"owner": "alice", "id": "svc-client", "disabled": "carol"}.get(case, "bob")
    assert told(login(client, name, issued.secret)) == (401, WRONG_CREDENTIALS)


@pytest.mark.parametrize("name", ["alice", "nobody"])
def test_after_ten_wrong_passwords_the_answer_is_429_known_or_not(
    client: Client, cast: Cast, name: str
) -> None:
    for _ in range(10):
        assert told(login(client, name, "wrong")) == (401, WRONG_CREDENTIALS)
    answer = login(client, name)
    assert told(answer) == (
        429,
        b'{"code":429,"message":"Too Many Requests","details":["Too many failed logins"]}',
    )
    assert 590 <= int(answer["Retry-After"]) <= 600


BUSY = b'{"code":503,"message":"Service Unavailable","details":["Service Unavailable"]}'


def test_a_full_house_answers_503_and_counts_no_failure(client: Client, cast: Cast) -> None:
    for _ in range(12):
        with mock.patch("accounts.login.passwords.slot", side_effect=Overloaded):
            answer = login(client, "alice")
        assert (told(answer), answer["Retry-After"]) == ((503, BUSY), "1")
    assert login(client, "alice").status_code == 200


def test_a_database_that_is_away_is_503_in_the_products_shape(client: Client, cast: Cast) -> None:
    with mock.patch(
        "accounts.contracts.datarhei.authenticate", side_effect=OperationalError("away")
    ):
        answer = login(client, "alice")
    assert (told(answer), answer["Retry-After"]) == ((503, BUSY), "1")


def test_an_unforeseen_error_is_500_in_the_products_shape(client: Client, cast: Cast) -> None:
    with mock.patch("accounts.contracts.datarhei.authenticate", side_effect=ZeroDivisionError):
        answer = login(client, "alice")
    assert told(answer) == (
        500,
        b'{"code":500,"message":"Internal Server Error","details":["Internal Server Error"]}',
    )


def test_an_over_long_body_is_413_in_the_products_shape(client: Client, cast: Cast) -> None:
    answer = login(client, "alice", "x" * 3_000_000)
    assert told(answer) == (
        413,
        b'{"code":413,"message":"Request Entity Too Large","details":["Request Entity Too Large"]}',
    )


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/login"),
        ("PUT", "/api/login"),
        ("PROPFIND", "/api/login"),
        ("POST", "/api/login/"),
        ("POST", "/api/login/refresh"),
        ("GET", "/api/login/refresh/"),
    ],
)
def test_other_methods_and_a_slash_lie_behind_the_access_token(
    client: Client, cast: Cast, method: str, path: str
) -> None:
    body = json.dumps({"username": "alice", "password": PASSWORD})
    answer = client.generic(method, path, body, content_type=JSON)
    assert told(answer) == (401, NO_GOOD_TOKEN)
    access, _ = tokens(client, cast.alice)
    assert told(call(client, path, access, method)) == (404, NOT_FOUND)


def test_the_tenant_is_the_one_of_the_address_or_of_the_name(client: Client, cast: Cast) -> None:
    assert login(client, "dave@beta.example").status_code == 200
    assert login(client, "dave", at="/t/beta").status_code == 200
    assert told(login(client, "dave", at="/t/alpha")) == (401, WRONG_CREDENTIALS)
    assert told(login(client, "dave@beta.example", at="/t/alpha")) == (401, WRONG_CREDENTIALS)
    assert told(login(client, "dave", at="/t/nowhere")) == (404, NOT_FOUND)


def test_a_login_takes_at_most_five_statements(
    client: Client, cast: Cast, django_assert_max_num_queries: Any
) -> None:
    tokens(client, cast.alice)
    with django_assert_max_num_queries(5):
        tokens(client, cast.alice)
