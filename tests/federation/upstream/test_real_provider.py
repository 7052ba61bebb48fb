"""A certified OpenID provider as it is published: real codes, in programs and browsers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.db import connection
from playwright.sync_api import Page, expect, sync_playwright

from accounts.models import ExternalAccount, LoginEvent, Session
from tenants import resolve
from tenants.federation.settings import Kind
from tenants.models import IdentityProvider, Tenant
from tests.contracts.bytebase.conversation import LOGIN, ME, Api, refused
from tests.federation.upstream import peer as peers
from tests.federation.upstream.peer import INSTALLED, Peer, log_in
from tests.federation.upstream.providers import oauth2_settings, oidc_settings, row
from tests.federation.upstream.test_browser import BACK, depart
from tests.fixtures import Cast
from tests.web.browsing import Browser
from tests.web.test_passkeys_in_chromium import CHROMIUM, FLAGS

pytestmark = pytest.mark.peers
CALLBACK, PLAIN = f"http://testserver{BACK}", "http://testserver/oauth/callback"


@pytest.fixture(scope="session")
def peer() -> Iterator[Peer]:
    if not INSTALLED.exists():
        reason = "the OpenID provider is not installed: run tests/peers/install.sh"
        if os.environ.get("DRAGOMAN_REQUIRE_ALL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    with peers.running() as running:
        yield running


def configured(
    peer: Peer, tenant: Tenant, kind: Kind = Kind.OIDC, callback: str = CALLBACK, **fields: Any
) -> IdentityProvider:
    """A tenant's provider that is a client of the peer, by the peer's own registration."""
    style = {"token_endpoint_auth_method": "client_secret_post"} if kind is Kind.OAUTH2 else {}
    client = peer.register(callback, **style)
    if kind is Kind.OIDC:
        settings = oidc_settings(peer.issuer)
    else:
        settings = oauth2_settings(peer.issuer, authUrl=f"{peer.issuer}/auth")
        settings["scopes"] = ["openid", "email", "profile"]
    made = row(tenant, kind, {**settings, "clientId": client["client_id"]}, **fields)
    made.set_secret(client["client_secret"])
    made.save()
    resolve.invalidate()
    return made


def client_id(provider: IdentityProvider) -> str:
    return str(provider.settings["clientId"])


@pytest.mark.usefixtures("loopback")
@pytest.mark.parametrize(
    ("kind", "callback", "context"),
    [(Kind.OIDC, CALLBACK, "oidcContext"), (Kind.OAUTH2, PLAIN, "oauth2Context")],
)
def test_a_program_logs_in_with_a_real_code_once(
    peer: Peer, cast: Cast, kind: Kind, callback: str, context: str
) -> None:
    trusted = ["corp.example"] if kind is Kind.OAUTH2 else []
    provider = configured(peer, cast.alpha, kind, callback, trusted_domains=trusted)
    code = peer.code(client_id(provider), callback, "ann")
    body = {"idpName": "idps/corp", "idpContext": {context: {"code": code}}}
    api = Api()
    answer = api.post(LOGIN, body)
    assert answer.status_code == 200, answer.content
    user = answer.json()["user"]
    assert (user["email"], user["title"]) == ("ann@corp.example", "ANN")
    assert api.get(ME, answer.json()["token"]).json()["name"] == "users/ann@corp.example"
    text = "failed to exchange token: the provider refused the code: invalid_grant"
    refused(api.post(LOGIN, body), 500, 13, text)
    refused(api.post(LOGIN, {**body, "idpContext": {context: {"code": "made up"}}}), 500, 13, text)
    assert (ExternalAccount.objects.get().subject, Session.objects.count()) == ("ann", 1)
    if kind is Kind.OIDC:
        assert user["groups"] == ["groups/staff"]


@pytest.mark.usefixtures("loopback")
def test_a_real_code_of_another_client_or_person_opens_nothing(peer: Peer, cast: Cast) -> None:
    ours = configured(peer, cast.alpha)
    theirs = configured(peer, cast.beta)
    api = Api()

    def sso(code: str, name: str = "corp") -> Any:
        context = {"oidcContext": {"code": code}}
        return api.post(LOGIN, {"idpName": f"idps/{name}", "idpContext": context})

    text = "failed to exchange token: the provider refused the code: invalid_grant"
    refused(sso(peer.code(client_id(theirs), CALLBACK, "ann")), 500, 13, text)
    not_vouched = "the identity provider does not vouch for the email address"
    for login in ("unverified-eve", "texted-eve", "silent-eve"):
        refused(sso(peer.code(client_id(ours), CALLBACK, login)), 403, 7, not_vouched)
    assert not ExternalAccount.objects.exists()
    refusals = LoginEvent.objects.exclude(reason="").order_by("at", "pk")
    reasons = refusals.values_list("reason", flat=True)
    assert list(reasons) == ["external_refused", *["external_unverified"] * 3]


@pytest.mark.usefixtures("loopback")
def test_a_browser_signs_in_with_state_nonce_and_proof_key(peer: Peer, cast: Cast) -> None:
    configured(peer, cast.alpha)
    browser = Browser()
    query = depart(browser)

    back = log_in(f"{peer.issuer}/auth?{urlencode(query)}", CALLBACK, "ann")
    # RFC 9207: it says who it is.
    assert f"iss={quote(peer.issuer, safe='')}" in back
    path = back.removeprefix("http://testserver")
    assert browser.get(path)["Location"] == "/account/sessions/"
    assert browser.get(path).status_code == 403
    assert LoginEvent.objects.latest("at", "pk").reason == "challenge_unknown"
    assert Session.objects.get().user.username == "ann@corp.example"


@pytest.fixture
def tidied(transactional_db: None) -> Iterator[None]:
    """The server's threads keep what they have of the database, which is to be dropped."""
    yield
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.fixture
def chromium(monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    # The driver has an event loop in this thread, which no request sees.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser.new_page()
        browser.close()


@pytest.mark.slow
@pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="needs Chromium")
@pytest.mark.usefixtures("loopback")
def test_chromium_follows_the_button_to_the_provider_and_back(
    tidied: None, chromium: Page, peer: Peer, live_server: Any, cast: Cast
) -> None:
    page, address = chromium, live_server.url
    ways = {Kind.OIDC: BACK, Kind.OAUTH2: PLAIN.removeprefix("http://testserver")}
    for kind, back in ways.items():
        page.context.clear_cookies()
        configured(
            peer,
            cast.alpha,
            kind,
            f"{address}{back}",
            name=kind.lower(),
            title=f"Corp {kind.lower()}",
            trusted_domains=["corp.example"],
        )
        page.goto(f"{address}/sign-in/")
        page.get_by_role("button", name=f"Corp {kind.lower()}").click()
        page.wait_for_url(f"{peer.issuer}/interaction/*")
        page.get_by_placeholder("Enter any login").fill(f"ann-{kind.lower()}")
        page.get_by_placeholder("and password").fill("any")
        page.get_by_role("button", name="Sign-in").click()
        page.get_by_role("button", name="Continue").click()
        page.wait_for_url(f"{address}/account/")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        names = Session.objects.values_list("user__username", flat=True)
        assert f"ann-{kind.lower()}@corp.example" in set(names)
    assert Session.objects.count() == len(ways)
