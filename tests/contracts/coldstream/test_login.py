"""``POST /account/login``: who gets a token, and in which words the others are refused."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.db import OperationalError
from django.test import Client

from accounts import provisioning
from accounts.models import LoginEvent, Session, SubjectIdentifier
from mfa.models import Challenge, Passkey
from tenants import resolve
from tenants.hashing import Overloaded
from tenants.models import TenantPolicy
from tests.contracts.coldstream.account import (
    CODE,
    LOGIN,
    ME,
    UNAUTHORIZED,
    access,
    bad_request,
    login,
    me,
    part,
    post,
    problem,
    told,
)
from tests.fixtures import PASSWORD, Cast

NO_APP = problem(
    403,
    "Forbidden",
    "API login needs an authenticator app: set one up, or ask your administrator.",
)


def test_a_right_password_gives_an_access_token_and_nothing_else(
    client: Client, cast: Cast
) -> None:
    answer = login(client, cast.alice.email)
    status, body = told(answer)
    token = answer.json()["accessToken"]
    assert (status, body) == (200, f'{{"accessToken":"{token}"}}'.encode())
    session = Session.objects.get()
    assert (session.user, session.contract) == (cast.alice.user, "coldstream")
    assert session.expires_at - session.auth_time == timedelta(hours=8)


@pytest.mark.parametrize(
    "media",
    [
        "application/*+json",
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON;charset=bz2_codec",
        "application/vnd.coldstream.login+json",
    ],
)
def test_every_kind_of_json_is_taken(client: Client, cast: Cast, media: str) -> None:
    body = json.dumps({"email": cast.alice.email, "password": PASSWORD})
    assert client.generic("POST", LOGIN, body, content_type=media).status_code == 200


@pytest.mark.parametrize(
    "media", ["", "text/plain", "application/x-www-form-urlencoded", "text/json", "image/svg+xml"]
)
def test_what_is_no_kind_of_json_is_415(client: Client, cast: Cast, media: str) -> None:
    body = json.dumps({"email": cast.alice.email, "password": PASSWORD})
    for path in (LOGIN, CODE):
        answer = client.generic("POST", path, body, content_type=media)
        assert told(answer) == problem(415, "Unsupported Media Type")


def test_the_access_token_has_these_claims_and_no_others(client: Client, cast: Cast) -> None:
    token = access(client, cast.alice)
    session = Session.objects.get()
    kid = part(token, 0)["kid"]
    assert part(token, 0) == {"alg": "ES256", "kid": kid, "typ": "JWT"}
    assert kid in {key["kid"] for key in client.get("/.well-known/jwks.json").json()["keys"]}
    issued = int(session.auth_time.timestamp())
    expected = {
        "iss": "http://testserver/t/alpha",
        "aud": "coldstream",
        "sub": SubjectIdentifier.objects.get(user=cast.alice.user, sector="coldstream").value,
        "email": "alice@alpha.example",
        "iat": issued,
        "exp": issued + 8 * 3600,
        "jti": str(session.id),
    }
    claims = part(token, 1)
    assert (claims, list(claims)) == (expected, list(expected))


def test_a_tenant_may_set_the_lifetime(client: Client, cast: Cast) -> None:
    cast.alpha.contracts = {"coldstream": {"lifetimes": {"access": 900}}}
    cast.alpha.save()
    resolve.invalidate()
    claims = part(access(client, cast.alice), 1)
    assert claims["exp"] - claims["iat"] == 900


@pytest.mark.parametrize(
    "nonce",
    [
        "",
        "9f86d081884c7d659a2feaa0c55ad0",
        "Bearer e30.e30.e30",
        "Basic !",
        "Bearer",
        "é",
        "a" * 4000,
    ],
)
def test_no_value_of_the_identity_token_header_decides_on_a_login(
    client: Client, cast: Cast, nonce: str
) -> None:
    assert login(client, cast.alice.email, nonce=nonce).status_code == 200
    assert told(login(client, cast.alice.email, "wrong", nonce)) == UNAUTHORIZED


@pytest.mark.parametrize(
    "email", ["Alice@Alpha.Example", " alice@alpha.example ", "ａlice@alpha.example"]
)
def test_an_address_is_found_in_any_spelling_that_is_the_same_one(
    client: Client, cast: Cast, email: str
) -> None:
    assert login(client, email).status_code == 200


def test_the_address_leads_to_its_tenant(client: Client, cast: Cast) -> None:
    token = login(client, "dave@beta.example").json()["accessToken"]
    assert part(token, 1)["iss"] == "http://testserver/t/beta"
    at_alpha = post(
        client, f"/t/alpha{LOGIN}", {"email": "dave@beta.example", "password": PASSWORD}
    )
    assert told(at_alpha) == UNAUTHORIZED


def test_a_service_account_logs_in_with_its_secret(client: Client, cast: Cast) -> None:
    assert login(client, cast.svc.email, cast.svc.client_secret).status_code == 200


def test_the_password_is_compared_exactly(client: Client, cast: Cast) -> None:
    provisioning.create_user(
        cast.alpha, "blank", email="blank@alpha.example", password="  a password in blanks  "
    )
    assert login(client, "blank@alpha.example", "  a password in blanks  ").status_code == 200
    assert told(login(client, "blank@alpha.example", "a password in blanks")) == UNAUTHORIZED


def _unknown(cast: Cast) -> tuple[str, str]:
    return "nobody@alpha.example", PASSWORD


def _no_address(cast: Cast) -> tuple[str, str]:
    return "alice", PASSWORD


def _unknown_domain(cast: Cast) -> tuple[str, str]:
    return "alice@nowhere.example", PASSWORD


def _wrong(cast: Cast) -> tuple[str, str]:
    return cast.alice.email, "wrong"


def _digest(cast: Cast) -> tuple[str, str]:
    # What is hashed is the SHA-256 of the password; that digest is no password.
    return cast.alice.email, "c4bbcb1fbec99d65bf59d85c8cb62ee2db963f0fe106f483d9afa73bd4e39a8a"


def _long(cast: Cast) -> tuple[str, str]:
    return cast.alice.email, "x" * 60_000


def _disabled(cast: Cast) -> tuple[str, str]:
    return cast.carol.email, PASSWORD


def _second_factor_but_wrong(cast: Cast) -> tuple[str, str]:
    return cast.bob.email, "wrong"


def _security_key_but_wrong(cast: Cast) -> tuple[str, str]:
    Passkey.objects.create(user=cast.alice.user, credential_id=b"k", public_key=b"p", name="key")
    return cast.alice.email, "wrong"


def _app_password(cast: Cast) -> tuple[str, str]:
    return cast.bob.email, provisioning.issue_credential(cast.bob.user, client_id="app").secret


@pytest.mark.parametrize(
    "case",
    [
        _unknown,
        _no_address,
        _unknown_domain,
        _wrong,
        _digest,
        _long,
        _disabled,
        _second_factor_but_wrong,
        _security_key_but_wrong,
        _app_password,
    ],
)
def test_refusals_before_the_password_was_right_are_one_answer(
    client: Client, cast: Cast, case: Any
) -> None:
    email, password = case(cast)
    answer, plain = login(client, email, password), login(client, "nobody@x.example", "x")
    assert told(answer) == told(plain) == UNAUTHORIZED
    assert dict(answer.headers) == dict(plain.headers)
    assert not Session.objects.exists()
    assert not Challenge.objects.exists()
    assert not SubjectIdentifier.objects.filter(sector="coldstream").exists()
    assert LoginEvent.objects.filter(event="login:subject:refused").count() == 2


def test_a_security_key_alone_is_403_with_the_remedy_once_the_password_was_right(
    client: Client, cast: Cast
) -> None:
    Passkey.objects.create(user=cast.alice.user, credential_id=b"k", public_key=b"p", name="key")
    assert told(login(client, cast.alice.email)) == NO_APP
    assert not Session.objects.exists()


def test_a_security_key_beside_an_authenticator_app_does_not_matter(
    client: Client, cast: Cast
) -> None:
    Passkey.objects.create(user=cast.bob.user, credential_id=b"k", public_key=b"p", name="key")
    assert list(login(client, cast.bob.email).json()) == ["mfaToken"]


def test_a_password_that_must_be_changed_is_403_with_the_remedy(client: Client, cast: Cast) -> None:
    cast.alice.user.must_change_password = True
    cast.alice.user.save()
    remedy = "The password must be changed before it works here: ask your administrator."
    assert told(login(client, cast.alice.email)) == problem(403, "Forbidden", remedy)
    assert told(login(client, cast.alice.email, "wrong")) == UNAUTHORIZED


def test_a_second_factor_that_the_tenant_demands_is_403_with_the_remedy(
    client: Client, cast: Cast
) -> None:
    TenantPolicy(tenant=cast.alpha, second_factor="required").save()
    resolve.invalidate()
    remedy = "Your organization requires a second factor: set up an authenticator app first."
    assert told(login(client, cast.alice.email)) == problem(403, "Forbidden", remedy)
    assert list(login(client, cast.bob.email).json()) == ["mfaToken"]


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "the body is not valid JSON"),
        (b"{", "the body is not valid JSON"),
        (b'{"email":"a@b.c","password":"x"} more', "the body is not valid JSON"),
        (b"email=a@b.c&password=x", "the body is not valid JSON"),
        (b'{"email":"a@b.c","password":"\xff"}', "the body is not UTF-8"),
        (b'{"email":"a@b.c","password":"\x00"}', "the body contains a NUL character"),
        (b'{"email":"a@b.c","password":NaN}', "NaN is not JSON"),
        (b'{"email":"a@b.c","email":"d@e.f","password":"x"}', "the body holds a key twice"),
        (b"[" * 10_000, "the body is nested too deeply"),
        (
            b'{"email":"a@b.c","password":"\\ud800"}',
            "a text contains NUL or half a surrogate pair",
        ),
        (b"null", "the body must be a JSON object"),
        (b"[]", "the body must be a JSON object"),
        (b'"a@b.c"', "the body must be a JSON object"),
        (b"{}", "email is missing"),
        (b'{"email":"a@b.c"}', "password is missing"),
        (b'{"password":"x"}', "email is missing"),
        (b'{"email":"","password":"x"}', "email must not be empty"),
        (b'{"email":"a@b.c","password":""}', "password must not be empty"),
        (b'{"email":null,"password":"x"}', "email must be a string"),
        (b'{"email":["a@b.c"],"password":"x"}', "email must be a string"),
        (b'{"email":"a@b.c","password":12345678}', "password must be a string"),
        (b'{"email":"a@b.c","password":true}', "password must be a string"),
        (b'{"email":"a@b.c","password":{"$ne":""}}', "password must be a string"),
    ],
)
def test_a_body_that_is_not_the_documented_one_is_400_and_says_why(
    client: Client, cast: Cast, body: bytes, detail: str
) -> None:
    assert told(post(client, LOGIN, body)) == bad_request(detail)


def test_members_that_nobody_asked_for_change_nothing(client: Client, cast: Cast) -> None:
    body = {
        "email": cast.alice.email,
        "password": PASSWORD,
        "is_superuser": True,
        "tenant": "beta",
        "otp": "123456",
        "mfaToken": None,
    }
    assert list(post(client, LOGIN, body).json()) == ["accessToken"]
    cast.alice.user.refresh_from_db()
    assert not cast.alice.user.is_superuser


def test_an_over_long_body_is_413(client: Client, cast: Cast) -> None:
    answer = login(client, cast.alice.email, "x" * 3_000_000)
    assert told(answer) == problem(413, "Content Too Large")


@pytest.mark.parametrize("email", ["alice@alpha.example", "nobody@alpha.example"])
def test_after_ten_wrong_passwords_the_answer_is_429_known_or_not(
    client: Client, cast: Cast, email: str
) -> None:
    for _ in range(10):
        assert told(login(client, email, "wrong")) == UNAUTHORIZED
    answer = login(client, email)
    assert told(answer) == problem(429, "Too Many Requests")
    assert 590 <= int(answer["Retry-After"]) <= 600


@pytest.mark.parametrize(
    ("place", "error"),
    [
        ("accounts.login.passwords.slot", Overloaded()),
        ("accounts.contracts.coldstream.login.authenticate", OperationalError("away")),
    ],
)
def test_a_server_that_cannot_judge_now_answers_503(
    client: Client, cast: Cast, place: str, error: Exception
) -> None:
    with mock.patch(place, side_effect=error):
        answer = login(client, cast.alice.email)
    assert told(answer) == problem(503, "Service Unavailable")
    assert answer["Retry-After"] == "1"


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("path", [LOGIN, CODE])
def test_other_methods_are_405(client: Client, cast: Cast, method: str, path: str) -> None:
    answer = client.generic(method, path)
    status, body = problem(405, "Method Not Allowed")
    assert told(answer) == (status, b"" if method == "HEAD" else body)
    assert answer["Allow"] == "POST"


def test_the_user_object_is_only_read(client: Client, cast: Cast) -> None:
    answer = client.put(ME)
    assert told(answer) == problem(405, "Method Not Allowed")
    assert answer["Allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    "path",
    ["/account/login/", "/account/login/otp/", "/users/me/", "/users/17/x", "/organizations/3"],
)
def test_a_slash_and_unknown_paths_are_404_without_a_redirect(
    client: Client, cast: Cast, path: str
) -> None:
    for at in ("", "/t/alpha", "/t/nowhere"):
        assert told(client.post(f"{at}{path}")) == problem(404, "Not Found")


def test_an_unknown_tenant_in_the_path_is_404(client: Client, cast: Cast) -> None:
    body = {"email": cast.alice.email, "password": PASSWORD}
    assert told(post(client, f"/t/nowhere{LOGIN}", body)) == problem(404, "Not Found")


def test_a_login_and_the_user_object_take_few_statements(
    client: Client, cast: Cast, django_assert_max_num_queries: Any
) -> None:
    token = access(client, cast.alice)
    with django_assert_max_num_queries(5):
        access(client, cast.alice)
    with django_assert_max_num_queries(1):
        assert me(client, token).status_code == 200
    with django_assert_max_num_queries(0):
        assert told(me(client, token[:-4] + "AAAA")) == UNAUTHORIZED
        assert told(me(client, "rubbish")) == UNAUTHORIZED
        assert told(client.get(ME)) == UNAUTHORIZED
