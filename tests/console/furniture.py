"""Rows that the console is tried on, and the addresses of its pages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Model
from django.utils import timezone

from accounts import provisioning
from accounts.login import sessions
from accounts.models import (
    ExternalAccount,
    Group,
    LoginEvent,
    PersonalAccessToken,
    ServiceCredential,
    Session,
    SigningKey,
    User,
)
from mfa.models import Passkey
from tenants.models import IdentityProvider, Tenant
from tests.fixtures import Persona


def make_superuser(who: Persona) -> Persona:
    User.objects.filter(pk=who.user.pk).update(is_superuser=True)
    return who


def open_session(user: User, contract: str = "coldstream") -> Session:
    now = timezone.now()
    session = Session(
        tenant_id=user.tenant_id,
        user=user,
        contract=contract,
        address="192.0.2.7",
        agent=f"agent of {user.username} at {user.tenant.slug}",
        amr=[sessions.amr(sessions.PASSWORD, now)],
        acr="aal1",
        auth_time=now,
        expires_at=now + timedelta(hours=1),
        security_epoch=user.security_epoch,
    )
    session.save()
    return session


def furnish(tenant: Tenant, user: User) -> dict[type[Model], Model]:
    """One row of every kind in a tenant."""
    group = Group.objects.create(tenant=tenant, name=f"{tenant.slug}-crew")
    group.members.add(user)
    machine = provisioning.create_user(tenant, f"{tenant.slug}-robot", kind=User.Kind.SERVICE)
    issued = provisioning.issue_credential(machine, client_id=f"{tenant.slug}-client")
    provider = IdentityProvider.objects.create(
        tenant=tenant,
        name=f"{tenant.slug}-idp",
        kind="OIDC",
        settings={"issuer": "https://idp.example", "clientId": "us"},
    )
    name = f"{tenant.slug}-held"
    return {
        Passkey: Passkey.objects.create(user=user, credential_id=name.encode(), name=name),
        ExternalAccount: ExternalAccount.objects.create(
            user=user, provider=provider, subject=name, identifier=name
        ),
        PersonalAccessToken: PersonalAccessToken.objects.create(
            user=user, session=open_session(user, "rocketchat"), name=name, last_part="abcdef"
        ),
        User: user,
        Group: group,
        ServiceCredential: issued.credential,
        Session: open_session(user),
        LoginEvent: LoginEvent.objects.filter(tenant=tenant).earliest("at"),
        SigningKey: SigningKey.objects.filter(tenant=tenant).earliest("created_at"),
        Tenant: tenant,
        IdentityProvider: provider,
    }


def path_of(model: type[Model], *parts: Any) -> str:
    opts = model._meta
    return "/".join(("/admin", opts.app_label, str(opts.model_name), *map(str, parts), ""))
