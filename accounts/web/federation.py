"""Other identity providers that a tenant's people may sign in with."""

from __future__ import annotations

from dataclasses import dataclass

from tenants.policy import TenantRecord


@dataclass(frozen=True, slots=True)
class Upstream:
    """A link on the sign-in page."""

    title: str
    address: str


def upstream(tenant: TenantRecord | None) -> list[Upstream]:
    """The providers of a tenant, in the order in which they are shown. There are none yet."""
    del tenant
    return []
