"""What is told before a login: the server's description and its identity providers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from accounts.contracts.bytebase import objects
from accounts.contracts.bytebase.protojson import written
from accounts.contracts.bytebase.tokens import presented
from accounts.models import User
from accounts.wire.call import Call, site_url
from accounts.wire.contract import Answer
from tenants.federation import oidc, outbound, providers
from tenants.federation.identity import FieldMapping, ProviderUnavailable
from tenants.federation.provider import Provider
from tenants.federation.settings import Kind


def actuator_info(call: Call) -> Answer:
    """What a login page asks first."""
    presented(call)
    tenant = call.tenant
    if tenant is None:
        return Answer(200, {"version": objects.VERSION})
    needs_admin = not User.objects.filter(tenant_id=tenant.id, kind=User.Kind.PERSON).exists()
    told = objects.actuator_info(tenant, site_url(call), needs_admin=needs_admin)
    return Answer(200, told)


def identity_providers(call: Call) -> Answer:
    """The buttons of a login page, with what a browser needs to begin there; never a secret."""
    presented(call)
    tenant = call.tenant
    found = providers.of_tenant(tenant.id, *TYPES) if tenant else ()
    with outbound.one_deadline():
        return Answer(200, written(identity_providers=[_provider(each) for each in found]))


def _provider(provider: Provider) -> dict[str, Any]:
    name, config = TYPES[provider.kind]
    return written(
        name=f"idps/{provider.name}",
        title=provider.title,
        domain=provider.domain,
        type=provider.kind.value,
        config={name: config(provider)},
    )


def _oauth2(provider: Provider) -> dict[str, Any]:
    settings = provider.oauth2
    return written(
        auth_url=settings.auth_url,
        token_url=settings.token_url,
        user_info_url=settings.user_info_url,
        client_id=settings.client_id,
        scopes=list(settings.scopes),
        field_mapping=_mapping(settings.mapping),
        auth_style=settings.auth_style.value,
    )


def _oidc(provider: Provider) -> dict[str, Any]:
    settings = provider.oidc
    try:
        endpoint = oidc.endpoint(provider, "authorization_endpoint")
    except ProviderUnavailable:
        # Its button leads nowhere just now; the others do.
        endpoint = ""
    return written(
        issuer=settings.issuer,
        client_id=settings.client_id,
        scopes=list(settings.scopes),
        field_mapping=_mapping(settings.mapping),
        auth_style=settings.auth_style.value,
        auth_endpoint=endpoint,
    )


def _ldap(provider: Provider) -> dict[str, Any]:
    settings = provider.ldap
    return written(
        host=settings.servers[0],
        port=settings.port,
        bind_dn=settings.bind_dn,
        base_dn=settings.base_dn,
        user_filter=settings.user_filter,
        security_protocol=settings.security.value,
        field_mapping=_mapping(settings.mapping),
    )


def _mapping(mapping: FieldMapping) -> dict[str, Any]:
    return written(
        identifier=mapping.identifier,
        display_name=mapping.display_name,
        phone=mapping.phone,
        groups=mapping.groups,
    )


# The kinds that the product knows, with what describes each.
TYPES: Mapping[Kind, tuple[str, Callable[[Provider], dict[str, Any]]]] = {
    Kind.OAUTH2: ("oauth2Config", _oauth2),
    Kind.OIDC: ("oidcConfig", _oidc),
    Kind.LDAP: ("ldapConfig", _ldap),
}
