"""What staff may do to others over the API: in their own tenant, never to a superuser."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from accounts import notices
from accounts.audit import Event
from accounts.contracts.rocketchat.tokens import LOGIN, SLUG
from accounts.login import identify
from accounts.login.attempt import Identifier, NameForm
from accounts.login.custody import Act
from accounts.login.outcome import Factor
from accounts.login.sessions import Found
from accounts.login.subject import Subject, identified
from accounts.models import Session, User
from accounts.models.statement import Insert, Update, execute
from accounts.wire.call import Call
from accounts.wire.contract import Fault, Faulted
from mfa import binding

_SELECTORS = (
    ("userId", NameForm.SUBJECT),
    ("username", NameForm.USERNAME),
    ("user", NameForm.USERNAME),
)


def named(body: Mapping[str, Any]) -> Identifier | None:
    """Whom a body names; None where it names nobody. What is no text names no user at all."""
    for member, form in _SELECTORS:
        if (value := body.get(member)) is not None:
            return Identifier(form, value if isinstance(value, str) else "")
    return None


def target(who: Identifier, call: Call, found: Found) -> Subject | None:
    """The account that is meant, if the caller may touch it. Raises Faulted(FORBIDDEN)."""
    officer = found.subject
    candidate = identify.candidate(who, officer.tenant, LOGIN, call.client())
    user = candidate.subject.user if candidate else None
    if user is not None and user.pk == officer.user.pk:
        return officer
    if not (officer.user.is_superuser or officer.user.is_staff):
        # Also for a name that nobody has.
        raise Faulted(Fault.FORBIDDEN, "not an officer")
    if candidate is None or user is None:
        return None
    if user.is_superuser and not officer.user.is_superuser:
        raise Faulted(Fault.FORBIDDEN, "a superuser's account is superusers' business")
    return identified(candidate.subject, LOGIN.sector, LOGIN.new_identifier)


def remove_totp(user: User, call: Call, found: Found) -> None:
    """Take another's authenticator and backup codes away. The owner is told."""
    with transaction.atomic():
        if not binding.remove_totp(user.pk):
            return
        _act(call, found).row(
            Event.FACTOR_REMOVED,
            tenant_id=user.tenant_id,
            user_id=user.pk,
            reason="removed by an administrator",
            factor=Factor.OTP,
        ).save(force_insert=True)
        notices.factor_removed(user, "The authenticator app")


def end_sessions(user: User, call: Call, found: Found) -> None:
    """End another's Rocket.Chat sessions."""
    reason = "ended by an administrator"
    rows = Session.objects.filter(user=user, contract=SLUG, ended_at=None)
    ended = _act(call, found).row(
        Event.SESSION_ENDED, tenant_id=user.tenant_id, user_id=user.pk, reason=reason
    )
    execute(Update(rows, ended_at=call.now, end_reason=reason), Insert(ended))


def _act(call: Call, found: Found) -> Act:
    return Act(call.client(), found.subject.user.username, found.session.pk)
