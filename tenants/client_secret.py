"""The secret of a tenant's app client: optional, sealed beside the tenant, known to operators."""

from __future__ import annotations

import secrets
import string

from tenants.models import Tenant
from tenants.policy import TenantRecord
from tenants.resolve import invalidate
from tenants.sealing import seal, unseal

# Cognito's form: 51 lower-case letters and digits, 263 bits here.
_ALPHABET = string.ascii_lowercase + string.digits
_LENGTH = 51


def make(tenant: Tenant) -> str:
    """A new secret, in place of the old one if there is one."""
    secret = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
    _store(tenant, seal(secret.encode(), _context(tenant)))
    return secret


def remove(tenant: Tenant) -> None:
    """The client has no secret any more, and none is asked for."""
    _store(tenant, "")


def of(tenant: TenantRecord | Tenant) -> str:
    """The secret, or the empty text where there is none. Raises tenants.sealing.SealBroken."""
    sealed = tenant.client_secret_sealed
    return unseal(sealed, _context(tenant)).decode() if sealed else ""


def _store(tenant: Tenant, sealed: str) -> None:
    tenant.client_secret_sealed = sealed
    tenant.save(update_fields=["client_secret_sealed"])
    invalidate()


def _context(tenant: TenantRecord | Tenant) -> str:
    return f"client_secret:{tenant.id}"
