"""Sessions over all contracts, linked accounts, and what happened, as their owner sees them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from accounts import audit
from accounts.audit import Event
from accounts.client import ClientContext
from accounts.login import custody
from accounts.login.custody import Act
from accounts.login.outcome import Reason
from accounts.models import ExternalAccount, LoginEvent, Session, User
from accounts.web.account import agents, told
from tenants import resolve
from tenants.federation.settings import Kind
from tenants.models import IdentityProvider
from tests.fixtures import Cast
from tests.web.accounting import (
    ACTIVITY,
    LINKED,
    SESSIONS,
    TOKENS,
    Mailed,
    events,
    proved,
    send,
    text,
)
from tests.web.browsing import Browser, signed_in

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def chat_login(cast: Cast, name: str = "alice", **headers: str) -> dict[str, str]:
    """A Rocket.Chat session, as the headers of its calls."""
    body = {"user": name, "password": cast.alice.password}
    answer = Client(headers=headers).post("/api/v1/login", body, content_type="application/json")
    data = answer.json()["data"]
    return {"X-Auth-Token": data["authToken"], "X-User-Id": data["userId"]}


def chat_me(headers: dict[str, str]) -> int:
    return Client().get("/api/v1/me", headers=headers).status_code


def shown(page: Any) -> list[str]:
    """The entries of the list of sessions, as text."""
    lists = re.search(r'<ul class="sessions">(.*?)</ul>', page.content.decode(), re.DOTALL)
    assert lists
    entries = lists[1].split("<li")[1:]
    return [" ".join(re.sub(r"<[^>]+>", " ", "<li" + each).split()) for each in entries]


def test_sessions_of_every_contract_are_in_one_list(cast: Cast) -> None:
    chat_login(cast, **{"User-Agent": "Rocket.Chat/4.9.0 (Electron; Linux)"})
    Client(headers={"User-Agent": "curl/8.5.0"}).post(
        "/v1/auth/login",
        {"email": cast.alice.email, "password": cast.alice.password},
        content_type="application/json",
    )
    browser = Browser(headers={"User-Agent": FIREFOX})
    browser.sign_in(cast.alice)
    send(browser, TOKENS, act="make", name="Bot", contract="rocketchat")
    entries = shown(browser.get(SESSIONS))
    assert len(entries) == 4
    assert "Browser this session" in entries[0]
    assert f"Program Firefox on Linux {FIREFOX}" in entries[0]
    assert "Address 127.0.0.1" in entries[0]
    assert "Proved by password" in entries[0]
    rest = " | ".join(entries[1:])
    assert "Rocket.Chat on Linux" in rest
    assert "Bytebase Program curl curl/8.5.0" in rest
    assert "Token Bot" in rest
    assert "Proved by personal access token" in rest
    assert entries[0].endswith("password")
    assert all(each.endswith(" End") for each in entries[1:])


def test_the_list_costs_the_same_however_long_it_is(
    cast: Cast, django_assert_num_queries: Any
) -> None:
    browser = signed_in(cast.alice)
    session = Session.objects.get(user=cast.alice.user)
    for _ in range(20):
        session.handle = Session().handle
        session.pk = Session().pk
        session.save(force_insert=True)
    with django_assert_num_queries(2):
        assert len(shown(browser.get(SESSIONS))) == 21


def test_what_opens_nothing_is_not_in_the_list(cast: Cast) -> None:
    browser = signed_in(cast.alice)
    now = timezone.now()
    for change in (
        {"ended_at": now},
        {"expires_at": now},
        {"security_epoch": 7},
        {"last_seen_at": now - timedelta(hours=2), "idle_seconds": 3600},
        {"amr": [{"method": "secret", "at": 1, "client_id": "app-gone"}]},
    ):
        chat_login(cast)
        newest = Session.objects.filter(contract="rocketchat").latest("auth_time")
        Session.objects.filter(pk=newest.pk).update(**change)
    signed_in(cast.erin)
    assert len(shown(browser.get(SESSIONS))) == 1


def test_a_chat_session_that_is_ended_here_is_dead_at_its_next_call(cast: Cast) -> None:
    headers, other = chat_login(cast), chat_login(cast)
    browser = signed_in(cast.alice)
    assert (chat_me(headers), chat_me(other)) == (200, 200)
    row = Session.objects.filter(contract="rocketchat").earliest("auth_time")
    assert str(row.pk) in text(browser.get(SESSIONS))
    assert send(browser, SESSIONS, act="end", id=str(row.pk))["Location"] == SESSIONS
    assert "The session is ended." in text(browser.get(SESSIONS))
    assert (chat_me(headers), chat_me(other)) == (401, 200)
    assert events(cast.alice, "session:subject:ended") == [
        ("session:subject:ended", "ended by its owner")
    ]
    assert send(browser, SESSIONS, act="end", id=str(row.pk)).status_code == 404


def test_all_others_end_and_tokens_of_programs_if_asked_for(cast: Cast) -> None:
    browser, phone = signed_in(cast.alice), signed_in(cast.alice)
    headers, erin = chat_login(cast), chat_login(cast, "erin")
    send(browser, TOKENS, act="make", name="Bot", contract="rocketchat")
    assert send(browser, SESSIONS, act="end_others")["Location"] == SESSIONS
    assert (chat_me(headers), chat_me(erin)) == (401, 200)
    assert phone.get("/account/").status_code == 302
    assert len(shown(browser.get(SESSIONS))) == 2
    send(browser, SESSIONS, act="end_others", tokens="1")
    assert len(shown(browser.get(SESSIONS))) == 1
    assert browser.get("/account/").status_code == 200


def test_ones_own_session_is_ended_by_signing_out_only(cast: Cast) -> None:
    browser = signed_in(cast.alice)
    row = Session.objects.get(user=cast.alice.user)
    assert send(browser, SESSIONS, act="end", id=str(row.pk)).status_code == 404
    assert browser.get("/account/").status_code == 200


LIKE = "AppleWebKit/537.36 (KHTML, like Gecko)"
CHROME = f"{LIKE} Chrome/138.0.0.0"
AGENTS = {
    FIREFOX: "Firefox on Linux",
    f"Mozilla/5.0 (Windows NT 10.0) {CHROME} Safari/537.36 Edg/138.0.0.0": "Edge on Windows",
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) {LIKE} Safari/604.1": "Safari on iOS",
    f"Mozilla/5.0 (Linux; Android 14) {CHROME} Mobile Safari/537.36": "Chrome on Android",
    "RC Mobile; ios 18.1; v4.60.0 (1)": "Rocket.Chat",
    "python-requests/2.32.3": "python-requests",
    "Boto3/1.35 md/Botocore": "Boto3",
    "": "Unknown program",
    "/": "Unknown program",
    "x" * 256: "x" * 40,
    "\u202ecurl/8": "curl",
}


def test_programs_have_short_names() -> None:
    assert {agent: agents.short(agent) for agent in AGENTS} == AGENTS


def linked_to(cast: Cast, user: User, name: str) -> ExternalAccount:
    provider = IdentityProvider.objects.create(tenant=cast.alpha, name=name, kind=Kind.OIDC)
    return ExternalAccount.objects.create(
        user=user, provider=provider, subject=f"{name}-1", identifier=f"alice@{name}"
    )


def test_a_linked_account_is_removed_with_what_it_has_opened(cast: Cast, mailed: Mailed) -> None:
    headers = chat_login(cast)
    link = linked_to(cast, cast.alice.user, "corp")
    row = Session.objects.get(contract="rocketchat")
    Session.objects.filter(pk=row.pk).update(amr=[{"method": "fed", "at": 1, "provider": "corp"}])
    browser = signed_in(cast.alice)
    page = text(browser.get(LINKED))
    assert "alice@corp" in page
    with mailed() as outbox:
        assert send(browser, LINKED, act="unlink", id=str(link.pk))["Location"] == LINKED
    assert len(outbox) == 1
    assert chat_me(headers) == 401
    assert not ExternalAccount.objects.exists()
    (written,) = LoginEvent.objects.filter(event="external:account:unlinked")
    assert (written.user_id, written.trace[0]) == (cast.alice.user.pk, ["by", "alice"])
    assert browser.get(LINKED).status_code == 200


def test_providers_that_are_not_linked_yet_are_offered(cast: Cast) -> None:
    linked_to(cast, cast.alice.user, "corp")
    settings = {"issuer": "https://login.example.com", "clientId": "dragoman"}
    IdentityProvider.objects.update(settings=settings)
    for tenant, name in ((cast.alpha, "other"), (cast.beta, "foreign")):
        IdentityProvider.objects.create(tenant=tenant, name=name, kind=Kind.OIDC, settings=settings)
    resolve.invalidate()
    page = text(signed_in(cast.alice).get(LINKED))
    assert re.findall(r'action="([^"]*/link/[^"]*)"', page) == ["/account/link/other/"]
    browser = Browser()
    browser.sign_in(cast.dave, name="dave@beta.example")
    page = text(browser.get(LINKED))
    assert re.findall(r'action="([^"]*/link/[^"]*)"', page) == ["/t/beta/account/link/foreign/"]


def test_the_last_way_to_sign_in_stays(cast: Cast) -> None:
    browser = signed_in(cast.alice)
    first = linked_to(cast, cast.alice.user, "corp")
    User.objects.filter(pk=cast.alice.user.pk).update(password="!none")
    assert "Add a passkey first." in text(browser.get(LINKED))
    assert send(browser, LINKED, act="unlink", id=str(first.pk)).status_code == 403
    second = linked_to(cast, cast.alice.user, "other")
    assert send(browser, LINKED, act="unlink", id=str(first.pk)).status_code == 302
    assert send(browser, LINKED, act="unlink", id=str(second.pk)).status_code == 403
    assert ExternalAccount.objects.get() == second


def test_what_happened_is_told_in_plain_words(cast: Cast) -> None:
    stranger = Browser(headers={"User-Agent": "curl/8.5.0"})
    stranger.submit(stranger.get("/sign-in/"), identifier="alice", password="wrong")
    browser = Browser(headers={"User-Agent": FIREFOX})
    browser.sign_in(cast.alice)
    send(browser, TOKENS, act="make", name="Bot", contract="rocketchat")
    officer = ClientContext("console", timezone.now(), "192.0.2.77", "officer's program")
    custody.require_new_password(cast.alice.user, Act(officer, "erin"))
    page = text(browser.get(ACTIVITY))
    told_of = re.findall(r'<span class="what">([^<]+)</span>', page)
    assert told_of == [
        "The account was changed: the next sign-in has to choose a new password",
        "A personal access token was made: “Bot”",
        "Signed in",
        "A sign-in was refused: the password was wrong",
        "The account was made",
    ]
    assert "by an administrator" in page
    assert "192.0.2.77" not in page
    assert "officer&#x27;s program" not in page
    assert "· Browser · 127.0.0.1 ·" in page
    assert f'<span title="{FIREFOX}">Firefox on Linux</span>' in page
    assert '<span title="curl/8.5.0">curl</span>' in page
    assert "Was that not you?" in page


def test_fifty_events_of_ones_own_are_shown_by_one_statement(
    cast: Cast, django_assert_num_queries: Any
) -> None:
    browser = signed_in(cast.alice)
    client = ClientContext("browser", timezone.now())
    rows = [
        audit.row(Event.LOGIN_ACCEPTED, client, tenant_id=cast.alpha.pk, user_id=who.user.pk)
        for who in [cast.alice] * 60 + [cast.erin] * 5
    ]
    LoginEvent.objects.bulk_create(rows)
    with django_assert_num_queries(2):
        page = browser.get(ACTIVITY)
    assert text(page).count('<span class="what">') == 50


def test_names_in_the_trail_cannot_speak_for_the_page(cast: Cast) -> None:
    browser = signed_in(cast.alice)
    send(browser, TOKENS, act="make", name="<b>x</b>", contract="rocketchat")
    assert "“&lt;b&gt;x&lt;/b&gt;”" in text(browser.get(ACTIVITY))
    assert "<b>x</b>" not in text(browser.get(SESSIONS))


def test_every_event_of_an_account_and_every_reason_has_words() -> None:
    general = ("admin:tenant:", "admin:key:", "admin:group:", "admin:provider:", "admin:rows:")
    events_of_accounts = {e for e in Event if not e.startswith(general)}
    assert events_of_accounts - told.EVENTS.keys() == set()
    unsaid = {Reason.NOTHING_PRESENTED, Reason.UNKNOWN_TENANT}
    assert set(Reason) - told.REASONS.keys() == unsaid


def test_a_session_without_known_proofs_is_shown_all_the_same(cast: Cast) -> None:
    browser = proved(cast.bob)
    Session.objects.update(
        amr=[
            {"method": "pwd", "at": timezone.now().timestamp()},
            {"method": "otp", "at": timezone.now().timestamp()},
            {"method": "new", "at": 1},
        ]
    )
    assert "Proved by password, authenticator app" in shown(browser.get(SESSIONS))[0]
