"""A browser's session: its cookie, how long it lasts and is kept, and how it ends."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from unittest.mock import patch

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Grant, LoginEvent, Session, User
from accounts.tokens import opaque
from tenants import resolve
from tests.fixtures import PASSWORD, Cast, Persona
from tests.web.browsing import LOGIN, Browser, signed_in


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


def test_a_contracts_call_asks_nothing_about_a_browsers_cookie(cast: Cast) -> None:
    browser = signed_in(cast.erin)
    browser.get("/users/me")
    with CaptureQueriesContext(connection) as queries:
        browser.get("/users/me")
    assert len(queries) == 0
