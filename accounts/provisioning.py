"""Making tenants, accounts and service credentials: one way, for commands, console and demo."""

from __future__ import annotations

import secrets
import string
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.audit import Event
from accounts.client import ClientContext
from accounts.login import passwords
from accounts.login.registration import create_user, operator
from accounts.models import ServiceCredential, User
from accounts.tokens import keys
from accounts.wire.registry import token_profiles
from tenants import resolve
from tenants.models import Tenant, TenantDomain

__all__ = [
    "IssuedCredential",
    "create_tenant",
    "create_user",
    "issue_credential",
    "new_client_id",
    "new_password",
    "new_secret",
    "operator",
]

_ALPHANUMERIC = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class IssuedCredential:
    """A new service credential with its secret, which is shown this once."""

    credential: ServiceCredential
    secret: str = field(repr=False)


def new_password() -> str:
    """A random password of 119 bits that survives being typed and pasted into a shell."""
    return "".join(secrets.choice(_ALPHANUMERIC) for _ in range(20))


def new_client_id() -> str:
    """A fresh client id of a service credential."""
    return f"svc-{secrets.token_hex(8)}"


def new_secret() -> str:
    """A random service secret of 238 bits, in letters and digits only."""
    return "".join(secrets.choice(_ALPHANUMERIC) for _ in range(40))


def create_tenant(
    slug: str,
    name: str,
    *,
    is_default: bool = False,
    hosts: Sequence[str] = (),
    email_domains: Sequence[str] = (),
    by: ClientContext | None = None,
) -> Tenant:
    """A new tenant with the first signing keys of every contract.

    Raises django.core.exceptions.ValidationError for a bad or taken name.
    """
    tenant = Tenant(slug=slug, name=name, is_default=is_default)
    tenant.full_clean(exclude=["name_key"])
    with transaction.atomic():
        tenant.save()
        for kind, domains in (("host", hosts), ("email", email_domains)):
            for domain in domains:
                owned = TenantDomain(tenant=tenant, kind=kind, domain=domain)
                owned.full_clean()
                owned.save()
        audit.row(Event.TENANT_CREATED, by or operator(), tenant_id=tenant.id).save()
    resolve.invalidate()
    keys.create_first(tenant.id, token_profiles(), timezone.now())
    return tenant


def issue_credential(
    user: User,
    *,
    client_id: str,
    contract: str = "",
    label: str = "",
    secret: str | None = None,
    role: str = "",
    scopes: Sequence[str] = (),
    by: ClientContext | None = None,
    trace: Sequence[tuple[str, str]] = (),
) -> IssuedCredential:
    """A new service credential of an account: a machine's secret or a person's app password."""
    secret = secret or new_secret()
    credential = ServiceCredential(
        user=user,
        client_id=client_id,
        contract=contract,
        label=label,
        secret_hash=passwords.secret_digest(secret),
        role=role,
        scopes=list(scopes),
    )
    with transaction.atomic():
        credential.save()
        audit.row(
            Event.CREDENTIAL_CREATED,
            by or operator(),
            tenant_id=user.tenant_id,
            user_id=user.pk,
            trace=trace,
        ).save()
    return IssuedCredential(credential, secret)
