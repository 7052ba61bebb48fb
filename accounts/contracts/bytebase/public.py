"""What is told before a login: the server's description and its identity providers."""

from __future__ import annotations

from accounts.contracts.bytebase import objects
from accounts.contracts.bytebase.tokens import presented
from accounts.models import User
from accounts.wire.call import Call, base_url
from accounts.wire.contract import Answer


def actuator_info(call: Call) -> Answer:
    """What a login page asks first."""
    presented(call)
    prefix = f"/t/{call.hint.slug}" if call.hint.slug else ""
    tenant = call.tenant
    if tenant is None:
        return Answer(200, {"version": objects.VERSION})
    needs_admin = not User.objects.filter(tenant_id=tenant.id, kind=User.Kind.PERSON).exists()
    address = f"{base_url(call.request)}{prefix}"
    return Answer(200, objects.actuator_info(tenant, address, needs_admin=needs_admin))


def identity_providers(call: Call) -> Answer:
    """The buttons of a login page: no tenant has an identity provider yet."""
    presented(call)
    return Answer(200, {})
