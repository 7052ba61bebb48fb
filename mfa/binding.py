"""Enrolling and removing second factors of a user. Who may do it is decided above."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from mfa import owner, recovery_codes, totp
from mfa.models import EmailFactor, Enrolment, Passkey, TotpAuthenticator
from tenants.sealing import seal, unseal

# Clients count down from the moment of creation (Bytebase's documented five minutes).
PENDING_LIFETIME = timedelta(minutes=5)
_NAME, _NAME_LENGTH = "Authenticator app", 64


@dataclass(frozen=True, slots=True)
class Pending:
    """An authenticator that the user has not yet proved to hold."""

    secret: bytes = field(repr=False)
    codes: tuple[str, ...] = field(repr=False)
    created_at: datetime
    # The time step of the newest code that proved it: that code is spent. -1 before.
    last_step: int = -1
    # The session that asked for it, and that alone may go on with it.
    session_id: str = ""


class AlreadyBound(Exception):
    """The user has an authenticator, and it is not this caller's to replace."""


def bind_totp(
    user_id: Any, secret: bytes, *, name: str = "", last_step: int = -1, first: bool = False
) -> TotpAuthenticator:
    """Store a confirmed authenticator of a user, its secret sealed; an earlier one is replaced.

    ``last_step`` is the time step of the code that proved it: that code is spent. Raises
    AlreadyBound where it must be the user's ``first`` factor and is not.
    """
    authenticator = TotpAuthenticator(
        user_id=user_id, name=_shown(name) or _NAME, confirmed=True, last_step=last_step
    )
    authenticator.secret_sealed = seal(secret, authenticator.seal_context())
    with transaction.atomic():
        # Of two bindings at once the later one waits here, and then sees the earlier.
        owner.hold(user_id)
        if first and has_factor(user_id):
            raise AlreadyBound
        TotpAuthenticator.objects.filter(user_id=user_id).delete()
        authenticator.save()
    return authenticator


def has_factor(user_id: Any) -> bool:
    """Whether the user has a second factor. Recovery codes stand in for one and are none."""
    app = TotpAuthenticator.objects.filter(user_id=user_id, confirmed=True)
    return app.exists() or _has_another(user_id)


def _has_another(user_id: Any) -> bool:
    """Whether the user has a second factor besides an app."""
    kinds = (Passkey.objects, EmailFactor.objects)
    return any(rows.filter(user_id=user_id).exists() for rows in kinds)


def _shown(name: str) -> str:
    """As much of a client's name for a device as fits and can be printed."""
    return "".join(each for each in name if each.isprintable()).strip()[:_NAME_LENGTH]


def begin(
    user_id: Any,
    now: datetime,
    *,
    codes: Sequence[str] = (),
    session_id: str = "",
    lifetime: timedelta = PENDING_LIFETIME,
) -> Pending:
    """Make a secret (and codes) that take effect once proved; a factor in use stays in use."""
    pending = Pending(totp.new_secret(), tuple(codes), now, session_id=session_id)
    Enrolment.objects.update_or_create(
        user_id=user_id,
        defaults={
            "state_sealed": _sealed(user_id, pending),
            "created_at": now,
            "expires_at": now + lifetime,
        },
    )
    return pending


def pending(user_id: Any, now: datetime) -> Pending | None:
    """What waits to be proved, unless it has run out."""
    row = Enrolment.objects.filter(user_id=user_id).first()
    return None if row is None or row.expires_at <= now else _opened(row)


def expired(user_id: Any, now: datetime) -> bool:
    """Whether something waited and has run out."""
    return Enrolment.objects.filter(user_id=user_id, expires_at__lte=now).exists()


def proved_step(waiting: Pending, code: str, now: datetime) -> int | None:
    """The time step whose code this is, or None: the user does not hold the authenticator."""
    return totp.matching_step(waiting.secret, code, now)


def spend_step(user_id: Any, waiting: Pending, step: int, now: datetime) -> bool:
    """Use up the code of ``step``, which has proved what waits; False if it was used before."""
    with transaction.atomic():
        row = _locked(user_id, now)
        current = None if row is None else _opened(row)
        if row is None or current is None or current.secret != waiting.secret:
            return False
        if step <= current.last_step:
            return False
        row.state_sealed = _sealed(user_id, replace(current, last_step=step))
        row.save(update_fields=["state_sealed"])
    return True


def confirm(
    user_id: Any,
    now: datetime,
    *,
    by: str,
    session_id: str = "",
    last_step: int = -1,
    name: str = "",
) -> Pending | None:
    """Put what waits into use, once: of two requests one confirms.

    None if nothing waits, or waits for another session.
    """
    with transaction.atomic():
        row = _locked(user_id, now)
        waiting = None if row is None else _opened(row)
        if row is None or waiting is None or waiting.session_id != session_id:
            return None
        newest = max(last_step, waiting.last_step)
        bind_totp(user_id, waiting.secret, name=name, last_step=newest)
        if waiting.codes:
            recovery_codes.replace(user_id, waiting.codes, by=by)
        row.delete()
    return waiting


def confirm_codes(user_id: Any, now: datetime, *, by: str, session_id: str = "") -> Pending | None:
    """Put only the waiting recovery codes into use; the authenticator stays as it is."""
    with transaction.atomic():
        row = _locked(user_id, now)
        waiting = None if row is None else _opened(row)
        if row is None or waiting is None or waiting.session_id != session_id:
            return None
        recovery_codes.replace(user_id, waiting.codes, by=by)
        row.delete()
    return waiting


def remove_totp(user_id: Any) -> bool:
    """Take the authenticator app away; whether there was one.

    Recovery codes stand in for an authenticator: with the last one they go too.
    """
    with transaction.atomic():
        owner.hold(user_id)
        removed = TotpAuthenticator.objects.filter(user_id=user_id).delete()[0]
        Enrolment.objects.filter(user_id=user_id).delete()
        if not Passkey.objects.filter(user_id=user_id).exists():
            recovery_codes.revoke(user_id)
    return bool(removed)


def remove_all(user_id: Any) -> None:
    """Take every second factor from a user (a lost phone, reset by an administrator)."""
    with transaction.atomic():
        owner.hold(user_id)
        Passkey.objects.filter(user_id=user_id).delete()
        remove_totp(user_id)
        EmailFactor.objects.filter(user_id=user_id).delete()


def _locked(user_id: Any, now: datetime) -> Enrolment | None:
    rows = Enrolment.objects.select_for_update().filter(user_id=user_id, expires_at__gt=now)
    return rows.first()


def _sealed(user_id: Any, waiting: Pending) -> str:
    state = {
        "secret": b64encode(waiting.secret).decode(),
        "codes": list(waiting.codes),
        "last_step": waiting.last_step,
        "session_id": waiting.session_id,
    }
    return seal(json.dumps(state).encode(), _context(user_id))


def _opened(row: Enrolment) -> Pending:
    state = json.loads(unseal(row.state_sealed, _context(row.user_id)))
    return Pending(
        b64decode(state["secret"]),
        tuple(state["codes"]),
        row.created_at,
        state["last_step"],
        state["session_id"],
    )


def _context(user_id: Any) -> str:
    return f"enrolment:{user_id}"
