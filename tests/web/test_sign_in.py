"""Signing in with a browser: every way in, every refusal, what a page never allows."""

from __future__ import annotations

import re
from typing import Any

import pytest

from accounts.login.outcome import Reason
from accounts.models import LoginEvent, Session
from accounts.web.wording import REFUSALS
from tests.fixtures import PASSWORD, Cast
from tests.web.browsing import LOGIN, Browser, said, signed_in
from tests.web.personas import staff

WRONG = "The name or the password is not right."


def test_staff_sign_in_with_a_password_and_land_in_the_console(cast: Cast) -> None:
    browser = Browser()
    answer = browser.sign_in(cast.erin)
    assert (answer.status_code, answer["Location"]) == (302, "/account/")
    page = browser.get("/admin/")
    assert page.status_code == 200
    assert "<strong>erin</strong>" in page.content.decode()
    session = Session.objects.get()
    assert (session.contract, session.user_id, session.acr) == (
        "browser",
        cast.erin.user.pk,
        "aal1",
    )


def test_staff_sign_in_with_their_e_mail_whatever_its_case(cast: Cast) -> None:
    assert Browser().sign_in(cast.erin, name="ERIN@alpha.example").status_code == 302


def test_staff_of_a_tenant_that_is_not_the_default_sign_in_by_mail_or_by_organization(
    cast: Cast,
) -> None:
    dave = staff(cast.dave)
    assert Browser().sign_in(dave, name=dave.email).status_code == 302
    assert Browser().sign_in(dave).status_code == 403
    browser = Browser()
    start = browser.get("/t/beta/admin/")
    assert start["Location"] == "/t/beta/sign-in/?next=/admin/"
    page = browser.get(start["Location"])
    assert "<title>Sign in · Beta</title>" in page.content.decode()
    entered = browser.sign_in(dave, path=start["Location"])
    assert (entered.status_code, entered["Location"]) == (302, "/admin/")
    assert browser.get("/admin/").status_code == 200
    named = Browser()
    assert 'name="tenant"' in named.get("/sign-in/?organization=1").content.decode()
    assert named.sign_in(dave, tenant="Beta").status_code == 302


def test_a_host_of_one_tenant_lets_nobody_of_another_in(cast: Cast) -> None:
    answer = Browser(headers={"host": "beta.example.com"}).sign_in(cast.erin)
    assert (answer.status_code, said(answer)) == (403, WRONG)


def test_a_session_of_one_tenant_opens_nothing_at_the_host_of_another(cast: Cast) -> None:
    browser = signed_in(cast.erin)
    assert browser.get("/admin/").status_code == 200
    assert browser.get("/admin/", headers={"host": "beta.example.com"}).status_code == 302


@pytest.mark.parametrize(
    "who", ["stranger", "wrong password", "disabled", "other tenant", "machine"]
)
def test_every_wrong_first_factor_gets_the_same_page(cast: Cast, who: str) -> None:
    fields = {
        "stranger": ("stranger", PASSWORD),
        "wrong password": ("erin", "wrong"),
        "disabled": ("carol", PASSWORD),
        "other tenant": ("dave", PASSWORD),
        "machine": ("svc", cast.svc.client_secret),
    }[who]
    browser = Browser()
    page = browser.get(LOGIN)
    answer = browser.submit(page, identifier=fields[0], password=fields[1])
    assert (answer.status_code, said(answer)) == (403, WRONG)
    assert "dragoman" not in browser.cookies
    body = answer.content.decode().replace(fields[0], "NAME")
    plain = re.sub(r'(csrfmiddlewaretoken" value=")[^"]*', r"\1", body)
    reference = browser.submit(page, identifier="zzz", password="zzz")
    expected = reference.content.decode().replace("zzz", "NAME")
    assert plain == re.sub(r'(csrfmiddlewaretoken" value=")[^"]*', r"\1", expected)
    assert fields[1] not in body
    assert not Session.objects.exists()


def test_the_true_reason_of_a_refusal_is_in_the_audit_trail(cast: Cast) -> None:
    Browser().sign_in(cast.carol)
    event = LoginEvent.objects.filter(contract="browser").get()
    assert (event.reason, event.user_id) == ("disabled", cast.carol.user.pk)


def test_after_ten_wrong_passwords_the_page_says_how_long_to_wait(cast: Cast) -> None:
    browser = Browser()
    page = browser.get(LOGIN)
    for _ in range(10):
        assert browser.submit(page, identifier="erin", password="wrong").status_code == 403
    answer = browser.submit(page, identifier="erin", password=PASSWORD)
    assert answer.status_code == 429
    assert said(answer) == "Too many tries. Please wait 10 minutes."
    assert 0 < int(answer["Retry-After"]) <= 600


def test_every_refusal_of_the_core_has_words() -> None:
    assert set(REFUSALS) == set(Reason)


def test_a_form_without_its_token_is_refused(cast: Cast) -> None:
    browser = signed_in(cast.erin)
    refused = browser.post("/admin/logout/")
    assert refused.status_code == 403
    assert "This form cannot be used" in refused.content.decode()
    assert Browser().post(LOGIN, {"identifier": "erin", "password": PASSWORD}).status_code == 403
    assert browser.get("/admin/").status_code == 200


def test_next_leads_back_to_the_page_that_was_asked_for(cast: Cast) -> None:
    browser = Browser()
    start = browser.get("/admin/accounts/user/?q=a")
    answer = browser.sign_in(cast.erin, path=start["Location"])
    assert answer["Location"] == "/admin/accounts/user/?q=a"


@pytest.mark.parametrize("field", ["identifier", "password", "tenant", "code", "challenge", "step"])
@pytest.mark.parametrize("value", ["\x00", "a" * 60000, "\ud7ff\u202e", "%s' OR 1=1 --"])
def test_strange_text_is_refused_quietly(cast: Cast, field: str, value: str) -> None:
    browser = Browser()
    page = browser.get(LOGIN)
    fields = {"identifier": "erin", "password": "x", field: value}
    if field in {"code", "challenge"}:
        fields = {"step": "second_factor", "code": "1", "challenge": "x", field: value}
    answer = browser.submit(page, **fields)
    assert answer.status_code in {400, 403}
    assert "dragoman" not in browser.cookies


def test_a_contracts_answer_gets_no_headers_of_pages(cast: Cast) -> None:
    answer = Browser().post("/account/login", b"{}", content_type="application/json")
    assert "Content-Security-Policy" not in answer


def test_the_home_page_names_every_contract_and_asks_the_database_nothing(
    cast: Cast, django_assert_num_queries: Any
) -> None:
    browser = Browser()
    # Tenants are in memory from the first request on.
    browser.get("/")
    with django_assert_num_queries(0):
        page = browser.get("/")
    text = page.content.decode()
    assert "ColdStream" in text
    assert 'lang="en"' in text
    assert text.count("<h1") == 1
    assert "<script" not in text
    assert "style=" not in text
