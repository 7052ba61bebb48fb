"""Providers as officers configure them, as values and as rows."""

from __future__ import annotations

from typing import Any

from tenants import resolve
from tenants.federation.provider import Provider
from tenants.federation.settings import Kind, parse
from tenants.models import IdentityProvider, Tenant
from tenants.uuid7 import uuid7
from tests.federation.upstream.issuer import Issuer

SECRET = "the secret of the client"


def oidc_settings(issuer: str, **changes: Any) -> dict[str, Any]:
    mapping = {"identifier": "email", "displayName": "name", "groups": "groups"}
    return {"issuer": issuer, "clientId": "client", "fieldMapping": mapping, **changes}


def oauth2_settings(issuer: str, **changes: Any) -> dict[str, Any]:
    return {
        "authUrl": f"{issuer}/authorize",
        "tokenUrl": f"{issuer}/token",
        "userInfoUrl": f"{issuer}/me",
        "clientId": "client",
        "scopes": ["user"],
        "fieldMapping": {"identifier": "email", "displayName": "name"},
        **changes,
    }


def auth0_settings(issuer: Issuer, *users: str, **changes: Any) -> dict[str, Any]:
    return {
        "domain": issuer.domain,
        "audience": "https://api.example/",
        "clientid": "abc123",
        "users": list(users),
        **changes,
    }


def value(kind: Kind, settings: dict[str, Any], **fields: Any) -> Provider:
    """A provider of no tenant, without a secret."""
    given: dict[str, Any] = {"domain": "", "trusted_domains": frozenset(), **fields}
    return Provider(
        id=uuid7(),
        tenant_id=uuid7(),
        name="corp",
        title="Corp",
        kind=kind,
        settings=parse(kind, settings),
        creates_accounts=True,
        _sealed="",
        **given,
    )


def row(tenant: Tenant, kind: Kind, settings: dict[str, Any], **fields: Any) -> IdentityProvider:
    """A provider of a tenant, as the console stores one."""
    named = {"name": "corp", "title": "Corp", **fields}
    made = IdentityProvider(tenant=tenant, kind=kind, settings=settings, **named)
    made.set_secret(SECRET)
    made.full_clean()
    made.save()
    resolve.invalidate()
    return made
