"""A login that happened, and the refreshable rights that hang on it."""

from __future__ import annotations

import secrets

from django.db import models
from django.utils import timezone

from accounts.models.user import User
from tenants.models import Tenant
from tenants.uuid7 import uuid7

HANDLE_BITS = 60


def new_handle() -> int:
    """60 random bits: enough of a pointer to fit into a version 4 UUID (see tokens.handles)."""
    return secrets.randbits(HANDLE_BITS)


class Session(models.Model):
    """One login over one contract: what the user and the administrator see and end."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    handle = models.BigIntegerField(unique=True, default=new_handle, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="sessions")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sessions")
    contract = models.CharField(max_length=30)
    address = models.GenericIPAddressField(null=True, blank=True)
    agent = models.CharField(max_length=256, blank=True)
    # [{"method": "pwd", "at": <Unix seconds>}, …]: RFC 8176 names; the acr is computed from it.
    amr = models.JSONField(default=list)
    acr = models.CharField(max_length=8)
    auth_time = models.DateTimeField()
    last_seen_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    idle_seconds = models.PositiveIntegerField(null=True, blank=True)
    security_epoch = models.PositiveIntegerField()
    ended_at = models.DateTimeField(null=True, blank=True)
    end_reason = models.CharField(max_length=30, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["user", "-auth_time"], name="sessions_of_user"),
            models.Index(fields=["tenant", "contract", "-auth_time"], name="sessions_of_contract"),
            models.Index(fields=["expires_at"], name="sessions_by_expiry"),
        ]

    def __str__(self) -> str:
        return f"{self.contract} session of {self.user}"


class Grant(models.Model):
    """A token of a session that is looked up by its SHA-256; the token itself is not stored.

    ``refresh`` is OAuth's; ``resume`` is a token that opens calls and continues its session alike.
    """

    class Kind(models.TextChoices):
        REFRESH = "refresh"
        RESUME = "resume"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="grants")
    kind = models.CharField(max_length=7, choices=Kind.choices)
    client_id = models.CharField(max_length=128, blank=True)
    token_hash = models.BinaryField(max_length=32, unique=True)
    previous_hash = models.BinaryField(max_length=32, null=True, db_index=True)
    generation = models.PositiveIntegerField(default=1)
    rotated_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.kind} grant {self.id}"
