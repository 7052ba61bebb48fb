"""Names, phone, language, the e-mail address and the password, as their owner changes them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import timezone

from accounts import notices, provisioning
from accounts.login import address_change
from accounts.models import LoginEvent, Session, ThrottleBucket, User
from mfa import email_codes
from mfa.models import Challenge, EmailCode
from tests.fixtures import PASSWORD as OLD
from tests.fixtures import Cast
from tests.web.accounting import (
    ADDRESS,
    PASSWORD,
    PROFILE,
    Mailed,
    events,
    proved,
    send,
    text,
)
from tests.web.browsing import Browser, signed_in

NEW = "violet anvil under seven bridges"


def filled(**changes: str) -> dict[str, str]:
    names = ("display_name", "given_name", "family_name", "phone")
    return {**dict.fromkeys(names, ""), "language": "en", **changes}


def link_of(outbox: Any) -> str:
    found = re.search(r"https?://\S+", outbox[0].body)
    assert found
    return urlsplit(found[0]).path


def test_a_profile_is_saved_and_written_down(cast: Cast) -> None:
    browser = signed_in(cast.alice)
    names = filled(display_name="Alice Ü", given_name="Alice", family_name="Ü")
    sent = {**names, "phone": "+49 (30) 123-4567", "username": "root"}
    answer = send(browser, PROFILE, **sent)
    assert (answer.status_code, answer["Location"]) == (302, PROFILE)
    user = User.objects.get(pk=cast.alice.user.pk)
    assert (user.display_name, user.given_name, user.family_name, user.phone, user.username) == (
        "Alice Ü",
        "Alice",
        "Ü",
        "+49301234567",
        "alice",
    )
    row = LoginEvent.objects.get(user=user, reason="profile changed")
    assert row.trace == [["fields", "display_name, given_name, family_name, phone"]]
    page = text(browser.get(PROFILE))
    assert "Your profile is saved." in page
    assert "Only your administrator can change it." in page
    # Saved once more, nothing is another value: nothing is written down.
    send(browser, PROFILE, **{**names, "phone": "+49301234567"})
    assert LoginEvent.objects.filter(user=user, reason="profile changed").count() == 1


def test_the_language_of_the_profile_is_the_pages(cast: Cast) -> None:
    browser = signed_in(cast.alice)
    answer = send(browser, PROFILE, **filled(language="de"))
    assert answer.cookies["dragoman-language"].value == "de"
    assert browser.get(PROFILE)["Content-Language"] == "de"


def test_what_is_no_profile_is_refused_field_by_field(cast: Cast) -> None:
    browser = signed_in(cast.alice)
    wrong = []
    for field, value in {
        "display_name": "a\u202eb",
        "given_name": "a\x00b",
        "family_name": "a" * 101,
        "phone": "12345",
        "language": "xx",
    }.items():
        answer = send(browser, PROFILE, **filled(**{field: value}))
        if answer.status_code != 400 or f'id="id_{field}_error"' not in text(answer):
            wrong.append(field)
    assert wrong == []
    assert User.objects.get(pk=cast.alice.user.pk).display_name == "Alice"


def test_an_address_changes_when_its_mailbox_has_confirmed_it(cast: Cast, mailed: Mailed) -> None:
    browser, phone = signed_in(cast.alice), signed_in(cast.alice)
    with mailed() as outbox:
        answer = send(browser, ADDRESS, email="alice@new.example")
    assert "If no other account has the address alice@new.example" in text(answer)
    assert [each.to for each in outbox] == [["alice@new.example"]]
    link = link_of(outbox)
    token = link.split("/")[-2]
    assert token not in str(list(Challenge.objects.values()))
    assert "alice@new.example" not in str(list(Challenge.objects.values()))
    page = browser.get(link)
    assert page["Referrer-Policy"] == "strict-origin"
    assert "<strong>alice@new.example</strong>" in text(page)
    assert User.objects.get(pk=cast.alice.user.pk).email == "alice@alpha.example"

    with mailed() as outbox:
        answer = send(browser, link)
    assert answer["Location"] == PROFILE
    user = User.objects.get(pk=cast.alice.user.pk)
    expected = ("alice@new.example", "alice@new.example", True, "alice")
    assert (user.email, user.email_key, user.email_verified, user.username) == expected
    told = [(each.to, each.subject) for each in outbox]
    assert told == [(["alice@alpha.example"], "The e-mail address was changed")]
    names = ("address:link:sent", "admin:user:changed")
    assert events(cast.alice, *names) == [
        ("address:link:sent", ""),
        ("admin:user:changed", "address changed"),
    ]
    # Nothing ends by it, and the link is spent.
    assert phone.get("/account/").status_code == 200
    assert browser.get(link).status_code == 410
    assert send(browser, link).status_code == 410


def test_a_link_for_an_address_is_good_in_its_accounts_session_alone(
    cast: Cast, mailed: Mailed
) -> None:
    browser = signed_in(cast.alice)
    with mailed() as outbox:
        send(browser, ADDRESS, email="alice@new.example")
    link = link_of(outbox)
    stranger = Browser().get(link)
    assert stranger["Location"] == f"/sign-in/?next={link}"
    other = signed_in(cast.erin)
    assert (other.get(link).status_code, send(other, link).status_code) == (410, 410)
    assert Browser().get(f"/password/{link.split('/')[-2]}/").status_code == 410
    with mailed() as outbox:
        send(browser, ADDRESS, email="alice@newer.example")
    assert browser.get(link).status_code == 410
    newer = link_of(outbox)
    hostile = [browser.get(f"{ADDRESS}{each}/").status_code for each in ("%00", "%FF", "x" * 3000)]
    assert hostile == [410] * 3
    Challenge.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert browser.get(newer).status_code == 410
    assert User.objects.get(pk=cast.alice.user.pk).email == "alice@alpha.example"


def test_nothing_tells_whose_an_address_is_before_its_mailbox_does(
    cast: Cast, mailed: Mailed
) -> None:
    browser = signed_in(cast.alice)
    with mailed() as outbox:
        answer = send(browser, ADDRESS, email="bob@alpha.example")
    assert "If no other account has the address bob@alpha.example" in text(answer)
    assert outbox == []
    assert events(cast.alice, "address:link:refused") == [("address:link:refused", "taken")]
    with mailed() as outbox:
        send(browser, ADDRESS, email="late@alpha.example")
    provisioning.create_user(cast.alpha, "late", email="late@alpha.example")
    answer = send(browser, link_of(outbox))
    assert answer.status_code == 409
    assert "Another account has this address." in text(answer)


def test_what_cannot_be_the_accounts_address_is_refused_with_the_reason(
    cast: Cast, mailed: Mailed
) -> None:
    browser = signed_in(cast.alice)
    told = {
        "": "This field is required.",
        "nobody": "This is no e-mail address.",
        "a@b@c.example": "This is no e-mail address.",
        "a\r\nBcc: x@y.example": "This is no e-mail address.",
        "alice@alpha.example": "This is your address already.",
        "alice@beta.example": "Addresses of this domain are another organization&#x27;s.",
        f"{'a' * 64}@{'b' * 60}.{'c' * 60}.{'d' * 60}.{'e' * 20}.example": "at most 254 characters",
        "alice@аlpha.example": "This address looks like another one.",
    }
    with mailed() as outbox:
        answers = {email: send(browser, ADDRESS, email=email) for email in told}
    wrong = [
        email
        for email, answer in answers.items()
        if answer.status_code != 400 or told[email] not in text(answer)
    ]
    assert (wrong, outbox) == ([], [])


def test_a_user_name_that_is_the_address_goes_along(cast: Cast, mailed: Mailed) -> None:
    user = cast.alice.user
    user.username = user.email
    user.save()
    browser = Browser()
    browser.sign_in(cast.alice, name=user.email)
    assert "Your user name is your address" in text(browser.get(ADDRESS))
    with mailed() as outbox:
        send(browser, ADDRESS, email="Alice@new.example")
    send(browser, link_of(outbox))
    user.refresh_from_db()
    assert (user.username, user.username_key) == ("Alice@new.example", "alice@new.example")
    answer = Browser().sign_in(cast.alice, name="alice@new.example")
    assert answer.status_code == 302


def test_what_went_to_the_old_mailbox_is_void_with_it(cast: Cast, mailed: Mailed) -> None:
    browser, user = signed_in(cast.alice), cast.alice.user
    with mailed() as outbox:
        helper = Browser()
        helper.submit(helper.get("/forgot/"), "/forgot/", identifier="alice")
    reset = link_of(outbox)
    email_codes.issue(user.pk, timezone.now())
    with mailed() as outbox:
        send(browser, ADDRESS, email="alice@new.example")
    assert Browser().get(reset).status_code == 200
    send(browser, link_of(outbox))
    assert Browser().get(reset).status_code == 410
    assert not EmailCode.objects.filter(user=user, expires_at__gt=timezone.now()).exists()


def test_an_unconfirmed_address_can_be_confirmed_as_it_is(cast: Cast, mailed: Mailed) -> None:
    User.objects.filter(pk=cast.alice.user.pk).update(email_verified=False)
    browser = signed_in(cast.alice)
    with mailed() as outbox:
        send(browser, ADDRESS, email="alice@alpha.example")
    link = link_of(outbox)
    with mailed() as outbox:
        send(browser, link)
    assert outbox == []
    assert User.objects.get(pk=cast.alice.user.pk).email_verified


def test_five_links_for_addresses_leave_in_an_hour(cast: Cast, mailed: Mailed) -> None:
    browser = signed_in(cast.alice)
    with mailed() as outbox:
        answers = [send(browser, ADDRESS, email=f"a{n}@new.example") for n in range(6)]
    assert len(outbox) == address_change.LIMIT.failures
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert "Too many tries. Please wait" in text(answers[-1])
    assert 3590 <= int(answers[-1]["Retry-After"]) <= 3600
    with patch.object(settings, "EMAIL_BACKEND", notices.NO_MAIL):
        assert browser.get(ADDRESS).status_code == 403
        assert send(browser, ADDRESS, email="a@new.example").status_code == 403


def test_a_password_is_changed_by_whoever_knows_it(cast: Cast, mailed: Mailed) -> None:
    browser, other = signed_in(cast.alice), signed_in(cast.alice)
    with mailed() as outbox:
        answer = send(browser, PASSWORD, current=OLD, new_password=NEW, again=NEW)
    assert answer["Location"] == "/account/"
    assert "signed out everywhere else" in text(browser.get("/account/"))
    assert other.get("/account/").status_code == 302
    assert [each.subject for each in outbox] == ["The password was changed"]
    assert events(cast.alice, "password:subject:changed") == [("password:subject:changed", "")]
    assert Browser().sign_in(cast.alice).status_code == 403
    page: Any = (helper := Browser()).get("/sign-in/")
    assert helper.submit(page, identifier="alice", password=NEW).status_code == 302


def test_a_password_that_may_not_be_chosen_is_refused_at_its_field(cast: Cast) -> None:
    browser = signed_in(cast.alice)
    rows = [
        (OLD, "short", "short", "new_password", "at least 15 characters"),
        (OLD, OLD, OLD, "new_password", "must be another one"),
        (OLD, NEW, NEW + "x", "again", "The two passwords differ."),
        ("wrong", NEW, NEW, "current", "This is not your present password."),
        # No rule about the new password tells anything about the present one.
        ("wrong", OLD, OLD, "current", "This is not your present password."),
        ("", NEW, NEW, "current", "This field is required."),
    ]
    wrong = []
    for current, chosen, again, field, words in rows:
        answer = send(browser, PASSWORD, current=current, new_password=chosen, again=again)
        page = text(answer)
        if answer.status_code != 400 or words not in page or f"id_{field}_error" not in page:
            wrong.append((current, chosen, words))
        if OLD in page or NEW in page:
            wrong.append((current, chosen, "repeated"))
    assert wrong == []
    assert Browser().sign_in(cast.alice).status_code == 302
    refused = events(cast.alice, "login:subject:refused")
    assert refused == [("login:subject:refused", "wrong_password")] * 2


def test_guesses_at_the_present_password_are_counted_as_at_a_sign_in(cast: Cast) -> None:
    browser = signed_in(cast.alice)
    tried: dict[str, str] = {"new_password": NEW, "again": NEW}
    answers = [send(browser, PASSWORD, current=f"guess {n}", **tried) for n in range(10)]
    assert {answer.status_code for answer in answers} == {400}
    locked = send(browser, PASSWORD, current=OLD, **tried)
    assert (locked.status_code, "Too many tries." in text(locked)) == (429, True)
    assert ThrottleBucket.objects.filter(kind="identifier").exists()
    assert Browser().sign_in(cast.alice).status_code == 429


def test_an_account_without_a_password_here_is_told_where_it_is(cast: Cast) -> None:
    browser = signed_in(cast.alice)
    User.objects.filter(pk=cast.alice.user.pk).update(password="!none")
    page = browser.get(PASSWORD)
    assert "Your account has no password here" in text(page)
    assert 'name="new_password"' not in text(page)
    answer = send(browser, PASSWORD, current="", new_password=NEW, again=NEW)
    assert "Your account has no password here" in text(answer)
    assert User.objects.get(pk=cast.alice.user.pk).password == "!none"


def test_the_session_that_changes_the_password_keeps_what_it_has_proved(cast: Cast) -> None:
    browser = proved(cast.bob)
    send(browser, PASSWORD, current=OLD, new_password=NEW, again=NEW)
    (session,) = Session.objects.filter(user=cast.bob.user, ended_at=None)
    assert session.acr == "aal2"
    assert browser.get(PASSWORD).status_code == 200
