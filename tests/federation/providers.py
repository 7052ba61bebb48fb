"""Directories as officers configure them, as values and as rows."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from tenants import resolve
from tenants.federation.provider import Provider
from tenants.federation.settings import Kind, parse
from tenants.models import IdentityProvider, Tenant
from tenants.sealing import seal
from tenants.uuid7 import uuid7
from tests.federation.certificates import authority
from tests.federation.directory import SERVICE, SERVICE_PASSWORD, SUFFIX, Slapd

FILTER = "(|(uid=%s)(mail=%s))"


def ldap_settings(directory: Slapd, **changes: Any) -> dict[str, Any]:
    """Settings that lead to this server; ``None`` leaves a member out."""
    made = {
        "host": "localhost",
        "port": directory.port,
        "securityProtocol": "START_TLS",
        "bindDn": SERVICE,
        "baseDn": f"ou=people,{SUFFIX}",
        "userFilter": FILTER,
        "fieldMapping": {
            "identifier": "uid",
            "displayName": "displayName",
            "phone": "telephoneNumber",
            "groups": "memberOf",
        },
        "caCertificate": authority(),
    }
    if changes.get("securityProtocol") == "LDAPS":
        made["port"] = directory.ldaps_port
    return {name: value for name, value in {**made, **changes}.items() if value is not None}


def ldap_provider(
    directory: Slapd, *, secret: str = SERVICE_PASSWORD, domain: str = "", **changes: Any
) -> Provider:
    """A directory that no tenant has."""
    made: UUID = uuid7()
    return Provider(
        id=made,
        tenant_id=uuid7(),
        name="corp",
        title="Corp",
        kind=Kind.LDAP,
        domain=domain,
        settings=parse(Kind.LDAP, ldap_settings(directory, **changes)),
        creates_accounts=True,
        trusted_domains=frozenset(),
        _sealed=seal(secret.encode(), IdentityProvider.seal_context_of(made)) if secret else "",
    )


def ldap_row(tenant: Tenant, directory: Slapd, **fields: Any) -> IdentityProvider:
    """A tenant's directory, stored as the console stores it."""
    changes = fields.pop("settings", {})
    row = IdentityProvider(
        tenant=tenant,
        kind=Kind.LDAP,
        **{"name": "corp", "title": "Corp", "trusted_domains": ["alpha.example"], **fields},
    )
    row.settings = ldap_settings(directory, **changes)
    row.set_secret(SERVICE_PASSWORD)
    row.full_clean()
    row.save()
    resolve.invalidate()
    return row
