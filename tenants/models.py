"""Tenants: who they are, the names that lead to them, and what they demand."""

from __future__ import annotations

import logging
import secrets
import string
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from tenants.branding import Branding
from tenants.conf import conf
from tenants.federation.settings import Kind, parse
from tenants.names import fold, fold_domain
from tenants.policy import (
    CLOSED,
    ContractSettings,
    Policy,
    SecondFactorRule,
    TenantRecord,
    check_contracts,
    read_settings,
)
from tenants.sealing import seal
from tenants.uuid7 import uuid7

_log = logging.getLogger("dragoman.tenants")
_LOWER_ALPHANUMERIC = string.ascii_lowercase + string.digits


def new_pool_id() -> str:
    """A Cognito user pool id: region, underscore, nine letters or digits (Oloid contract B7)."""
    return "us-east-1_" + "".join(
        secrets.choice(string.ascii_letters + string.digits) for _ in range(9)
    )


def new_client_id() -> str:
    """A Cognito app client id: 26 lower-case letters and digits (Oloid contract B7)."""
    return "".join(secrets.choice(_LOWER_ALPHANUMERIC) for _ in range(26))


def new_hex_id() -> str:
    """Oloid's ``TenantID``: 16 upper-case hex digits (Oloid contract A2)."""
    return secrets.token_hex(8).upper()


def new_number() -> int:
    """ColdStream's organization id: a positive integer that tells nothing about the others."""
    return secrets.randbelow(2**31 - 1) + 1


def default_rule() -> str:
    """The rule of a tenant that has none of its own: staff need a second factor, but in a demo."""
    demanded = conf().staff_second_factor
    rule = SecondFactorRule.REQUIRED_FOR_STAFF if demanded else SecondFactorRule.OPTIONAL
    return rule.value


def validate_contracts(value: Any) -> None:
    """Refuse a ``Tenant.contracts`` that could not be read back or names no contract."""
    try:
        check_contracts(value)
    except (TypeError, ValueError) as error:
        raise ValidationError(f"Not a table of contract settings: {error}") from error


def validate_branding(value: Any) -> None:
    """Refuse a ``Tenant.branding`` that no page could show."""
    try:
        Branding.parse(value)
    except ValueError as error:
        raise ValidationError(f"Not a branding: {error}") from error


class Tenant(models.Model):
    """One company: every row of every other table leads to one tenant, and nothing crosses."""

    class State(models.TextChoices):
        ACTIVE = "active"
        SUSPENDED = "suspended"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    slug = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=100)
    name_key = models.CharField(max_length=200, unique=True, editable=False)
    state = models.CharField(max_length=10, choices=State.choices, default=State.ACTIVE)
    is_default = models.BooleanField(default=False)
    number = models.PositiveIntegerField(unique=True, default=new_number, editable=False)
    pool_id = models.CharField(max_length=55, unique=True, default=new_pool_id, editable=False)
    client_id = models.CharField(max_length=128, unique=True, default=new_client_id, editable=False)
    hex_id = models.CharField(max_length=16, unique=True, default=new_hex_id, editable=False)
    # The secret of the app client, where it has one.
    client_secret_sealed = models.TextField(blank=True, editable=False)
    branding = models.JSONField(default=dict, blank=True, validators=[validate_branding])
    contracts = models.JSONField(default=dict, blank=True, validators=[validate_contracts])
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # Counts the changes of the tenant, its domains and its policy; see tenants.resolve.
    revision = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"], condition=Q(is_default=True), name="one_default_tenant"
            )
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.name_key = fold(self.name)
        if fields := kwargs.get("update_fields"):
            # As with the count below: no old name's key is written back.
            keys = {"name_key"} if "name" in fields else set()
            kwargs["update_fields"] = {*fields, *keys, "revision"}
        if self._state.adding:
            super().save(*args, **kwargs)
            return
        # Counted by the database: an old copy of the row must not write an old count back.
        self.revision = F("revision") + 1
        super().save(*args, **kwargs)
        self.refresh_from_db(fields=["revision"])

    def clean(self) -> None:
        """Refuse a name that would lead to two tenants. Raises ValidationError."""
        super().clean()
        if self.slug != fold(self.slug):
            raise ValidationError({"slug": "A short name is written in lower case."})
        key = fold(self.name)
        others = Tenant.objects.exclude(pk=self.pk)
        if others.filter(Q(slug=key) | Q(name_key=key)).exists():
            raise ValidationError({"name": "Another tenant is known under this name."})
        if others.filter(name_key=self.slug).exists():
            raise ValidationError({"slug": "Another tenant is known under this name."})
        self._date_deprecations()

    def _date_deprecations(self) -> None:
        """A contract that is given an end is deprecated from the day on which that was said."""
        if not isinstance(self.contracts, dict):
            return
        for told in self.contracts.values():
            if isinstance(told, dict) and told.get("sunset") and not told.get("deprecated"):
                told["deprecated"] = min(timezone.now().date().isoformat(), str(told["sunset"]))

    def settings_of(self, slug: str) -> ContractSettings:
        """The settings for one contract; closed where they cannot be read, which is logged.

        They may have been meant to switch it off, and other tenants must not suffer for them.
        """
        try:
            return read_settings(slug, self.contracts.get(slug, {}))
        except (AttributeError, TypeError, ValueError) as error:
            text = "tenant %s: %s is closed, its settings cannot be read: %s"
            _log.error(text, self.slug, slug, error)
            return CLOSED

    def record(self) -> TenantRecord:
        """The tenant as a frozen value."""
        policy = getattr(self, "policy", None)
        readable = isinstance(self.contracts, dict)
        if not readable:
            _log.error("tenant %s: every contract is closed, no settings can be read", self.slug)
        told = self.contracts if readable else {}
        return TenantRecord(
            id=self.id,
            slug=self.slug,
            name=self.name,
            active=self.state == self.State.ACTIVE,
            number=self.number,
            pool_id=self.pool_id,
            client_id=self.client_id,
            hex_id=self.hex_id,
            client_secret_sealed=self.client_secret_sealed,
            policy=policy.record() if policy else Policy(SecondFactorRule(default_rule())),
            contracts={slug: self.settings_of(slug) for slug in told},
            unsaid=ContractSettings() if readable else CLOSED,
            branding=Branding.of(self.branding),
        )


class _PartOfTenant(models.Model):
    """A row whose change is a change of its tenant."""

    tenant: models.ForeignKey[Tenant, Tenant]

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        super().save(*args, **kwargs)
        self._touch()

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        deleted = super().delete(*args, **kwargs)
        self._touch()
        return deleted

    def _touch(self) -> None:
        Tenant.objects.filter(pk=self.tenant.pk).update(revision=F("revision") + 1)


class TenantDomain(_PartOfTenant):
    """A host name under which the tenant is served, or an e-mail domain that it owns."""

    class Kind(models.TextChoices):
        HOST = "host"
        EMAIL = "email"

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="domains")
    kind = models.CharField(max_length=5, choices=Kind.choices)
    domain = models.CharField(max_length=253)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "domain"], name="domain_leads_to_one_tenant")
        ]

    def __str__(self) -> str:
        return f"{self.domain} ({self.kind})"

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.domain = fold(self.domain)
        super().save(*args, **kwargs)

    def clean(self) -> None:
        """Compare the domain in the form in which it is stored."""
        super().clean()
        self.domain = fold(self.domain)


class TenantPolicy(_PartOfTenant):
    """A tenant's rules; a tenant without a row has the defaults."""

    tenant = models.OneToOneField(Tenant, on_delete=models.CASCADE, related_name="policy")
    second_factor = models.CharField(
        max_length=20,
        choices=[(rule.value, rule.value.replace("_", " ")) for rule in SecondFactorRule],
        default=default_rule,
    )
    password_min_length = models.PositiveSmallIntegerField(default=15)

    class Meta:
        verbose_name_plural = "tenant policies"

    def __str__(self) -> str:
        return f"policy of {self.tenant}"

    def record(self) -> Policy:
        """The policy as a frozen value; the strictest where it cannot be read, which is logged."""
        try:
            rule = SecondFactorRule(self.second_factor)
        except ValueError:
            text = "tenant %s: everybody needs a second factor, there is no rule %r"
            _log.error(text, self.tenant.slug, self.second_factor)
            rule = SecondFactorRule.REQUIRED
        return Policy(rule, self.password_min_length)


class IdentityProvider(_PartOfTenant):
    """Another system whose word this tenant takes for who somebody is."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="identity_providers")
    # Logins name it, as in ``idps/<name>``, so it never changes its meaning.
    name = models.SlugField(max_length=63)
    title = models.CharField(max_length=100, blank=True)
    # tenants.federation.settings.Kind
    kind = models.CharField(max_length=10)
    enabled = models.BooleanField(default=True)
    position = models.PositiveSmallIntegerField(default=0)
    # Completes identifiers that are no address.
    domain = models.CharField(max_length=253, blank=True)
    settings = models.JSONField(default=dict, blank=True)
    creates_accounts = models.BooleanField(default=True)
    # A verified address in one of these e-mail domains finds an account that exists already.
    trusted_domains = models.JSONField(default=list, blank=True)
    sealed_secret = models.TextField(blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    revision = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "name"], name="provider_name_per_tenant")
        ]

    def __str__(self) -> str:
        return self.title or self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.revision += 1
        if fields := kwargs.get("update_fields"):
            kwargs["update_fields"] = {*fields, "revision"}
        super().save(*args, **kwargs)

    @staticmethod
    def seal_context_of(provider_id: Any) -> str:
        """What a provider's secret is bound to: its own row."""
        return f"identity_provider:{provider_id}"

    def set_secret(self, secret: str) -> None:
        """Seal the client's secret or the directory's password; it is never shown again."""
        context = self.seal_context_of(self.id)
        self.sealed_secret = seal(secret.encode(), context) if secret else ""

    def clean(self) -> None:
        """Refuse settings that could not be used. Raises ValidationError."""
        super().clean()
        try:
            kind = Kind(self.kind)
        except ValueError as error:
            raise ValidationError({"kind": "There is no such kind of provider."}) from error
        try:
            parse(kind, self.settings)
        except ValueError as error:
            raise ValidationError({"settings": str(error)}) from error
        domains = self.trusted_domains
        if not isinstance(domains, list) or not all(isinstance(each, str) for each in domains):
            raise ValidationError({"trusted_domains": "This is a list of e-mail domains."})
        try:
            self.trusted_domains = [fold_domain(each) for each in domains]
        except ValueError as error:
            raise ValidationError({"trusted_domains": str(error)}) from error
        try:
            self.domain = fold_domain(self.domain)
        except ValueError as error:
            raise ValidationError({"domain": str(error)}) from error
