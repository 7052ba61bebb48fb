"""Failures are counted before a credential is checked and refunded when it was right.

One statement reserves a place in every bucket that applies. The row lock makes parallel guesses
queue up, so a burst cannot pass the limit. Buckets are keyed by an HMAC of the name that was
tried, known or not: a lock tells nothing about who exists.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import connection
from django.db.models import Case, DateTimeField, F, Func, Value, When

from accounts.login.outcome import Reason
from accounts.login.profile import FACTOR_LIMIT, TOTAL_LIMIT, Limit, LoginProfile
from accounts.models import ThrottleBucket
from accounts.models.statement import Update
from tenants.conf import conf
from tenants.names import fold
from tenants.sealing import derive

Kind = ThrottleBucket.Kind
_ADDRESS_WINDOW = timedelta(minutes=5)
_FAILURES: ArrayField[Any, Any] = ArrayField(DateTimeField())

_RESERVE = """
INSERT INTO accounts_throttlebucket AS b
    (key, kind, failures, "limit", window_seconds, resets, changed_at)
VALUES {rows}
ON CONFLICT (key) DO UPDATE SET
    failures = (
        SELECT CASE WHEN count(f) >= EXCLUDED."limit"
                    THEN coalesce(array_agg(f ORDER BY f), '{{}}')
                    ELSE coalesce(array_agg(f ORDER BY f), '{{}}') || EXCLUDED.failures END
        FROM unnest(b.failures) AS f
        WHERE f > EXCLUDED.changed_at - make_interval(secs => EXCLUDED.window_seconds)
    ),
    kind = EXCLUDED.kind, "limit" = EXCLUDED."limit", resets = EXCLUDED.resets,
    window_seconds = EXCLUDED.window_seconds, changed_at = EXCLUDED.changed_at
RETURNING key, failures[cardinality(failures)] = changed_at, failures[1]
"""


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

    at: datetime
    keys: tuple[bytes, ...]
    refusal: Reason | None = None
    retry_after: timedelta | None = None


def _key(kind: str, *parts: str) -> bytes:
    return derive("throttle", "\x00".join((kind, *parts)).encode())


def password_buckets(
    profile: LoginProfile,
    tenant_id: UUID | None,
    name: str,
    user_id: UUID | None,
    address: str | None,
) -> list[Bucket]:
    """The counters of a first factor: the name tried, the account behind it, the address."""
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
    if address:
        limit = profile.address_limit or Limit(conf().address_failures, _ADDRESS_WINDOW)
        buckets.append(
            Bucket(Kind.ADDRESS, _key(Kind.ADDRESS, address), limit, Reason.THROTTLED_ADDRESS)
        )
    return buckets


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
        counted = {bytes(key): (bool(fits), oldest) for key, fits, oldest in cursor.fetchall()}
    keys = tuple(bucket.key for bucket in ordered if counted[bucket.key][0])
    full = [bucket for bucket in buckets if not counted[bucket.key][0]]
    if not full:
        return Reservation(now, keys)
    refund_now(Reservation(now, keys))
    # The address speaks before the name, as the strictest of the products orders it.
    first = next((b for b in full if b.kind == Kind.ADDRESS), full[0])
    free_at = counted[first.key][1] + first.limit.window
    return Reservation(now, (), first.refusal, max(free_at - now, timedelta(seconds=1)))


def _without(reservation: Reservation) -> Func:
    return Func(
        F("failures"),
        Value(reservation.at, output_field=DateTimeField()),
        function="array_remove",
        output_field=_FAILURES,
    )


def refund(reservation: Reservation) -> Update:
    """Give the places back, as part of the statement that opens the session.

    A success also forgets earlier failures where the bucket says so, never those of an address.
    """
    none_left = Value([], output_field=_FAILURES)
    return Update(
        ThrottleBucket.objects.filter(key__in=list(reservation.keys)),
        failures=Case(When(resets=True, then=none_left), default=_without(reservation)),
    )


def refund_now(reservation: Reservation) -> None:
    """Give the places back at once: the attempt was not judged at all."""
    if reservation.keys:
        rows = ThrottleBucket.objects.filter(key__in=list(reservation.keys))
        rows.update(failures=_without(reservation))
