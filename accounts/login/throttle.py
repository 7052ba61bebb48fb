"""Failures are counted before a credential is checked and refunded when it was right.

One statement reserves a place in every bucket that applies. The row lock makes parallel guesses
queue up, so a burst cannot pass the limit. Buckets are keyed by an HMAC of the name that was
tried, known or not: a lock tells nothing about who exists.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import connection
from django.db.models import Case, DateTimeField, F, Func, QuerySet, Value, When
from django.db.models.expressions import RawSQL

from accounts.login.outcome import Reason
from accounts.login.profile import FACTOR_LIMIT, TOTAL_LIMIT, Limit, LoginProfile
from accounts.models import ThrottleBucket, User
from accounts.models.statement import Update
from tenants.conf import conf
from tenants.names import fold
from tenants.sealing import derive

Kind = ThrottleBucket.Kind
_ADDRESS_WINDOW = timedelta(minutes=5)
_FAILURES: ArrayField[Any, Any] = ArrayField(DateTimeField())

# Contracts share a name's bucket, each with its own rule: the row keeps the longest window and
# forgets on success only if all of them do; a caller counts what lies in its own window.
#
# Within a bucket each moment is later than the one before, whatever the callers' clocks say: so a
# place is known by its moment, and two tries in one microsecond are two.
_RESERVE = """
INSERT INTO accounts_throttlebucket AS b
    (key, kind, failures, "limit", window_seconds, resets, changed_at)
VALUES {rows}
ON CONFLICT (key) DO UPDATE SET
    (failures, changed_at) = (
        SELECT CASE WHEN recent.count >= EXCLUDED."limit" THEN recent.failures
                    ELSE recent.failures || recent.moment END,
               recent.moment
        FROM (
            SELECT count(f) FILTER (
                       WHERE f > EXCLUDED.changed_at
                           - make_interval(secs => EXCLUDED.window_seconds)
                   ) AS count,
                   coalesce(array_agg(f ORDER BY f), '{{}}') AS failures,
                   greatest(EXCLUDED.changed_at, max(f) + interval '1 microsecond') AS moment
            FROM unnest(b.failures) AS f
            WHERE f > EXCLUDED.changed_at - make_interval(
                secs => greatest(b.window_seconds, EXCLUDED.window_seconds)
            )
        ) AS recent
    ),
    kind = EXCLUDED.kind, "limit" = EXCLUDED."limit", resets = b.resets AND EXCLUDED.resets,
    window_seconds = greatest(b.window_seconds, EXCLUDED.window_seconds)
RETURNING key, failures[cardinality(failures)] = changed_at, changed_at, failures
"""

# Django refuses select_for_update() outside of a transaction block, though one statement is one.
_LOCKED = "SELECT key FROM accounts_throttlebucket WHERE key = ANY(%s) ORDER BY key FOR UPDATE"


@dataclass(frozen=True, slots=True)
class Bucket:
    """One counter that an attempt touches."""

    kind: str
    key: bytes
    limit: Limit
    refusal: Reason


@dataclass(frozen=True, slots=True)
class Reservation:
    """Counted places, to be given back if the attempt succeeds."""

    # The bucket's key and the moment that was counted in it.
    places: tuple[tuple[bytes, datetime], ...]
    refusal: Reason | None = None
    retry_after: timedelta | None = None


def _key(kind: str, *parts: str) -> bytes:
    return derive("throttle", "\x00".join((kind, *parts)).encode())


def password_buckets(
    profile: LoginProfile,
    tenant_id: UUID | str,
    name: str,
    user_id: UUID | None,
    address: str | None,
) -> list[Bucket]:
    """The counters of a first factor: the name tried, the account behind it, the address.

    ``tenant_id``: of a tenant that does not exist, what it was called.
    """
    who = str(user_id) if user_id else f"name:{fold(name)}"
    buckets = [
        Bucket(
            Kind.IDENTIFIER,
            _key(Kind.IDENTIFIER, str(tenant_id), fold(name)),
            profile.password_limit,
            Reason.THROTTLED_SUBJECT,
        ),
        Bucket(
            Kind.ACCOUNT,
            _key(Kind.ACCOUNT, str(tenant_id), who),
            TOTAL_LIMIT,
            Reason.THROTTLED_SUBJECT,
        ),
    ]
    return buckets + address_buckets(profile, address)


def address_buckets(profile: LoginProfile, address: str | None) -> list[Bucket]:
    """The counter of the address, where one is known."""
    if not address:
        return []
    # A product's own limit counts its own failures; the others share one counter.
    limit = profile.address_limit or Limit(conf().address_failures, _ADDRESS_WINDOW)
    whose = profile.contract if profile.address_limit else ""
    key = _key(Kind.ADDRESS, whose, source(address))
    return [Bucket(Kind.ADDRESS, key, limit, Reason.THROTTLED_ADDRESS)]


def source(address: str) -> str:
    """What counts as one source: an IPv4 address, or the /64 that an IPv6 customer gets whole."""
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.IPv6Address(int(parsed) >> 64 << 64))
    return str(parsed)


def factor_buckets(user_id: UUID) -> list[Bucket]:
    """The counters of a second factor: apart from the password's, so no stranger reaches them."""
    return [
        Bucket(Kind.FACTOR, _key(Kind.FACTOR, str(user_id)), FACTOR_LIMIT, Reason.THROTTLED_FACTOR),
        Bucket(
            Kind.FACTOR_TOTAL,
            _key(Kind.FACTOR_TOTAL, str(user_id)),
            TOTAL_LIMIT,
            Reason.THROTTLED_FACTOR,
        ),
    ]


def unlock(user: User) -> int:
    """Forget the failures counted for an account under all of its names; how many counters."""
    return _counters_of([user]).delete()[0]


def locked_until(user: User, now: datetime) -> datetime | None:
    """When the longest lock of an account ends by itself, or None if it has none."""
    return locks([user], now).get(user.pk)


def locks(users: Sequence[User], now: datetime) -> dict[UUID, datetime]:
    """Of these accounts those that are locked, and until when; one statement for all of them."""
    owners = {key: user.pk for user in users for key in _keys_of(user)}
    ends: dict[UUID, datetime] = {}
    for row in _counters_of(users):
        window = timedelta(seconds=row.window_seconds)
        recent = sorted(failure for failure in row.failures if failure > now - window)
        if len(recent) >= row.limit:
            # One place is free as soon as this failure no longer counts.
            end, owner = recent[-row.limit] + window, owners[bytes(row.key)]
            ends[owner] = max(end, ends.get(owner, end))
    return ends


def _counters_of(users: Sequence[User]) -> QuerySet[ThrottleBucket]:
    return ThrottleBucket.objects.filter(key__in=[key for user in users for key in _keys_of(user)])


def _keys_of(user: User) -> list[bytes]:
    tenant_id = str(user.tenant_id)
    names = {user.username_key, user.email_key} - {""}
    return [
        _key(Kind.ACCOUNT, tenant_id, str(user.pk)),
        *(_key(Kind.IDENTIFIER, tenant_id, name) for name in names),
        *(bucket.key for bucket in factor_buckets(user.pk)),
    ]


def reserve(buckets: Sequence[Bucket], now: datetime) -> Reservation:
    """Count one attempt in every bucket, atomically, before anything is verified.

    Where a bucket is full nothing stays counted: an answer "locked" is no failure itself.
    """
    # One order for everybody: two attempts that share buckets cannot deadlock.
    ordered = sorted(buckets, key=lambda bucket: bucket.key)
    params: list[Any] = []
    for b in ordered:
        window = int(b.limit.window.total_seconds())
        params += [b.key, b.kind, [now], b.limit.failures, window, b.limit.resets, now]
    rows = ", ".join(["(%s, %s, %s::timestamptz[], %s, %s, %s, %s)"] * len(ordered))
    with connection.cursor() as cursor:
        cursor.execute(_RESERVE.format(rows=rows), params)
        counted = {bytes(key): row for key, *row in cursor.fetchall()}
    places = tuple((b.key, counted[b.key][1]) for b in ordered if counted[b.key][0])
    full = [bucket for bucket in buckets if not counted[bucket.key][0]]
    if not full:
        return Reservation(places)
    refund_now(Reservation(places))
    # The address speaks before the name, as the strictest of the products orders it.
    first = next((b for b in full if b.kind == Kind.ADDRESS), full[0])
    since = now - first.limit.window
    oldest = min((f for f in counted[first.key][2] if f > since), default=now)
    free_at = oldest + first.limit.window
    return Reservation((), first.refusal, max(free_at - now, timedelta(seconds=1)))


def _rows(reservation: Reservation) -> QuerySet[ThrottleBucket]:
    """The buckets, locked in the order in which :func:`reserve` locks them: no deadlock."""
    keys = [key for key, _ in reservation.places]
    return ThrottleBucket.objects.filter(key__in=RawSQL(_LOCKED, [keys]))  # noqa: S611  # constant


def _without(reservation: Reservation) -> Func:
    counted = Case(
        *(
            When(key=key, then=Value(moment, output_field=DateTimeField()))
            for key, moment in reservation.places
        ),
        output_field=DateTimeField(),
    )
    return Func(F("failures"), counted, function="array_remove", output_field=_FAILURES)


def refund(reservation: Reservation) -> Update:
    """Give the places back, as part of the statement that opens the session.

    A success also forgets earlier failures where the bucket says so, never those of an address.
    """
    none_left = Value([], output_field=_FAILURES)
    return Update(
        _rows(reservation),
        failures=Case(When(resets=True, then=none_left), default=_without(reservation)),
    )


def refund_now(reservation: Reservation) -> None:
    """Give the places back at once: the attempt was not judged at all."""
    if reservation.places:
        _rows(reservation).update(failures=_without(reservation))
