"""A browser's session in which a second factor is set up: it ends sooner, under a new cookie."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.conf import settings

from accounts.models import Grant, Session
from mfa import recovery_codes
from mfa.models import TotpAuthenticator
from tenants.hashing import Overloaded
from tests.fixtures import Cast
from tests.mfa.software_key import SoftwareKey
from tests.web.accounting import APP, CODES, MAILED, proved, send
from tests.web.browsing import Browser
from tests.web.test_account_factors import code_of, secret_of
from tests.web.test_passkeys import give


def with_app(browser: Browser) -> Any:
    send(browser, APP, act="begin")
    return send(browser, APP, act="confirm", code=code_of(secret_of(browser.get(APP))))


def with_passkey(browser: Browser) -> Any:
    return give(browser, SoftwareKey(), name="Key")


def with_mail(browser: Browser) -> Any:
    with patch.object(settings, "EMAIL_BACKEND", "django.core.mail.backends.locmem.EmailBackend"):
        return send(browser, MAILED, act="on")


@pytest.mark.parametrize("set_up", [with_app, with_passkey, with_mail])
def test_a_kept_session_ends_like_one_with_a_second_factor_and_the_old_cookie_is_dead(
    cast: Cast, set_up: Any
) -> None:
    browser, sharer = Browser(), Browser()
    assert browser.sign_in(cast.alice, keep="1").status_code == 302
    session = Session.objects.get()
    assert session.expires_at - session.auth_time == timedelta(days=30)
    sharer.cookies["dragoman"] = browser.cookies["dragoman"].value

    assert set_up(browser).status_code in {200, 302}
    session.refresh_from_db()
    assert session.expires_at - session.auth_time == timedelta(hours=24)
    assert Grant.objects.get().expires_at == session.expires_at
    assert browser.cookies["dragoman"]["max-age"] == 86400
    assert browser.get("/account/").status_code == 200
    assert sharer.get("/account/").status_code == 302


def test_where_there_is_no_time_for_new_codes_the_old_ones_stay(cast: Cast) -> None:
    browser = proved(cast.bob)
    with patch("mfa.recovery_codes.digest", side_effect=Overloaded):
        answer = send(browser, CODES, act="make")
    assert answer.status_code == 503
    assert "Nothing was changed" in answer.content.decode()
    assert recovery_codes.remaining(cast.bob.user.pk) == 10


def test_an_app_is_in_use_although_there_was_no_time_for_codes(cast: Cast) -> None:
    browser = Browser()
    browser.sign_in(cast.alice, keep="1")
    with patch("mfa.recovery_codes.digest", side_effect=Overloaded):
        answer = with_app(browser)
    assert (answer.status_code, answer["Location"]) == (302, APP)
    assert TotpAuthenticator.objects.filter(user=cast.alice.user).exists()
    session = Session.objects.get()
    assert session.expires_at - session.auth_time == timedelta(hours=24)
    assert "Your authenticator app is in use" in browser.get(APP).content.decode()
