"""Passkeys (WebAuthn): their rows, and the challenges that they sign, each good once.

A sign-in page is loaded by anybody, so its challenge writes no row: it carries its own end and a
seal that binds it to the browser, the host and the purpose. What was signed is then kept as spent
until the challenge is over anyway. Of two requests with one answer, the unique key lets one pass.

The challenge of a second step follows from the login's own, which is spent by one conditional
UPDATE like that of every code.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q, Subquery

from mfa import owner, recovery_codes
from mfa.ceremonies import Known, Made
from mfa.models import Challenge, Passkey, TotpAuthenticator
from tenants.sealing import derive

LIFETIME = timedelta(minutes=5)
# More than anybody has devices; the list goes to the browser whole.
MOST = 20
NAME_LENGTH = 64
_RANDOM, _TIME = 16, 8


@dataclass(frozen=True, slots=True)
class Ticket:
    """A challenge that is ours and open."""

    challenge: bytes
    expires_at: datetime


def new_challenge(purpose: str, bound_to: Sequence[str], now: datetime) -> bytes:
    """A challenge that is good for five minutes, for one purpose, and where it is bound to."""
    end = int((now + LIFETIME).timestamp())
    body = secrets.token_bytes(_RANDOM) + end.to_bytes(_TIME, "big")
    return body + _seal(body, purpose, bound_to)


def ticket(
    challenge: bytes, purpose: str, bound_to: Sequence[str], now: datetime
) -> Ticket | datetime | None:
    """The open challenge, its end if that has come, or None: not ours, or of another place."""
    body, seal = challenge[: _RANDOM + _TIME], challenge[_RANDOM + _TIME :]
    if not hmac.compare_digest(seal, _seal(body, purpose, bound_to)):
        return None
    end = datetime.fromtimestamp(int.from_bytes(body[_RANDOM:], "big"), UTC)
    return Ticket(challenge, end) if now < end else end


def _seal(body: bytes, purpose: str, bound_to: Sequence[str]) -> bytes:
    words = "\x00".join((purpose, *bound_to)).encode()
    return derive("passkey.challenge", body + words)


def step_challenge(challenge: Challenge) -> bytes:
    """What a passkey signs as the second step of the login that waits in ``challenge``."""
    return derive("passkey.second_step", bytes(challenge.token_hash))


def spend(
    taken: Ticket, *, tenant_id: UUID, user_id: UUID, contract: str, epoch: int, now: datetime
) -> bool:
    """Use up a challenge; False if it was used before, by whomever. Inside of a transaction."""
    row = Challenge(
        token_hash=derive("passkey.spent", taken.challenge),
        tenant_id=tenant_id,
        user_id=user_id,
        contract=contract,
        step=Challenge.Step.PASSKEY,
        security_epoch=epoch,
        max_attempts=0,
        created_at=now,
        # Kept longer than it is open: the clocks of two servers may differ.
        expires_at=taken.expires_at + LIFETIME,
        spent_at=now,
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        return False
    return True


def known(passkey: Passkey) -> Known:
    """The stored passkey as a ceremony needs it."""
    return Known(
        bytes(passkey.credential_id),
        bytes(passkey.public_key),
        passkey.synced,
        tuple(passkey.transports),
    )


def of(user_id: Any, rp_id: str = "") -> list[Passkey]:
    """A user's passkeys, oldest first; those of one relying party, or all."""
    rows = Passkey.objects.filter(user_id=user_id)
    return list((rows.filter(rp_id=rp_id) if rp_id else rows).order_by("created_at", "id"))


def went_back(passkey: Passkey, sign_count: int) -> bool:
    """Whether the counter is not ahead of the stored one: the passkey may have been copied.

    Passkeys that are synced count nothing and always say zero (Level 3, section 6.1.1).
    """
    counts = sign_count > 0 or passkey.sign_count > 0
    return counts and sign_count <= passkey.sign_count


def record_use(passkey: Passkey, sign_count: int, now: datetime) -> bool:
    """Store the counter and the time; False if another use was faster. One conditional UPDATE.

    Inside of a transaction. Who takes the passkey away holds its owner first, so this does, too.
    """
    ahead = Q(sign_count__lt=sign_count)
    if sign_count == 0:
        ahead = Q(sign_count=0)
    rows = Passkey.objects.filter(ahead, pk=passkey.pk, user=Subquery(owner.held(passkey.user_id)))
    return bool(rows.update(sign_count=sign_count, last_used_at=now))


def store(user_id: Any, made: Made, rp_id: str, name: str, now: datetime) -> Passkey | None:
    """Keep a new passkey; None if its credential id is taken. Inside of a transaction."""
    passkey = Passkey(
        user_id=user_id,
        credential_id=made.credential_id,
        public_key=made.public_key,
        sign_count=made.sign_count,
        rp_id=rp_id,
        synced=made.synced,
        transports=list(made.transports),
        name=shown(name),
        created_at=now,
    )
    try:
        with transaction.atomic():
            passkey.save(force_insert=True)
    except IntegrityError:
        return None
    return passkey


def shown(name: str) -> str:
    """As much of an owner's name for a passkey as fits and can be printed."""
    printable = "".join(each for each in name if each.isprintable())
    return printable.strip()[:NAME_LENGTH].strip() or "Passkey"


def rename(user_id: Any, passkey_id: UUID, name: str) -> bool:
    """Call a user's passkey something else; False if he has no such one."""
    rows = Passkey.objects.filter(pk=passkey_id, user_id=user_id)
    return bool(rows.update(name=shown(name)))


def remove(user_id: Any, passkey_id: UUID) -> str | None:
    """Take one passkey away; its name, or None if the user has no such one.

    Recovery codes stand in for an authenticator: with the last one they go too.
    """
    with transaction.atomic():
        # The app may be taken away at the same moment: then the later of the two sees it.
        owner.hold(user_id)
        passkey = Passkey.objects.filter(pk=passkey_id, user_id=user_id).first()
        if passkey is None or not Passkey.objects.filter(pk=passkey.pk).delete()[0]:
            return None
        others = Passkey.objects.filter(user_id=user_id).exists()
        app = TotpAuthenticator.objects.filter(user_id=user_id, confirmed=True).exists()
        if not others and not app:
            recovery_codes.revoke(user_id)
    return passkey.name
