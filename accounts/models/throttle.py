"""Counters of failures. A row knows its own limit, so a list of locked ones is one query."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models


class ThrottleBucket(models.Model):
    """The recent failures under one key: an HMAC of who or where, never the name itself."""

    class Kind(models.TextChoices):
        IDENTIFIER = "identifier"
        ACCOUNT = "account"
        ADDRESS = "address"
        FACTOR = "factor"
        FACTOR_TOTAL = "factor_total"
        SERVICE = "service"
        REQUEST = "request"

    key = models.BinaryField(primary_key=True, max_length=32)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    failures = ArrayField(models.DateTimeField(), default=list)
    limit = models.PositiveSmallIntegerField()
    window_seconds = models.PositiveIntegerField()
    resets = models.BooleanField()
    changed_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.kind}: {len(self.failures)} of {self.limit}"
