"""The console behind the sign-in: who may enter, and what its pages bring along."""

from __future__ import annotations

from tenants import resolve
from tenants.models import TenantPolicy
from tests.fixtures import PASSWORD, Cast
from tests.web.browsing import Browser, signed_in
from tests.web.personas import staff


def test_the_console_asks_for_the_factor_that_a_later_rule_demands(cast: Cast) -> None:
    browser = signed_in(cast.erin)
    TenantPolicy(tenant=cast.alpha, second_factor="required_for_staff").save()
    resolve.invalidate()
    answer = browser.get("/admin/")
    assert (answer.status_code, answer["Location"]) == (302, "/sign-in/?again=1&next=/admin/")
    assert browser.get("/account/").status_code == 200


def test_whoever_is_no_staff_gets_a_page_that_says_so(cast: Cast) -> None:
    browser = signed_in(cast.alice)
    page = browser.get("/admin/", follow=True)
    assert (page.status_code, page.redirect_chain) == (403, [])
    assert "This account may not use the console." in page.content.decode()
    assert browser.get("/admin/accounts/user/").status_code == 403
    assert browser.get("/admin/login/?next=/admin/", follow=True).status_code == 403


def test_whoever_becomes_staff_with_a_session_that_was_kept_signs_in_anew(cast: Cast) -> None:
    browser = Browser()
    browser.sign_in(cast.alice, keep="on")
    staff(cast.alice)
    answer = browser.get("/admin/")
    assert (answer.status_code, answer["Location"]) == (302, "/sign-in/?again=1&next=/admin/")
    page = browser.get(answer["Location"])
    assert "This step needs a fresh sign-in." in page.content.decode()
    browser.submit(page, identifier="alice", password=PASSWORD, keep="on")
    assert browser.get("/admin/").status_code == 200


def test_the_console_without_its_slash_leads_there(cast: Cast) -> None:
    assert Browser().get("/admin")["Location"] == "/admin/"
