"""A tenant's identity providers, from memory."""

from __future__ import annotations

from uuid import UUID

from tenants.federation.provider import Provider
from tenants.federation.settings import Kind
from tenants.resolve import directory


def of_tenant(tenant_id: UUID, *kinds: Kind) -> tuple[Provider, ...]:
    """The tenant's enabled providers, or those of some kinds, in their order."""
    every = directory().providers.get(tenant_id, ())
    return tuple(one for one in every if not kinds or one.kind in kinds)


def named(tenant_id: UUID, name: str) -> Provider | None:
    """The tenant's enabled provider of this name."""
    return next((one for one in of_tenant(tenant_id) if one.name == name), None)
