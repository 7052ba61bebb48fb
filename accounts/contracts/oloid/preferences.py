"""``SetUserMFAPreference``: which kinds of second factor are on, and which is asked for unasked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from accounts import audit, notices
from accounts.audit import Event
from accounts.contracts.oloid.answers import EMAIL_OTP
from accounts.contracts.oloid.shapes import SetUserMFAPreferenceShape, members
from accounts.contracts.oloid.software_tokens import checked_fresh
from accounts.contracts.oloid.tokens import bearer
from accounts.login import enrolment
from accounts.login.enrolment import LastFactor
from accounts.login.outcome import Factor
from accounts.login.sessions import Found
from accounts.login.subject import Subject
from accounts.models import User
from accounts.models.statement import Insert, Update, execute
from accounts.wire.authentication import ends_meanwhile
from accounts.wire.call import Call
from accounts.wire.contract import Fault, Faulted

Switches = Mapping[str, bool]

_MEMBER_OF = {
    Factor.OTP: "SoftwareTokenMfaSettings",
    Factor.EMAIL: "EmailMfaSettings",
}
_TITLE_OF = {Factor.OTP: "Software token MFA", Factor.EMAIL: "Email MFA"}
# The other kinds in Cognito's words, by the member that would switch them on. None is offered.
_OTHER_KINDS = {"SMSMfaSettings": "SMS_MFA", "WebAuthnMfaSettings": "WEB_AUTHN"}


def set_user_mfa_preference(call: Call, body: Any) -> dict[str, Any]:
    """Switch kinds on and off and choose among them. An app is set up first, elsewhere."""
    asked = members(SetUserMFAPreferenceShape, body)
    found = bearer(call, asked["AccessToken"])
    subject = found.subject
    wanted: dict[Factor, Switches] = {f: asked[name] for f, name in _MEMBER_OF.items()}
    _check(
        subject, wanted, {kind for name, kind in _OTHER_KINDS.items() if any(asked[name].values())}
    )
    owned = subject.factors & wanted.keys()
    off = {f for f in owned if wanted[f].get("Enabled") is False}
    on = {f for f in wanted if any(wanted[f].values()) and f not in owned}
    if off and not (owned | on) - off and subject.must_have_second_factor:
        raise _required(off)
    preferred = _preference(subject, wanted, off)
    # To prefer the only kind there is says nothing new.
    if off or on or (preferred != subject.user.preferred_factor and len(owned) > 1):
        checked_fresh(call, found)
    _change(call, found, off, on, preferred)
    return {}


def _check(subject: Subject, wanted: Mapping[Factor, Switches], others: set[str]) -> None:
    """Raises Faulted(INVALID) for what cannot be."""
    for kind in sorted(others):
        _no_delivery(kind)
    for factor, switches in wanted.items():
        if switches.get("Enabled") is False and switches.get("PreferredMfa"):
            raise Faulted(Fault.INVALID, f"{_TITLE_OF[factor]} cannot be preferred and not enabled")
        if any(switches.values()) and factor not in subject.factors:
            _check_possible(factor, subject.user)
    if all(switches.get("PreferredMfa") for switches in wanted.values()):
        raise Faulted(Fault.INVALID, "Only one MFA method can be preferred")


def _check_possible(factor: Factor, user: User) -> None:
    if factor is Factor.OTP:
        raise Faulted(Fault.INVALID, "User has not verified software token mfa")
    if not (user.email and user.email_verified and notices.are_sent()):
        _no_delivery(EMAIL_OTP)


def _no_delivery(kind: str) -> None:
    raise Faulted(Fault.INVALID, f"User does not have delivery config set to turn on {kind}")


def _required(off: set[Factor]) -> Faulted:
    return Faulted(Fault.INVALID, f"{_TITLE_OF[min(off)]} is required and cannot be turned off")


def _preference(subject: Subject, wanted: Mapping[Factor, Switches], off: set[Factor]) -> str:
    """The factor that is preferred from now on; empty for none."""
    for factor, switches in wanted.items():
        if switches.get("PreferredMfa"):
            return factor.value
    now = subject.user.preferred_factor
    dropped = {f.value for f in wanted if wanted[f].get("PreferredMfa") is False or f in off}
    return "" if now in dropped else now


def _change(call: Call, found: Found, off: set[Factor], on: set[Factor], preferred: str) -> None:
    """All of it or nothing. Raises Faulted."""
    try:
        with ends_meanwhile(), transaction.atomic():
            _write(call, found, off, on, preferred)
    except LastFactor as error:
        # The other one went a moment ago.
        raise _required(off) from error


def _write(call: Call, found: Found, off: set[Factor], on: set[Factor], preferred: str) -> None:
    client, user = call.client(), found.subject.user
    # What comes is there before anything goes.
    if Factor.EMAIL in on:
        enrolment.set_email_factor(found, client, on=True)
    if Factor.OTP in off:
        enrolment.remove_totp(found, client)
    if Factor.EMAIL in off:
        enrolment.set_email_factor(found, client, on=False)
    if preferred != user.preferred_factor:
        row = audit.row(
            Event.USER_CHANGED,
            client,
            tenant_id=user.tenant_id,
            user_id=user.pk,
            session_id=found.session.pk,
            reason="second factor preferred" if preferred else "no second factor preferred",
            factor=preferred,
        )
        rows = User.objects.filter(pk=user.pk)
        execute(Update(rows, preferred_factor=preferred), Insert(row))
