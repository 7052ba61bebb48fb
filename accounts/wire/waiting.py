"""How long a client is asked to wait: ``Retry-After`` (RFC 9110 section 10.2.3)."""

from __future__ import annotations

import math
from datetime import timedelta

from accounts.login.outcome import LoginRefused

_UNKNOWN = timedelta(minutes=1)


def seconds(refused: LoginRefused) -> int:
    """The seconds until a refused try may be repeated: whole ones, never too few, at least 1.

    A refusal that does not say how long it lasts is taken for a minute's.
    """
    wait = refused.detail.get("retry_after")
    return max(1, math.ceil((_UNKNOWN if wait is None else wait).total_seconds()))


def retry_after(refused: LoginRefused) -> dict[str, str]:
    """The header that says so."""
    return {"Retry-After": str(seconds(refused))}
