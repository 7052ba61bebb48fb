"""Whom other systems know our accounts as."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from accounts.models.user import User
from tenants.models import IdentityProvider
from tenants.uuid7 import uuid7


class ExternalAccount(models.Model):
    """A link: (provider, subject) leads to one account for good, whatever its names become."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="external_accounts")
    provider = models.ForeignKey(
        IdentityProvider, on_delete=models.CASCADE, related_name="external_accounts"
    )
    subject = models.CharField(max_length=255)
    # The name there at the last login, for people to read.
    identifier = models.CharField(max_length=254, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "subject"], name="link_leads_to_one_account"
            )
        ]

    def __str__(self) -> str:
        return self.identifier or self.subject
