"""Sessions: opened by the pipeline, found by what points to them, judged, ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.db.models.fields.json import KeyTextTransform, KeyTransform
from django.db.models.functions import Now

from accounts import audit
from accounts.audit import Event
from accounts.client import ClientContext
from accounts.login.outcome import LoginRefused, Reason
from accounts.login.profile import IssuedGrant, LoginProfile
from accounts.login.subject import (
    Mandate,
    Subject,
    facts,
    identified,
    mandate_columns,
    subject_of,
)
from accounts.models import Grant, LoginEvent, ServiceCredential, Session, User
from accounts.models.prepared import Parameter, Prepared
from accounts.models.statement import Insert, Update, execute
from accounts.tokens import opaque
from mfa import owner
from mfa.models import Challenge
from tenants.policy import TenantRecord
from tenants.resolve import directory

# RFC 8176 names where it has one.
PASSWORD = "pwd"  # noqa: S105
OTP = "otp"
RECOVERY = "recovery"
EMAIL = "email"
# A passkey in one device; one that is copied among several; and that its device knew its holder.
HARDWARE_KEY = "hwk"
SOFTWARE_KEY = "swk"
USER = "user"
SERVICE = "secret"
# Another system's word; the record names the provider.
FEDERATED = "fed"
# Not proved by the user himself: his own long-lived token, and what an officer opens for him.
PERSONAL_TOKEN = "token"  # noqa: S105
OFFICER = "officer"
# What proves a device, not only a mailbox. A passkey that stands alone has checked its holder too.
SECOND = frozenset({OTP, RECOVERY, HARDWARE_KEY, SOFTWARE_KEY})
# Why sessions end that were opened without it.
FACTOR_BOUND = "second factor bound"


@dataclass(frozen=True, slots=True)
class Found:
    """A session and its account, whatever their state."""

    session: Session
    subject: Subject
    # Whether the service credential that opened it is revoked, over or deleted.
    credential_gone: bool = False


def amr(method: str, now: datetime, **more: str) -> dict[str, Any]:
    """One record of how the user proved who he is."""
    return {"method": method, "at": int(now.timestamp()), **more}


def by_credential(client_id: str) -> Q:
    """The condition for sessions that a service credential has opened."""
    return Q(amr__contains=[{"method": SERVICE, "client_id": client_id}])


def acr_of(records: Sequence[dict[str, Any]]) -> str:
    """The assurance level, computed from the records and never asserted."""
    return "aal2" if any(record["method"] in SECOND for record in records) else "aal1"


def build(
    subject: Subject,
    profile: LoginProfile,
    client: ClientContext,
    records: Sequence[dict[str, Any]],
) -> Session:
    """The unsaved session of a login that has just succeeded."""
    settings = subject.tenant.contract(profile.contract)
    lifetime = settings.lifetime("session", profile.lifetime(subject))
    return Session(
        tenant_id=subject.tenant.id,
        user=subject.user,
        contract=profile.contract,
        address=client.address,
        agent=client.agent[:256],
        amr=list(records),
        acr=acr_of(records),
        auth_time=client.now,
        last_seen_at=client.now,
        expires_at=client.now + lifetime,
        idle_seconds=int(profile.idle.total_seconds()) if profile.idle else None,
        security_epoch=subject.user.security_epoch,
    )


def grant_row(grant: IssuedGrant, session: Session, client: ClientContext) -> Grant:
    """The unsaved row of a token that continues ``session``."""
    return Grant(
        session=session,
        kind=grant.kind,
        client_id=client.client_id,
        token_hash=opaque.digest(grant.token),
        created_at=client.now,
        expires_at=grant.expires_at,
    )


def alive(now: datetime, prefix: str = "") -> Q:
    """The condition under which a session opens anything; ``prefix`` leads to the session."""
    return Q(
        **{
            f"{prefix}ended_at": None,
            f"{prefix}expires_at__gt": now,
            f"{prefix}user__state": User.State.ACTIVE,
            f"{prefix}user__security_epoch": F(f"{prefix}security_epoch"),
        }
    )


def find(profile: LoginProfile, **lookups: Any) -> Found | None:
    """The session of this contract that fits, with all facts, in one statement.

    ``lookups`` are those of ``filter``, each for one plain value.
    """
    rows = _SESSIONS(tuple(lookups), profile.contract, profile.sector, **lookups)
    return of(rows[0], rows[0], profile) if rows else None


def _sessions(names: tuple[str, ...], contract: str, sector: str) -> QuerySet[Session]:
    rows = Session.objects.filter(contract=contract, **{name: Parameter(name) for name in names})
    return rows.select_related("user").annotate(**facts_of(sector))[:1]


_SESSIONS = Prepared(_sessions)


def facts_of(sector: str, prefix: str = "") -> dict[str, Any]:
    """Annotations with what :func:`of` reads; ``prefix`` leads from the row to the session."""
    # A login has one first factor, and its record comes first.
    opened_by = KeyTextTransform("client_id", KeyTransform("0", f"{prefix}amr"))
    live = ServiceCredential.objects.filter(
        Q(expires_at=None) | Q(expires_at__gt=Now()),
        user=OuterRef(f"{prefix}user_id"),
        client_id=OuterRef("opened_by"),
        revoked_at=None,
    )
    return {
        **facts(sector, f"{prefix}user_id"),
        "opened_by": opened_by,
        "mandate": Subquery(live.values(text=mandate_columns())[:1]),
    }


def of(session: Session, row: Any, profile: LoginProfile) -> Found | None:
    """A loaded session with the facts that were read beside it; None if its tenant is gone."""
    tenant = directory().by_id.get(session.tenant_id)
    if tenant is None:
        return None
    subject = subject_of(session.user, row, tenant)
    subject = identified(subject, profile.sector, profile.new_identifier)
    gone = row.opened_by is not None and row.mandate is None
    if row.mandate is not None:
        subject = replace(subject, mandate=Mandate.of(row.mandate))
    return Found(session, subject, credential_gone=gone)


def judge(found: Found, now: datetime, addressed: TenantRecord | None) -> Reason | None:
    """Why the session opens nothing at the tenant that the address names, or None if it does."""
    session, user = found.session, found.subject.user
    tenant = found.subject.tenant
    if addressed is not None and addressed.id != tenant.id:
        return Reason.GRANT_UNKNOWN
    if not tenant.serves(session.contract):
        return Reason.CONTRACT_OFF
    if not user.is_active:
        return Reason.DISABLED
    outdated = session.security_epoch != user.security_epoch
    if session.ended_at is not None or outdated or found.credential_gone:
        return Reason.SESSION_ENDED
    idle = session.idle_seconds
    if session.expires_at <= now or (
        idle is not None and session.last_seen_at + timedelta(seconds=idle) <= now
    ):
        return Reason.SESSION_EXPIRED
    return None


def prove_again(session: Session, records: Sequence[dict[str, Any]]) -> None:
    """Replace the records of a session that has proved something once more."""
    session.amr, session.acr = list(records), acr_of(records)
    Session.objects.filter(pk=session.pk).update(amr=session.amr, acr=session.acr)


def hold(session: Session, now: datetime) -> None:
    """Keep a session as it is until the transaction is over: one that has ended makes nothing.

    First of all in a transaction, so that nobody waits for whom he keeps waiting. The epoch is read
    anew: the session may have been kept when it rose. Raises LoginRefused(SESSION_ENDED).
    """
    owner.hold(session.user_id)
    rows = Session.objects.select_for_update(of=("self",), no_key=True)
    held = next(iter(rows.filter(alive(now), pk=session.pk)), None)
    if held is None:
        raise LoginRefused(Reason.SESSION_ENDED)
    session.security_epoch = held.security_epoch


def end(session: Session, reason: str, client: ClientContext) -> None:
    """End one session with all its tokens, recorded in the same statement. Ending twice is fine."""
    ended = audit.row(
        Event.SESSION_ENDED,
        client,
        tenant_id=session.tenant_id,
        user_id=session.user_id,
        session_id=session.id,
        reason=reason,
    )
    end_rows(Session.objects.filter(pk=session.pk), ended)


def end_all(
    user: User,
    reason: str,
    client: ClientContext,
    *,
    contract: str = "",
    keep: Any = None,
    spare_personal: bool = False,
) -> None:
    """End all sessions of a user: everywhere, or of one contract, or all but ``keep``.

    ``spare_personal``: the user's personal access tokens go on. What one of the sessions is just
    making (see :func:`hold`) is waited for, and ends with them.
    """
    rows = Session.objects.filter(user=user)
    if contract:
        rows = rows.filter(contract=contract)
    if keep is not None:
        rows = rows.exclude(pk=keep)
    if spare_personal:
        rows = rows.filter(personal_token=None)
    ended = audit.row(
        Event.SESSION_ENDED, client, tenant_id=user.tenant_id, user_id=user.pk, reason=reason
    )
    end_waiting(user.pk, rows, ended)


def end_unproved(found: Found, client: ClientContext) -> None:
    """End what was opened without the factor that this session has just bound.

    So does a login that is under way, and was judged without it. This
    session and the personal access tokens, which are made to stay, go on.
    """
    session, user = found.session, found.subject.user
    with transaction.atomic():
        end_all(user, FACTOR_BOUND, client, keep=session.pk, spare_personal=True)
        outdate([user.pk], Q(pk=session.pk) | Q(personal_token__isnull=False))
        user.refresh_from_db(fields=["security_epoch"])
    session.security_epoch = user.security_epoch


def outdate(user_ids: Any, kept: Q) -> None:
    """End what is being opened right now for these users; of the live sessions ``kept`` go on.

    The proof of a login under way was judged by what the accounts were: so their epochs rise, and
    those of the sessions with them. Inside of a transaction.
    """
    User.objects.filter(pk__in=user_ids).update(security_epoch=F("security_epoch") + 1)
    rise(user_ids, kept)


def rise(user_ids: Any, kept: Q) -> None:
    """Let live sessions, and links in mails, go on under the epochs that have just risen by one.

    A link has no first factor: it is no login.
    """
    before, after = F("user__security_epoch") - 1, F("security_epoch") + 1
    live = Session.objects.filter(kept, user__in=user_ids, ended_at=None, security_epoch=before)
    live.update(security_epoch=after)
    links = Challenge.objects.filter(user__in=user_ids, spent_at=None, amr=[])
    links.filter(security_epoch=before).update(security_epoch=after)


def end_waiting(user_id: UUID, rows: QuerySet[Session], ended: LoginEvent) -> None:
    """The same as :func:`end_rows` for sessions of one user, after what they are just making."""
    with transaction.atomic():
        owner.hold(user_id)
        end_rows(rows, ended)


def end_rows(rows: QuerySet[Session], ended: LoginEvent) -> None:
    """End those of the sessions that still go on; ``ended`` is the audit row that says why."""
    live = rows.filter(ended_at=None)
    execute(Update(live, ended_at=ended.at, end_reason=ended.reason), Insert(ended))
