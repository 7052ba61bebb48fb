"""The overview: logins, second factors, locks, clients and ends, within what the officer may see.

A bounded number of statements, each grouped by the database; the pages behind them have the rest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db.models import (
    BooleanField,
    Case,
    CharField,
    Count,
    Exists,
    ExpressionWrapper,
    F,
    Func,
    Max,
    OuterRef,
    Q,
    Value,
    When,
    Window,
)
from django.db.models.functions import Left, RowNumber, TruncDay, TruncHour
from django.http import HttpRequest
from django.utils import timezone

from accounts.admin import charts
from accounts.admin.contract_settings import surfaces
from accounts.admin.events import latest
from accounts.audit import Event
from accounts.console import console, within
from accounts.login import throttle
from accounts.models import LoginEvent, Session, User
from mfa.models import EmailFactor, Passkey, TotpAuthenticator
from tenants.policy import TenantRecord
from tenants.resolve import directory

# Sessions that were used since then count as clients of today.
CLIENT_DAYS = 30
# So many groups, accounts and rows are looked at; what is left out is said.
MOST_SUSPECTS, MOST_SHOWN = 500, 20
_LATEST = 12
_LONGEST_LOCK = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time, cut into equal parts that end with the one that now lies in."""

    name: str
    title: str
    parts: int
    part: timedelta

    def starts(self, now: datetime) -> list[datetime]:
        """When each part begins."""
        hour = 0 if self.part == timedelta(days=1) else now.hour
        last = now.astimezone(UTC).replace(hour=hour, minute=0, second=0, microsecond=0)
        return [last - self.part * back for back in reversed(range(self.parts))]

    def label(self, start: datetime) -> str:
        """A part's name."""
        return f"{start:%Y-%m-%d}" if self.part == timedelta(days=1) else f"{start:%m-%d %H:00}"


PERIODS = (
    Period("24h", "Last 24 hours", 24, timedelta(hours=1)),
    Period("7d", "Last 7 days", 7, timedelta(days=1)),
    Period("30d", "Last 30 days", 30, timedelta(days=1)),
)


def summary(request: HttpRequest) -> Mapping[str, Any]:
    """All that the overview shows."""
    now, user = timezone.now(), request.user
    period = next((p for p in PERIODS if p.name == request.GET.get("period")), PERIODS[0])
    return {
        "periods": PERIODS,
        "period": period,
        "charts": logins(user, period, now),
        "chart_size": (charts.WIDTH, charts.HEIGHT),
        "coverage": coverage(user),
        "locked": locked(user, now),
        "uses": clients(user, now),
        "client_days": CLIENT_DAYS,
        "ends": ends(user, now.date()),
        "recent": latest(user, _LATEST),
    }


def logins(user: Any, period: Period, now: datetime) -> list[charts.Chart]:
    """Logins and refusals of each contract over time, all to one scale."""
    starts = period.starts(now)
    trunc = TruncDay if period.part == timedelta(days=1) else TruncHour
    rows = within(user, LoginEvent.objects.order_by(), "tenant")
    counted = (
        rows.filter(at__gte=starts[0], event__in=[Event.LOGIN_ACCEPTED, Event.LOGIN_REFUSED])
        .annotate(start=trunc("at", tzinfo=UTC))
        .values_list("contract", "start")
        .annotate(
            good=Count("pk", filter=Q(event=Event.LOGIN_ACCEPTED)),
            bad=Count("pk", filter=Q(event=Event.LOGIN_REFUSED)),
        )
    )
    found = {(contract, start): (good, bad) for contract, start, good, bad in counted}
    top = max((good + bad for good, bad in found.values()), default=0)
    return [
        charts.chart(
            each.slug,
            each.title,
            [
                charts.Count(period.label(start), *found.get((each.slug, start), (0, 0)))
                for start in starts
            ],
            top,
        )
        for each in surfaces()
        if each.slug != "console" or any(contract == "console" for contract, _ in found)
    ]


def coverage(user: Any) -> list[charts.Share]:
    """Who of the people that can log in has a second factor; staff apart."""
    owner = OuterRef("pk")
    second = (
        Q(Exists(TotpAuthenticator.objects.filter(user=owner, confirmed=True)))
        | Q(Exists(Passkey.objects.filter(user=owner)))
        | Q(Exists(EmailFactor.objects.filter(user=owner)))
    )
    people = User.objects.filter(kind=User.Kind.PERSON, state=User.State.ACTIVE).order_by()
    counted = (
        within(user, people, "tenant")
        .annotate(
            second=ExpressionWrapper(second, BooleanField()),
            staff=ExpressionWrapper(Q(is_staff=True) | Q(is_superuser=True), BooleanField()),
        )
        .values_list("staff", "second")
        .annotate(number=Count("pk"))
    )
    found = {(staff, second): number for staff, second, number in counted}
    return [
        charts.Share(title, found.get((staff, True), 0), found.get((staff, False), 0))
        for title, staff in (("Staff", True), ("Everybody else", False))
    ]


@dataclass(frozen=True, slots=True)
class Locks:
    """Accounts that failures keep out now; ``more``: some may not have been looked at."""

    rows: Sequence[tuple[User, datetime]]
    number: int
    more: bool


def locked(user: Any, now: datetime) -> Locks:
    """Counters do not name accounts, so those with the most refusals are looked up in them."""
    rows = within(user, LoginEvent.objects.order_by(), "tenant")
    suspects = (
        rows.filter(
            event=Event.LOGIN_REFUSED, at__gte=now - _LONGEST_LOCK, user__tenant=F("tenant")
        )
        .values(
            "user_id",
            "user__tenant_id",
            "user__username",
            "user__username_key",
            "user__email_key",
        )
        .annotate(number=Count("pk"))
        .order_by("-number", "user_id")[:MOST_SUSPECTS]
    )
    known = [
        User(
            pk=row["user_id"],
            tenant_id=row["user__tenant_id"],
            username=row["user__username"],
            username_key=row["user__username_key"],
            email_key=row["user__email_key"],
        )
        for row in suspects
    ]
    until = throttle.locks(known, now)
    found = sorted(
        ((each, until[each.pk]) for each in known if each.pk in until), key=lambda lock: lock[1]
    )
    return Locks(found[:MOST_SHOWN], len(found), len(known) == MOST_SUSPECTS)


@dataclass(frozen=True, slots=True)
class Client:
    """Programs that call themselves alike."""

    name: str
    sessions: int
    accounts: int
    seen: datetime


@dataclass(frozen=True, slots=True)
class Use:
    """Who still uses a contract: what an operator needs to know before its end."""

    title: str
    slug: str
    clients: Sequence[Client]
    more: int


def _word(text: Any, place: int, by: str) -> Func:
    return Func(text, Value(by), Value(place), function="split_part", output_field=CharField())


# Browsers all begin alike; programs begin with their own name.
_FAMILY = Case(
    When(agent="", then=Value("(unnamed)")),
    When(agent__contains="Edg/", then=Value("Edge")),
    When(agent__contains="Firefox/", then=Value("Firefox")),
    When(agent__contains="Electron/", then=Value("Electron")),
    When(agent__startswith="Mozilla/", agent__contains="Chrome/", then=Value("Chrome")),
    When(agent__startswith="Mozilla/", agent__contains="Safari/", then=Value("Safari")),
    default=Left(_word(_word(F("agent"), 1, " "), 1, "/"), 40),
    output_field=CharField(),
)
_MOST_NAMED = 8


def clients(user: Any, now: datetime) -> list[Use]:
    """By contract, the families of programs whose sessions were used of late."""
    since = now - timedelta(days=CLIENT_DAYS)
    rows = within(user, Session.objects.order_by(), "tenant")
    families = (
        rows.filter(last_seen_at__gte=since)
        .annotate(family=_FAMILY)
        .values("contract", "family")
        .annotate(
            number=Count("pk"), accounts=Count("user", distinct=True), seen=Max("last_seen_at")
        )
    )
    # Each contract by itself: one with many families must not leave another without any.
    counted = (
        families.annotate(
            rank=Window(
                RowNumber(),
                partition_by="contract",
                order_by=[F("number").desc(), F("seen").desc()],
            ),
            families=Window(Count("*"), partition_by="contract"),
        )
        .filter(rank__lte=_MOST_NAMED)
        .order_by("contract", "rank")
    )
    found: dict[str, list[Client]] = defaultdict(list)
    more: dict[str, int] = {}
    for row in counted:
        contract = row["contract"]
        found[contract].append(Client(row["family"], row["number"], row["accounts"], row["seen"]))
        more[contract] = row["families"] - len(found[contract])
    return [
        Use(each.title, each.slug, found[each.slug], more.get(each.slug, 0))
        for each in surfaces()
        if each.has_clients or found[each.slug]
    ]


@dataclass(frozen=True, slots=True)
class End:
    """A contract that a tenant leaves behind."""

    tenant: TenantRecord
    title: str
    deprecated: date | None
    sunset: date | None
    served: bool
    days: int | None

    @property
    def words(self) -> str:
        """How far away the end is."""
        if self.days is None:
            return "no end is set"
        if self.days > 0:
            return f"in {self.days} days" if self.days > 1 else "in 1 day"
        return "the day has come, and it is still served" if self.served else "over"


def ends(user: Any, today: date) -> list[End]:
    """What is about to end, the nearest first; from memory."""
    known = directory().by_id
    seen = (
        known.values()
        if user.is_superuser
        else [known[user.tenant_id]]
        if user.tenant_id in known
        else []
    )
    found = []
    for tenant in seen:
        for each in surfaces():
            told = tenant.contract(each.slug)
            if told.deprecated or told.sunset:
                days = (told.sunset - today).days if told.sunset else None
                served = tenant.serves(each.slug)
                found.append(End(tenant, each.title, told.deprecated, told.sunset, served, days))
    return sorted(found, key=lambda end: (end.sunset or date.max, end.tenant.name))[:MOST_SHOWN]


console.overview = summary
