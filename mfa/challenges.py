"""Unfinished logins: opened with a random token, found by its hash, spent once."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import F, Subquery

from mfa import owner
from mfa.models import Challenge


@dataclass(frozen=True, slots=True)
class Opening:
    """What a challenge is bound to."""

    tenant_id: UUID
    user_id: UUID
    contract: str
    step: Challenge.Step
    security_epoch: int
    amr: Sequence[dict[str, Any]]
    now: datetime
    lifetime: timedelta
    max_attempts: int
    client_id: str = ""
    factor: str = ""
    nonce: str | None = field(default=None, repr=False)


def new_token() -> str:
    """An opaque token of 256 random bits."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """The stored form of a token."""
    return hashlib.sha256(token.encode()).digest()


def nonce_hash(nonce: str | None) -> bytes | None:
    """The stored form of a client's nonce."""
    return None if nonce is None else hashlib.sha256(b"nonce:" + nonce.encode()).digest()


def build(opening: Opening, token: str) -> Challenge:
    """The unsaved row for ``token``; the caller writes it together with its audit row."""
    return Challenge(
        token_hash=token_hash(token),
        tenant_id=opening.tenant_id,
        user_id=opening.user_id,
        contract=opening.contract,
        step=opening.step,
        client_id=opening.client_id,
        factor=opening.factor,
        nonce_hash=nonce_hash(opening.nonce),
        amr=list(opening.amr),
        security_epoch=opening.security_epoch,
        max_attempts=opening.max_attempts,
        created_at=opening.now,
        expires_at=opening.now + opening.lifetime,
    )


def find(token: str) -> Challenge | None:
    """The challenge of this token, whatever its state."""
    return Challenge.objects.filter(token_hash=token_hash(token)).first()


def count_attempt(challenge: Challenge) -> bool:
    """Count a try before its code is checked; False once the tries are used up."""
    return bool(
        Challenge.objects.filter(
            pk=challenge.pk, spent_at=None, attempts__lt=F("max_attempts")
        ).update(attempts=F("attempts") + 1)
    )


def give_attempt_back(challenge: Challenge) -> None:
    """Uncount a try that was not judged."""
    Challenge.objects.filter(pk=challenge.pk, attempts__gt=0).update(attempts=F("attempts") - 1)


def spend(challenge: Challenge, now: datetime) -> bool:
    """Use up a challenge; False if it is spent or over. Inside of a transaction.

    Its account is held first, by the same statement: so does everybody who changes one, and of two
    who had begun at either end each would wait for the other.
    """
    live = Challenge.objects.filter(pk=challenge.pk, spent_at=None, expires_at__gt=now)
    return bool(live.filter(user=Subquery(owner.held(challenge.user_id))).update(spent_at=now))


def withdraw(record: Mapping[str, Any], now: datetime, **whose: Any) -> int:
    """Void the unfinished logins whose first factor was this one; how many there were.

    ``record`` is part of what :attr:`Challenge.amr` says of it, ``whose`` narrows down the rows.
    """
    rows = Challenge.objects.filter(amr__contains=[record], spent_at=None, **whose)
    return rows.update(spent_at=now)
