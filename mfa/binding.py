"""Enrolling and removing second factors of a user."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from mfa import recovery_codes
from mfa.models import Passkey, TotpAuthenticator
from tenants.sealing import seal


def bind_totp(user_id: Any, secret: bytes, *, name: str = "Authenticator app") -> TotpAuthenticator:
    """Store a confirmed authenticator of a user, its secret sealed."""
    authenticator = TotpAuthenticator(user_id=user_id, name=name, confirmed=True)
    authenticator.secret_sealed = seal(secret, authenticator.seal_context())
    authenticator.save()
    return authenticator


def remove_all(user_id: Any) -> None:
    """Take every second factor from a user (a lost phone, reset by an administrator)."""
    with transaction.atomic():
        TotpAuthenticator.objects.filter(user_id=user_id).delete()
        Passkey.objects.filter(user_id=user_id).delete()
        recovery_codes.revoke(user_id)
