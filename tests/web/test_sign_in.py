"""Signing in with a browser: every way in, every refusal, the console behind it, how it ends."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.login.outcome import Reason
from accounts.models import Grant, LoginEvent, Session, User
from accounts.tokens import opaque
from accounts.web.wording import REFUSALS
from mfa import binding, email_codes, recovery_codes, totp
from mfa.models import EmailCode, TotpAuthenticator
from tenants import resolve
from tenants.models import TenantPolicy
from tests.fixtures import PASSWORD, Cast, Persona
from tests.web.browsing import LOGIN, Browser, hidden, signed_in

WRONG = "The name or the password is not right."


def said(page: Any) -> str:
    found = re.search(r'role="alert"[^>]*>([^<]*)<', page.content.decode())
    return found[1] if found else ""


def with_app(who: Persona) -> Persona:
    """The same person, with an authenticator app and recovery codes."""
    secret, codes = totp.new_secret(), recovery_codes.new_codes()
    binding.bind_totp(who.user.pk, secret)
    recovery_codes.replace(who.user.pk, codes, by="tests")
    return Persona(who.user, totp_secret=secret, recovery_codes=tuple(codes))


def staff(who: Persona) -> Persona:
    User.objects.filter(pk=who.user.pk).update(is_staff=True)
    return who


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


def test_an_authenticator_app_is_asked_for_on_a_second_page(cast: Cast) -> None:
    erin = with_app(cast.erin)
    browser = Browser()
    second = browser.sign_in(erin)
    assert second.status_code == 200
    assert "dragoman" not in browser.cookies
    assert "password" not in hidden(second)
    assert cast.erin.password not in second.content.decode()
    wrong = browser.submit(second, code="000000")
    assert (wrong.status_code, said(wrong)) == (
        403,
        "The code is not right, or it was used before.",
    )
    code = erin.code()
    assert browser.submit(wrong, code=f"{code[:3]} {code[3:]}").status_code == 302
    assert browser.get("/admin/").status_code == 200
    assert Session.objects.get().acr == "aal2"


def test_a_code_works_once(cast: Cast) -> None:
    erin = with_app(cast.erin)
    code = erin.code()
    first, other = Browser(), Browser()
    assert first.submit(first.sign_in(erin), code=code).status_code == 302
    again = other.submit(other.sign_in(erin), code=code)
    assert (again.status_code, "dragoman" in other.cookies) == (403, False)


def test_a_recovery_code_stands_in_for_the_app_and_the_owner_is_told(
    cast: Cast, mailoutbox: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    erin = with_app(cast.erin)
    browser = Browser()
    second = browser.sign_in(erin)
    with (
        patch.object(settings, "MAIL_INLINE", True, create=True),
        django_capture_on_commit_callbacks(execute=True),
    ):
        answer = browser.submit(second, code=recovery_codes.grouped(erin.recovery_codes[0]))
    assert answer.status_code == 302
    assert [mail.subject for mail in mailoutbox] == ["A recovery code was used"]
    assert recovery_codes.remaining(erin.user.pk) == 9


def test_too_many_wrong_codes_end_the_sign_in(cast: Cast) -> None:
    erin = with_app(cast.erin)
    browser = Browser()
    page = browser.sign_in(erin)
    for _ in range(5):
        page = browser.submit(page, code="000000")
        assert page.status_code == 403
    last = browser.submit(page, code=erin.code())
    assert last.status_code in {403, 429}
    assert "dragoman" not in browser.cookies
    assert 'name="password"' in last.content.decode()


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


def test_a_required_password_change_is_a_step_of_the_sign_in(cast: Cast) -> None:
    User.objects.filter(pk=cast.erin.user.pk).update(must_change_password=True)
    browser = Browser()
    page = browser.sign_in(cast.erin)
    assert 'name="new_password"' in page.content.decode()
    differing = browser.submit(page, new_password="a" * 20, again="b" * 20)
    assert differing.status_code == 400
    assert "The two passwords differ." in differing.content.decode()
    short = browser.submit(differing, new_password="short", again="short")
    assert said(short) == "The password must have at least 15 characters."
    chosen = "violet anvil under seven bridges"
    assert browser.submit(short, new_password=chosen, again=chosen).status_code == 302
    assert browser.get("/admin/").status_code == 200
    assert Browser().sign_in(cast.erin).status_code == 403
    assert Browser().sign_in(replace(cast.erin, password=chosen)).status_code == 302


def test_who_must_have_a_factor_sets_up_an_app_on_the_way_in(cast: Cast) -> None:
    TenantPolicy(tenant=cast.alpha, second_factor="required_for_staff").save()
    resolve.invalidate()
    browser = Browser()
    page = browser.sign_in(cast.erin)
    text = page.content.decode()
    assert (page.status_code, "dragoman" in browser.cookies) == (200, False)
    assert '<svg class="qr"' in text
    assert "style=" not in text
    # Without a secret on the page this fails, as it should.
    secret = base64.b32decode(re.search(r'class="secret">([^<]*)<', text)[1].replace(" ", ""))  # type: ignore[index]
    wrong = browser.submit(page, code="000000")
    assert (wrong.status_code, '<svg class="qr"' in wrong.content.decode()) == (403, True)
    assert not TotpAuthenticator.objects.filter(user=cast.erin.user.pk).exists()
    code = totp.code_at(secret, totp.step_at(timezone.now()))
    done = browser.submit(wrong, code=code)
    codes = re.findall(r"<li><code>([^<]*)</code>", done.content.decode())
    assert (done.status_code, len(codes), done["Cache-Control"].count("no-store")) == (200, 10, 1)
    assert browser.get("/admin/").status_code == 200
    assert Session.objects.get().acr == "aal2"
    other = Browser()
    assert other.submit(other.sign_in(cast.erin), code=codes[0]).status_code == 302


def test_too_many_wrong_codes_end_the_set_up_as_well(cast: Cast) -> None:
    TenantPolicy(tenant=cast.alpha, second_factor="required").save()
    resolve.invalidate()
    browser = Browser()
    page = browser.sign_in(cast.alice)
    for _ in range(5):
        page = browser.submit(page, code="000000")
        assert page.status_code == 403
    assert 'name="password"' in page.content.decode()
    fields = {"step": "bind_factor", "code": "000000"}
    assert browser.submit(page, **fields).status_code == 403
    assert "dragoman" not in browser.cookies


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


def test_every_refusal_of_the_core_has_words() -> None:
    assert set(REFUSALS) == set(Reason)


# The cookie and the session behind it.


def test_the_cookie_is_opaque_and_kept_from_scripts_and_other_sites(cast: Cast) -> None:
    browser = Browser()
    cookie = browser.sign_in(cast.erin).cookies["dragoman"]
    assert re.fullmatch(r"[\w-]{43}", cookie.value)
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
    # It goes with the browser; the twelve hours are the server's.
    assert (cookie["domain"], cookie["max-age"], cookie["expires"]) == ("", "", "")
    grant = Grant.objects.get()
    assert bytes(grant.token_hash) == opaque.digest(cookie.value)
    assert grant.kind == "resume"


def test_over_tls_the_cookie_bears_the_host_prefix(cast: Cast) -> None:
    tls = replace(settings.DRAGOMAN, base_url="https://testserver")
    with patch.object(settings, "DRAGOMAN", tls):
        browser = Browser()
        cookies = browser.sign_in(cast.erin).cookies
        assert "dragoman" not in cookies
        cookie = cookies["__Host-dragoman"]
        assert (cookie["secure"], cookie["path"], cookie["domain"]) == (True, "/", "")
        assert browser.get("/admin/").status_code == 200


def test_a_planted_cookie_opens_nothing_and_is_replaced_at_sign_in(cast: Cast) -> None:
    browser = Browser()
    planted = opaque.mint()
    browser.cookies["dragoman"] = planted
    answer = browser.get("/admin/")
    assert answer.status_code == 302
    assert answer.cookies["dragoman"].value == ""
    browser.cookies["dragoman"] = planted
    browser.sign_in(cast.erin)
    assert browser.cookies["dragoman"].value != planted
    thief = Browser()
    thief.cookies["dragoman"] = planted
    assert thief.get("/admin/").status_code == 302


def test_every_sign_in_has_a_token_of_its_own_and_ends_the_browsers_earlier_session(
    cast: Cast,
) -> None:
    browser = signed_in(cast.erin)
    first = browser.cookies["dragoman"].value
    page = browser.get(f"{LOGIN}?again=1")
    browser.submit(page, identifier="erin", password=PASSWORD)
    assert browser.cookies["dragoman"].value != first
    thief = Browser()
    thief.cookies["dragoman"] = first
    assert thief.get("/admin/").status_code == 302
    assert Session.objects.filter(ended_at=None).count() == 1


@pytest.mark.parametrize("token", ["access", "refresh", "other contract"])
def test_a_token_of_another_kind_or_contract_is_no_session_of_the_browser(
    cast: Cast, token: str
) -> None:
    browser = signed_in(cast.erin)
    if token == "other contract":
        Session.objects.update(contract="rocketchat")
    elif token == "refresh":
        Grant.objects.update(kind="refresh")
    else:
        browser.cookies["dragoman"] = str(Session.objects.get().pk)
    assert browser.get("/admin/").status_code == 302


def test_a_session_ends_after_an_hour_without_use(cast: Cast) -> None:
    browser = signed_in(cast.erin)
    Session.objects.update(last_seen_at=timezone.now() - timedelta(minutes=59))
    assert browser.get("/admin/").status_code == 200
    Session.objects.update(last_seen_at=timezone.now() - timedelta(minutes=61))
    assert browser.get("/admin/").status_code == 302


def test_a_session_ends_after_twelve_hours_in_any_case(cast: Cast) -> None:
    browser = signed_in(cast.erin)
    session = Session.objects.get()
    assert session.expires_at - session.auth_time == timedelta(hours=12)
    Session.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert browser.get("/admin/").status_code == 302


def test_the_last_use_is_written_at_most_once_a_minute(cast: Cast) -> None:
    browser = signed_in(cast.erin)
    before = Session.objects.get().last_seen_at
    browser.get("/admin/")
    assert Session.objects.get().last_seen_at == before
    Session.objects.update(last_seen_at=timezone.now() - timedelta(seconds=61))
    browser.get("/admin/")
    assert Session.objects.get().last_seen_at > before


@pytest.mark.parametrize("change", ["disabled", "no staff", "new epoch", "ended", "contract off"])
def test_a_right_that_is_lost_is_lost_at_the_next_click(cast: Cast, change: str) -> None:
    browser = signed_in(cast.erin)
    assert browser.get("/admin/").status_code == 200
    erin = User.objects.filter(pk=cast.erin.user.pk)
    if change == "disabled":
        erin.update(state=User.State.DISABLED)
    elif change == "no staff":
        erin.update(is_staff=False)
    elif change == "new epoch":
        erin.update(security_epoch=1)
    elif change == "ended":
        Session.objects.update(ended_at=timezone.now())
    else:
        cast.alpha.contracts = {"console": {"enabled": False}}
        cast.alpha.save()
        resolve.invalidate()
    barred = browser.get("/admin/")
    still_in = change in {"no staff", "contract off"}
    assert barred.status_code == (403 if still_in else 302)
    assert browser.get("/account/").status_code == (200 if still_in else 302)


@pytest.mark.parametrize("path", ["/sign-out/", "/admin/logout/"])
def test_signing_out_ends_the_session_and_takes_the_cookie(cast: Cast, path: str) -> None:
    browser = signed_in(cast.erin)
    token = browser.cookies["dragoman"].value
    page = browser.get("/admin/" if path.startswith("/admin") else "/account/")
    assert browser.get(path).status_code == 405
    answer = browser.submit(page, path)
    assert (answer.status_code, answer["Location"]) == (302, "/sign-in/")
    gone = answer.cookies["dragoman"]
    assert (gone.value, gone["expires"]) == ("", "Thu, 01 Jan 1970 00:00:00 GMT")
    assert Session.objects.get().end_reason == "signed out"
    thief = Browser()
    thief.cookies["dragoman"] = token
    assert thief.get("/admin/").status_code == 302


def test_a_dead_cookie_is_refused_and_recorded_once(cast: Cast) -> None:
    browser = signed_in(cast.erin)
    Session.objects.update(ended_at=timezone.now())
    for _ in range(3):
        assert browser.get("/admin/").status_code == 302
    assert LoginEvent.objects.filter(event="grant:token:refused").count() == 1


# "Keep me signed in".


def test_a_session_is_kept_for_as_long_as_its_proofs_are_worth(cast: Cast) -> None:
    hour, day = 3600, 24 * 3600

    def ends(who: Persona, **fields: str) -> tuple[int, int | None, str]:
        browser = Browser()
        page = browser.sign_in(who, **fields)
        answer = page if page.status_code == 302 else browser.submit(page, code=who.code())
        assert answer.status_code == 302
        session = Session.objects.get(user=who.user.pk)
        life = int((session.expires_at - session.auth_time).total_seconds())
        session.delete()
        return life, session.idle_seconds, str(answer.cookies["dragoman"]["max-age"])

    assert ends(cast.alice) == (12 * hour, hour, "")
    assert ends(cast.alice, keep="on") == (30 * day, 14 * day, str(30 * day))
    # A second factor is worth a day (NIST SP 800-63B); the choice survives the second page.
    assert ends(cast.bob, keep="on") == (day, 14 * day, str(day))
    # Staff are never kept, whatever they send.
    assert ends(cast.erin, keep="on") == (12 * hour, hour, "")


def test_a_tenant_sets_the_ends_within_their_bounds(cast: Cast) -> None:
    cast.alpha.contracts = {
        "browser": {"lifetimes": {"session": 1800, "idle": 600, "kept": 90 * 86400}},
        "console": {"lifetimes": {"session": 900}},
    }
    cast.alpha.save()
    resolve.invalidate()
    Browser().sign_in(cast.alice)
    Browser().sign_in(cast.alice, keep="on")
    Browser().sign_in(cast.erin)
    rows = Session.objects.order_by("auth_time")
    lives = [int((row.expires_at - row.auth_time).total_seconds()) for row in rows]
    assert lives == [1800, 30 * 86400, 900]
    assert [row.idle_seconds for row in rows] == [600, 14 * 86400, 600]


def test_a_tenant_may_forbid_to_keep_sessions(cast: Cast) -> None:
    cast.alpha.contracts = {"browser": {"options": {"keep": False}}}
    cast.alpha.save()
    resolve.invalidate()
    browser = Browser()
    assert 'name="keep"' not in browser.get(LOGIN).content.decode()
    answer = browser.sign_in(cast.alice, keep="on")
    assert answer.cookies["dragoman"]["max-age"] == ""
    assert Session.objects.get().idle_seconds == 3600


def test_a_kept_session_ends_on_the_server_whatever_the_cookie_says(cast: Cast) -> None:
    browser = Browser()
    browser.sign_in(cast.alice, keep="on")
    Session.objects.update(last_seen_at=timezone.now() - timedelta(days=13))
    assert browser.get("/account/").status_code == 200
    Session.objects.update(last_seen_at=timezone.now() - timedelta(days=15))
    assert browser.get("/account/").status_code == 302


# Codes by mail.


def test_a_code_by_mail_is_a_second_step(
    cast: Cast, mailoutbox: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    email_codes.enable(cast.alice.user.pk, timezone.now())
    browser = Browser()
    inline = patch.object(settings, "MAIL_INLINE", True, create=True)
    with inline, django_capture_on_commit_callbacks(execute=True):
        page = browser.sign_in(cast.alice)
    assert "We have sent you a mail with a six-digit code." in page.content.decode()
    (message,) = mailoutbox
    code = re.search(r"\d{3}-\d{3}", message.body)
    assert code
    # Within a minute no other mail leaves, and the code that is on its way stays good.
    with inline, django_capture_on_commit_callbacks(execute=True):
        again = browser.submit(page, resend="1")
    assert (again.status_code, len(mailoutbox)) == (200, 1)
    EmailCode.objects.update(created_at=timezone.now() - timedelta(seconds=61))
    with inline, django_capture_on_commit_callbacks(execute=True):
        again = browser.submit(again, resend="1")
    assert (again.status_code, len(mailoutbox)) == (200, 2)
    newest = re.search(r"\d{3}-\d{3}", mailoutbox[1].body)
    assert newest
    assert browser.submit(again, code=newest[0]).status_code == 302
    assert Session.objects.get().amr[1]["method"] == "email"


def test_no_mail_leaves_for_a_challenge_that_is_none(cast: Cast, mailoutbox: list[Any]) -> None:
    email_codes.enable(cast.alice.user.pk, timezone.now())
    bob_waits = Browser().sign_in(cast.bob)
    browser = Browser()
    page = browser.get(LOGIN)
    for challenge in ("", "nothing", hidden(bob_waits)["challenge"]):
        fields = {"step": "second_factor", "resend": "1", "challenge": challenge}
        assert browser.submit(page, **fields).status_code == 403
    assert mailoutbox == []


# What a page must never allow.


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


def test_every_page_of_the_console_has_the_headers_that_a_browser_goes_by(cast: Cast) -> None:
    page = signed_in(cast.erin).get("/admin/")
    policy = page["Content-Security-Policy"]
    assert "unsafe" not in policy
    for part in (
        "default-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "form-action 'self'",
    ):
        assert part in policy
    assert page["X-Content-Type-Options"] == "nosniff"
    assert page["Referrer-Policy"] == "same-origin"
    assert page["Cross-Origin-Opener-Policy"] == "same-origin"
    assert page["X-Frame-Options"] == "DENY"
    assert "no-store" in page["Cache-Control"]


def test_a_contracts_answer_gets_no_headers_of_pages(cast: Cast) -> None:
    answer = Browser().post("/account/login", b"{}", content_type="application/json")
    assert "Content-Security-Policy" not in answer


def test_a_contracts_call_asks_nothing_about_a_browsers_cookie(cast: Cast) -> None:
    browser = signed_in(cast.erin)
    browser.get("/users/me")
    with CaptureQueriesContext(connection) as queries:
        browser.get("/users/me")
    assert len(queries) == 0


# The home page.


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


def test_the_console_without_its_slash_leads_there(cast: Cast) -> None:
    assert Browser().get("/admin")["Location"] == "/admin/"
