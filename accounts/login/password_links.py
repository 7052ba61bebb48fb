"""Links by which the owner of an account chooses a password: forgotten, or the first one.

The token is random, stored by its hash, bound to the account's security epoch and spent once. It
opens no session and stands in for no second factor (ASVS 5.0, 6.4.3). A link leads to an address
that the operator has configured, never to one that a request names.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.http.request import validate_host
from django.urls import reverse
from django.views.decorators.debug import sensitive_variables

from accounts import audit, notices
from accounts.audit import Event
from accounts.client import ClientContext
from accounts.login import password_change, passwords, sessions, throttle
from accounts.login.custody import Act
from accounts.login.outcome import LoginRefused, Reason
from accounts.login.profile import Limit
from accounts.login.subject import Subject, subject_of, with_facts
from accounts.login.throttle import Bucket
from accounts.models import LoginEvent, ThrottleBucket, User
from accounts.models.statement import Insert, execute
from mfa import challenges
from mfa.models import Challenge
from mfa.slow_hash import SALT_BYTES, digest
from tenants.conf import conf
from tenants.hint import TenantHint
from tenants.names import fold
from tenants.policy import TenantRecord
from tenants.resolve import directory, resolve
from tenants.sealing import derive


class Kind(StrEnum):
    """Why somebody chooses a password; it stands where a login's challenge names its contract."""

    RESET = "password_reset"
    INVITATION = "invitation"


LIFETIME = {Kind.RESET: timedelta(hours=1), Kind.INVITATION: timedelta(days=7)}
# Choices that the rules refuse, before the link is void.
TRIES = 20
# A stranger must neither flood a mailbox nor find out who exists by asking often.
NAME_LIMIT = Limit(5, timedelta(hours=1))
ACCOUNT_LIMIT = Limit(3, timedelta(hours=1))
ADDRESS_LIMIT = Limit(30, timedelta(hours=1))
# The contract whose switch in a tenant opens these pages.
BROWSER = "browser"


@dataclass(frozen=True, slots=True)
class Link:
    """An open link."""

    kind: Kind
    challenge: Challenge
    subject: Subject


def ask(name: str, hint: TenantHint, client: ClientContext) -> None:
    """Mail a link to the owner of the account that ``name`` means, if there is one.

    Nothing tells whether there is: the counters are those of the name that was typed, and every
    call costs one slow hash. Raises LoginRefused for a full counter and tenants.hashing.Overloaded.
    """
    email = name if "@" in name else None
    tenant = resolve(TenantHint(hint.name, hint.slug, hint.host, email))
    _reserve(name, tenant, client)
    digest("", bytes(SALT_BYTES))
    user = _owner(name, tenant)
    if user is None or tenant is None or not _may_ask(user, client):
        row = _row(client, Kind.RESET, tenant, user, Reason.UNKNOWN_SUBJECT)
        execute(Insert(row))
        return
    _open(Kind.RESET, user, tenant, client, _row(client, Kind.RESET, tenant, user))


def invite(user: User, act: Act) -> None:
    """Mail the link by which somebody chooses his first password; earlier links are void.

    Whether the officer may act on this account is decided by the caller. Raises ValueError where
    :func:`may_send` says no.
    """
    _send(Kind.INVITATION, user, act)


def send_reset(user: User, act: Act) -> None:
    """As :func:`invite`, for somebody who cannot ask for the link himself."""
    _send(Kind.RESET, user, act)


def may_send(user: User, tenant: TenantRecord) -> bool:
    """Whether a link would be of use: to an active person with an address, where pages are open."""
    return bool(user.email) and _is_open(user, tenant)


def _send(kind: Kind, user: User, act: Act) -> None:
    tenant = directory().by_id[user.tenant_id]
    if not may_send(user, tenant):
        raise ValueError("a link goes to a person's e-mail address")
    row = act.row(Event.PASSWORD_LINK_SENT, tenant_id=tenant.id, user_id=user.pk, reason=kind)
    _open(kind, user, tenant, act.client, row, by_officer=True)


def find(token: str, client: ClientContext, at: TenantRecord | None) -> Link | None:
    """The link of a token if it can still be used; looking does not use it up.

    ``at`` is the tenant that the address names: another tenant's link is nothing there.
    """
    challenge = challenges.find(token)
    kind = next((k for k in Kind if challenge and challenge.contract == k), None)
    if challenge is None or kind is None or _is_over(challenge, client):
        return None
    tenant = directory().by_id.get(challenge.tenant_id)
    rows = with_facts(User.objects.filter(pk=challenge.user_id, tenant_id=challenge.tenant_id), "")
    user = next(iter(rows), None)
    if tenant is None or user is None or not _is_open(user, tenant):
        return None
    elsewhere = at is not None and at.id != tenant.id
    if elsewhere or user.security_epoch != challenge.security_epoch:
        return None
    if challenge.client_id != _mailbox(user):
        # The address was changed since then: whoever has the mail may be somebody else.
        return None
    return Link(kind, challenge, subject_of(user, user, tenant))


def _is_over(challenge: Challenge, client: ClientContext) -> bool:
    tried = challenge.attempts >= challenge.max_attempts
    return tried or challenge.spent_at is not None or challenge.expires_at <= client.now


@sensitive_variables("chosen")
def redeem(link: Link, chosen: str, client: ClientContext) -> None:
    """Put the chosen password into use, once; every session of the account ends.

    Raises LoginRefused: PASSWORD_REJECTED with its objection leaves the link open, CHALLENGE_SPENT
    means that it was used or is void by now. Raises tenants.hashing.Overloaded.
    """
    if not challenges.count_attempt(link.challenge):
        raise LoginRefused(Reason.CHALLENGE_SPENT, subject=link.subject)
    encoded = password_change.prepare(link.subject, chosen)
    with transaction.atomic(durable=True):
        if not _spent(link, encoded, client):
            raise LoginRefused(Reason.CHALLENGE_SPENT, subject=link.subject)
        user = link.subject.user
        sessions.end_all(user, "password changed", client)
        audit.row(
            Event.PASSWORD_CHANGED,
            client,
            tenant_id=user.tenant_id,
            user_id=user.pk,
            reason=link.kind,
        ).save(force_insert=True)
        notices.password_changed(user)


def _spent(link: Link, encoded: str, client: ClientContext) -> bool:
    """Use up the link and change the account; False where either was changed a moment ago."""
    user = link.subject.user
    if not challenges.spend(link.challenge, client.now):
        return False
    # The old values in the condition: PostgreSQL looks again after waiting for the row.
    unchanged = User.objects.filter(
        pk=user.pk,
        password=user.password,
        security_epoch=link.challenge.security_epoch,
        email_key=user.email_key,
        state=User.State.ACTIVE,
    )
    changed = unchanged.update(
        password=encoded,
        password_changed_at=client.now,
        must_change_password=False,
        security_epoch=user.security_epoch + 1,
        # The mail was read, so the address is the owner's.
        email_verified=True,
    )
    if not changed:
        transaction.set_rollback(True)
    return bool(changed)


def _mailbox(user: User) -> str:
    return derive("mailbox", user.email_key.encode()).hex()


def _is_open(user: User, tenant: TenantRecord) -> bool:
    return tenant.serves(BROWSER) and user.is_active and user.is_person


def _owner(name: str, tenant: TenantRecord | None) -> User | None:
    """Who may have a link: a person with an address and a password of our own."""
    if tenant is None or not 0 < len(name) <= 320:
        return None
    rows = User.objects.all()
    named = rows.with_email(tenant.id, name) if "@" in name else rows.named(tenant.id, name)
    user = named.first()
    if user is None or not user.email or not _is_open(user, tenant):
        return None
    # Whoever has none signs in elsewhere (a directory), or waits for an invitation.
    return user if passwords.is_hashed(user.password) else None


def _reserve(name: str, tenant: TenantRecord | None, client: ClientContext) -> None:
    where = str(tenant.id) if tenant else ""
    buckets = [_bucket(NAME_LIMIT, Reason.THROTTLED_SUBJECT, "name", where, fold(name))]
    if client.address:
        source = throttle.source(client.address)
        buckets.append(_bucket(ADDRESS_LIMIT, Reason.THROTTLED_ADDRESS, "address", source))
    reserved = throttle.reserve(buckets, client.now)
    if reserved.refusal is not None:
        raise LoginRefused(reserved.refusal, retry_after=reserved.retry_after)


def _may_ask(user: User, client: ClientContext) -> bool:
    """Whether another mail may go to this account, under whichever of its names."""
    bucket = _bucket(ACCOUNT_LIMIT, Reason.THROTTLED_SUBJECT, "account", str(user.pk))
    return throttle.reserve([bucket], client.now).refusal is None


def _bucket(limit: Limit, refusal: Reason, *parts: str) -> Bucket:
    key = derive("throttle", "\x00".join(("password_link", *parts)).encode())
    return Bucket(ThrottleBucket.Kind.REQUEST, key, limit, refusal)


def _row(
    client: ClientContext,
    kind: Kind,
    tenant: TenantRecord | None,
    user: User | None,
    refusal: str = "",
) -> LoginEvent:
    """The audit row of a request for a link, answered or not."""
    return audit.row(
        Event.PASSWORD_LINK_REFUSED if refusal else Event.PASSWORD_LINK_SENT,
        client,
        tenant_id=tenant.id if tenant else None,
        user_id=user.pk if user else None,
        reason=refusal or kind,
    )


def _open(
    kind: Kind,
    user: User,
    tenant: TenantRecord,
    client: ClientContext,
    row: LoginEvent,
    *,
    by_officer: bool = False,
) -> None:
    """Write the link and its audit row, and mail it once they are written."""
    token = challenges.new_token()
    opening = challenges.Opening(
        tenant_id=tenant.id,
        user_id=user.pk,
        contract=kind,
        step=Challenge.Step.NEW_PASSWORD,
        security_epoch=user.security_epoch,
        amr=(),
        now=client.now,
        lifetime=LIFETIME[kind],
        max_attempts=TRIES,
        client_id=_mailbox(user),
    )
    earlier: Any = Challenge.objects.filter(user=user, contract__in=list(Kind), spent_at=None)
    with transaction.atomic():
        earlier.update(spent_at=client.now)
        execute(Insert(challenges.build(opening, token)), Insert(row))
        notices.password_link(
            user,
            address(token, tenant),
            invited=kind is Kind.INVITATION,
            by_officer=by_officer,
        )


def address(token: str, tenant: TenantRecord, page: str = "password") -> str:
    """Where a link to ``page`` leads: the tenant's own host, else its prefix at the service's."""
    base = conf().base_url
    parts = urlsplit(base)
    hosts = sorted(h for h, t in directory().by_host.items() if t.id == tenant.id)
    own = next((h for h in hosts if validate_host(h, settings.ALLOWED_HOSTS)), None)
    if own is not None:
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{own}{port}{reverse(page, kwargs={'token': token})}"
    if tenant == directory().default:
        return base + reverse(page, kwargs={"token": token})
    return base + reverse(page, kwargs={"tenant_slug": tenant.slug, "token": token})
