"""datarhei's login by an Auth0 token: one that is right in everything, and no other."""

from __future__ import annotations

import json
import secrets
import threading
import time
from base64 import urlsafe_b64decode
from typing import Any

import pytest
from django.test import Client

from accounts.login import external
from accounts.models import ExternalAccount, LoginEvent, Session, User
from tenants import resolve
from tenants.federation import issuers, outbound
from tenants.federation.identity import ExternalIdentity
from tenants.federation.provider import of_row
from tenants.federation.settings import Kind
from tests.contracts.datarhei.core import (
    NO_CREDENTIALS,
    WRONG_CREDENTIALS,
    call,
    told,
)
from tests.federation.upstream.issuer import (
    EC_KEY,
    JWKS,
    OTHER_RSA_KEY,
    RSA_KEY,
    Issuer,
    shared_secret,
    signed,
)
from tests.federation.upstream.providers import auth0_settings, row
from tests.federation.upstream.test_admission import client as context
from tests.fixtures import Cast

SUB = "auth0|5f0c"
API = "https://api.example/"
AWAY = b'{"code":503,"message":"Service Unavailable","details":["Service Unavailable"]}'


@pytest.fixture
def core(cast: Cast, issuer: Issuer) -> Client:
    row(cast.alpha, Kind.AUTH0, auth0_settings(issuer, SUB), name="auth0")
    return Client()


def good(issuer: Issuer, **changes: Any) -> str:
    right = {"iss": f"{issuer.url}/", "sub": SUB, "aud": [API, f"{issuer.url}/userinfo"]}
    return issuer.token(**{**right, **changes})


def login(core: Client, token: str, body: Any = b"", at: str = "") -> Any:
    return core.post(
        f"{at}/api/login",
        body,
        content_type="application/json",
        headers={"Authorization": f"Bearer {token}"},
    )


def payload(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    read: dict[str, Any] = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return read


def test_a_right_token_logs_in_as_its_own_subject(core: Client, issuer: Issuer) -> None:
    for body in (b"", b'{"username":"","password":""}'):
        answer = login(core, good(issuer), body)
        assert answer.status_code == 200, answer.content
        assert list(answer.json()) == ["access_token", "refresh_token"]
        tokens = answer.json()
        assert {payload(token)["sub"] for token in tokens.values()} == {SUB}
        assert call(core, "/api", tokens["access_token"]).json()["auths"] == [
            "localjwt",
            f"auth0 domain={issuer.domain} audience={API} clientid=abc123",
        ]
        refreshed = call(core, "/api/login/refresh", tokens["refresh_token"]).json()
        assert payload(refreshed["access_token"])["sub"] == SUB
    user = User.objects.get(external_accounts__subject=SUB)
    assert (user.username, user.email) == (SUB, "")
    assert ExternalAccount.objects.count() == 1


def test_a_linked_account_goes_by_its_auth0_subject_too(
    cast: Cast, core: Client, issuer: Issuer
) -> None:
    provider = of_row(cast.alpha.identity_providers.get())
    external.link(provider, ExternalIdentity(SUB, SUB), cast.alice.user, context())
    tokens = login(core, good(issuer)).json()
    assert payload(tokens["access_token"])["sub"] == SUB
    assert call(core, "/api/v3/x", tokens["access_token"]).status_code == 404
    assert Session.objects.get().user_id == cast.alice.user.pk
    User.objects.filter(pk=cast.alice.user.pk).update(state=User.State.DISABLED)
    assert call(core, "/api/v3/x", tokens["access_token"]).status_code == 401
    assert told(login(core, good(issuer))) == (401, WRONG_CREDENTIALS)


def test_a_token_that_is_wrong_in_anything_does_not(core: Client, issuer: Issuer) -> None:
    header = {"alg": "RS256", "kid": "rsa"}
    claims = issuer.claims(iss=f"{issuer.url}/", sub=SUB, aud=API)
    unsigned = signed({}, b"", {"alg": "none", "kid": "rsa"}).split(".")
    bad: dict[str, str] = {
        "audience": good(issuer, aud="https://other.example/"),
        "the ID token's audience": good(issuer, aud="abc123"),
        "no audience": good(issuer, aud=None),
        "user": good(issuer, sub="auth0|other"),
        "user in other letters": good(issuer, sub=SUB.upper()),
        "user as a list": good(issuer, sub=[SUB]),
        "kid": signed(claims, RSA_KEY, {"alg": "RS256", "kid": "other"}),
        "no kid": signed(claims, RSA_KEY, {"alg": "RS256"}),
        "kid of another kind": signed(claims, EC_KEY, {"alg": "ES256", "kid": "ec"}),
        "expired": good(issuer, exp=1),
        "without end": good(issuer, exp=None),
        "too early": good(issuer, nbf=9_999_999_999),
        "signature": signed(claims, OTHER_RSA_KEY, header),
        "none": f"{unsigned[0]}.{good(issuer).split('.')[1]}.",
        "HS256": signed(claims, shared_secret(RSA_KEY), {"alg": "HS256", "kid": "rsa"}),
    }  # fmt: skip
    wrong = [name for name, token in bad.items()
             if told(login(core, token)) != (401, WRONG_CREDENTIALS)]  # fmt: skip
    assert wrong == []
    foreign = {
        "issuer": good(issuer, iss="https://stranger.eu.auth0.com/"),
        "issuer without its slash": good(issuer, iss=issuer.url),
        "no issuer": good(issuer, iss=None),
        "no token": "x",
    }
    wrong = [name for name, token in foreign.items()
             if told(login(core, token)) != (400, NO_CREDENTIALS)]  # fmt: skip
    assert wrong == []
    assert told(login(core, good(issuer), at="/t/beta")) == (400, NO_CREDENTIALS)
    assert not Session.objects.exists()
    assert not ExternalAccount.objects.exists()
    assert LoginEvent.objects.filter(reason="external_refused").count() == len(bad)
    assert issuer.fetches(JWKS) == 1


def test_an_auth0_that_is_away_is_told_and_random_keys_do_not_wake_it(
    core: Client, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, keys = good(issuer), issuer.answers.pop(JWKS)
    monkeypatch.setattr(outbound, "SECONDS", 0.5)
    released = threading.Event()
    answers: list[Any] = [(500, {}), (200, b"no JSON"), lambda _: released.wait(5)]
    for wrong in answers:
        issuer.answers[JWKS] = wrong
        issuers.forget()
        begun = time.monotonic()
        assert told(login(core, token)) == (503, AWAY)
        assert time.monotonic() - begun < 1.5
        event = LoginEvent.objects.latest("at", "pk")
        assert (event.reason, "provider said" in dict(event.trace)) == (
            "external_unavailable",
            True,
        )
    released.set()
    issuers.forget()
    issuer.answers[JWKS] = keys
    before = issuer.fetches(JWKS)
    for _ in range(20):
        kid = {"alg": "RS256", "kid": secrets.token_hex(4)}
        signature = signed(issuer.claims(iss=f"{issuer.url}/", sub=SUB, aud=API), RSA_KEY, kid)
        assert told(login(core, signature)) == (401, WRONG_CREDENTIALS)
    assert issuer.fetches(JWKS) - before <= 2
    assert not Session.objects.exists()
    assert login(core, token).status_code == 200


@pytest.mark.parametrize("change", ["users", "enabled"])
def test_who_is_listed_no_more_is_out_at_once_and_back_when_he_is_again(
    cast: Cast, core: Client, issuer: Issuer, change: str
) -> None:
    tokens = login(core, good(issuer)).json()
    calls = {"/api/v3/x": tokens["access_token"], "/api/login/refresh": tokens["refresh_token"]}

    def statuses() -> list[int]:
        return [call(core, path, token).status_code for path, token in calls.items()]

    listed, provider = [SUB], cast.alpha.identity_providers.get()
    for users, enabled, expected in (
        ([], False, [401, 401]),
        (listed, True, [404, 200]),
    ):
        if change == "users":
            provider.settings = {**provider.settings, "users": users}
        else:
            provider.enabled = enabled
        provider.save()
        resolve.invalidate()
        assert statuses() == expected


def test_two_tenants_of_one_auth0_domain_are_told_apart_by_their_audience(
    cast: Cast, core: Client, issuer: Issuer
) -> None:
    other = auth0_settings(issuer, "auth0|other", audience="urn:other")
    row(cast.alpha, Kind.AUTH0, other, name="other")
    assert login(core, good(issuer)).status_code == 200
    assert login(core, good(issuer, sub="auth0|other", aud="urn:other")).status_code == 200
    assert login(core, good(issuer, aud="urn:other")).status_code == 401


def test_it_opens_no_other_contract(core: Client, cast: Cast, issuer: Issuer) -> None:
    answer = core.post(
        "/v1/auth/login",
        {"idpName": "idps/auth0", "idpContext": {"oidcContext": {"code": good(issuer)}}},
        content_type="application/json",
    )
    assert (answer.status_code, answer.json()["message"]) == (404, "identity provider not found")
    assert core.get("/v1/idps").json() == {}
