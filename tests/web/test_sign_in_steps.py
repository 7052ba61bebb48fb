"""The pages after the first one: codes, a due password, a factor to set up, codes by mail."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts.models import Session, User
from mfa import email_codes, recovery_codes, totp
from mfa.models import EmailCode, TotpAuthenticator
from tenants import resolve
from tenants.models import TenantPolicy
from tests.fixtures import Cast
from tests.web.browsing import LOGIN, Browser, hidden, said
from tests.web.personas import with_app


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
    with django_capture_on_commit_callbacks(execute=True):
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


def test_a_code_by_mail_is_a_second_step(
    cast: Cast, mailoutbox: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    email_codes.enable(cast.alice.user.pk, timezone.now())
    browser = Browser()
    with django_capture_on_commit_callbacks(execute=True):
        page = browser.sign_in(cast.alice)
    assert "We have sent you a mail with a six-digit code." in page.content.decode()
    (message,) = mailoutbox
    code = re.search(r"\d{3}-\d{3}", message.body)
    assert code
    # Within a minute no other mail leaves, and the code that is on its way stays good.
    with django_capture_on_commit_callbacks(execute=True):
        again = browser.submit(page, resend="1")
    assert (again.status_code, len(mailoutbox)) == (200, 1)
    EmailCode.objects.update(created_at=timezone.now() - timedelta(seconds=61))
    with django_capture_on_commit_callbacks(execute=True):
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
