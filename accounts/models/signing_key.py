"""Keys that sign tokens: one line of them per tenant and purpose, sealed at rest."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import models
from django.utils import timezone

from tenants.models import Tenant
from tenants.uuid7 import uuid7


class SigningKey(models.Model):
    """One key. Its state follows from its times, so no process can disagree with another."""

    class State(models.TextChoices):
        NEXT = "next"
        ACTIVE = "active"
        RETIRED = "retired"
        GONE = "gone"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="signing_keys")
    # "<contract>.<kind>", say "bytebase.access": a key verifies nothing of another purpose.
    purpose = models.CharField(max_length=60)
    algorithm = models.CharField(max_length=10)
    kid = models.CharField(max_length=64, unique=True)
    sealed = models.TextField(editable=False)
    # Empty for a symmetric key.
    public_jwk = models.JSONField(default=dict, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    active_from = models.DateTimeField()
    retired_at = models.DateTimeField(null=True, blank=True)
    verify_until = models.DateTimeField(null=True, blank=True)
    revision = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        indexes = [models.Index(fields=["tenant", "purpose", "-active_from"], name="key_line")]

    def __str__(self) -> str:
        return f"{self.purpose} {self.kid}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.revision += 1
        if fields := kwargs.get("update_fields"):
            kwargs["update_fields"] = {*fields, "revision"}
        super().save(*args, **kwargs)

    def state(self, now: datetime) -> SigningKey.State:
        """Next (published only), active (signs), retired (verifies old tokens) or gone."""
        if now < self.active_from:
            return self.State.NEXT
        if self.retired_at is None or now < self.retired_at:
            return self.State.ACTIVE
        if self.verify_until is None or now < self.verify_until:
            return self.State.RETIRED
        return self.State.GONE
