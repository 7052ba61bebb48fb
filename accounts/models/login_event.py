"""The audit trail: one row per verdict, never changed, never deleted by the application."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from accounts.models.user import User
from tenants.models import Tenant
from tenants.uuid7 import uuid7


class LoginEvent(models.Model):
    """One verdict. References carry no constraint: the trail outlives what it speaks of."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    at = models.DateTimeField(default=timezone.now)
    event = models.CharField(max_length=40)
    contract = models.CharField(max_length=30, blank=True)
    tenant = models.ForeignKey(
        Tenant, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    user = models.ForeignKey(
        User, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    session_id = models.UUIDField(null=True)
    reason = models.CharField(max_length=40, blank=True)
    factor = models.CharField(max_length=20, blank=True)
    address = models.GenericIPAddressField(null=True)
    agent = models.CharField(max_length=256, blank=True)
    request_id = models.CharField(max_length=36, blank=True)
    # The ordered steps of the decision, as [name, value] pairs without secrets.
    trace = models.JSONField(default=list)

    class Meta:
        verbose_name = "audit event"
        verbose_name_plural = "audit trail"
        indexes = [
            # What superusers read is no single tenant's.
            models.Index(fields=["-at"], name="events_by_time"),
            models.Index(fields=["tenant", "-at"], name="events_of_tenant"),
            models.Index(fields=["user", "-at"], name="events_of_user"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.event}"
