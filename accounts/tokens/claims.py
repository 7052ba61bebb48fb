"""Claims that several contracts share: times and identifiers. Pure: no clock, no tables."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

Claims = dict[str, Any]


def seconds(moment: datetime) -> int:
    """A NumericDate as all five products write it: whole seconds."""
    return int(moment.timestamp())


def times(now: datetime, lifetime: timedelta) -> Claims:
    """``iat`` and ``exp``; their difference is exactly the lifetime."""
    issued = seconds(now)
    return {"iat": issued, "exp": issued + int(lifetime.total_seconds())}


def is_expired(claims: Claims, now: datetime) -> bool:
    """Whether ``exp`` has come. A token without a whole-number ``exp`` counts as expired."""
    expiry = claims.get("exp")
    return type(expiry) is not int or now.timestamp() >= expiry


def is_premature(claims: Claims, now: datetime, skew: timedelta = timedelta(seconds=60)) -> bool:
    """Whether ``iat`` or ``nbf`` lies further ahead than clocks may differ."""
    latest = (now + skew).timestamp()
    return any(
        value is not None and (type(value) is not int or value > latest)
        for value in (claims.get("iat"), claims.get("nbf"))
    )
