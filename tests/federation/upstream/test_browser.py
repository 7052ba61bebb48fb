"""Signing in with another provider in a browser: the way there, the way back, and every detour."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core import mail
from django.test import TestCase
from django.utils import timezone

from accounts.login import external, visits
from accounts.models import ExternalAccount, LoginEvent, Session, SpentState
from tenants.federation.identity import ExternalIdentity
from tenants.federation.provider import of_row
from tenants.federation.settings import Kind
from tenants.models import Tenant
from tests.federation.upstream.issuer import DISCOVERY, Issuer
from tests.federation.upstream.providers import oauth2_settings, oidc_settings, row
from tests.federation.upstream.test_admission import client as context
from tests.fixtures import Cast, Persona
from tests.web.browsing import Browser, signed_in

BACK = "/oidc/callback"


def depart(browser: Browser, name: str = "corp", at: str = "", **fields: str) -> dict[str, str]:
    """Press the provider's button; the query of the address that the browser is sent to."""
    page = browser.get(f"{at}/sign-in/?next=/account/sessions/")
    path = f"{at}/sign-in/with/{name}/"
    assert f'action="{path}"' in page.content.decode()
    return sent_to(browser.submit(page, path, **fields))


def sent_to(answer: Any) -> dict[str, str]:
    page = html.unescape(answer.content.decode())
    found = re.search(r'http-equiv="refresh" content="0;url=([^"]+)"', page)
    assert answer.status_code == 200, page
    assert found, page
    assert f'href="{found[1]}"' in page
    return {name: each[0] for name, each in parse_qs(urlsplit(found[1]).query).items()}


def says(issuer: Issuer, asked: str, **claims: Any) -> None:
    """The provider's next answer; it repeats the nonce that it was asked with."""
    told: dict[str, Any] = {"email": "ann@corp.example", "email_verified": True, "name": "Ann"}
    token = issuer.token(**{**told, "nonce": asked, **claims})
    issuer.answers["/token"] = {"access_token": "a", "id_token": token}


def reason() -> str:
    return LoginEvent.objects.latest("at", "pk").reason


def provider(tenant: Tenant, issuer: Issuer, **fields: Any) -> Any:
    return of_row(row(tenant, Kind.OIDC, oidc_settings(issuer.url), **fields))


def linked(cast: Cast, issuer: Issuer, who: Persona) -> None:
    identity = ExternalIdentity("subject-1", who.email, who.email, True)
    external.link(provider(cast.alpha, issuer), identity, who.user, context())


def test_somebody_signs_in_with_a_provider(cast: Cast, issuer: Issuer) -> None:
    provider(cast.alpha, issuer)
    browser = Browser()
    query = depart(browser)
    assert {name: query[name] for name in query.keys() - {"state", "nonce", "code_challenge"}} == {
        "response_type": "code",
        "client_id": "client",
        "redirect_uri": f"http://testserver{BACK}",
        "scope": "openid profile email",
        "code_challenge_method": "S256",
    }
    (kept,) = [each for each in browser.cookies.values() if "-visit-" in each.key]
    assert (kept["samesite"], kept["httponly"], kept["max-age"]) == ("Lax", True, 600)
    assert query["nonce"] not in kept.value
    says(issuer, query["nonce"])
    answer = browser.get(BACK, {"state": query["state"], "code": "c", "iss": issuer.url})
    assert (answer.status_code, answer["Location"]) == (302, "/account/sessions/")
    assert answer.cookies[kept.key].value == ""
    assert "code_verifier=" in "".join(issuer.forms)
    assert browser.get("/account/").status_code == 200
    session = Session.objects.get()
    assert (session.contract, session.amr[0]["provider"], session.acr) == (
        "browser",
        "corp",
        "aal1",
    )


def test_a_local_second_factor_is_still_asked_for(cast: Cast, issuer: Issuer) -> None:
    linked(cast, issuer, cast.bob)
    browser = Browser()
    query = depart(browser)
    says(issuer, query["nonce"])
    page = browser.get(BACK, {"state": query["state"], "code": "c0de"})
    assert page.status_code == 200
    assert "c0de" not in page.content.decode()
    assert not Session.objects.exists()
    answer = browser.submit(page, code=cast.bob.code())
    assert (answer.status_code, answer["Location"]) == (302, "/account/sessions/")
    assert [record["method"] for record in Session.objects.get().amr] == ["fed", "otp"]


def test_each_tenant_has_its_own_providers_and_way_back(cast: Cast, issuer: Issuer) -> None:
    provider(cast.beta, issuer, title="Of Beta")
    assert "Of Beta" not in Browser().get("/sign-in/").content.decode()
    browser = Browser()
    query = depart(browser, at="/t/beta")
    assert query["redirect_uri"] == f"http://testserver/t/beta{BACK}"
    says(issuer, query["nonce"])
    back = {"state": query["state"], "code": "c"}
    # Its answer opens nothing at another tenant's address, and is used up by it.
    assert browser.get(BACK, back).status_code == 403
    assert reason() == "challenge_foreign"
    assert browser.get(f"/t/beta{BACK}", back).status_code == 403
    hosted = Browser(HTTP_HOST="beta.example.com")
    query = depart(hosted)
    assert query["redirect_uri"] == f"http://beta.example.com{BACK}"
    says(issuer, query["nonce"])
    answer = hosted.get(BACK, {"state": query["state"], "code": "c"})
    assert answer.status_code == 302
    assert Session.objects.get().tenant == cast.beta


def test_what_comes_back_wrongly_signs_nobody_in(cast: Cast, issuer: Issuer) -> None:
    provider(cast.alpha, issuer)
    cases: list[tuple[dict[str, Any], dict[str, Any], str]] = [
        ({"state": "another"}, {}, "challenge_unknown"),
        ({"state": ""}, {}, "challenge_unknown"),
        ({"state": "\x00é"}, {}, "challenge_unknown"),
        ({"iss": "https://stranger.example"}, {}, "external_refused"),
        ({"iss": ""}, {}, "external_refused"),
        ({"error": "access_denied"}, {}, "external_refused"),
        ({"error": "<script>"}, {}, "external_refused"),
        ({"code": ""}, {}, "external_refused"),
        ({}, {"nonce": "another"}, "external_refused"),
        ({}, {"nonce": None}, "external_refused"),
        ({}, {"aud": "another"}, "external_refused"),
        ({}, {"email_verified": False}, "external_unverified"),
        ({}, {"email": cast.alice.email}, "external_conflict"),
    ]
    for changes, claims, expected in cases:
        browser = Browser()
        query = depart(browser)
        says(issuer, query["nonce"], **claims)
        page = browser.get(BACK, {"state": query["state"], "code": "c", **changes})
        assert (page.status_code, reason()) == (403, expected), (changes, claims)
        assert "<script>" not in page.content.decode()
        assert "That did not work" in page.content.decode()
    assert not Session.objects.exists()
    assert not ExternalAccount.objects.exists()


def test_a_state_is_good_once_in_its_own_browser_and_for_ten_minutes(
    cast: Cast, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider(cast.alpha, issuer)
    browser, other = Browser(), Browser()
    query = depart(browser)
    says(issuer, query["nonce"])
    back = {"state": query["state"], "code": "c"}
    depart(other)
    assert other.get(BACK, back).status_code == 403
    assert reason() == "challenge_unknown"
    kept = {name: each.value for name, each in browser.cookies.items()}
    assert browser.get("/oauth/callback", back).status_code == 403
    assert reason() == "challenge_foreign"
    for name, value in kept.items():
        browser.cookies[name] = value
    assert browser.get(BACK, back).status_code == 403
    assert reason() == "challenge_spent"
    query = depart(browser)
    says(issuer, query["nonce"])
    late = timezone.now() + visits.LIFETIME + timedelta(seconds=1)
    with monkeypatch.context() as patch:
        patch.setattr("accounts.wire.call.timezone.now", lambda: late)
        assert browser.get(BACK, {"state": query["state"], "code": "c"}).status_code == 403
    assert reason() == "challenge_expired"
    assert not Session.objects.exists()
    assert SpentState.objects.count() == 1
    assert browser.post(BACK, back).status_code in {403, 405}


def test_two_tabs_do_not_disturb_each_other_and_cookies_do_not_pile_up(
    cast: Cast, issuer: Issuer
) -> None:
    provider(cast.alpha, issuer)
    browser = Browser()
    first, second = depart(browser), depart(browser)
    for query in (first, second):
        says(issuer, query["nonce"])
        answer = browser.get(BACK, {"state": query["state"], "code": "c"})
        assert answer.status_code == 302
        browser.cookies.pop("dragoman")
    for _ in range(9):
        depart(browser)
    kept = [name for name, each in browser.cookies.items() if "-visit-" in name and each.value]
    assert len(kept) <= 4


def test_the_way_there_is_a_form_of_our_own_page(cast: Cast, issuer: Issuer) -> None:
    provider(cast.alpha, issuer)
    row(cast.alpha, Kind.OAUTH2, oauth2_settings(issuer.url), name="off", enabled=False)
    browser = Browser()
    assert browser.get("/sign-in/with/corp/").status_code == 405
    assert browser.post("/sign-in/with/corp/").status_code == 403
    page = browser.get("/sign-in/")
    for name in ("off", "nobody", "alice"):
        assert browser.submit(page, f"/sign-in/with/{name}/").status_code == 404
    for bad in ("https://evil.example/", "//evil.example", "/v1/users/me"):
        page = browser.get("/sign-in/")
        query = sent_to(browser.submit(page, "/sign-in/with/corp/", next=bad))
        says(issuer, query["nonce"])
        answer = browser.get(BACK, {"state": query["state"], "code": "c"})
        assert answer["Location"] == "/account/"
        browser.cookies.pop("dragoman")


def test_a_provider_that_is_away_is_told_in_plain_words(cast: Cast, issuer: Issuer) -> None:
    provider(cast.alpha, issuer)
    issuer.answers[DISCOVERY] = (500, {})
    browser = Browser()
    page = browser.submit(browser.get("/sign-in/"), "/sign-in/with/corp/")
    assert page.status_code == 503
    assert "The other service did not answer." in page.content.decode()
    assert reason() == "external_unavailable"


def test_plain_oauth_2_has_a_way_back_of_its_own(cast: Cast, issuer: Issuer) -> None:
    settings = oauth2_settings(issuer.url)
    row(cast.alpha, Kind.OAUTH2, settings, name="plain", trusted_domains=["corp.example"])
    issuer.answers |= {
        "/token": {"access_token": "a"},
        "/me": {"id": 7, "email": "ann@corp.example"},
    }
    browser = Browser()
    query = depart(browser, "plain")
    assert query["redirect_uri"] == "http://testserver/oauth/callback"
    assert "nonce" not in query
    answer = browser.get("/oauth/callback", {"state": query["state"], "code": "c"})
    assert answer.status_code == 302
    assert ExternalAccount.objects.get().subject == "7"


def test_a_disabled_account_stays_disabled(cast: Cast, issuer: Issuer) -> None:
    linked(cast, issuer, cast.carol)
    browser = Browser()
    query = depart(browser)
    says(issuer, query["nonce"])
    page = browser.get(BACK, {"state": query["state"], "code": "c"})
    assert (page.status_code, reason()) == (403, "disabled")
    assert "opens no account here" in page.content.decode()
    assert not Session.objects.exists()


def start_link(browser: Browser) -> dict[str, str]:
    page = browser.get("/account/")
    return sent_to(browser.submit(page, "/account/link/corp/"))


def test_somebody_signed_in_links_his_account_and_hears_of_it(cast: Cast, issuer: Issuer) -> None:
    provider(cast.alpha, issuer, creates_accounts=False)
    browser = signed_in(cast.alice)
    query = start_link(browser)
    # Of another address there, which nobody has verified: he has proved to be both.
    says(issuer, query["nonce"], email="x@y.example", email_verified=False)
    with TestCase.captureOnCommitCallbacks(execute=True):
        answer = browser.get(BACK, {"state": query["state"], "code": "c"})
    assert (answer.status_code, answer["Location"]) == (302, "/account/")
    assert ExternalAccount.objects.get().user == cast.alice.user
    assert "from now on" in browser.get("/account/").content.decode()
    again = Browser()
    query = depart(again)
    says(issuer, query["nonce"])
    assert again.get(BACK, {"state": query["state"], "code": "c"}).status_code == 302
    assert Session.objects.latest("auth_time").user == cast.alice.user
    assert [message.to for message in mail.outbox] == [[cast.alice.email]]


def test_nobody_links_anything_to_another_ones_account(cast: Cast, issuer: Issuer) -> None:
    linked(cast, issuer, cast.bob)
    browser = signed_in(cast.alice)
    # What is another's already.
    query = start_link(browser)
    says(issuer, query["nonce"])
    assert browser.get(BACK, {"state": query["state"], "code": "c"}).status_code == 403
    assert reason() == "external_conflict"
    assert ["named there", "ann@corp.example"] in LoginEvent.objects.latest("at", "pk").trace
    # Somebody else has signed in meanwhile, or nobody is any more.
    for stranger in (cast.erin, None):
        query = start_link(browser)
        says(issuer, query["nonce"], sub="new")
        if stranger is None:
            browser.cookies.pop("dragoman")
        else:
            browser.cookies["dragoman"] = signed_in(stranger).cookies["dragoman"].value
        assert browser.get(BACK, {"state": query["state"], "code": "c"}).status_code == 403
        assert reason() == "challenge_foreign"
        browser = signed_in(cast.alice)
    assert ExternalAccount.objects.get().user == cast.bob.user
    assert Browser().post("/account/link/corp/").status_code == 403
