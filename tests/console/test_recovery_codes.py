"""Recovery codes in the console: what is known of them, a new set shown once, its file, its end."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.core import signing
from django.utils import timezone

from accounts.login.attempt import RecoveryCodeInput
from accounts.login.outcome import Authenticated, LoginRefused, Reason
from accounts.models import Session, User
from accounts.web.headers import POLICY
from mfa import recovery_codes
from mfa.models import EmailFactor, Passkey, RecoveryCode, TotpAuthenticator
from tenants.hashing import Overloaded
from tests.console.deeds import deed, do, last_event, log_in
from tests.console.furniture import make_superuser, path_of
from tests.fixtures import Cast, Persona
from tests.web.browsing import Browser, signed_in


def about(who: Persona) -> str:
    return path_of(User, who.user.pk, "recovery-codes")


def facts(page: Any) -> dict[str, str]:
    return dict(re.findall(r"<dt>([^<]*)</dt><dd>([^<]*)</dd>", page.content.decode()))


def shown_in(page: Any) -> list[str]:
    return re.findall(r"<li><code>([^<]+)</code>", page.content.decode())


def ticket_of(page: Any) -> str:
    found = re.search(r'name="ticket" value="([^"]*)"', page.content.decode())
    assert found
    return html.unescape(found[1])


def download(browser: Browser, page: Any, who: Persona, **fields: str) -> Any:
    return browser.submit(page, f"{about(who)}file/", **fields)


def test_the_page_tells_how_many_are_left_and_who_made_them_when(
    cast: Cast, officer: Browser
) -> None:
    first = RecoveryCode.objects.filter(user=cast.bob.user).first()
    assert first is not None
    made = f"{first.created_at:%Y-%m-%d %H:%M} UTC"
    expected = {"Left": "10 of 10", "Made": made, "By": "tests", "Last used": "never"}
    assert facts(officer.get(about(cast.bob))) == expected
    assert recovery_codes.spend(first, timezone.now())
    later = facts(officer.get(about(cast.bob)))
    assert (later["Left"], later["Last used"][-3:]) == ("9 of 10", "UTC")
    none = officer.get(about(cast.alice)).content.decode()
    assert "has no recovery codes" in none
    assert "This account has neither, so none can be made." in none
    assert "neither" not in officer.get(about(cast.bob)).content.decode()
    assert officer.get(about(cast.svc)).status_code == 404


def test_a_new_set_is_shown_once_can_be_printed_and_leaves_no_trace(
    cast: Cast, officer: Browser, mailed: Any
) -> None:
    with mailed() as outbox:
        page = do(officer, deed(cast.bob, "recovery-codes"), reason="printer was empty")
    codes = shown_in(page)
    assert len(set(codes)) == 10
    assert "no-store" in page["Cache-Control"]
    assert page["Content-Security-Policy"] == POLICY
    text = page.content.decode()
    assert re.search(r'<script src="[^"]*dragoman/print\.js" defer></script>', text)
    assert "data-print hidden" in text
    assert [(message.subject, message.to) for message in outbox] == [
        ("New recovery codes were made", ["bob@alpha.example"])
    ]
    event = last_event("factor:recovery_codes:made")
    assert (event.user_id, event.trace) == (
        cast.bob.user.pk,
        [["by", "erin"], ["reason", "printer was empty"]],
    )
    assert facts(officer.get(about(cast.bob)))["By"] == "erin"
    for path in (about(cast.bob), path_of(User, cast.bob.user.pk, "change")):
        assert not any(code in officer.get(path).content.decode() for code in codes)
    assert isinstance(log_in("bob", RecoveryCodeInput(codes[0])), Authenticated)


def test_the_file_holds_what_the_page_has_shown(cast: Cast, officer: Browser) -> None:
    page = do(officer, deed(cast.bob, "recovery-codes"))
    codes = shown_in(page)
    answer = download(officer, page, cast.bob)
    made = f"{timezone.now():%Y-%m-%d}"
    first, second, blank, *rest = answer.content.decode().split("\r\n")
    assert re.fullmatch(rf"Recovery codes of bob \(Alpha\), made {made} \d\d:\d\d UTC\.", first)
    assert (second, blank) == (
        "Each works once, in place of a code of the authenticator app.",
        "",
    )
    assert rest == [*codes, ""]
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert answer["Content-Disposition"] == 'attachment; filename="recovery-codes.txt"'
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in answer["Cache-Control"]
    # The page is still open: it may be downloaded again.
    assert download(officer, page, cast.bob).content == answer.content


def test_nothing_else_becomes_a_file(cast: Cast, officer: Browser) -> None:
    page = do(officer, deed(cast.bob, "recovery-codes"))
    ticket, wrong = ticket_of(page), []
    for name, bad in {
        "empty": "",
        "own text": "x",
        "changed": ticket[:-1] + ("A" if ticket[-1] != "A" else "B"),
        "of another purpose": signing.dumps(["now", "code"]),
    }.items():
        if download(officer, page, cast.bob, ticket=bad).status_code != 400:
            wrong.append(name)
    # Another account's, another officer's, and without a form of ours.
    if download(officer, page, cast.alice).status_code != 400:
        wrong.append("of another account")
    other = signed_in(make_superuser(cast.alice))
    front = other.get("/admin/")
    if download(other, front, cast.bob, ticket=ticket).status_code != 400:
        wrong.append("of another officer")
    if officer.post(f"{about(cast.bob)}file/", {"ticket": ticket}).status_code != 403:
        wrong.append("forged")
    if officer.get(f"{about(cast.bob)}file/", {"ticket": ticket}).status_code != 405:
        wrong.append("by a link")
    assert wrong == []


def test_a_ticket_is_good_for_minutes(cast: Cast, officer: Browser) -> None:
    page = do(officer, deed(cast.bob, "recovery-codes"))
    with patch("accounts.admin.codes.FRESH", timedelta(seconds=-1)):
        assert download(officer, page, cast.bob).status_code == 400
    assert download(officer, page, cast.bob).status_code == 200


def test_codes_are_made_for_whoever_has_an_authenticator(cast: Cast, officer: Browser) -> None:
    path = deed(cast.alice, "recovery-codes")
    assert officer.get(path).status_code == 404
    EmailFactor.objects.create(user=cast.alice.user)
    assert officer.get(path).status_code == 404
    Passkey.objects.create(user=cast.alice.user, credential_id=b"1", name="key")
    assert len(shown_in(do(officer, path))) == 10


def test_a_server_without_a_free_hash_slot_says_so_and_the_old_set_stays(
    cast: Cast, officer: Browser
) -> None:
    with patch("mfa.recovery_codes.digest", side_effect=Overloaded):
        page = do(officer, deed(cast.bob, "recovery-codes"))
    assert page.status_code == 503
    assert "The server is busy. Nothing was done" in page.content.decode()
    assert recovery_codes.remaining(cast.bob.user.pk) == 10
    assert facts(officer.get(about(cast.bob)))["By"] == "tests"


def test_revoked_codes_open_nothing_and_the_app_stays(
    cast: Cast, officer: Browser, mailed: Any
) -> None:
    path = deed(cast.bob, "revoke-codes")
    with mailed() as outbox:
        assert do(officer, path, reason="list was lost").status_code == 302
    assert [(message.subject, message.to) for message in outbox] == [
        ("The recovery codes were removed", ["bob@alpha.example"])
    ]
    event = last_event("factor:authenticator:removed")
    assert (event.factor, event.trace) == (
        "recovery_code",
        [["by", "erin"], ["reason", "list was lost"]],
    )
    with pytest.raises(LoginRefused) as refused:
        log_in("bob", RecoveryCodeInput(cast.bob.recovery_codes[0]))
    assert refused.value.reason is Reason.WRONG_RECOVERY_CODE
    assert TotpAuthenticator.objects.filter(user=cast.bob.user).exists()
    assert officer.get(path).status_code == 404


def test_a_lost_app_is_reset_with_a_reason_that_is_kept(
    cast: Cast, officer: Browser, mailed: Any
) -> None:
    Passkey.objects.create(user=cast.bob.user, credential_id=b"1", name="key")
    path = deed(cast.bob, "reset-app")
    assert do(officer, path, reason=" ").status_code == 400
    assert TotpAuthenticator.objects.filter(user=cast.bob.user).exists()
    with mailed() as outbox:
        assert do(officer, path, reason="phone lost, seen in person").status_code == 302
    assert not TotpAuthenticator.objects.filter(user=cast.bob.user).exists()
    assert Passkey.objects.filter(user=cast.bob.user).exists()
    assert [message.subject for message in outbox] == ["An authenticator app was removed"]
    event = last_event("factor:authenticator:removed")
    assert (event.factor, event.trace) == (
        "otp",
        [["by", "erin"], ["reason", "phone lost, seen in person"]],
    )
    trail = officer.get(f"/admin/accounts/loginevent/{event.pk}/change/").content.decode()
    assert "phone lost, seen in person" in trail


@pytest.mark.parametrize("slug", ["revoke-codes", "reset-app"])
def test_these_acts_need_a_fresh_sign_in(cast: Cast, officer: Browser, slug: str) -> None:
    long_ago = int((timezone.now() - timedelta(minutes=16)).timestamp())
    mine = Session.objects.filter(user=cast.erin.user, contract="browser")
    mine.update(amr=[{"method": "pwd", "at": long_ago}])
    path = deed(cast.bob, slug)
    answer = officer.submit(officer.get("/admin/"), path, reason="x")
    assert answer.status_code == 302
    assert "/sign-in/?again=1" in answer["Location"]
    assert recovery_codes.remaining(cast.bob.user.pk) == 10
