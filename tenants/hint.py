"""What a request says about its tenant."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TenantHint:
    """All that a request says about its tenant; None where it says nothing."""

    name: str | None = None
    slug: str | None = None
    host: str | None = None
    email: str | None = None
