"""The authenticator app, recovery codes and codes by mail, as their owner keeps them."""

from __future__ import annotations

import re
from base64 import b32decode
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.conf import settings
from django.utils import timezone

from accounts import notices
from accounts.login.personal_tokens import listed
from accounts.models import Session, User
from mfa import recovery_codes, totp
from mfa.models import EmailFactor, Enrolment, RecoveryCode, TotpAuthenticator
from tenants import resolve
from tenants.models import TenantPolicy
from tests.fixtures import Cast
from tests.web.accounting import (
    APP,
    CODES,
    CODES_FILE,
    MAILED,
    TOKENS,
    Mailed,
    events,
    grow_old,
    proved,
    send,
    text,
)
from tests.web.browsing import Browser, signed_in
from tests.web.test_pages import faults_of

_SHAPE = re.compile(r"[0-9a-z]{4}(?:-[0-9a-z]{4}){3}")


def secret_of(page: Any) -> bytes:
    found = re.search(r'class="secret">([A-Z2-7 ]+)<', page.content.decode())
    assert found
    return b32decode(found[1].replace(" ", ""))


def code_of(secret: bytes) -> str:
    return totp.code_at(secret, totp.step_at(timezone.now()))


def demand_second_factor(cast: Cast) -> None:
    TenantPolicy.objects.update_or_create(tenant=cast.alpha, defaults={"second_factor": "required"})
    resolve.invalidate()


def test_an_app_is_set_up_by_its_first_code_and_codes_follow(cast: Cast, mailed: Mailed) -> None:
    browser, other = signed_in(cast.alice), signed_in(cast.alice)
    send(browser, TOKENS, act="make", name="kept", contract="rocketchat")
    assert 'class="qr"' not in text(browser.get(APP))
    assert send(browser, APP, act="begin")["Location"] == APP
    page = browser.get(APP)
    assert faults_of(page) == []
    secret = secret_of(page)
    assert f"secret={totp.base32(secret)}" in text(page)
    assert not TotpAuthenticator.objects.filter(user=cast.alice.user).exists()

    wrong = send(browser, APP, act="confirm", code="000000")
    assert (wrong.status_code, secret_of(wrong)) == (403, secret)
    assert "The code is not right" in text(wrong)
    digits = code_of(secret)
    with mailed() as outbox:
        done = send(browser, APP, act="confirm", code=f"{digits[:3]} {digits[3:]}")
    assert done.status_code == 200
    assert faults_of(done) == []
    codes = re.findall(r"<code>([^<]+)</code>", done.content.decode())
    assert (len(codes), all(map(_SHAPE.fullmatch, codes))) == (10, True)
    assert "no-store" in done["Cache-Control"]
    subjects = ["An authenticator app was added", "New recovery codes were made"]
    assert [each.subject for each in outbox] == subjects
    bound = events(cast.alice, "factor:authenticator:bound", "factor:recovery_codes:made")
    assert bound == [("factor:authenticator:bound", ""), ("factor:recovery_codes:made", "")]

    # Other sessions were opened without it; this one has proved it; programs' tokens stay.
    assert other.get("/account/").status_code == 302
    assert len(listed(cast.alice.user, timezone.now())) == 1
    assert browser.get("/account/password/").status_code == 200
    session = Session.objects.get(user=cast.alice.user, contract="browser", ended_at=None)
    assert ([each["method"] for each in session.amr], session.acr) == (["pwd", "otp"], "aal2")
    # The code that proved it is spent, here as everywhere.
    second = Browser()
    page = second.sign_in(cast.alice)
    assert second.submit(page, step="second_factor", code=digits).status_code == 403
    page = second.sign_in(cast.alice)
    assert second.submit(page, step="second_factor", code=codes[0]).status_code == 302


def test_another_app_replaces_the_first_and_leaves_the_codes(cast: Cast) -> None:
    browser = proved(cast.bob)
    send(browser, APP, act="begin")
    page = browser.get(APP)
    assert TotpAuthenticator.objects.get(user=cast.bob.user).secret() == cast.bob.totp_secret
    done = send(browser, APP, act="confirm", code=code_of(secret_of(page)))
    assert done["Location"] == APP
    assert TotpAuthenticator.objects.get(user=cast.bob.user).secret() == secret_of(page)
    assert recovery_codes.remaining(cast.bob.user.pk) == 10


def test_a_secret_that_waits_is_shown_to_its_own_fresh_session_for_five_minutes(
    cast: Cast,
) -> None:
    browser, other = signed_in(cast.alice), signed_in(cast.alice)
    send(browser, APP, act="begin")
    secret = secret_of(browser.get(APP))
    assert 'class="qr"' not in text(other.get(APP))
    answer = send(other, APP, act="confirm", code=code_of(secret))
    assert answer["Location"] == APP
    grow_old(cast.alice)
    assert 'class="qr"' not in text(browser.get(APP))
    grow_old(cast.alice, timedelta(minutes=-16))
    assert 'class="qr"' in text(browser.get(APP))
    Enrolment.objects.update(expires_at=timezone.now())
    assert 'class="qr"' not in text(browser.get(APP))
    answer = send(browser, APP, act="confirm", code=code_of(secret))
    assert answer["Location"] == APP
    assert "It took too long." in text(browser.get(APP))
    assert not TotpAuthenticator.objects.filter(user=cast.alice.user).exists()


def test_guesses_at_the_first_code_are_counted(cast: Cast) -> None:
    browser = signed_in(cast.alice)
    send(browser, APP, act="begin")
    answers = [send(browser, APP, act="confirm", code=f"00000{n}") for n in range(6)]
    assert [answer.status_code for answer in answers] == [403] * 5 + [429]
    assert send(browser, APP, act="confirm", code="").status_code == 400


def test_an_app_is_removed_with_its_codes_where_the_rules_allow_it(
    cast: Cast, mailed: Mailed
) -> None:
    browser = proved(cast.bob)
    demand_second_factor(cast)
    assert "Your organization asks for a second factor" in text(browser.get(APP))
    assert send(browser, APP, act="remove").status_code == 403
    assert TotpAuthenticator.objects.filter(user=cast.bob.user).exists()
    TenantPolicy.objects.all().delete()
    resolve.invalidate()
    with mailed() as outbox:
        assert send(browser, APP, act="remove")["Location"] == APP
    assert [each.subject for each in outbox] == ["An authenticator app was removed"]
    assert not TotpAuthenticator.objects.filter(user=cast.bob.user).exists()
    assert not RecoveryCode.objects.filter(user=cast.bob.user).exists()
    assert events(cast.bob, "factor:authenticator:removed") == [
        ("factor:authenticator:removed", "")
    ]


def test_recovery_codes_are_counted_renewed_and_shown_once(cast: Cast, mailed: Mailed) -> None:
    browser = proved(cast.bob)
    spent = RecoveryCode.objects.filter(user=cast.bob.user).first()
    assert spent
    recovery_codes.spend(spent, timezone.now())
    assert "9 of 10" in text(browser.get(CODES))
    with mailed() as outbox:
        page = send(browser, CODES, act="make")
    codes = re.findall(r"<code>([^<]+)</code>", page.content.decode())
    assert len(set(codes)) == 10
    assert [each.subject for each in outbox] == ["New recovery codes were made"]
    assert "10 of 10" in text(browser.get(CODES))
    assert codes[0] not in text(browser.get(CODES))
    old = Browser()
    asked = old.sign_in(cast.bob)
    refused = old.submit(asked, step="second_factor", code=cast.bob.recovery_codes[1])
    assert refused.status_code == 403

    hidden_codes = re.search(r'name="codes" value="([^"]+)"', page.content.decode())
    assert hidden_codes
    file = send(browser, CODES_FILE, codes=hidden_codes[1])
    assert file["Content-Type"] == "text/plain; charset=utf-8"
    assert file["Content-Disposition"] == 'attachment; filename="recovery-codes.txt"'
    assert "no-store" in file["Cache-Control"]
    assert file.content.decode().split("\r\n") == [
        "Recovery codes",
        "Alpha: bob",
        "",
        *codes,
        "",
        "Each works once.",
        "",
    ]


def test_the_file_holds_nothing_but_codes(cast: Cast) -> None:
    browser = proved(cast.bob)
    one = "abcd-efgh-jkmn-pqrs"
    for text_of_it in ("", "<script>", f"{one} x", " ".join([one] * 11), f"{one}\x00"):
        answer = send(browser, CODES_FILE, codes=text_of_it)
        assert (answer.status_code, answer.get("Location")) == (302, CODES), text_of_it
    assert browser.get(CODES_FILE).status_code == 405
    assert browser.post(CODES_FILE, {"codes": one}).status_code == 403


def test_codes_stand_in_for_a_device_only(cast: Cast) -> None:
    browser = signed_in(cast.alice)
    assert "set one up first" in text(browser.get(CODES))
    assert send(browser, CODES, act="make").status_code == 403
    assert not RecoveryCode.objects.filter(user=cast.alice.user).exists()


def test_codes_by_mail_are_switched_on_and_off(cast: Cast, mailed: Mailed) -> None:
    browser, other = signed_in(cast.alice), signed_in(cast.alice)
    with mailed() as outbox:
        assert send(browser, MAILED, act="on")["Location"] == MAILED
    assert [each.subject for each in outbox] == ["Sign-in by mailed code was added"]
    assert other.get("/account/").status_code == 302
    assert "Codes go to alice@alpha.example." in text(browser.get(MAILED))
    # What opened this session proves less than the account can reach by now.
    answer = send(browser, MAILED, act="off")
    assert answer["Location"] == f"/sign-in/?again=1&next={MAILED}"
    Session.objects.filter(user=cast.alice.user, ended_at=None).update(
        amr=[{"method": "email", "at": int(timezone.now().timestamp())}]
    )
    with mailed() as outbox:
        assert send(browser, MAILED, act="off")["Location"] == MAILED
    assert [each.subject for each in outbox] == ["Sign-in by mailed code was removed"]
    assert not EmailFactor.objects.exists()


@pytest.mark.parametrize("lacking", ["a confirmed address", "mail", "an address"])
def test_codes_by_mail_need_mail_that_arrives(cast: Cast, lacking: str) -> None:
    browser = signed_in(cast.alice)
    if lacking == "a confirmed address":
        User.objects.update(email_verified=False)
    if lacking == "an address":
        User.objects.filter(pk=cast.alice.user.pk).update(email="", email_key="")
    backend = notices.NO_MAIL if lacking == "mail" else settings.EMAIL_BACKEND
    with patch.object(settings, "EMAIL_BACKEND", backend):
        assert 'value="on"' not in text(browser.get(MAILED))
        assert send(browser, MAILED, act="on").status_code == 403
    assert not EmailFactor.objects.exists()


def test_the_last_factor_stays_where_one_is_demanded(cast: Cast) -> None:
    browser = signed_in(cast.alice)
    send(browser, MAILED, act="on")
    demand_second_factor(cast)
    Session.objects.filter(user=cast.alice.user, ended_at=None).update(
        amr=[{"method": "email", "at": int(timezone.now().timestamp())}]
    )
    assert send(browser, MAILED, act="off").status_code == 403
    assert EmailFactor.objects.filter(user=cast.alice.user).exists()
