"""An identity provider as a frozen value."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from tenants.federation.settings import (
    Auth0Settings,
    Kind,
    LdapSettings,
    OAuth2Settings,
    OidcSettings,
    Settings,
    parse,
)
from tenants.models import IdentityProvider
from tenants.sealing import unseal

S = TypeVar("S")
_log = logging.getLogger("dragoman.federation")


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider of one tenant."""

    id: UUID
    tenant_id: UUID
    # Under which logins name it, as in ``idps/<name>``.
    name: str
    title: str
    kind: Kind
    domain: str
    settings: Settings
    creates_accounts: bool
    # E-mail domains for which this provider's word counts; see accounts.login.external.
    trusted_domains: frozenset[str]
    _sealed: str

    @property
    def secret(self) -> str:
        """The client's secret or the directory's password; empty where there is none.

        Raises :class:`tenants.sealing.SealBroken`.
        """
        return unseal(self._sealed, self.seal_context).decode() if self._sealed else ""

    @property
    def seal_context(self) -> str:
        """What the secret is bound to."""
        return IdentityProvider.seal_context_of(self.id)

    @property
    def oauth2(self) -> OAuth2Settings:
        """The settings of an OAuth 2 provider. Raises TypeError for another kind."""
        return _of_kind(self.settings, OAuth2Settings)

    @property
    def oidc(self) -> OidcSettings:
        """The settings of an OpenID provider. Raises TypeError for another kind."""
        return _of_kind(self.settings, OidcSettings)

    @property
    def ldap(self) -> LdapSettings:
        """The settings of a directory. Raises TypeError for another kind."""
        return _of_kind(self.settings, LdapSettings)

    @property
    def auth0(self) -> Auth0Settings:
        """The settings of an Auth0 tenant. Raises TypeError for another kind."""
        return _of_kind(self.settings, Auth0Settings)


def _of_kind(settings: Settings, kind: type[S]) -> S:
    if not isinstance(settings, kind):
        raise TypeError(f"the provider is not of this kind: {type(settings).__name__}")
    return settings


def of_row(row: IdentityProvider) -> Provider:
    """A stored provider as a value. Raises ValueError or TypeError where it cannot be read."""
    kind = Kind(row.kind)
    return Provider(
        id=row.id,
        tenant_id=row.tenant_id,
        name=row.name,
        title=row.title or row.name,
        kind=kind,
        domain=row.domain,
        settings=parse(kind, row.settings),
        creates_accounts=row.creates_accounts,
        trusted_domains=frozenset(row.trusted_domains),
        _sealed=row.sealed_secret,
    )


def load() -> Mapping[UUID, tuple[Provider, ...]]:
    """Every enabled provider by its tenant; one that cannot be read is closed."""
    found: dict[UUID, list[Provider]] = {}
    for row in IdentityProvider.objects.filter(enabled=True).order_by("position", "name"):
        try:
            provider = of_row(row)
        except (TypeError, ValueError):
            # Closed, and nobody else's login suffers from it.
            _log.exception("an identity provider cannot be read", extra={"provider": str(row.id)})
            continue
        found.setdefault(provider.tenant_id, []).append(provider)
    return {tenant_id: tuple(each) for tenant_id, each in found.items()}
