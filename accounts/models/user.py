"""The account: a person, a service or a workload of one tenant."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from tenants.models import IdentityProvider, Tenant
from tenants.names import deceptive, fold
from tenants.uuid7 import uuid7

_MAX_USERNAME = 150


class UserQuerySet(models.QuerySet["User"]):
    """Queries that never forget the tenant."""

    def named(self, tenant_id: Any, name: str) -> UserQuerySet:
        """The tenant's user of this user name."""
        return self.filter(tenant_id=tenant_id, username_key=fold(name))

    def with_email(self, tenant_id: Any, email: str) -> UserQuerySet:
        """The tenant's user of this e-mail address; nobody of an empty one."""
        return self.filter(tenant_id=tenant_id, email_key=fold(email)).exclude(email_key="")


# django-otp ships no types, so the reverse of its foreign key has none.
class User(AbstractBaseUser):  # type: ignore[django-manager-missing]
    """One account. Names are unique per tenant; the same name may exist in another tenant."""

    class Kind(models.TextChoices):
        PERSON = "person"
        SERVICE = "service"
        WORKLOAD = "workload"

    class State(models.TextChoices):
        ACTIVE = "active"
        DISABLED = "disabled"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="users")
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.PERSON)
    state = models.CharField(max_length=8, choices=State.choices, default=State.ACTIVE)
    username = models.CharField(max_length=_MAX_USERNAME)
    username_key = models.CharField(max_length=300, editable=False)
    email = models.EmailField(max_length=254, blank=True)
    email_key = models.CharField(max_length=254, blank=True, editable=False)
    email_verified = models.BooleanField(default=False)
    display_name = models.CharField(max_length=200, blank=True)
    given_name = models.CharField(max_length=100, blank=True)
    family_name = models.CharField(max_length=100, blank=True)
    phone = models.CharField(max_length=32, blank=True)
    # What mail to the owner speaks; empty where he never signed in by a browser.
    language = models.CharField(max_length=7, blank=True, editable=False)
    is_staff = models.BooleanField(default=False)
    is_superuser = models.BooleanField(default=False)
    must_change_password = models.BooleanField(default=False)
    password_changed_at = models.DateTimeField(null=True, blank=True, editable=False)
    # The second factor to ask for where the user has several kinds; empty: he is asked which.
    preferred_factor = models.CharField(max_length=13, blank=True, editable=False)
    # Raised by a password change, by disabling and by "end everything": a session opened under an
    # older epoch is dead at its next use, without a row of it being touched.
    security_epoch = models.PositiveIntegerField(default=0, editable=False)
    # Of a workload: whose tokens stand for it; accounts.login.workload_trust reads and writes it.
    workload_trust = models.JSONField(default=dict, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True, editable=False)

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects = UserQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "username_key"], name="username_per_tenant"),
            models.UniqueConstraint(
                fields=["tenant", "email_key"],
                condition=~models.Q(email_key=""),
                name="email_per_tenant",
            ),
        ]

    def __str__(self) -> str:
        return self.username

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.username_key = fold(self.username)
        self.email_key = fold(self.email)
        if fields := kwargs.get("update_fields"):
            # An old copy of the row must not write the key of a name back that is another by now.
            keys = {f"{name}_key" for name in ("username", "email") if name in fields}
            kwargs["update_fields"] = {*fields, *keys, "updated_at"}
        super().save(*args, **kwargs)

    def clean(self) -> None:
        """Refuse names that look like another's or are taken. Raises ValidationError."""
        super().clean()
        self.username_key, self.email_key = fold(self.username), fold(self.email)
        if not self.username_key:
            raise ValidationError({"username": "A name has at least one visible character."})
        # Composed forms can be many times as long as what was typed.
        if max(len(self.username), len(self.username_key)) > _MAX_USERNAME:
            raise ValidationError({"username": "This name is too long."})
        others = User.objects.filter(tenant_id=self.tenant_id).exclude(pk=self.pk)
        if others.filter(username_key=self.username_key).exists() or self._is_of_a_machine():
            raise ValidationError({"username": "This name is taken."})
        if self.email_key and others.filter(email_key=self.email_key).exists():
            raise ValidationError({"email": "Another account has this address."})
        if reason := deceptive(self.username):
            raise ValidationError({"username": f"This name {reason}."})
        if "@" in self.username and fold(self.username) != fold(self.email):
            raise ValidationError(
                {"username": "A user name that is an address must be the user's own e-mail."}
            )

    def _is_of_a_machine(self) -> bool:
        """Whether the name is the ClientID of another account of the tenant.

        Machines log in with it where others send their user name, and a user name goes first.
        """
        credentials = ServiceCredential.objects.filter(user__tenant_id=self.tenant_id)
        return credentials.exclude(user=self.pk).filter(client_id=self.username_key).exists()

    @property
    def is_active(self) -> bool:  # type: ignore[override]  # Django's own is a plain attribute
        """Whether the account may log in; the word that Django's admin asks for."""
        return self.state == self.State.ACTIVE

    @property
    def is_person(self) -> bool:
        """Whether a human being logs in with this account."""
        return self.kind == self.Kind.PERSON

    def has_perm(self, perm: str, obj: object = None) -> bool:
        """Django admin's question: staff may work in the console, scoped to their tenant there."""
        return self.is_active and (self.is_superuser or self.is_staff)

    def has_module_perms(self, app_label: str) -> bool:
        """Django admin's question: see :meth:`has_perm`."""
        return self.has_perm(app_label)


class Group(models.Model):
    """A tenant's group or role, rendered by each contract in its own words."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="groups")
    name = models.CharField(max_length=100)
    email = models.EmailField(max_length=254, blank=True)
    members = models.ManyToManyField(User, related_name="member_of", blank=True)
    # Whose members another system tells; empty: they are chosen here.
    provider = models.ForeignKey(
        IdentityProvider, null=True, blank=True, on_delete=models.SET_NULL, related_name="groups"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "name"], name="group_name_per_tenant")
        ]

    def __str__(self) -> str:
        return self.name


class SubjectIdentifier(models.Model):
    """A user's identifier towards one sector (a contract): made on first use, never reused."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="subject_identifiers")
    sector = models.CharField(max_length=30)
    value = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "sector"], name="one_identifier_per_sector"),
            models.UniqueConstraint(fields=["sector", "value"], name="identifier_is_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.sector}:{self.value}"


class ServiceCredential(models.Model):
    """A random secret of an account: a machine's client secret, or a person's app password.

    The secret has at least 128 random bits, so its SHA-256 is stored; it is shown once.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="service_credentials")
    client_id = models.CharField(max_length=128, unique=True)
    # Empty: good for every contract.
    contract = models.CharField(max_length=30, blank=True)
    label = models.CharField(max_length=100, blank=True)
    secret_hash = models.CharField(max_length=64, editable=False)
    # What the machine may do, in the words of the services that read its tokens.
    role = models.CharField(max_length=100, blank=True)
    scopes = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    def __str__(self) -> str:
        return self.label or self.client_id
