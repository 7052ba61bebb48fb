"""Codes by mail: six digits, an hour, five tries, once (Rocket.Chat's e-mail factor)."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from mfa.models import EmailCode, EmailFactor
from mfa.slow_hash import SALT_BYTES, digest

LIFETIME = timedelta(seconds=3600)
MAX_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Mailed:
    """A fresh code; the text goes into the mail and nowhere else."""

    code: str = field(repr=False)
    expires_at: datetime


def enable(user_id: Any, now: datetime) -> None:
    """Codes by mail from now on."""
    EmailFactor.objects.get_or_create(user_id=user_id, defaults={"enabled_at": now})


def disable(user_id: Any) -> bool:
    """No more codes by mail; whether there were any."""
    EmailCode.objects.filter(user_id=user_id).delete()
    return bool(EmailFactor.objects.filter(user_id=user_id).delete()[0])


def current(user_id: Any, now: datetime) -> EmailCode | None:
    """The newest code that can still be used."""
    live = EmailCode.objects.filter(
        user_id=user_id, used_at=None, expires_at__gt=now, attempts__lt=MAX_ATTEMPTS
    )
    return live.order_by("-created_at").first()


def newest(user_id: Any, now: datetime) -> EmailCode | None:
    """The user's newest code that was not used, whether or not it has tries left."""
    unused = EmailCode.objects.filter(user_id=user_id, used_at=None, expires_at__gt=now)
    return unused.order_by("-created_at").first()


def exhausted(user_id: Any, now: datetime) -> bool:
    """Whether the newest code of the user has had all its tries."""
    last = newest(user_id, now)
    return last is not None and last.attempts >= MAX_ATTEMPTS


def issue(user_id: Any, now: datetime) -> Mailed:
    """Make a code; an earlier one stops working."""
    code = f"{secrets.randbelow(10**6):06d}"
    salt = secrets.token_bytes(SALT_BYTES)
    hashed = digest(code, salt)
    EmailCode.objects.filter(user_id=user_id, used_at=None).update(expires_at=now)
    row = EmailCode.objects.create(
        user_id=user_id, salt=salt, digest=hashed, created_at=now, expires_at=now + LIFETIME
    )
    return Mailed(code, row.expires_at)


def find(user_id: Any, code: str, now: datetime) -> EmailCode | None:
    """The live code that ``code`` is. The try is counted before it is judged."""
    row = current(user_id, now)
    if row is None or not row.count_attempt(MAX_ATTEMPTS):
        return None
    right = hmac.compare_digest(digest(code, bytes(row.salt)), bytes(row.digest))
    return row if right else None


def spend(row: EmailCode, now: datetime) -> bool:
    """Use up a found code; False if another request was faster."""
    return bool(EmailCode.objects.filter(pk=row.pk, used_at=None).update(used_at=now))
