"""Changing second factors over an API: fresh authentication first, word to the owner after.

A stolen access token alone must not bind or remove a factor (ASVS 5.0, 7.5.1): the session has to
be young and to have proved the highest level that the account can reach. Each change raises
LoginRefused(SESSION_ENDED) where the session has ended a moment ago: whoever throws an intruder out
must not find his authenticator afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta

from django.db import transaction

from accounts import audit, notices
from accounts.audit import Event
from accounts.client import ClientContext
from accounts.login import guess, sessions, throttle
from accounts.login.outcome import Factor, Reason
from accounts.login.sessions import Found
from mfa import binding, email_codes, recovery_codes
from mfa.binding import Pending
from mfa.models import TotpAuthenticator
from mfa.totp import is_code, matching_step

FRESH = timedelta(minutes=15)


class LastFactor(Exception):
    """The tenant demands a second factor of the user, and he would be left without one."""


def is_fresh(found: Found, now: datetime) -> bool:
    """Whether the session proves the account's full level, a short time ago."""
    methods = {
        record["method"]
        for record in found.session.amr
        if now.timestamp() - record["at"] <= FRESH.total_seconds()
    }
    if methods & {sessions.SERVICE, sessions.PERSONAL_TOKEN, sessions.OFFICER}:
        return False
    if found.subject.factors - {Factor.EMAIL}:
        # A mailbox proves less than a device: its code does not open the way to the device.
        return bool(methods & sessions.SECOND)
    return bool(methods) and (sessions.EMAIL in methods or not found.subject.factors)


def may_remove(found: Found, factor: Factor) -> bool:
    """Whether the tenant lets this kind of factor go: another one is left, or none is demanded."""
    subject = found.subject
    last = not subject.factors - {factor, Factor.RECOVERY_CODE}
    return not (last and factor in subject.factors and subject.must_have_second_factor)


def demand_another(found: Found) -> None:
    """Undo a removal that the tenant does not allow. In its transaction, the owner held.

    Raises LastFactor.
    """
    subject = found.subject
    if subject.must_have_second_factor and not binding.has_factor(subject.user.pk):
        raise LastFactor


def begin(found: Found, client: ClientContext, *, codes: Sequence[str] = ()) -> Pending:
    """A new secret that waits for its proof; nothing in use changes yet."""
    return binding.begin(
        found.subject.user.pk, client.now, codes=codes, session_id=str(found.session.pk)
    )


def pending(found: Found, now: datetime) -> Pending | None:
    """What waits to be proved by this session: no other one sees it or puts it into use."""
    waiting = binding.pending(found.subject.user.pk, now)
    mine = waiting is not None and waiting.session_id == str(found.session.pk)
    return waiting if mine else None


def prove(found: Found, code: str, client: ClientContext) -> int | None:
    """The time step at which the waiting authenticator shows ``code``, which is then spent.

    Tries are counted. Raises LoginRefused(THROTTLED_FACTOR) after too many.
    """
    waiting = pending(found, client.now)
    if waiting is None:
        return None
    with _counted(found, client, Factor.OTP) as guessed:
        step = binding.proved_step(waiting, code, client.now)
        guessed.right = step is not None and binding.spend_step(
            found.subject.user.pk, waiting, step, client.now
        )
    return step if guessed.right else None


def confirm(
    found: Found, client: ClientContext, *, last_step: int = -1, name: str = ""
) -> Pending | None:
    """Put the waiting authenticator into use, under the owner's ``name`` for it.

    Every session but the present one ends: they were opened without the new factor.
    """
    user = found.subject.user
    with transaction.atomic():
        sessions.hold(found.session, client.now)
        bound = binding.confirm(
            user.pk,
            client.now,
            by=user.username,
            session_id=str(found.session.pk),
            last_step=last_step,
            name=name,
        )
        if bound is None:
            return None
        sessions.end_unproved(found, client)
        _record(Event.FACTOR_BOUND, found, client, Factor.OTP)
        notices.factor_bound(user, notices.APP)
    return bound


def confirm_codes(found: Found, client: ClientContext) -> Pending | None:
    """Put the waiting recovery codes into use."""
    user = found.subject.user
    with transaction.atomic():
        sessions.hold(found.session, client.now)
        made = binding.confirm_codes(
            user.pk, client.now, by=user.username, session_id=str(found.session.pk)
        )
        if made is not None:
            _record(Event.RECOVERY_CODES_MADE, found, client, Factor.RECOVERY_CODE)
            notices.recovery_codes_made(user)
    return made


def replace_codes(found: Found, codes: Sequence[str], client: ClientContext) -> None:
    """A new set of recovery codes; the old one is void."""
    user = found.subject.user
    hashed = recovery_codes.hashed(user.pk, codes, by=user.username)
    with transaction.atomic():
        sessions.hold(found.session, client.now)
        recovery_codes.keep(user.pk, hashed)
        _record(Event.RECOVERY_CODES_MADE, found, client, Factor.RECOVERY_CODE)
        notices.recovery_codes_made(user)


def remove_totp(found: Found, client: ClientContext) -> bool:
    """Take the app away, and the codes with the last authenticator; whether there was one.

    Raises LastFactor.
    """
    user = found.subject.user
    with transaction.atomic():
        sessions.hold(found.session, client.now)
        removed = binding.remove_totp(user.pk)
        if removed:
            demand_another(found)
            _record(Event.FACTOR_REMOVED, found, client, Factor.OTP)
            notices.factor_removed(user, notices.APP)
    return removed


def set_email_factor(found: Found, client: ClientContext, *, on: bool) -> None:
    """Switch codes by mail on or off; switching on ends the user's other sessions.

    Raises LastFactor.
    """
    user = found.subject.user
    with transaction.atomic():
        sessions.hold(found.session, client.now)
        if on:
            email_codes.enable(user.pk, client.now)
            sessions.end_unproved(found, client)
            _record(Event.FACTOR_BOUND, found, client, Factor.EMAIL)
            notices.factor_bound(user, notices.MAILED_CODES)
        elif email_codes.disable(user.pk):
            demand_another(found)
            _record(Event.FACTOR_REMOVED, found, client, Factor.EMAIL)
            notices.factor_removed(user, notices.MAILED_CODES)


def spend_code(found: Found, code: str, client: ClientContext) -> bool:
    """Whether ``code`` is one of the user's own: app or recovery code. It is spent, once.

    For calls that ask for a code of their own. Raises LoginRefused(THROTTLED_FACTOR) and
    tenants.hashing.Overloaded.
    """
    user_id = found.subject.user.pk
    with _counted(found, client, Factor.OTP if is_code(code) else Factor.RECOVERY_CODE) as guessed:
        guessed.right = _spent_totp(user_id, code, client.now) or _spent_recovery(
            found, code, client.now
        )
    return guessed.right


def spend_mailed_code(found: Found, code: str, client: ClientContext) -> bool:
    """Whether ``code`` is the one in the user's mail. It is spent, once.

    Raises LoginRefused(THROTTLED_FACTOR) and tenants.hashing.Overloaded.
    """
    with _counted(found, client, Factor.EMAIL) as guessed:
        row = email_codes.find(found.subject.user.pk, code, client.now) if is_code(code) else None
        guessed.right = row is not None and email_codes.spend(row, client.now)
    return guessed.right


def _spent_totp(user_id: object, code: str, now: datetime) -> bool:
    for authenticator in TotpAuthenticator.objects.filter(user=user_id, confirmed=True):
        step = matching_step(authenticator.secret(), code, now)
        if step is not None:
            return authenticator.spend_step(step)
    return False


def _spent_recovery(found: Found, code: str, now: datetime) -> bool:
    user = found.subject.user
    row = recovery_codes.find(user.pk, code)
    if row is None or not recovery_codes.spend(row, now):
        return False
    notices.recovery_code_used(user)
    return True


def _counted(
    found: Found, client: ClientContext, factor: Factor
) -> AbstractContextManager[guess.Guess]:
    buckets = throttle.factor_buckets(found.subject.user.pk)
    return guess.counted(found, client, buckets, Reason.WRONG_CODE, factor)


def _record(event: Event, found: Found, client: ClientContext, factor: Factor) -> None:
    audit.row(
        event,
        client,
        tenant_id=found.subject.tenant.id,
        user_id=found.subject.user.pk,
        session_id=found.session.pk,
        factor=factor,
    ).save()
