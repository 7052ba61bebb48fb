"""What officers do: every change takes effect at once, and the audit trail says who and why."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.utils import timezone

from accounts.login.attempt import RecoveryCodeInput
from accounts.login.outcome import Authenticated, LoginRefused, Reason
from accounts.models import LoginEvent, Session, User
from mfa import recovery_codes
from mfa.models import RecoveryCode, TotpAuthenticator
from tests.console.deeds import do, erins_session, last_event, log_in
from tests.console.furniture import make_superuser, open_session, path_of
from tests.fixtures import Cast
from tests.web.accounting import text
from tests.web.browsing import Browser, hidden, signed_in


def test_a_disabled_account_is_out_everywhere_at_once(cast: Cast, officer: Browser) -> None:
    session = open_session(cast.alice.user)
    path = path_of(User, cast.alice.user.pk, "deed", "disable")
    assert "required" in do(officer, path).content.decode()
    assert User.objects.get(pk=cast.alice.user.pk).is_active
    assert do(officer, path, reason="left the company").status_code == 302
    alice = User.objects.get(pk=cast.alice.user.pk)
    session.refresh_from_db()
    assert (alice.state, alice.security_epoch, session.end_reason) == ("disabled", 1, "disabled")
    event = last_event("admin:user:changed")
    assert (event.reason, event.user_id, event.tenant_id) == (
        "disabled",
        alice.pk,
        cast.alpha.pk,
    )
    assert event.trace == [["by", "erin"], ["reason", "left the company"]]
    assert event.session_id == erins_session(cast).pk
    with pytest.raises(LoginRefused):
        log_in("alice")


def test_an_enabled_account_logs_in_again_but_its_old_sessions_stay_dead(
    cast: Cast, officer: Browser
) -> None:
    session = open_session(cast.alice.user)
    for slug in ("disable", "enable"):
        do(officer, path_of(User, cast.alice.user.pk, "deed", slug), reason="a mistake")
    assert isinstance(log_in("alice"), Authenticated)
    session.refresh_from_db()
    assert session.ended_at is not None
    assert last_event("admin:user:changed").reason == "enabled"


def test_ending_all_sessions_leaves_the_account_usable(cast: Cast, officer: Browser) -> None:
    session = open_session(cast.alice.user)
    do(officer, path_of(User, cast.alice.user.pk, "deed", "end-sessions"))
    session.refresh_from_db()
    assert session.end_reason == "ended by an administrator"
    assert User.objects.get(pk=cast.alice.user.pk).security_epoch == 1
    assert isinstance(log_in("alice"), Authenticated)
    assert last_event("session:subject:ended").trace == [["by", "erin"]]


def test_a_new_password_is_required_of_the_owner_and_chosen_by_him(
    cast: Cast, officer: Browser
) -> None:
    path = path_of(User, cast.alice.user.pk, "deed", "require-password")
    do(officer, path)
    assert User.objects.get(pk=cast.alice.user.pk).must_change_password
    with pytest.raises(LoginRefused) as refused:
        log_in("alice")
    assert refused.value.reason is Reason.MUST_CHANGE_PASSWORD
    assert officer.get(path).status_code == 404


def test_ending_a_session_from_another_console_kills_it(cast: Cast) -> None:
    boss = signed_in(make_superuser(cast.alice))
    officer = signed_in(cast.erin)
    assert officer.get("/admin/").status_code == 200
    path = path_of(Session, erins_session(cast).pk, "deed", "end")
    do(boss, path)
    assert officer.get("/admin/").status_code == 302
    assert boss.get("/admin/").status_code == 200
    event = last_event("session:subject:ended")
    assert event.user_id == cast.erin.user.pk
    assert event.trace[0] == ["by", "alice"]


def test_selected_sessions_end_each_with_its_row_once_the_officer_is_sure(
    cast: Cast, officer: Browser
) -> None:
    chosen = [open_session(cast.alice.user), open_session(cast.bob.user)]
    kept, mine = open_session(cast.alice.user), erins_session(cast)
    address = f"{path_of(Session)}?contract=coldstream"
    page: Any = officer.get(path_of(Session))
    token = hidden(page)["csrfmiddlewaretoken"]
    fields = {"csrfmiddlewaretoken": token, "action": "end_selected"}
    picked = [str(session.pk) for session in (*chosen, mine)]
    asked = officer.post(path_of(Session), {**fields, "_selected_action": picked})
    assert "2 sessions of 2 accounts end now" in text(asked)
    assert not Session.objects.exclude(ended_at=None).exists()
    listed = re.findall(r'name="_selected_action" value="([^"]+)"', text(asked))
    assert set(listed) == {str(session.pk) for session in chosen}
    done = officer.post(address, {**fields, "sure": "yes", "_selected_action": [*listed, mine.pk]})
    assert (done.status_code, done["Location"]) == (302, address)
    ended = Session.objects.exclude(ended_at=None).values_list("pk", flat=True)
    assert set(ended) == {session.pk for session in chosen}
    assert kept.pk not in ended
    assert LoginEvent.objects.filter(event="session:subject:ended").count() == 2
    # All that a filter leaves, however many pages: one row stands for them.
    across = {**fields, "select_across": "1", "_selected_action": str(kept.pk)}
    again = text(officer.post(address, across))
    assert ("1 session of 1 account ends now" in again, 'name="select_across"' in again) == (
        True,
        True,
    )
    assert "choose the others afterwards" not in again
    with patch("accounts.admin.sessions._MOST_ENDED", 1):
        asked = officer.post(path_of(Session), across)
    assert "choose the others afterwards" in text(asked)
    officer.post(path_of(Session), {**across, "sure": "yes"})
    assert not Session.objects.filter(ended_at=None, contract="coldstream").exists()
    # The officer's own was left out each time: the console goes on.
    assert officer.get("/admin/").status_code == 200


def test_new_recovery_codes_are_shown_once_and_only_they_work(
    cast: Cast, officer: Browser, mailoutbox: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    path = path_of(User, cast.bob.user.pk, "deed", "recovery-codes")
    with django_capture_on_commit_callbacks(execute=True):
        page = do(officer, path)
    assert "no-store" in page["Cache-Control"]
    codes = re.findall(r"<li><code>([^<]+)</code>", page.content.decode())
    assert len(codes) == len(set(codes)) == 10
    assert [(mail.subject, mail.to) for mail in mailoutbox] == [
        ("New recovery codes were made", [cast.bob.email])
    ]
    assert not any(code in mailoutbox[0].body for code in codes)
    with pytest.raises(LoginRefused) as refused:
        log_in("bob", RecoveryCodeInput(cast.bob.recovery_codes[0]))
    assert refused.value.reason is Reason.WRONG_RECOVERY_CODE
    assert isinstance(log_in("bob", RecoveryCodeInput(codes[0])), Authenticated)
    event = last_event("factor:recovery_codes:made")
    assert (event.user_id, event.trace) == (cast.bob.user.pk, [["by", "erin"]])
    assert set(RecoveryCode.objects.values_list("created_by", flat=True)) == {"erin"}
    again = officer.get(path_of(User, cast.bob.user.pk, "change")).content.decode()
    assert not any(code in again for code in codes)


def test_removing_second_factors_needs_a_reason_that_is_kept(
    cast: Cast, officer: Browser, mailoutbox: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    path = path_of(User, cast.bob.user.pk, "deed", "remove-factors")
    do(officer, path, reason="  ")
    assert TotpAuthenticator.objects.filter(user=cast.bob.user).exists()
    with django_capture_on_commit_callbacks(execute=True):
        do(officer, path, reason="phone lost, seen in person")
    assert not TotpAuthenticator.objects.filter(user=cast.bob.user).exists()
    assert recovery_codes.remaining(cast.bob.user.pk) == 0
    assert [mail.subject for mail in mailoutbox] == ["All second factors were removed"]
    event = last_event("factor:authenticator:removed")
    assert event.trace == [["by", "erin"], ["reason", "phone lost, seen in person"]]
    assert isinstance(log_in("bob"), Authenticated)


@pytest.mark.parametrize("slug", ["recovery-codes", "remove-factors"])
def test_touching_second_factors_needs_a_fresh_sign_in(
    cast: Cast, officer: Browser, slug: str
) -> None:
    session = erins_session(cast)
    long_ago = int((timezone.now() - timedelta(minutes=16)).timestamp())
    Session.objects.filter(pk=session.pk).update(amr=[{"method": "pwd", "at": long_ago}])
    path = path_of(User, cast.bob.user.pk, "deed", slug)
    asked = officer.get(path)
    assert asked.status_code == 302
    page = officer.get("/admin/")
    assert officer.submit(page, path, reason="x").status_code == 302
    assert recovery_codes.remaining(cast.bob.user.pk) == 10
    back = officer.sign_in(cast.erin, path=asked["Location"])
    assert back["Location"] == path
    assert officer.get(path).status_code == 200


@pytest.mark.parametrize(
    "slug",
    ["disable", "enable", "end-sessions", "require-password", "recovery-codes", "remove-factors"],
)
def test_no_deed_is_done_by_a_link(cast: Cast, officer: Browser, slug: str) -> None:
    before = list(User.objects.order_by("pk").values())
    officer.get(path_of(User, cast.bob.user.pk, "deed", slug), {"reason": "x"})
    assert list(User.objects.order_by("pk").values()) == before
    assert recovery_codes.remaining(cast.bob.user.pk) == 10
