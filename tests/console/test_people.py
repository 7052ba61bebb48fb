"""Accounts as officers find, make and help them: list, filters, invitation, reset, unlock."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.conf import settings
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import provisioning
from accounts.login.outcome import Authenticated, LoginRefused, Reason
from accounts.login.throttle import locked_until
from accounts.models import (
    Group,
    LoginEvent,
    PersonalAccessToken,
    ServiceCredential,
    Session,
    SubjectIdentifier,
    ThrottleBucket,
    User,
)
from mfa.models import Challenge, EmailFactor, Passkey
from tenants import resolve
from tests.console.test_custody import do, last_event, log_in
from tests.console.test_scope import furnish, make_superuser, open_session, path_of
from tests.fixtures import Cast, Persona
from tests.web.browsing import Browser, signed_in

CHOSEN = "violet anvil under seven bridges"


@pytest.fixture
def officer(cast: Cast) -> Browser:
    return signed_in(cast.erin)


@pytest.fixture
def mailed(django_capture_on_commit_callbacks: Any) -> Callable[[], Any]:
    """What leaves the house while the block runs, at once."""

    @contextmanager
    def sending() -> Iterator[list[Any]]:
        mail.outbox.clear()
        with (
            patch.object(settings, "MAIL_INLINE", True, create=True),
            django_capture_on_commit_callbacks(execute=True),
        ):
            yield mail.outbox

    return sending


def deed(who: Persona, slug: str) -> str:
    return path_of(User, who.user.pk, "deed", slug)


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


def link_in(outbox: list[Any]) -> str:
    (message,) = outbox
    found = re.search(r"https?://\S+", message.body)
    assert found
    return found[0]


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
    alice = f"alice alice@alpha.example Alice Person Active False False {seen:%Y-%m-%d %H:%M} UTC"
    assert row_of(page, "alice") == f"{alice} · Rocket.Chat"
    assert row_of(page, "bob") == "bob bob@alpha.example Bob Person Active True False never"
    assert row_of(page, "svc").startswith("svc svc@service.bytebase.com - Service Active False")
    assert row_of(page, "erin").endswith("UTC · Browser")


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


def test_a_person_is_made_and_invited_in_one_step(
    cast: Cast, officer: Browser, mailed: Any
) -> None:
    path = path_of(User, "add")
    page = officer.get(path)
    assert re.search(r'name="invite"[^>]*checked', page.content.decode())
    fields = {"tenant": str(cast.alpha.pk), "kind": "person", "username": "frank"}
    with mailed() as outbox:
        answer = officer.submit(page, path, **fields, email="frank@alpha.example", invite="on")
    assert answer.status_code == 302
    frank = User.objects.get(username="frank")
    assert (frank.has_usable_password(), frank.email_verified) == (False, False)
    assert [message.subject for message in outbox] == ["Your account"]
    assert outbox[0].to == ["frank@alpha.example"]
    sent = last_event("password:link:sent")
    assert (sent.user_id, sent.reason, sent.trace) == (frank.pk, "invitation", [["by", "erin"]])
    assert last_event("admin:user:created").user_id == frank.pk
    guest = Browser()
    address = link_in(outbox)
    done = guest.submit(guest.get(address), address, new_password=CHOSEN, again=CHOSEN)
    assert done.status_code == 200
    chosen = User.objects.get(pk=frank.pk)
    assert (chosen.has_usable_password(), chosen.email_verified) == (True, True)


def test_an_invitation_that_could_not_arrive_makes_no_account(
    cast: Cast, officer: Browser, mailed: Any
) -> None:
    path = path_of(User, "add")
    fields = {"tenant": str(cast.alpha.pk), "username": "frank", "invite": "on"}
    cases = [
        ({"kind": "person"}, "An invitation needs an e-mail address."),
        ({"kind": "service", "email": "f@alpha.example"}, "Only people are invited"),
    ]
    with mailed() as outbox:
        for more, why in cases:
            page = officer.submit(officer.get(path), path, **fields, **more)
            assert (page.status_code, why in page.content.decode()) == (200, True), more
        with patch.object(
            settings, "EMAIL_BACKEND", "django.core.mail.backends.dummy.EmailBackend"
        ):
            page = officer.submit(
                officer.get(path), path, **fields, kind="person", email="f@alpha.example"
            )
            assert "No mail leaves this server." in page.content.decode()
        cast.beta.contracts = {"browser": {"enabled": False}}
        cast.beta.save()
        resolve.invalidate()
        boss = signed_in(make_superuser(cast.erin))
        fields["tenant"] = str(cast.beta.pk)
        page = boss.submit(boss.get(path), path, **fields, kind="person", email="f@beta.example")
        assert "sign-in is closed in this tenant" in page.content.decode()
    assert outbox == []
    assert not User.objects.filter(username="frank").exists()
    # A box that says no is as good as none.
    with mailed() as outbox:
        fields |= {"tenant": str(cast.alpha.pk), "invite": "false"}
        answer = officer.submit(officer.get(path), path, **fields, kind="service")
    assert (answer.status_code, outbox) == (302, [])
    assert User.objects.get(username="frank").kind == "service"


def test_a_reset_is_sent_to_the_owner_and_never_through_the_officer(
    cast: Cast, officer: Browser, mailed: Any
) -> None:
    with mailed() as outbox:
        answer = do(officer, deed(cast.bob, "send-reset"))
    assert answer.status_code == 302
    assert [(message.subject, message.to) for message in outbox] == [
        ("Choose a new password", ["bob@alpha.example"])
    ]
    assert "An administrator lets you choose a new password for bob." in outbox[0].body
    token = link_in(outbox).rstrip("/").rsplit("/", 1)[1]
    for page in (officer.get(answer["Location"]), officer.get(path_of(LoginEvent))):
        assert token not in page.content.decode()
    event = last_event("password:link:sent")
    assert (event.reason, event.trace) == ("password_reset", [["by", "erin"]])
    # Bob still needs his app: the link stands in for no second factor.
    guest, address = Browser(), link_in(outbox)
    guest.submit(guest.get(address), address, new_password=CHOSEN, again=CHOSEN)
    assert "dragoman" not in guest.cookies
    with pytest.raises(LoginRefused):
        log_in("bob")


def test_links_are_offered_only_where_they_are_of_use(cast: Cast, officer: Browser) -> None:
    User.objects.filter(pk=cast.alice.user.pk).update(password="!")
    offered = {
        (who.username, slug)
        for who in (cast.alice, cast.bob, cast.carol, cast.svc)
        for slug in ("invite", "send-reset")
        if officer.get(deed(who, slug)).status_code == 200
    }
    assert offered == {("alice", "invite"), ("bob", "send-reset")}
    User.objects.filter(pk=cast.bob.user.pk).update(email="", email_key="")
    assert officer.get(deed(cast.bob, "send-reset")).status_code == 404


def test_a_new_address_is_told_to_the_old_one_and_voids_links_to_it(
    cast: Cast, officer: Browser, mailed: Any
) -> None:
    with mailed() as outbox:
        do(officer, deed(cast.alice, "send-reset"))
    address = link_in(outbox)
    path = path_of(User, cast.alice.user.pk, "change")
    with mailed() as outbox:
        answer = officer.submit(officer.get(path), path, username="alice", email="al@alpha.example")
        assert answer.status_code == 302
    assert [(message.subject, message.to) for message in outbox] == [
        ("The e-mail address was changed", ["alice@alpha.example"])
    ]
    assert Browser().get(address).status_code == 410
    assert Challenge.objects.get().spent_at is None
    # Changing a name tells nobody.
    with mailed() as outbox:
        officer.submit(officer.get(path), path, username="al", email="al@alpha.example", phone="1")
    assert outbox == []


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
