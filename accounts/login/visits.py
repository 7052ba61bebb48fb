"""A browser's way to an identity provider and back: once, within minutes, in the same browser.

What is to be known afterwards goes along in a sealed cookie; the provider sees a random ``state``
that leads to it. ASVS 5.0, 10.1.2 and 10.2.1; RFC 9700, 4.7.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta

from django.db import IntegrityError, transaction

from accounts.login.journey import Journey
from accounts.login.outcome import Reason
from accounts.models import SpentState
from tenants.sealing import SealBroken, seal, unseal

LIFETIME = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Visit:
    """Why a browser was sent to a provider."""

    tenant_id: str
    provider: str
    # The address that it is to come back to.
    redirect_uri: str
    # Where it goes on afterwards.
    destination: str
    # Whose account gets a link; empty: somebody signs in.
    user_id: str = ""
    verifier: str = field(default="", repr=False)
    nonce: str = field(default="", repr=False)
    # Seconds since 1970.
    ends_at: int = 0


@dataclass(frozen=True, slots=True)
class Departure:
    """A visit with the state that the provider is told, and what the browser keeps meanwhile."""

    visit: Visit
    state: str = field(repr=False)
    kept: str = field(repr=False)


def name_of(state: str) -> str:
    """Under which short name the browser keeps a visit: several may be under way."""
    return _digest(state).hex()[:16]


def begin(
    *,
    tenant_id: str,
    provider: str,
    redirect_uri: str,
    destination: str,
    now: datetime,
    user_id: str = "",
) -> Departure:
    """A new visit with secrets of its own: state, nonce and PKCE verifier (RFC 7636)."""
    state = secrets.token_urlsafe(32)
    visit = Visit(
        tenant_id,
        provider,
        redirect_uri,
        destination,
        user_id,
        verifier=secrets.token_urlsafe(48),
        nonce=secrets.token_urlsafe(32),
        ends_at=int((now + LIFETIME).timestamp()),
    )
    return Departure(visit, state, seal(json.dumps(asdict(visit)).encode(), _context(state)))


def finish(state: str, kept: str, journey: Journey) -> Visit:
    """The visit that comes back, used up. Raises LoginRefused after the refusal was recorded."""
    try:
        visit = Visit(**json.loads(unseal(kept, _context(state))))
    except SealBroken:
        # Begun in another browser, or never.
        journey.note("state", "unknown")
        journey.refuse(Reason.CHALLENGE_UNKNOWN)
    journey.note("provider", visit.provider)
    if visit.ends_at <= journey.client.now.timestamp():
        journey.refuse(Reason.CHALLENGE_EXPIRED)
    row = SpentState(
        state_hash=_digest(state), expires_at=datetime.fromtimestamp(visit.ends_at, UTC)
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        journey.refuse(Reason.CHALLENGE_SPENT)
    return visit


def _digest(state: str) -> bytes:
    return hashlib.sha256(state.encode("utf-8", "replace")).digest()


def _context(state: str) -> str:
    return f"visit:{_digest(state).hex()}"
