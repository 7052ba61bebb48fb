"""What people trip over: what is offered, which field is meant, where the cursor stands."""

from __future__ import annotations

import re
from base64 import b32decode
from typing import Any

from django.utils import timezone

from accounts.models import User
from mfa import totp
from tenants import resolve
from tenants.models import TenantPolicy
from tests.fixtures import Cast
from tests.web.accounting import CODES_FILE, SESSIONS, send, text
from tests.web.browsing import LOGIN, Browser, hidden, signed_in
from tests.web.test_pages import Outline, faults_of

PASSKEYS = "/account/passkeys/"


def test_a_wrong_code_marks_its_field_which_is_empty_and_has_the_cursor(cast: Cast) -> None:
    browser = Browser()
    told = browser.submit(browser.sign_in(cast.bob), code="000000")
    code = Outline(told).field("code")
    assert (code["aria-invalid"], code["aria-describedby"]) == ("true", "said")
    assert ("value" in code, "autofocus" in code) == (False, True)
    said = next(each for each in Outline(told).all("p") if each.get("id") == "said")
    assert "autofocus" not in said
    assert faults_of(told) == []
    done = browser.submit(told, code=cast.bob.code())
    assert done.status_code == 302


def test_a_wrong_name_or_password_marks_neither_of_them(cast: Cast) -> None:
    browser = Browser()
    page = browser.get("/sign-in/")
    told = Outline(browser.submit(page, identifier="alice", password="wrong"))
    marked = [each for each in told.all("input") if "aria-invalid" in each]
    assert marked == []
    assert "autofocus" in next(each for each in told.all("p") if each.get("id") == "said")


def test_the_cursor_stands_in_the_first_field_of_the_password_page(cast: Cast) -> None:
    outline = Outline(signed_in(cast.alice).get("/account/password/"))
    focused = [each["name"] for each in outline.all("input") if "autofocus" in each]
    assert focused == ["current"]


def test_codes_of_a_set_up_during_the_sign_in_can_be_printed_and_kept_as_a_file(
    cast: Cast,
) -> None:
    TenantPolicy(tenant=cast.alpha, second_factor="required").save()
    resolve.invalidate()
    browser = Browser()
    page = browser.sign_in(cast.alice)
    shown = re.search(r'class="secret">([^<]*)<', page.content.decode())
    assert shown
    secret = b32decode(shown[1].replace(" ", ""))
    done = browser.submit(page, code=totp.code_at(secret, totp.step_at(timezone.now())))
    assert faults_of(done) == []
    outline = Outline(done)
    assert [each for each in outline.all("button") if "data-print" in each]
    assert any(each["src"].endswith("print.js") for each in outline.all("script"))
    file = send(browser, CODES_FILE, codes=outline.field("codes")["value"])
    kept = file.content.decode().split()
    codes = re.findall(r"<li><code>([^<]*)</code>", done.content.decode())
    assert (len(codes), set(codes) <= set(kept)) == (10, True)
    assert "attachment" in file["Content-Disposition"]


def test_the_step_of_a_forced_password_says_how_long_it_must_be_each_time(cast: Cast) -> None:
    TenantPolicy(tenant=cast.alpha, password_min_length=21).save()
    resolve.invalidate()
    User.objects.filter(pk=cast.alice.user.pk).update(must_change_password=True)
    browser = Browser()
    page = browser.sign_in(cast.alice)
    assert "It needs at least 21 characters." in text(page)
    again = browser.submit(page, new_password="short", again="short")
    assert "It needs at least 21 characters." in text(again)
    odd = browser.submit(again, new_password="a", again="b", shortest="<b>")
    assert (odd.status_code, "It needs" in text(odd)) == (400, False)


def test_a_fresh_sign_in_knows_who_it_is_and_waits_in_the_password(cast: Cast) -> None:
    outline = Outline(signed_in(cast.alice).get(f"{LOGIN}?again=1"))
    assert outline.field("identifier")["value"] == "alice@alpha.example"
    focused = [each["name"] for each in outline.all("input") if "autofocus" in each]
    assert focused == ["password"]


def test_a_way_back_that_leads_nowhere_shows_the_way_to_the_sign_in(cast: Cast) -> None:
    page = Browser().get("/t/beta/oidc/callback")
    assert page.status_code == 403
    assert '<a class="button" href="/t/beta/sign-in/">' in text(page)


def test_who_has_nothing_that_codes_stand_in_for_is_shown_where_to_set_it_up(cast: Cast) -> None:
    page = text(signed_in(cast.alice).get("/account/recovery-codes/")).partition("set one up")[2]
    assert [path for path in (PASSKEYS, "/account/authenticator/") if path not in page] == []


def test_only_other_sessions_are_offered_to_be_ended(cast: Cast) -> None:
    browser = signed_in(cast.alice)
    assert "end_others" not in text(browser.get(SESSIONS))
    signed_in(cast.alice)
    assert "end_others" in text(browser.get(SESSIONS))


def test_the_page_of_passkeys_is_marked_in_the_list_of_pages(cast: Cast) -> None:
    outline = Outline(signed_in(cast.alice).get(PASSKEYS))
    here = [each["href"] for each in outline.all("a") if each.get("aria-current") == "page"]
    assert here == [PASSKEYS]


def test_an_address_without_passkeys_says_where_they_can_be_made(cast: Cast) -> None:
    browser = signed_in(cast.alice)
    away = text(browser.get(PASSKEYS, headers={"host": "127.0.0.1"}))
    assert "this address is none that passkeys can be made for" in away
    assert f'Go to <a href="http://testserver{PASSKEYS}">' in away


def test_the_front_page_names_only_contracts_that_the_tenant_serves(cast: Cast) -> None:
    assert "ColdStream" in text(Browser().get("/"))
    cast.alpha.contracts = {"coldstream": {"enabled": False}}
    cast.alpha.save()
    resolve.invalidate()
    page = text(Browser().get("/"))
    assert ("ColdStream" in page, "Bytebase" in page) == (False, True)
    assert "ColdStream" in text(Browser().get("/t/beta/"))


def test_only_the_first_way_to_sign_in_has_the_main_button(cast: Cast) -> None:
    outline = Outline(Browser().get("/sign-in/"))
    buttons = [each.get("class", "") for each in outline.all("button") if each.get("type")]
    assert buttons == ["", "second"]


def test_a_sign_in_that_another_tab_was_first_with_goes_on_there(cast: Cast) -> None:
    browser = Browser()
    page: Any = browser.get(LOGIN)
    stale = hidden(page)
    fields = {**stale, "identifier": "alice", "password": cast.alice.password}
    assert browser.sign_in(cast.alice).status_code == 302
    late = browser.post(LOGIN, {**fields, "next": "/account/sessions/"})
    assert (late.status_code, late["Location"]) == (302, "/account/sessions/")
    away = browser.post(LOGIN, {**fields, "next": "//elsewhere.example/"})
    assert (away.status_code, away["Location"]) == (302, "/account/")
    # Whoever is not signed in, at an address that is nobody's, or at another form: as ever.
    assert browser.post("/t/nobody/sign-in/", fields).status_code == 403
    assert browser.post("/account/profile/", fields).status_code == 403
    assert Browser().post(LOGIN, fields).status_code == 403


def test_a_link_that_is_used_up_shows_the_way_to_another(cast: Cast) -> None:
    page = Browser().get("/password/no-such-link/")
    assert page.status_code == 410
    assert '<a href="/forgot/">' in page.content.decode()
