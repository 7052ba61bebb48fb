"""The product's request limit: so many calls a minute per address and endpoint.

Off unless the tenant sets the contract's option ``request_limit``: Dragoman's own counters protect
the login. The calls around an authenticator have a documented bound of their own, which is always
on. It costs two statements a call.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from accounts.contracts.rocketchat.tokens import SLUG
from accounts.login import throttle
from accounts.login.outcome import Reason
from accounts.login.profile import Limit
from accounts.login.throttle import Bucket
from accounts.models import ThrottleBucket, User
from accounts.wire.call import Call, client_address
from tenants.sealing import derive

WINDOW = timedelta(seconds=60)
# Each call in the window is remembered; more would make the row slow.
MAX_LIMIT = 1000
UNLIMITED = MAX_LIMIT + 1


@dataclass(frozen=True, slots=True)
class Budget:
    """What is left of the calls after this one."""

    limit: int
    left: int
    resets_at: datetime
    # How long to wait; None where the call is served.
    wait: timedelta | None = None

    def headers(self) -> Mapping[str, str]:
        """The headers of every answer of a limited endpoint; the time is in milliseconds."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.left),
            "X-RateLimit-Reset": str(int(self.resets_at.timestamp() * 1000)),
        }


def spend(call: Call, most: int = UNLIMITED) -> Budget | None:
    """Count this call of an endpoint that admits ``most``; None where nothing is limited."""
    limit, address = min(_limit(call), most), client_address(call.request)
    if limit >= UNLIMITED or address is None:
        return None
    tenant = str(call.tenant.id) if call.tenant else ""
    # The same endpoint under each of the tenant's addresses.
    path = call.request.path_info.removeprefix(f"/t/{call.hint.slug}")
    parts = (tenant, throttle.source(address), str(call.request.method), path)
    bucket = _bucket(Limit(limit, WINDOW), *parts)
    reservation = throttle.reserve([bucket], call.now)
    rows = ThrottleBucket.objects.filter(pk=bucket.key).values_list("failures", flat=True)
    calls = next(iter(rows), [])
    resets_at = min(calls, default=call.now) + WINDOW
    left = max(limit - len(calls), 0)
    return Budget(limit, left, resets_at, reservation.retry_after)


def spares(user: User) -> bool:
    """Whether calls of this account are not counted: administrators' and programs'."""
    return user.is_superuser or not user.is_person


def admits(call: Call, what: str, limit: Limit) -> bool:
    """Whether this address may do ``what`` once more, whether or not the tenant limits calls."""
    address = client_address(call.request)
    bucket = _bucket(limit, what, throttle.source(address) if address else "")
    return throttle.reserve([bucket], call.now).refusal is None


def _bucket(limit: Limit, *who: str) -> Bucket:
    name = "\x00".join((ThrottleBucket.Kind.REQUEST, SLUG, *who))
    key = derive("throttle", name.encode())
    return Bucket(ThrottleBucket.Kind.REQUEST, key, limit, Reason.THROTTLED_ADDRESS)


def _limit(call: Call) -> int:
    value = call.tenant.contract(SLUG).options.get("request_limit") if call.tenant else None
    # In JSON true is no number, in Python it is one.
    return min(value, MAX_LIMIT) if type(value) is int and value > 0 else UNLIMITED
