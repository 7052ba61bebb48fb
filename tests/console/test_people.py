"""Accounts as officers find and help them: list, filters, the page of an account, unlock."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import provisioning
from accounts.login.outcome import Authenticated, LoginRefused, Reason
from accounts.login.throttle import locked_until
from accounts.models import (
    Group,
    PersonalAccessToken,
    ServiceCredential,
    Session,
    SubjectIdentifier,
    ThrottleBucket,
    User,
)
from mfa.models import EmailFactor, Passkey
from tests.console.deeds import deed, do, last_event, log_in
from tests.console.furniture import furnish, open_session, path_of
from tests.fixtures import Cast
from tests.web.browsing import Browser


def names_in(page: Any) -> list[str]:
    """The user names of a list, in its order."""
    return re.findall(r"field-username[^>]*><a [^>]*>([^<]*)</a>", page.content.decode())


def listed(browser: Browser, query: str) -> list[str]:
    page = browser.get(f"{path_of(User)}?{query}")
    assert page.status_code == 200, query
    return names_in(page)


def row_of(page: Any, name: str) -> str:
    """What the list says of one account, as text."""
    for row in re.findall(r"<tr>.*?</tr>", page.content.decode(), re.DOTALL):
        if f">{name}</a>" in row:
            said = re.sub(r'<img [^>]*alt="([^"]*)"[^>]*>', r"\1", row)
            return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", said)).strip()
    raise AssertionError(name)


def test_the_list_tells_kind_state_factor_and_the_last_sign_in_with_its_contract(
    cast: Cast, officer: Browser
) -> None:
    log_in("alice")
    # What an officer opens, and tokens for programs, are no sign-ins of hers.
    later = open_session(cast.alice.user, "bytebase")
    Session.objects.filter(pk=later.pk).update(
        amr=[{"method": "officer", "at": 1, "by": "erin"}],
        auth_time=timezone.now() + timedelta(minutes=1),
    )
    page = officer.get(path_of(User))
    seen = User.objects.get(pk=cast.alice.user.pk).last_login
    alice = f"alice alice@alpha.example Alice Person Active – – {seen:%Y-%m-%d %H:%M} UTC"
    assert row_of(page, "alice") == f"{alice} · Rocket.Chat"
    assert row_of(page, "bob") == "bob bob@alpha.example Bob Person Active app – never"
    assert row_of(page, "svc").startswith("svc svc@service.bytebase.com – Service Active – – ")
    erin = row_of(page, "erin")
    assert ("Active – staff" in erin, erin.endswith("UTC · Browser")) == (True, True)


def test_filters_by_factor_last_sign_in_and_contract(cast: Cast, officer: Browser) -> None:
    now = timezone.now()
    for who, days in ((cast.alice, 8), (cast.bob, 40), (cast.carol, 100)):
        User.objects.filter(pk=who.user.pk).update(last_login=now - timedelta(days=days))
    open_session(cast.alice.user, "bytebase")
    open_session(cast.bob.user, "oloid")
    EmailFactor.objects.create(user=cast.carol.user)
    Passkey.objects.create(user=cast.alice.user, credential_id=b"1", name="key")
    for query, expected in {
        "factor=yes": ["alice", "bob", "carol"],
        "factor=no": ["erin", "svc"],
        "factor=app": ["bob"],
        "factor=passkey": ["alice"],
        "factor=mail": ["carol"],
        "seen=7": ["erin"],
        "seen=30": ["alice", "erin"],
        "seen=90": ["alice", "bob", "erin"],
        "seen=before": ["carol"],
        "seen=never": ["svc"],
        "seen=soon": ["alice", "bob", "carol", "erin", "svc"],
        "contract=bytebase": ["alice"],
        "contract=browser": ["erin"],
        "contract=datarhei": [],
        "contract=oloid&factor=yes&seen=90&state__exact=active&kind__exact=person": ["bob"],
    }.items():
        assert listed(officer, query) == expected, query


def test_the_list_costs_the_same_whatever_it_filters_and_finds(
    cast: Cast, officer: Browser
) -> None:
    def cost(query: str) -> int:
        with CaptureQueriesContext(connection) as seen:
            officer.get(f"{path_of(User)}?{query}")
        return len(seen)

    queries = ("", "factor=no&seen=30&contract=browser", "q=a")
    few = [cost(query) for query in queries]
    for number in range(6):
        user = provisioning.create_user(cast.alpha, f"a{number}")
        for contract in ("browser", "oloid"):
            open_session(user, contract)
    User.objects.update(last_login=timezone.now())
    assert [cost(query) for query in queries] == few
    assert max(few) <= 4


def test_an_account_is_found_by_what_a_product_calls_it(cast: Cast, officer: Browser) -> None:
    SubjectIdentifier.objects.create(user=cast.bob.user, sector="rocketchat", value="aBcD17xyz")
    SubjectIdentifier.objects.create(user=cast.dave.user, sector="coldstream", value="4711")
    for term, expected in {
        "aBcD17xyz": ["bob"],
        cast.alice.user.pk.hex: ["alice"],
        "users/bob@alpha.example": ["bob"],
        "Carol": ["carol"],
        # Another tenant's.
        "4711": [],
        cast.dave.user.pk.hex: [],
        "users/dave@beta.example": [],
        "aBcD17": [],
        "%": [],
    }.items():
        assert listed(officer, f"q={term}") == expected, term


def test_an_account_that_is_locked_says_so_and_is_unlocked_with_a_reason(
    cast: Cast, officer: Browser
) -> None:
    page = path_of(User, cast.alice.user.pk, "change")
    assert "after too many failures" not in officer.get(page).content.decode()
    guest = Browser()
    for _ in range(10):
        guest.submit(guest.get("/sign-in/"), identifier="alice", password="wrong")
    with pytest.raises(LoginRefused) as refused:
        log_in("alice")
    assert refused.value.reason is Reason.THROTTLED_SUBJECT
    until = locked_until(cast.alice.user, timezone.now())
    assert until is not None
    assert timedelta(minutes=9) < until - timezone.now() < timedelta(minutes=10)
    assert "after too many failures, until" in officer.get(page).content.decode()
    assert "required" in do(officer, deed(cast.alice, "unlock")).content.decode()
    assert do(officer, deed(cast.alice, "unlock"), reason="called, is herself").status_code == 302
    assert isinstance(log_in("alice"), Authenticated)
    assert last_event("admin:user:unlocked").trace == [
        ["by", "erin"],
        ["counters", "2"],
        ["reason", "called, is herself"],
    ]


def test_unlocking_leaves_the_counters_of_others_alone(cast: Cast, officer: Browser) -> None:
    guest = Browser()
    for name in ("alice", "bob"):
        guest.submit(guest.get("/sign-in/"), identifier=name, password="wrong")
    before = ThrottleBucket.objects.count()
    do(officer, deed(cast.alice, "unlock"), reason="x")
    assert ThrottleBucket.objects.count() == before - 2
    assert locked_until(cast.alice.user, timezone.now()) is None


def test_an_app_password_of_a_person_is_revoked_and_never_made_by_an_officer(
    cast: Cast, officer: Browser, mailed: Any
) -> None:
    issued = provisioning.issue_credential(
        cast.bob.user, client_id="svc-bob", contract="datarhei", label="camera"
    )
    opened = open_session(cast.bob.user, "datarhei")
    Session.objects.filter(pk=opened.pk).update(
        amr=[{"method": "secret", "at": 1, "client_id": "svc-bob"}]
    )
    shown = officer.get(path_of(User, cast.bob.user.pk, "change")).content.decode()
    assert "camera" in shown
    assert issued.secret not in shown
    with mailed() as outbox:
        do(officer, path_of(ServiceCredential, issued.credential.pk, "deed", "revoke"))
    opened.refresh_from_db()
    assert (opened.end_reason, opened.ended_at is None) == ("credential revoked", False)
    assert [(message.subject, message.to) for message in outbox] == [
        ("An app password was revoked", ["bob@alpha.example"])
    ]
    add = path_of(ServiceCredential, "add")
    choices = re.findall(r'<option value="([^"]+)"', officer.get(add).content.decode())
    assert str(cast.bob.user.pk) not in choices
    assert str(cast.svc.user.pk) in choices
    before = ServiceCredential.objects.count()
    officer.submit(officer.get(add), add, user=str(cast.bob.user.pk), label="mine")
    assert ServiceCredential.objects.count() == before


def test_the_page_of_an_account_shows_all_that_hangs_on_it(cast: Cast, officer: Browser) -> None:
    bob = cast.bob.user
    furnish(cast.alpha, bob)
    SubjectIdentifier.objects.create(user=bob, sector="rocketchat", value="aBcD17xyz")
    SubjectIdentifier.objects.create(user=bob, sector="coldstream", value="4711")
    SubjectIdentifier.objects.create(user=bob, sector="passkey", value="handle-of-devices")
    EmailFactor.objects.create(user=bob)
    provisioning.issue_credential(bob, client_id="svc-bob", contract="datarhei", label="camera")
    log_in("bob")
    text = officer.get(path_of(User, bob.pk, "change")).content.decode()
    part = r'<section class="part" id="(\w+)".*?>(.*?)</section>'
    sections = dict(re.findall(part, text, re.DOTALL))
    for section, told in {
        "names": ("aBcD17xyz", "4711", f"{bob.pk.hex}", "users/bob@alpha.example", ">bob<"),
        "factors": ("Authenticator app", "alpha-held", "Codes by mail", "10 of 10 left"),
        "elsewhere": ("alpha-idp", "alpha-held", "Unlink"),
        "credentials": ("App passwords", "camera", "svc-bob", "datarhei Core", "Revoke"),
        "tokens": ("alpha-held", "Rocket.Chat", "asked for", "Remove token"),
        "sessions": ("ColdStream", "192.0.2.7", "one factor", "End session"),
        "events": ("login:factor:demanded", "Rocket.Chat"),
    }.items():
        for words in told:
            assert words in sections[section], (section, words)
    assert "handle-of-devices" not in text
    # What is on the page belongs to a heading, and every table has headings of its own.
    assert re.findall(r'<h2 id="(\w+)-title">', text) == list(sections)
    assert len(sections) == text.count("<section") == 7
    assert not re.search(r"<th(>| (?!scope))", "".join(sections.values()))


def test_the_page_of_an_account_costs_the_same_however_much_hangs_on_it(
    cast: Cast, officer: Browser
) -> None:
    bob = cast.bob.user

    def more(count: int, prefix: str) -> None:
        for number in range(count):
            name = f"{prefix}{number}"
            Group.objects.create(tenant=cast.alpha, name=name).members.add(bob)
            Passkey.objects.create(user=bob, credential_id=name.encode(), name=name)
            provisioning.issue_credential(bob, client_id=name)
            PersonalAccessToken.objects.create(
                user=bob, session=open_session(bob), name=name, last_part="abcdef"
            )
            open_session(bob)

    def cost() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert officer.get(path_of(User, bob.pk, "change")).status_code == 200
        return len(seen)

    more(2, "few")
    cost()  # The first page of a process also learns the content types.
    few = cost()
    more(5, "many")
    assert cost() == few
    assert few <= 20


def test_a_machine_has_no_factors_and_nothing_of_a_persons(cast: Cast, officer: Browser) -> None:
    text = officer.get(path_of(User, cast.svc.user.pk, "change")).content.decode()
    assert re.findall(r'class="part" id="(\w+)"', text) == [
        "names",
        "credentials",
        "sessions",
        "events",
    ]
    offered = set(re.findall(r"/deed/([-\w]+)/", text.split("</ul>")[0] + text))
    assert not offered & {"invite", "send-reset", "require-password", "reset-app"}
