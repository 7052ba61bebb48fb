"""Tenants, people and rows that pages are shown for, besides those of the demo.

They are of tenants of their own, so that the demo's logins stay as they are. One process makes
them: ``manage.py shell -c "from tests.web import furnished; furnished.make()"``.
"""

from __future__ import annotations

import json
from typing import Any

from django.utils import timezone

from accounts import provisioning
from accounts.login import password_links
from accounts.models import ExternalAccount, Group, User
from mfa import binding, challenges, recovery_codes, totp
from mfa.models import Challenge, Passkey
from tenants import resolve
from tenants.models import IdentityProvider, Tenant, TenantPolicy

_NAME = "The Touring Company of the Far Side of the River"
_AWAY = "https://idp.invalid"
_PROVIDERS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("corp", "OIDC", {"issuer": _AWAY, "clientId": "us"}),
    (
        "club",
        "OAUTH2",
        {
            "authUrl": f"{_AWAY}/authorize",
            "tokenUrl": f"{_AWAY}/token",
            "userInfoUrl": f"{_AWAY}/user",
            "clientId": "us",
        },
    ),
)


def make() -> None:
    """Tell what was made on one line. The people share a password: hashing takes longest."""
    tour = provisioning.create_tenant("tour", _NAME, email_domains=["tour.test"])
    tour.branding = {"colour": "#b8860b"}
    tour.save()
    strict = provisioning.create_tenant("strict", "Strict", email_domains=["strict.test"])
    TenantPolicy(tenant=strict, second_factor="required").save()
    password = provisioning.new_password()
    chief = provisioning.create_user(
        Tenant.objects.get(slug="acme"), "chief", password=password, is_superuser=True
    )
    people = {
        "chief": chief,
        "guest": _person(tour, "guest", chief.password),
        "late": _person(tour, "late", chief.password, must_change_password=True),
        "bearer": _person(tour, "bearer", chief.password),
        "new": _person(strict, "new", chief.password),
    }
    told = {name: {"username": name, "password": password} for name in people}
    binding.bind_totp(people["bearer"].pk, totp.new_secret())
    recovery_codes.replace(people["bearer"].pk, recovery_codes.new_codes(), by="tests")
    _rows(tour, people["bearer"])
    resolve.invalidate()
    print(json.dumps({**told, "link": _link(people["guest"])}))  # noqa: T201  # what it is for


def _person(tenant: Tenant, name: str, hashed: str, **fields: Any) -> User:
    user = provisioning.create_user(
        tenant, name, email=f"{name}@{tenant.slug}.test", email_verified=True, **fields
    )
    User.objects.filter(pk=user.pk).update(password=hashed)
    return user


def _rows(tenant: Tenant, user: User) -> None:
    Group.objects.create(tenant=tenant, name="crew").members.add(user)
    Passkey.objects.create(user=user, credential_id=b"key", name="Laptop", rp_id="localhost")
    for name, kind, settings in _PROVIDERS:
        provider = IdentityProvider.objects.create(
            tenant=tenant, name=name, kind=kind, title=name.title(), settings=settings
        )
    ExternalAccount.objects.create(user=user, provider=provider, subject="1", identifier="b@club")
    for kind in (User.Kind.WORKLOAD, User.Kind.SERVICE):
        email = f"{kind}@{kind}.bytebase.com"
        provisioning.create_user(tenant, f"tour-{kind}", kind=kind, email=email)


def _link(user: User) -> str:
    token, kind = challenges.new_token(), password_links.Kind.RESET
    opening = challenges.Opening(
        tenant_id=user.tenant_id,
        user_id=user.pk,
        contract=kind,
        step=Challenge.Step.NEW_PASSWORD,
        security_epoch=user.security_epoch,
        amr=(),
        now=timezone.now(),
        lifetime=password_links.LIFETIME[kind],
        max_attempts=password_links.TRIES,
        client_id=password_links._mailbox(user),
    )
    challenges.build(opening, token).save(force_insert=True)
    return f"/t/tour/password/{token}/"
