"""Making tenants, accounts and service credentials: one way, for commands, console and demo."""

from __future__ import annotations

import secrets
import string
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.audit import Event
from accounts.client import ClientContext
from accounts.login import passwords
from accounts.models import ServiceCredential, User
from accounts.tokens import keys
from accounts.wire.registry import token_profiles
from tenants import resolve
from tenants.models import Tenant, TenantDomain

_ALPHANUMERIC = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class IssuedCredential:
    """A new service credential with its secret, which is shown this once."""

    credential: ServiceCredential
    secret: str = field(repr=False)


def operator() -> ClientContext:
    """The context of a change made at the command line."""
    return ClientContext(contract="", now=timezone.now(), agent="manage.py")


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


def create_user(
    tenant: Tenant,
    username: str,
    *,
    password: str | None = None,
    by: ClientContext | None = None,
    trace: Sequence[tuple[str, str]] = (),
    **fields: Any,
) -> User:
    """A new account; without a password nobody can log in with one.

    ``trace`` goes into the audit row: which officer made it, say.

    Raises django.core.exceptions.ValidationError for a bad or taken name.
    """
    user = User(tenant=tenant, username=username, **fields)
    if password is None:
        user.password = UNUSABLE_PASSWORD_PREFIX + secrets.token_urlsafe(30)
    else:
        user.password = passwords.encode(password)
        user.password_changed_at = timezone.now()
    user.full_clean(exclude=["username_key", "email_key"])
    with transaction.atomic():
        user.save()
        made = by or operator()
        event = Event.USER_CREATED
        audit.row(event, made, tenant_id=tenant.id, user_id=user.pk, trace=trace).save()
    return user


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
