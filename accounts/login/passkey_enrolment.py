"""A user's own passkeys: add, rename, remove. The rules are those of :mod:`enrolment`."""

from __future__ import annotations

import secrets
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts import audit, notices
from accounts.audit import Event
from accounts.client import ClientContext
from accounts.login import enrolment, passkey_login, sessions
from accounts.login.outcome import Factor, LoginRefused, Reason
from accounts.login.sessions import Found
from accounts.login.subject import make_identifier
from mfa import ceremonies, passkeys, relying_parties
from mfa.ceremonies import Made, Owner, Rejected
from mfa.models import Passkey
from mfa.passkeys import Ticket
from mfa.relying_parties import RelyingParty

_PURPOSE = "add"


class NotFresh(Exception):
    """The session has not proved the account's full level a short time ago."""


class TooMany(Exception):
    """The account has as many passkeys as it may have."""


def options(found: Found, host: str | None, client: ClientContext) -> dict[str, Any] | None:
    """What the page asks the browser for; None where no passkeys are offered.

    Raises NotFresh or TooMany.
    """
    rp = relying_parties.at(host)
    if rp is None:
        return None
    _demand_fresh(found, client)
    user = found.subject.user
    held = passkeys.of(user.pk)
    if len(held) >= passkeys.MOST:
        raise TooMany
    handle = make_identifier(user, passkey_login.SECTOR, _new_handle)
    owner = Owner(
        handle.encode(), user.email or user.username, user.display_name, found.subject.tenant.name
    )
    challenge = passkeys.new_challenge(_PURPOSE, _bound_to(found, rp), client.now)
    known = [passkeys.known(each) for each in held if each.rp_id == rp.id]
    return ceremonies.creation_options(rp, owner, challenge, known)


def add(found: Found, response: str, name: str, host: str | None, client: ClientContext) -> Passkey:
    """Keep the passkey that the browser has made for the page's request.

    Raises NotFresh, TooMany, or LoginRefused: WRONG_CODE for an answer that proves nothing,
    CHALLENGE_FOREIGN, CHALLENGE_EXPIRED and CHALLENGE_SPENT for one to another request,
    SESSION_ENDED where the session has just ended.
    """
    _demand_fresh(found, client)
    rp = relying_parties.at(host)
    if rp is None:
        raise _refused(found, Reason.FACTOR_UNSUPPORTED, client)
    made, ticket = _judged(found, response, rp, client)
    user = found.subject.user
    with transaction.atomic():
        # Of two bindings at once the later one waits here, and then sees the earlier: it has ended
        # this session, if that was opened without it.
        sessions.hold(found.session, client.now)
        first = not found.subject.factors
        if len(passkeys.of(user.pk)) >= passkeys.MOST:
            raise TooMany
        spent = passkeys.spend(
            ticket,
            tenant_id=found.subject.tenant.id,
            user_id=user.pk,
            contract=client.contract,
            epoch=user.security_epoch,
            now=client.now,
        )
        passkey = passkeys.store(user.pk, made, rp.id, name, client.now) if spent else None
        if passkey is not None:
            _took_effect(found, passkey, client, first=first)
    if passkey is None:
        raise _refused(found, Reason.WRONG_CODE if spent else Reason.CHALLENGE_SPENT, client)
    return passkey


def rename(found: Found, passkey_id: UUID, name: str) -> bool:
    """Call a passkey of one's own something else; False if there is no such one."""
    return passkeys.rename(found.subject.user.pk, passkey_id, name)


def remove(found: Found, passkey_id: UUID, client: ClientContext) -> bool:
    """Take a passkey of one's own away; False if there is no such one.

    False also where the session has just ended. Raises NotFresh and enrolment.LastFactor.
    """
    _demand_fresh(found, client)
    user = found.subject.user
    try:
        with transaction.atomic():
            sessions.hold(found.session, client.now)
            name = passkeys.remove(user.pk, passkey_id)
            if name is not None:
                enrolment.demand_another(found)
                _record(Event.FACTOR_REMOVED, found, client)
                notices.factor_removed(user, notices.PASSKEY, name)
    except LoginRefused:
        return False
    return name is not None


def _new_handle() -> str:
    return secrets.token_urlsafe(32)


def _demand_fresh(found: Found, client: ClientContext) -> None:
    if not enrolment.is_fresh(found, client.now):
        raise NotFresh


def _bound_to(found: Found, rp: RelyingParty) -> tuple[str, ...]:
    return str(found.session.pk), rp.id


def _judged(
    found: Found, response: str, rp: RelyingParty, client: ClientContext
) -> tuple[Made, Ticket]:
    try:
        answer = ceremonies.read(response)
        ticket = passkeys.ticket(answer.challenge, _PURPOSE, _bound_to(found, rp), client.now)
        if not isinstance(ticket, Ticket):
            over = Reason.CHALLENGE_FOREIGN if ticket is None else Reason.CHALLENGE_EXPIRED
            raise _refused(found, over, client)
        return ceremonies.verify_creation(answer, rp, ticket.challenge), ticket
    except Rejected as rejected:
        raise _refused(found, Reason.WRONG_CODE, client, str(rejected)) from rejected


def _took_effect(found: Found, passkey: Passkey, client: ClientContext, *, first: bool) -> None:
    """End what was opened without a second factor, write it down, and tell the owner."""
    user, session = found.subject.user, found.session
    if first:
        sessions.end_unproved(found, client)
    # The device is in the user's hands: the session that has bound it need not ask again.
    method = sessions.SOFTWARE_KEY if passkey.synced else sessions.HARDWARE_KEY
    sessions.prove_again(session, [*session.amr, sessions.amr(method, client.now)])
    _record(Event.FACTOR_BOUND, found, client)
    notices.factor_bound(user, notices.PASSKEY, passkey.name)


def _refused(found: Found, reason: Reason, client: ClientContext, why: str = "") -> LoginRefused:
    """The refusal, recorded."""
    trace = [("session", "open"), *([("passkey", why)] if why else []), ("outcome", reason)]
    _record(Event.LOGIN_REFUSED, found, client, reason=reason, trace=trace)
    return LoginRefused(reason, subject=found.subject)


def _record(event: Event, found: Found, client: ClientContext, **more: Any) -> None:
    audit.row(
        event,
        client,
        tenant_id=found.subject.tenant.id,
        user_id=found.subject.user.pk,
        session_id=found.session.pk,
        factor=Factor.PASSKEY,
        **more,
    ).save(force_insert=True)
