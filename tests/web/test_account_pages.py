"""What the account pages have in common: their rules, freshness, and that all is one's own."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.utils import timezone

from accounts import provisioning
from accounts.models import ExternalAccount, LoginEvent, Session
from tenants import resolve
from tenants.federation.settings import Kind
from tenants.models import IdentityProvider
from tests.fixtures import Cast
from tests.web.accounting import (
    ACTIVITY,
    ADDRESS,
    APP,
    APP_PASSWORDS,
    CODES,
    LINKED,
    MAILED,
    PASSWORD,
    PROFILE,
    SESSIONS,
    TOKENS,
    grow_old,
    proved,
    send,
    text,
)
from tests.web.browsing import Browser, signed_in
from tests.web.test_pages import faults_of

ALL = [
    "/account/",
    PROFILE,
    ADDRESS,
    PASSWORD,
    APP,
    CODES,
    MAILED,
    APP_PASSWORDS,
    TOKENS,
    SESSIONS,
    LINKED,
    ACTIVITY,
]


def test_every_page_keeps_the_rules_of_pages_and_few_statements(
    cast: Cast, django_assert_max_num_queries: Any
) -> None:
    browser = proved(cast.bob)
    for _ in range(5):
        proved_not = Browser().sign_in(cast.bob)
        assert proved_not.status_code == 200
    pages = {}
    for path in ALL:
        with django_assert_max_num_queries(3):
            pages[path] = browser.get(path)
    assert {path: page.status_code for path, page in pages.items()} == dict.fromkeys(ALL, 200)
    found = {path: faults_of(page) for path, page in pages.items()}
    assert {path: faults for path, faults in found.items() if faults} == {}
    forms = {path: re.findall(r"<form.*?</form>", text(page)) for path, page in pages.items()}
    bare = [p for p, each in forms.items() if any("csrfmiddlewaretoken" not in f for f in each)]
    assert bare == []
    unmarked = [path for path, page in pages.items() if 'aria-current="page"' not in text(page)]
    assert unmarked == []


def test_a_stranger_is_led_to_the_sign_in_and_back(cast: Cast) -> None:
    strays = {}
    for path in [*ALL, f"{ADDRESS}nothing/", f"/t/beta{SESSIONS}"]:
        answer = Browser().get(path)
        prefix = "/t/beta" if path.startswith("/t/") else ""
        if answer.get("Location") != f"{prefix}/sign-in/?next={path}":
            strays[path] = answer.get("Location")
    assert strays == {}


def test_the_address_of_another_tenant_opens_nothing(cast: Cast) -> None:
    browser = signed_in(cast.alice)
    answers = [browser.get(f"/t/beta{path}") for path in ALL]
    assert {answer.status_code for answer in answers} == {302}
    assert all(a["Location"].startswith("/t/beta/sign-in/") for a in answers)
    assert browser.get("/t/alpha/account/sessions/").status_code == 200


def test_sensitive_acts_lead_through_a_fresh_sign_in_and_come_back(cast: Cast) -> None:
    browser = signed_in(cast.alice)
    grow_old(cast.alice)
    looks = {path: browser.get(path) for path in ALL}
    forms = {ADDRESS, PASSWORD, APP_PASSWORDS, TOKENS, LINKED}
    led = {path: answer.get("Location") for path, answer in looks.items()}
    assert led == {
        path: f"/sign-in/?again=1&next={path}" if path in forms else None for path in ALL
    }
    acts = {
        APP: ["begin", "confirm", "remove"],
        CODES: ["make"],
        MAILED: ["on", "off"],
        APP_PASSWORDS: ["make", "revoke"],
        TOKENS: ["make", "renew", "remove"],
        SESSIONS: ["end", "end_others"],
        LINKED: ["unlink"],
    }
    before = LoginEvent.objects.count()
    for path, names in acts.items():
        for act in names:
            answer = send(browser, path, act=act)
            assert answer["Location"] == f"/sign-in/?again=1&next={path}", (path, act)
    assert LoginEvent.objects.count() == before

    page = browser.get(f"/sign-in/?again=1&next={SESSIONS}")
    assert "This step needs a fresh sign-in." in text(page)
    again = browser.submit(page, password=cast.alice.password, identifier="alice")
    assert again["Location"] == SESSIONS
    assert send(browser, SESSIONS, act="end_others").status_code == 302


def test_a_password_alone_is_not_fresh_for_whoever_has_an_app(cast: Cast) -> None:
    browser = proved(cast.bob)
    session = Session.objects.get(user=cast.bob.user, ended_at=None)
    Session.objects.filter(pk=session.pk).update(amr=[session.amr[0]])
    assert browser.get(PASSWORD)["Location"] == f"/sign-in/?again=1&next={PASSWORD}"


def test_rows_of_others_and_of_nobody_are_not_found(cast: Cast) -> None:
    other = signed_in(cast.erin)
    send(other, TOKENS, act="make", name="his", contract="rocketchat")
    send(other, APP_PASSWORDS, act="make", label="his")
    provider = IdentityProvider.objects.create(tenant=cast.alpha, name="corp", kind=Kind.OIDC)
    link = ExternalAccount.objects.create(user=cast.erin.user, provider=provider, subject="1")
    session = Session.objects.get(user=cast.erin.user, contract="browser")
    credential = cast.erin.user.service_credentials.get()
    token = cast.erin.user.personal_tokens.get()
    before = LoginEvent.objects.count()
    browser = signed_in(cast.alice)
    made = LoginEvent.objects.count()
    assert made > before
    rows = {
        (SESSIONS, "end"): session.pk,
        (APP_PASSWORDS, "revoke"): credential.pk,
        (TOKENS, "renew"): token.pk,
        (TOKENS, "remove"): token.pk,
        (LINKED, "unlink"): link.pk,
    }
    wrong: list[Any] = []
    for (path, act), row in rows.items():
        for chosen in (str(row), "01990000-0000-7000-8000-000000000000", "x", "", "\x00"):
            answer = send(browser, path, act=act, id=chosen)
            if answer.status_code != 404 or faults_of(answer):
                wrong.append((path, act, chosen, answer.status_code))
    assert wrong == []
    assert LoginEvent.objects.count() == made
    assert other.get(SESSIONS).status_code == 200


def test_what_no_page_asks_for_is_refused_without_harm(cast: Cast) -> None:
    browser = signed_in(cast.alice)
    wrong: list[Any] = []
    for path in (APP, CODES, MAILED, APP_PASSWORDS, TOKENS, SESSIONS, LINKED):
        for act in ("", "nothing", "\x00", "a" * 5000):
            answer = send(browser, path, act=act)
            if answer.status_code != 400 or faults_of(answer):
                wrong.append((path, act[:10], answer.status_code))
    for path in ("/account/", ACTIVITY):
        wrong += [path] if send(browser, path).status_code != 405 else []
    for path in ALL:
        wrong += [path] if browser.put(path).status_code not in {403, 405} else []
        wrong += [path] if browser.post(path, {"act": "x"}).status_code != 403 else []
    assert wrong == []


def test_the_pages_wear_the_looks_of_the_accounts_own_tenant(cast: Cast) -> None:
    cast.beta.branding = {"colour": "#1b636b"}
    cast.beta.save()
    resolve.invalidate()
    browser = Browser()
    browser.sign_in(cast.dave, name="dave@beta.example")
    page = text(browser.get("/account/"))
    assert "<span>Beta</span>" in page
    assert "/brand/1b636b.css" in page


def test_the_overview_counts_what_there_is(cast: Cast) -> None:
    browser = proved(cast.bob)
    provisioning.issue_credential(cast.bob.user, client_id="one", label="one")
    gone = provisioning.issue_credential(cast.bob.user, client_id="two", label="two")
    gone.credential.revoked_at = timezone.now()
    gone.credential.save()
    page = text(browser.get("/account/"))
    assert "Recovery codes</a> <span>10 left</span>" in page
    assert "App passwords</a> <span>1</span>" in page
    assert "Sessions</a> <span>1</span>" in page
    assert "Authenticator app</a> <span>in use</span>" in page
    assert "has no second factor" not in page
    assert "has no second factor" in text(signed_in(cast.alice).get("/account/"))


@pytest.mark.parametrize("name", ["passkeys", "sessions"])
def test_a_slash_that_was_left_out_is_not_our_page(cast: Cast, name: str) -> None:
    assert Browser().get(f"/account/{name}").status_code == 404
