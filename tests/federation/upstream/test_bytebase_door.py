"""Bytebase's ``idpName`` and ``idpContext``: what a provider's word opens, and every refusal."""

from __future__ import annotations

import time
from typing import Any

import pytest

from accounts.login import external
from accounts.models import ExternalAccount, LoginEvent, Session, User
from tenants import resolve
from tenants.federation.identity import ExternalIdentity
from tenants.federation.provider import of_row
from tenants.federation.settings import Kind
from tests.contracts.bytebase.conversation import LOGIN, ME, Api, refused
from tests.federation.upstream.issuer import DISCOVERY, Issuer
from tests.federation.upstream.providers import oauth2_settings, oidc_settings, row
from tests.federation.upstream.test_admission import client
from tests.fixtures import Cast, Persona

ANN = {"sub": "s-1", "email": "ann@corp.example", "email_verified": True, "name": "Ann"}


@pytest.fixture
def api() -> Api:
    return Api()


def sso(api: Api, name: str = "corp", code: str = "code", **more: Any) -> Any:
    body = {"idpName": f"idps/{name}", "idpContext": {"oidcContext": {"code": code}}, **more}
    return api.post(LOGIN, body)


def says(issuer: Issuer, **claims: Any) -> None:
    issuer.answers["/token"] = {"access_token": "a", "id_token": issuer.token(**{**ANN, **claims})}


def linked(cast: Cast, who: Persona, **fields: Any) -> None:
    """An account that the provider's subject opens."""
    found = of_row(row(cast.alpha, Kind.OIDC, oidc_settings(fields.pop("issuer")), **fields))
    identity = ExternalIdentity("s-1", who.email, who.email, True)
    external.link(found, identity, who.user, client())


def test_a_code_logs_in_and_the_account_is_made_once(issuer: Issuer, cast: Cast, api: Api) -> None:
    row(cast.alpha, Kind.OIDC, oidc_settings(issuer.url))
    says(issuer)
    first = sso(api)
    assert first.status_code == 200, first.content
    assert list(first.json()) == ["token", "user"]
    assert first.json()["user"] == {
        "name": "users/ann@corp.example",
        "state": "ACTIVE",
        "email": "ann@corp.example",
        "title": "Ann",
        "userType": "USER",
        "profile": {},
    }
    assert api.get(ME, first.json()["token"]).json()["email"] == "ann@corp.example"
    assert "redirect_uri=http%3A%2F%2Ftestserver%2Foidc%2Fcallback&" in "".join(issuer.forms)
    web = sso(api, web=True, email="alice@alpha.example", password="wrong")
    assert set(web.cookies) == {"access-token", "refresh-token", "user"}
    assert User.objects.filter(email="ann@corp.example").count() == 1
    assert [record["method"] for s in Session.objects.all() for record in s.amr] == ["fed"] * 2


def test_a_tenants_redirect_address_is_the_one_that_its_pages_have(
    issuer: Issuer, cast: Cast
) -> None:
    row(cast.beta, Kind.OIDC, oidc_settings(issuer.url))
    says(issuer, aud="another")
    sso(Api("/t/beta"))
    sso(Api(HTTP_HOST="beta.example.com"))
    sent = "".join(issuer.forms)
    assert "redirect_uri=http%3A%2F%2Ftestserver%2Ft%2Fbeta%2Foidc%2Fcallback&" in sent
    assert "redirect_uri=http%3A%2F%2Fbeta.example.com%2Foidc%2Fcallback&" in sent


def test_a_second_factor_is_still_due(issuer: Issuer, cast: Cast, api: Api) -> None:
    linked(cast, cast.bob, issuer=issuer.url)
    User.objects.filter(pk=cast.bob.user.pk).update(must_change_password=True)
    says(issuer)
    first = sso(api, web=True)
    assert list(first.json()) == ["mfaTempToken"]
    assert not first.cookies
    assert not Session.objects.exists()
    code = {"mfaTempToken": first.json()["mfaTempToken"], "otpCode": cast.bob.code()}
    second = api.post(LOGIN, code)
    # No new password is due: he has not used the one he has.
    assert list(second.json()) == ["token", "user"]
    methods = [record["method"] for record in Session.objects.get().amr]
    assert methods == ["fed", "otp"]


def test_a_disabled_account_stays_disabled(issuer: Issuer, cast: Cast, api: Api) -> None:
    linked(cast, cast.carol, issuer=issuer.url)
    says(issuer)
    refused(sso(api), 401, 16, "user has been deactivated by administrators")
    assert User.objects.get(pk=cast.carol.user.pk).state == "disabled"
    assert not Session.objects.exists()


def test_the_workspace_may_shut_out_passwords_and_strangers_but_not_by_each_other(
    issuer: Issuer, cast: Cast, api: Api
) -> None:
    row(cast.alpha, Kind.OIDC, oidc_settings(issuer.url))
    says(issuer)
    cast.alpha.contracts = {"bytebase": {"options": {"disallow_password_signin": True}}}
    cast.alpha.save()
    resolve.invalidate()
    assert sso(api).status_code == 200
    refused(api.post(LOGIN, {"email": cast.alice.email, "password": cast.alice.password}),
            403, 7, "password signin is disallowed")  # fmt: skip
    cast.alpha.contracts = {"bytebase": {"options": {"email_domains": ["alpha.example"]}}}
    cast.alpha.save()
    resolve.invalidate()
    text = 'email "ann@corp.example" does not belong to domains [alpha.example]'
    refused(sso(api), 400, 3, text)


def test_what_a_provider_says_wrongly_opens_nothing(issuer: Issuer, cast: Cast, api: Api) -> None:
    row(cast.alpha, Kind.OIDC, oidc_settings(issuer.url))
    no_good = "failed to get user info: the ID token is no good: "
    cases: list[tuple[dict[str, Any], tuple[int, int, str]]] = [
        ({"aud": "another"}, (500, 13, f"{no_good}it is for another audience")),
        ({"exp": 1}, (500, 13, f"{no_good}token has expired")),
        # A code that a browser's visit has asked for; not every provider minds its verifier.
        ({"nonce": "of a visit"}, (500, 13, f"{no_good}it answers another login's nonce")),
        ({"email_verified": False}, (403, 7, NOT_VOUCHED)),
        ({"email_verified": "true"}, (403, 7, NOT_VOUCHED)),
        ({"email_verified": None}, (403, 7, NOT_VOUCHED)),
        ({"email": None}, (400, 3, NO_IDENTIFIER)),
        ({"email": cast.alice.email}, (403, 7, NOT_ADMITTED)),
    ]
    reasons = []
    for claims, expected in cases:
        says(issuer, **claims)
        refused(sso(api), *expected)
        reasons.append(LoginEvent.objects.latest("at", "pk").reason)
    assert reasons == [
        *["external_refused"] * 3,
        *["external_unverified"] * 3,
        "external_refused",
        "external_conflict",
    ]
    # Whom an officer is to help is proved by then, and named nowhere else.
    trace = dict(LoginEvent.objects.latest("at", "pk").trace)
    assert trace["named there"] == cast.alice.email
    issuer.answers["/token"] = (400, {"error": "invalid_grant"})
    text = "failed to exchange token: the provider refused the code: invalid_grant"
    refused(sso(api), 500, 13, text)
    assert not Session.objects.exists()
    assert not ExternalAccount.objects.exists()


NOT_VOUCHED = "the identity provider does not vouch for the email address"
NOT_ADMITTED = "this identity provider opens no account here"
NO_IDENTIFIER = 'missing identifier in user info from identity provider "Corp"'
NOT_FOUND = "identity provider not found"


def test_what_a_client_says_wrongly_asks_nobody(issuer: Issuer, cast: Cast, api: Api) -> None:
    row(cast.alpha, Kind.OIDC, oidc_settings(issuer.url))
    row(cast.alpha, Kind.OAUTH2, oauth2_settings(issuer.url), name="plain")
    row(cast.alpha, Kind.OIDC, oidc_settings(issuer.url), name="off", enabled=False)
    row(cast.beta, Kind.OIDC, oidc_settings(issuer.url), name="theirs")
    given = {"code": "code"}
    cases: list[tuple[dict[str, Any], tuple[int, int, str]]] = [
        ({"idpContext": {"oauth2Context": given}}, (400, 3, "missing OIDC context")),
        ({"idpContext": {}}, (400, 3, "missing OIDC context")),
        ({}, (400, 3, "missing OIDC context")),
        ({"idpName": "idps/plain", "idpContext": {"oidcContext": given}},
         (400, 3, "missing OAuth2 context")),
        ({"idpName": "idps/off", "idpContext": {"oidcContext": given}}, (404, 5, NOT_FOUND)),
        ({"idpName": "idps/theirs", "idpContext": {"oidcContext": given}}, (404, 5, NOT_FOUND)),
    ]  # fmt: skip
    for body, expected in cases:
        refused(api.post(LOGIN, {"idpName": "idps/corp", **body}), *expected)
    for code in ("", "x" * 5000, "a\r\nb"):
        text = "failed to exchange token: the code is empty or malformed"
        refused(sso(api, code=code), 500, 13, text)
    assert [path for path in issuer.asked if path != DISCOVERY] == []


def test_a_dead_provider_is_told_in_time_and_costs_no_try(
    issuer: Issuer, cast: Cast, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang(_handler: Any) -> None:
        time.sleep(1.5)

    row(cast.alpha, Kind.OIDC, oidc_settings(issuer.url))
    monkeypatch.setattr("tenants.federation.outbound.SECONDS", 0.5)
    issuer.answers["/token"] = hang
    before = time.monotonic()
    refused(sso(api), 500, 13, "failed to exchange token: no answer within 5 seconds")
    assert time.monotonic() - before < 1
    event = LoginEvent.objects.latest("at", "pk")
    assert (event.event, event.reason) == ("login:subject:refused", "external_unavailable")
    assert ["provider said", "no answer within 5 seconds"] in [list(step) for step in event.trace]
    assert not Session.objects.exists()


def test_the_providers_are_listed_without_secrets(issuer: Issuer, cast: Cast, api: Api) -> None:
    row(cast.alpha, Kind.OIDC, oidc_settings(issuer.url), position=2)
    row(cast.alpha, Kind.OAUTH2, oauth2_settings(issuer.url), name="plain", title="", domain="a.b")
    row(cast.alpha, Kind.OIDC, oidc_settings("https://127.0.0.1:9"), name="dead", position=3)
    row(cast.beta, Kind.OIDC, oidc_settings(issuer.url), name="theirs")
    mapping = {"identifier": "email", "displayName": "name", "groups": "groups"}
    told = {
        "issuer": issuer.url,
        "clientId": "client",
        "scopes": ["openid", "profile", "email"],
        "fieldMapping": mapping,
        "authStyle": "IN_HEADER",
        "authEndpoint": f"{issuer.url}/authorize",
    }
    dead = {**told, "issuer": "https://127.0.0.1:9"}
    del dead["authEndpoint"]
    assert api.get("/v1/idps").json() == {
        "identityProviders": [
            {
                "name": "idps/plain",
                "title": "plain",
                "domain": "a.b",
                "type": "OAUTH2",
                "config": {
                    "oauth2Config": {
                        "authUrl": f"{issuer.url}/authorize",
                        "tokenUrl": f"{issuer.url}/token",
                        "userInfoUrl": f"{issuer.url}/me",
                        "clientId": "client",
                        "scopes": ["user"],
                        "fieldMapping": {"identifier": "email", "displayName": "name"},
                        "authStyle": "IN_PARAMS",
                    }
                },
            },
            {
                "name": "idps/corp",
                "title": "Corp",
                "type": "OIDC",
                "config": {"oidcConfig": told},
            },
            {"name": "idps/dead", "title": "Corp", "type": "OIDC", "config": {"oidcConfig": dead}},
        ]
    }
