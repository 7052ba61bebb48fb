"""Recovery codes: look-up secrets, hashed slowly under one salt per set, each spent once."""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from mfa.models import RecoveryCode
from mfa.slow_hash import SALT_BYTES, digest

# Crockford's base32 without the look-alikes: 16 characters carry 80 random bits.
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
LENGTH = 16
SET_SIZE = 10
_GROUPED = re.compile(r"[0-9a-hjkmnp-tv-zA-HJKMNP-TV-Z]{4}(?:[- ]?[0-9a-zA-Z]{4}){3}")
_MAX_INPUT = 64


def new_codes(count: int = SET_SIZE, length: int = LENGTH, alphabet: str = ALPHABET) -> list[str]:
    """Random codes; a contract whose clients expect another form says so."""
    return ["".join(secrets.choice(alphabet) for _ in range(length)) for _ in range(count)]


def grouped(code: str) -> str:
    """A code of our own form as it is shown: four groups of four."""
    return "-".join(code[i : i + 4] for i in range(0, len(code), 4))


def _normalised(code: str) -> str:
    """Our own form is taken with or without hyphens and in either case; others exactly."""
    code = code.strip()
    if _GROUPED.fullmatch(code):
        return code.replace("-", "").replace(" ", "").lower()
    return code


def replace(user_id: Any, codes: Sequence[str], *, by: str) -> None:
    """Store ``codes`` as the user's only set; the earlier set is gone.

    Raises tenants.hashing.Overloaded.
    """
    keep(user_id, hashed(user_id, codes, by=by))


def hashed(user_id: Any, codes: Sequence[str], *, by: str) -> list[RecoveryCode]:
    """The unsaved rows of a set. Slow; for who must not hold a lock meanwhile."""
    salt = secrets.token_bytes(SALT_BYTES)
    return [
        RecoveryCode(
            user_id=user_id, salt=salt, digest=digest(_normalised(code), salt), created_by=by
        )
        for code in codes
    ]


def keep(user_id: Any, rows: Sequence[RecoveryCode]) -> None:
    """Store these as the user's only set."""
    with transaction.atomic(), connection.cursor() as cursor:
        # Two sets made at once would both live: deleting what is there locks nothing new.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"codes:{user_id}"])
        revoke(user_id)
        RecoveryCode.objects.bulk_create(rows)


def revoke(user_id: Any) -> int:
    """Delete all codes of a user; how many there were."""
    return RecoveryCode.objects.filter(user_id=user_id).delete()[0]


def remaining(user_id: Any) -> int:
    """How many unused codes the user has."""
    return RecoveryCode.objects.filter(user_id=user_id, used_at=None).count()


def find(user_id: Any, code: str) -> RecoveryCode | None:
    """The unused code of this user that ``code`` names. Slow by intention; no lock is held."""
    if not code.strip() or len(code) > _MAX_INPUT:
        return None
    unused = list(RecoveryCode.objects.filter(user_id=user_id, used_at=None))
    digests = {
        salt: digest(_normalised(code), salt) for salt in {bytes(row.salt) for row in unused}
    }
    matches = [
        row for row in unused if hmac.compare_digest(digests[bytes(row.salt)], bytes(row.digest))
    ]
    return matches[0] if matches else None


def spend(code: RecoveryCode, now: datetime) -> bool:
    """Use up a found code; False if another request was faster."""
    return bool(RecoveryCode.objects.filter(pk=code.pk, used_at=None).update(used_at=now))
