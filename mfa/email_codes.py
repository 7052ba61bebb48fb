"""Codes by mail: six digits, an hour, five tries, once (Rocket.Chat's e-mail factor)."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import F, QuerySet

from mfa.models import EmailCode, EmailFactor
from mfa.slow_hash import SALT_BYTES, digest
from tenants.hashing import Overloaded

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
    """Make a code; an earlier one stops working. Raises tenants.hashing.Overloaded."""
    code, row = _made(user_id, now)
    with transaction.atomic():
        _wait_in_line(user_id)
        return _kept(code, row)


def issue_unless(user_id: Any, now: datetime, since: datetime) -> Mailed | EmailCode:
    """The same, unless there is a usable code that was made after ``since``: then that one.

    Of requests that race, one makes a code: a mailbox gets one mail, and one code is alive.
    """
    code, row = _made(user_id, now)
    with transaction.atomic():
        _wait_in_line(user_id)
        live = current(user_id, now)
        if live is not None and live.created_at > since:
            return live
        return _kept(code, row)


def _made(user_id: Any, now: datetime) -> tuple[str, EmailCode]:
    """A code and its unsaved row. Slow, so it is done while no lock is held."""
    code, salt = f"{secrets.randbelow(10**6):06d}", secrets.token_bytes(SALT_BYTES)
    row = EmailCode(
        user_id=user_id,
        salt=salt,
        digest=digest(code, salt),
        created_at=now,
        expires_at=now + LIFETIME,
    )
    return code, row


def _wait_in_line(user_id: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"mailed:{user_id}"])


def _kept(code: str, row: EmailCode) -> Mailed:
    _end(EmailCode.objects.filter(user_id=row.user_id, used_at=None))
    row.save(force_insert=True)
    return Mailed(code, row.expires_at)


def void(user_id: Any, now: datetime) -> None:
    """No code that was mailed until now is good any more: the mailbox is another one."""
    _end(EmailCode.objects.filter(user_id=user_id, used_at=None, expires_at__gt=now))


def _end(codes: QuerySet[EmailCode]) -> None:
    # Also for a request that has begun earlier, or at a server whose clock is behind.
    codes.update(expires_at=F("created_at"))


def find(user_id: Any, code: str, now: datetime) -> EmailCode | None:
    """The live code that ``code`` is. The try is counted before it is judged.

    Raises tenants.hashing.Overloaded: then nothing was judged, and no try is used.
    """
    row = current(user_id, now)
    if row is None or not row.count_attempt(MAX_ATTEMPTS):
        return None
    try:
        presented = digest(code, bytes(row.salt))
    except Overloaded:
        row.give_attempt_back()
        raise
    return row if hmac.compare_digest(presented, bytes(row.digest)) else None


def spend(row: EmailCode, now: datetime) -> bool:
    """Use up a found code; False if another request was faster, or it was voided meanwhile."""
    live = EmailCode.objects.filter(pk=row.pk, used_at=None, expires_at__gt=now)
    return bool(live.update(used_at=now))
