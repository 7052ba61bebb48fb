"""The overview: the numbers of the officer's tenant, in a bounded number of statements."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import provisioning
from accounts.admin import charts, dashboard
from accounts.admin.dashboard import PERIODS
from accounts.admin.events import latest
from accounts.audit import Event
from accounts.console import console
from accounts.login import throttle
from accounts.models import LoginEvent, Session, ThrottleBucket, User
from mfa import binding, totp
from tenants import resolve
from tenants.models import Tenant
from tests.console.furniture import make_superuser, open_session
from tests.fixtures import Cast, Persona
from tests.web.browsing import Browser, signed_in

NOON = datetime(2031, 5, 6, 12, 30, tzinfo=UTC)
DAY, WEEK, MONTH = PERIODS


def happened(tenant: Tenant, count: int = 1, **fields: Any) -> None:
    given = {
        "at": NOON,
        "event": Event.LOGIN_ACCEPTED,
        "contract": "coldstream",
        "tenant": tenant,
        **fields,
    }
    LoginEvent.objects.bulk_create(LoginEvent(**given) for _ in range(count))


def officer(who: Persona) -> User:
    return User.objects.get(pk=who.user.pk)


def numbers(who: Persona, period: Any = DAY) -> dict[str, tuple[int, int]]:
    found = dashboard.logins(officer(who), period, NOON)
    return {each.slug: (each.good, each.bad) for each in found if not each.is_empty}


def test_logins_and_refusals_are_counted_by_contract_within_the_period_and_tenant(
    cast: Cast,
) -> None:
    refused = {"event": Event.LOGIN_REFUSED, "reason": "wrong_password"}
    happened(cast.alpha, 3)
    happened(cast.alpha, 2, at=NOON - timedelta(hours=23), **refused)
    happened(cast.alpha, 5, at=NOON - timedelta(hours=24))
    happened(cast.alpha, 1, contract="browser")
    happened(cast.alpha, 4, event=Event.SESSION_ENDED)
    happened(cast.beta, 7)
    happened(cast.beta, 1, at=NOON - timedelta(days=29), contract="oloid", **refused)
    LoginEvent.objects.create(at=NOON, event=Event.LOGIN_REFUSED, contract="oloid")
    assert numbers(cast.erin) == {"coldstream": (3, 2), "browser": (1, 0)}
    assert numbers(cast.erin, WEEK) == {"coldstream": (8, 2), "browser": (1, 0)}
    make_superuser(cast.erin)
    assert numbers(cast.erin) == {"coldstream": (10, 2), "browser": (1, 0), "oloid": (0, 1)}
    assert numbers(cast.erin, MONTH)["oloid"] == (0, 2)


def test_what_happened_last_is_told_in_the_words_of_the_trail(cast: Cast) -> None:
    refused = {"event": Event.LOGIN_REFUSED, "reason": "wrong_password"}
    happened(cast.beta, 1, at=NOON + timedelta(minutes=2))
    happened(cast.alpha, 1, user=cast.alice.user, at=NOON + timedelta(minutes=1), **refused)
    happened(cast.alpha, 1, contract="browser")
    found = [(row.event, words) for row, words in latest(officer(cast.erin), 2)]
    assert found == [
        (Event.LOGIN_REFUSED, ["alice", "ColdStream", "wrong password"]),
        (Event.LOGIN_ACCEPTED, ["Browser"]),
    ]


def test_the_bars_of_a_chart_lie_within_it_and_one_scale_holds_for_all(cast: Cast) -> None:
    happened(cast.alpha, 3)
    happened(cast.alpha, 1, event=Event.LOGIN_REFUSED)
    happened(cast.alpha, 8, contract="oloid", at=NOON - timedelta(hours=2))
    found = {each.slug: each for each in dashboard.logins(officer(cast.erin), DAY, NOON)}
    bars = found["coldstream"].bars
    assert len(bars) == 24
    assert [bar.count.label for bar in bars][-2:] == ["05-06 11:00", "05-06 12:00"]
    last = bars[-1]
    half, eighth = charts.HEIGHT / 2, charts.HEIGHT / 8
    assert (last.good_height, last.bad_height) == (3 * eighth, eighth)
    assert last.good_y + last.good_height == charts.HEIGHT
    assert last.bad_y == half
    assert last.x + last.width <= charts.WIDTH
    assert found["coldstream"].sentence == (
        "3 logins and 1 refusal; most of them, 3 and 1, in 05-06 12:00."
    )
    assert found["oloid"].bars[-3].good_y == 0
    assert found["datarhei"].sentence == "No logins and no refusals."


def test_coverage_counts_people_who_can_log_in_staff_apart(cast: Cast) -> None:
    def shares(who: Persona) -> list[tuple[int, int]]:
        return [(each.having, each.lacking) for each in dashboard.coverage(officer(who))]

    # Erin; bob with an app, alice without. Carol is disabled, svc a machine, dave elsewhere.
    assert shares(cast.erin) == [(0, 1), (1, 1)]
    binding.bind_totp(cast.erin.user.pk, totp.new_secret())
    assert shares(cast.erin) == [(1, 0), (1, 1)]
    assert [each.percent for each in dashboard.coverage(officer(cast.erin))] == [100, 50]
    make_superuser(cast.erin)
    assert shares(cast.erin) == [(1, 0), (1, 3)]


def lock(who: Persona, contract: str = "coldstream") -> None:
    """As many wrong passwords as a name has, over the real door."""
    for _ in range(10):
        answer = Browser().post(
            "/v1/auth/login",
            {"email": who.email, "password": "wrong"},
            content_type="application/json",
        )
        assert answer.status_code == 401


def test_locked_accounts_are_named_to_their_own_officers(cast: Cast) -> None:
    lock(cast.alice)
    now = timezone.now()
    found = dashboard.locked(officer(cast.erin), now)
    assert [(user.username, until > now) for user, until in found.rows] == [("alice", True)]
    assert (found.number, found.more) == (1, False)
    assert dashboard.locked(officer(cast.dave), now).number == 0
    later = now + timedelta(minutes=11)
    assert dashboard.locked(officer(cast.erin), later).number == 0
    page = signed_in(cast.erin).get("/admin/").content.decode()
    assert "Accounts locked now: 1" in page
    assert f"/admin/accounts/user/{cast.alice.user.pk}/change/" in page
    throttle.unlock(cast.alice.user)
    assert dashboard.locked(officer(cast.erin), now).number == 0


def test_many_suspects_are_looked_at_in_one_statement_each(cast: Cast, monkeypatch: Any) -> None:
    monkeypatch.setattr(dashboard, "MOST_SUSPECTS", 2)
    for who in (cast.alice, cast.bob, cast.carol):
        happened(cast.alpha, 2, event=Event.LOGIN_REFUSED, user=who.user)
    erin = officer(cast.erin)
    with CaptureQueriesContext(connection) as queries:
        found = dashboard.locked(erin, NOON)
    assert (found.number, found.more) == (0, True)
    assert len(queries) == 2
    assert not ThrottleBucket.objects.exists()


def seen(who: Persona, agent: str, contract: str = "coldstream", **ago: float) -> Session:
    session = open_session(who.user, contract)
    Session.objects.filter(pk=session.pk).update(agent=agent, last_seen_at=NOON - timedelta(**ago))
    return session


def test_clients_of_a_contract_are_told_by_family_with_the_last_use(cast: Cast) -> None:
    seen(cast.alice, "okhttp/4.1 (x)", hours=5)
    seen(cast.alice, "okhttp/4.2", hours=2)
    seen(cast.bob, "okhttp/4.2", days=2)
    firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
    seen(cast.bob, firefox, days=1)
    seen(cast.bob, "", "datarhei", days=29)
    seen(cast.bob, "old/1", "datarhei", days=31)
    seen(cast.dave, "foreign/1", hours=1)
    uses = {use.slug: use for use in dashboard.clients(officer(cast.erin), NOON)}
    assert [(c.name, c.sessions, c.accounts, c.seen) for c in uses["coldstream"].clients] == [
        ("okhttp", 3, 2, NOON - timedelta(hours=2)),
        ("Firefox", 1, 1, NOON - timedelta(days=1)),
    ]
    assert [c.name for c in uses["datarhei"].clients] == ["(unnamed)"]
    assert list(uses["oloid"].clients) == []
    make_superuser(cast.erin)
    uses = {use.slug: use for use in dashboard.clients(officer(cast.erin), NOON)}
    assert "foreign" in [c.name for c in uses["coldstream"].clients]


def test_families_without_number_do_not_hide_the_large_ones(cast: Cast) -> None:
    for number in range(12):
        seen(cast.bob, f"random{number}/1", hours=1)
    seen(cast.alice, "okhttp/1", hours=9)
    seen(cast.bob, "okhttp/1", hours=9)
    [use] = [u for u in dashboard.clients(officer(cast.erin), NOON) if u.slug == "coldstream"]
    assert (use.clients[0].name, len(use.clients), use.more) == ("okhttp", 8, 5)


def test_a_contract_of_few_clients_is_not_lost_behind_one_of_many(cast: Cast) -> None:
    """What nobody uses can be switched off: this must not be said of what somebody uses."""
    made = [seen(cast.bob, f"random{number}/1", hours=1) for number in range(210)]
    seen(cast.alice, "player/2", "datarhei", days=3)
    uses = {use.slug: use for use in dashboard.clients(officer(cast.erin), NOON)}
    assert [(c.name, c.sessions) for c in uses["datarhei"].clients] == [("player", 1)]
    assert uses["coldstream"].more == len(made) - len(uses["coldstream"].clients)


def test_what_is_about_to_end_stands_there_the_nearest_first(cast: Cast) -> None:
    Tenant.objects.filter(pk=cast.alpha.pk).update(
        contracts={
            "oloid": {"deprecated": "2031-01-01"},
            "coldstream": {"deprecated": "2031-01-01", "sunset": "2031-05-16"},
            "datarhei": {"deprecated": "2031-01-01", "sunset": "2031-05-01"},
            "bytebase": {"deprecated": "2031-01-01", "sunset": "2031-05-02", "enabled": False},
        }
    )
    Tenant.objects.filter(pk=cast.beta.pk).update(
        contracts={"coldstream": {"sunset": "2031-05-07"}}
    )
    resolve.invalidate()

    def told(who: Persona) -> list[tuple[str, str, str]]:
        found = dashboard.ends(officer(who), NOON.date())
        return [(end.tenant.slug, end.title, end.words) for end in found]

    own = [
        ("alpha", "datarhei Core", "the day has come, and it is still served"),
        ("alpha", "Bytebase", "over"),
        ("alpha", "ColdStream", "in 10 days"),
        ("alpha", "Oloid (Amazon Cognito)", "no end is set"),
    ]
    assert told(cast.erin) == own
    make_superuser(cast.erin)
    assert told(cast.erin) == [*own[:2], ("beta", "ColdStream", "in 1 day"), *own[2:]]


def test_the_page_has_pictures_with_words_and_tables_and_nothing_inline(cast: Cast) -> None:
    erin = signed_in(cast.erin)
    page = erin.get("/admin/?period=7d")
    text = page.content.decode()
    pictures = re.findall(r"<svg[^>]*role=\"img\"[^>]*>(.*?)</svg>", text, re.DOTALL)
    assert len(pictures) >= 6
    for picture in pictures:
        assert re.search(r"<title id=\"[-\w]+\">[^<]+</title>", picture)
    for label in re.findall(r'aria-labelledby="([^"]+)"', text):
        for name in label.split():
            assert text.count(f'id="{name}"') == 1, name
    assert not re.search(r"<style|style=|\bon(click|load)=|<script(?![^>]*\bsrc=)", text)
    assert "default-src 'self'" in page["Content-Security-Policy"]
    # Erin's own sign-in is in the browser's chart and in its table.
    chart = text.partition('id="chart-browser"')[2].partition("</figure>")[0]
    assert "1 login, 0 refusals" in chart
    assert '<th scope="col">Logins</th>' in chart
    assert '?period=7d" aria-current="page"' in text
    for strange in ("?period=x", "?period=%00", "?period="):
        assert '?period=24h" aria-current="page"' in erin.get(f"/admin/{strange}").content.decode()


def test_no_number_of_another_tenant_is_on_the_page(cast: Cast) -> None:
    now = timezone.now()
    for _ in range(3):
        seen(cast.dave, "foreign-client/1")
    Session.objects.filter(user=cast.dave.user).update(last_seen_at=now)
    happened(cast.beta, 41, at=now)
    lock(cast.dave)
    text = signed_in(cast.erin).get("/admin/?period=30d").content.decode()
    for words in ("foreign-client", "41 logins", "dave", "Beta"):
        assert words not in text, words
    boss = signed_in(make_superuser(cast.erin)).get("/admin/?period=30d").content.decode()
    assert "foreign-client" in boss
    assert "41 logins" in boss
    assert ">dave</a>" in boss


def test_the_statements_do_not_grow_with_the_rows(cast: Cast) -> None:
    boss = signed_in(make_superuser(cast.erin))
    for number in range(4):
        who = Persona(provisioning.create_user(cast.alpha, f"u{number}"))
        seen(who, f"agent{number}/1", hours=1)
        happened(cast.alpha, 3, at=timezone.now(), event=Event.LOGIN_REFUSED, user=who.user)
    for period in PERIODS:
        with CaptureQueriesContext(connection) as queries:
            assert boss.get(f"/admin/?period={period.name}").status_code == 200
        assert len(queries) <= 12, [query["sql"] for query in queries]
    assert console.overview is dashboard.summary
