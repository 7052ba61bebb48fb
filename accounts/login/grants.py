"""Refresh and resume: a stored token continues its session, without a new proof."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import NoReturn

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from accounts import audit
from accounts.audit import Event
from accounts.client import ClientContext
from accounts.login import sessions
from accounts.login.outcome import LoginRefused, Reason
from accounts.login.profile import LoginProfile
from accounts.login.sessions import Found
from accounts.models import Grant, Session
from accounts.models.prepared import Parameter, Prepared
from accounts.models.statement import Insert, execute
from accounts.tokens import opaque
from tenants.conf import conf
from tenants.policy import TenantRecord
from tenants.resolve import directory

# An hourly refresh for three weeks; computing them takes about two milliseconds.
_GENERATIONS = 500


@dataclass(frozen=True, slots=True)
class Refreshed:
    """A session that goes on, and the token that carries it from now on."""

    found: Found
    token: str = field(repr=False)
    expires_at: datetime


def present(
    token: str, kind: str, profile: LoginProfile, client: ClientContext, at: TenantRecord | None
) -> Refreshed:
    """Continue a session with a token that stays the same. One statement.

    Raises :class:`LoginRefused`; only a refusal of a known token is recorded.
    """
    grant = _grant(opaque.digest(token), kind, profile)
    if grant is None:
        raise LoginRefused(Reason.GRANT_UNKNOWN)
    found = sessions.of(grant.session, grant, profile)
    reason = _judge(grant, found, client, at)
    if found is None or reason is not None:
        _refuse(reason or Reason.GRANT_UNKNOWN, grant, client)
    return Refreshed(found, token, grant.expires_at)


def renew(session: Session, kind: str) -> str:
    """Another token for the grant of a session, which ends with it; the old one opens nothing."""
    token = opaque.mint()
    Grant.objects.filter(session=session, kind=kind).update(
        token_hash=opaque.digest(token), expires_at=session.expires_at
    )
    return token


def rotate(
    token: str, profile: LoginProfile, client: ClientContext, at: TenantRecord | None
) -> Refreshed:
    """Replace a single-use refresh token: one conditional UPDATE, then one SELECT.

    Of parallel requests one rotates; the others, within the grace, get the same successor. A
    spent token that comes later ends the session (RFC 9700 section 4.14). Raises
    :class:`LoginRefused`.
    """
    successor = opaque.successor(token)
    owner = Session.objects.filter(sessions.alive(client.now), pk=OuterRef("session_id"))
    if at is not None:
        owner = owner.filter(tenant_id=at.id)
    # A token that is refused below must not be used up: the contract may be switched on again.
    closed = [t.id for t in directory().by_id.values() if not t.serves(profile.contract)]
    owner = owner.exclude(tenant_id__in=closed)
    old = opaque.digest(token)
    # No join in the outer WHERE: PostgreSQL checks token_hash again after waiting for the row.
    Grant.objects.filter(
        Exists(owner.filter(contract=profile.contract)),
        # A client that may not use the token must not use it up either.
        client_id__in=("", client.client_id),
        token_hash=old,
        kind=Grant.Kind.REFRESH,
        expires_at__gt=client.now,
    ).update(
        token_hash=opaque.digest(successor),
        previous_hash=old,
        generation=F("generation") + 1,
        rotated_at=client.now,
    )
    grant = _grant(old, Grant.Kind.REFRESH, profile, or_spent=True)
    if grant is None:
        grant = _of_descendant(token, profile)
    if grant is None:
        raise LoginRefused(Reason.GRANT_UNKNOWN)
    found = sessions.of(grant.session, grant, profile)
    reason = _judge(grant, found, client, at)
    if reason is None and _replayed(grant, old, client.now):
        reason = Reason.GRANT_REPLAYED
    if found is None or reason is not None:
        _refuse(reason or Reason.GRANT_UNKNOWN, grant, client)
    return Refreshed(found, successor, grant.expires_at)


def live_session(
    token: str, profile: LoginProfile, client: ClientContext, at: TenantRecord | None
) -> Session | None:
    """The session that a refresh token belongs to, so that it can be ended; None if it is over.

    A spent token will do: whoever signs out with it must not be signed in still.
    """
    old = opaque.digest(token)
    grant = _grant(old, Grant.Kind.REFRESH, profile, or_spent=True)
    grant = grant or _of_descendant(token, profile)
    if grant is None:
        return None
    found = sessions.of(grant.session, grant, profile)
    return None if _judge(grant, found, client, at) else grant.session


def _replayed(grant: Grant, old: bytes, now: datetime) -> bool:
    """Whether ``old`` was spent earlier than the grace allows for."""
    if grant.previous_hash is None or bytes(grant.previous_hash) != old or not grant.rotated_at:
        return True
    return now - grant.rotated_at > conf().refresh_grace


def _of_descendant(token: str, profile: LoginProfile) -> Grant | None:
    """The grant whose present token descends from ``token``, which was spent long ago.

    A thief who rotates twice before the owner comes back would otherwise go unnoticed.
    """
    hashes = [opaque.digest(each) for each in opaque.descendants(token, _GENERATIONS)]
    where = Q(token_hash__in=hashes, kind=Grant.Kind.REFRESH)
    return next(iter(_grants(where, profile.contract, profile.sector)), None)


def _grant(
    digest: bytes, kind: str, profile: LoginProfile, *, or_spent: bool = False
) -> Grant | None:
    """The grant of a token, also of the one before the present, if ``or_spent``."""
    given = {"digest": digest, "kind": kind}
    return next(iter(_OF_TOKEN(or_spent, profile.contract, profile.sector, **given)), None)


def _of_token(or_spent: bool, contract: str, sector: str) -> QuerySet[Grant]:  # noqa: FBT001  # a shape
    digest = Parameter("digest")
    fits = Q(token_hash=digest) | Q(previous_hash=digest) if or_spent else Q(token_hash=digest)
    return _grants(fits & Q(kind=Parameter("kind")), contract, sector)


_OF_TOKEN = Prepared(_of_token)


def _grants(where: Q, contract: str, sector: str) -> QuerySet[Grant]:
    rows = Grant.objects.filter(where, session__contract=contract).select_related("session__user")
    return rows.annotate(**sessions.facts_of(sector, "session__"))[:1]


def _judge(
    grant: Grant, found: Found | None, client: ClientContext, at: TenantRecord | None
) -> Reason | None:
    if found is None or (grant.client_id and grant.client_id != client.client_id):
        return Reason.GRANT_UNKNOWN
    reason = sessions.judge(found, client.now, at)
    if reason is None and grant.expires_at <= client.now:
        return Reason.GRANT_EXPIRED
    return reason


def _refuse(reason: Reason, grant: Grant, client: ClientContext) -> NoReturn:
    """Record the refusal of a known token, ending the session of a replayed one; then raise."""
    session = grant.session
    replayed = reason is Reason.GRANT_REPLAYED
    if replayed:
        sessions.end(session, "refresh token replayed", client)
    execute(
        Insert(
            audit.row(
                Event.GRANT_REPLAYED if replayed else Event.GRANT_REFUSED,
                client,
                tenant_id=session.tenant_id,
                user_id=session.user_id,
                session_id=session.id,
                reason=reason,
            )
        )
    )
    raise LoginRefused(reason)
