"""The people of the attack tests. No two share a password, so a right one names its owner."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils import timezone

from accounts import provisioning
from accounts.models import User
from mfa import binding, recovery_codes, totp
from mfa.models import EmailFactor, Passkey
from tenants import resolve
from tenants.models import Tenant, TenantPolicy
from tests.scenery import made_once

WRONG = "no such password at all"
SAVED_CODES = 3
# What a program of an officer of alpha shows to get a token of somebody else.
DEPLOYMENT = "the deployment secret of alpha"


@dataclass
class Actor:
    """An account, and what the test believes about it: changed by the test's own acts only."""

    user_id: Any
    tenant: Tenant
    username: str
    email: str
    password: str
    totp_secret: bytes = b""
    recovery_codes: tuple[str, ...] = ()
    staff: bool = False
    # A secret that stands for the password, and the contract where it does ("" everywhere).
    secret: str = ""
    secret_at: str = ""
    # The tenant demands a second factor.
    demanded: bool = False
    owes_password: bool = False
    # Its only second factor is one that these tests cannot prove.
    unprovable: bool = False
    person: bool = True
    enabled: bool = True
    epoch: int = 0
    # Steps and recovery codes that opened something; the last step that did.
    spent: set[str] = field(default_factory=set)
    last_step: int = -1
    authenticator: int | None = None
    # Codes come by mail; those that came, with their times.
    mailed: bool = False
    mailbox: list[tuple[str, datetime]] = field(default_factory=list)

    @property
    def has_factor(self) -> bool:
        """One that these tests can prove."""
        return bool(self.totp_secret) or self.mailed

    @property
    def owes_factor(self) -> bool:
        return self.demanded and not self.has_factor

    @property
    def marker(self) -> str:
        """The display name: it stands in every user object and nowhere else."""
        return f"Marked-{self.tenant.slug}-{self.username}"

    def code(self, now: datetime | None = None, *, steps: int = 0) -> str:
        return totp.code_at(self.totp_secret, totp.step_at(now or timezone.now()) + steps)

    def row(self) -> User:
        return User.objects.get(pk=self.user_id)


@dataclass
class Town:
    alpha: Tenant
    beta: Tenant
    gamma: Tenant
    actors: dict[str, Actor]

    def __getitem__(self, name: str) -> Actor:
        return self.actors[name]


@made_once
def found_town() -> Town:
    """Three tenants: the default one, one with a host, one that demands a second factor."""
    alpha = provisioning.create_tenant("alpha", "Alpha", is_default=True, email_domains=["a.test"])
    kept = {"create_token_secret_sha256": hashlib.sha256(DEPLOYMENT.encode()).hexdigest()}
    alpha.contracts = {"rocketchat": {"options": kept}}
    alpha.save()
    beta = provisioning.create_tenant(
        "beta", "Beta", hosts=["beta.example.com"], email_domains=["b.test"]
    )
    gamma = provisioning.create_tenant("gamma", "Gamma", email_domains=["g.test"])
    TenantPolicy.objects.update_or_create(tenant=gamma, defaults={"second_factor": "required"})
    resolve.invalidate()
    people = [
        _person(alpha, "alice"),
        _person(alpha, "bob", factor=True, app_password=True, is_staff=True),
        _person(alpha, "carol", state=User.State.DISABLED),
        _person(alpha, "erin", is_staff=True),
        _person(alpha, "frank", factor=True, is_staff=True),
        _person(alpha, "grace", factor=True, is_staff=True, must_change_password=True),
        _person(alpha, "henry", must_change_password=True),
        _person(alpha, "ivan", is_staff=True),
        _person(alpha, "kim", is_staff=True),
        _person(beta, "dave"),
        # The names of alpha's people, in another tenant.
        _person(beta, "alice"),
        _person(beta, "bob", factor=True),
        _person(gamma, "judy", factor=False),
        _machine(alpha, "svc"),
    ]
    actors = {_key(actor): actor for actor in people}
    actors["judy"].demanded = actors["ivan"].mailed = actors["kim"].unprovable = True
    EmailFactor.objects.create(user_id=actors["ivan"].user_id)
    Passkey.objects.create(
        user_id=actors["kim"].user_id, credential_id=b"1", public_key=b"2", name="key"
    )
    return Town(alpha, beta, gamma, actors)


def _key(actor: Actor) -> str:
    in_beta = actor.tenant.slug == "beta" and actor.username != "dave"
    return f"{actor.username} of beta" if in_beta else actor.username


def _person(
    tenant: Tenant,
    name: str,
    *,
    factor: bool = False,
    app_password: bool = False,
    **fields: Any,
) -> Actor:
    password = f"the {name} of {tenant.slug} battery staple"
    email = f"{name}@{tenant.slug[0]}.test"
    user = provisioning.create_user(
        tenant, name, password=password, email=email, email_verified=True, **fields
    )
    actor = Actor(user.pk, tenant, name, email, password)
    User.objects.filter(pk=user.pk).update(display_name=actor.marker)
    actor.staff = bool(fields.get("is_staff"))
    actor.enabled = "state" not in fields
    actor.owes_password = bool(fields.get("must_change_password"))
    if factor:
        actor.totp_secret = totp.new_secret()
        binding.bind_totp(user.pk, actor.totp_secret)
        actor.recovery_codes = tuple(recovery_codes.new_codes(SAVED_CODES))
        recovery_codes.replace(user.pk, actor.recovery_codes, by="tests")
    if app_password:
        issued = provisioning.issue_credential(
            user, client_id=f"{tenant.slug}-{name}-app", contract="datarhei"
        )
        actor.secret, actor.secret_at = issued.secret, "datarhei"
    return actor


def _machine(tenant: Tenant, name: str) -> Actor:
    user = provisioning.create_user(
        tenant, name, kind=User.Kind.SERVICE, email=f"{name}@service.bytebase.com"
    )
    issued = provisioning.issue_credential(user, client_id=f"{tenant.slug}-{name}")
    actor = Actor(user.pk, tenant, name, user.email, WRONG + name)
    actor.secret, actor.person = issued.secret, False
    User.objects.filter(pk=user.pk).update(display_name=actor.marker)
    return actor
