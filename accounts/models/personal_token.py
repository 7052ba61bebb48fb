"""A person's own long-lived token, made for a program that acts in his name."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from accounts.models.session import Session
from accounts.models.user import User
from tenants.uuid7 import uuid7


class PersonalAccessToken(models.Model):
    """The name of a token that its owner has made: it is a session like any other beneath.

    So it is in the one list of sessions and is ended there. It has no end of its own.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="personal_tokens")
    session = models.OneToOneField(Session, on_delete=models.CASCADE, related_name="personal_token")
    name = models.CharField(max_length=200)
    # By which its owner tells it from others.
    last_part = models.CharField(max_length=6)
    # Calls that ask for a second factor do not ask this token for one.
    bypass_second_factor = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "name"], name="personal_token_name_per_user")
        ]

    def __str__(self) -> str:
        return self.name
