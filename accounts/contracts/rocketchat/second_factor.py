"""The second factor in Rocket.Chat's words: which one is asked for, and the guard of later calls.

The login refuses with 401 and both envelopes; a guarded call refuses with 400, and clients then
repeat it with the headers ``x-2fa-code`` and ``x-2fa-method``. docs/contracts/rocketchat.md,
"Guarded calls", says when nothing is asked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from accounts.client import ClientContext
from accounts.contracts.rocketchat import wording
from accounts.contracts.rocketchat.bodies import plain_code
from accounts.contracts.rocketchat.people import iso
from accounts.contracts.rocketchat.tokens import LOGIN
from accounts.login import (
    directory_login,
    enrolment,
    mailed_codes,
    password_change,
    passwords,
    personal_tokens,
    sessions,
)
from accounts.login.attempt import PasswordDigest
from accounts.login.mailed_codes import MailState
from accounts.login.outcome import Factor, LoginRefused
from accounts.login.sessions import Found
from accounts.login.subject import Subject
from accounts.wire.call import Call
from accounts.wire.contract import Answer, Fault, Faulted
from mfa import email_codes
from mfa.totp import is_code
from tenants.hint import TenantHint
from tenants.resolve import resolve

# So long nothing more is asked of a token that has proved a factor.
MEMORY = timedelta(seconds=1800)
TOTP, EMAIL, PASSWORD = "totp", "email", "password"  # the product's names
_FACTOR_OF = {TOTP: Factor.OTP, EMAIL: Factor.EMAIL}
_SECOND = frozenset({sessions.OTP, sessions.RECOVERY, sessions.EMAIL, "hwk"})
# What is all that an account without a second factor can prove: a password, or a directory's.
_FIRST = frozenset({sessions.PASSWORD, sessions.FEDERATED})
_DEVICES = frozenset({Factor.OTP, Factor.PASSKEY})


def login_required(subject: Subject, now: datetime) -> Answer:
    """The login's demand for a code; it is mailed now where it comes by mail."""
    methods = _enabled(subject)
    details = _details(methods[0], methods, subject, _mail(methods[0], subject, now))
    return wording.refused("totp-required", "TOTP Required", details)


def login_invalid(refused: LoginRefused) -> Answer:
    """The login's word for a code that is wrong, used, or one too many."""
    subject = refused.detail.get("subject")
    methods = _enabled(subject) if subject else []
    if subject is None or not methods:
        return wording.refused("totp-invalid", "TOTP Invalid", wording.TOTP_DETAILS)
    error, message, details = _after_wrong(methods[0], methods, subject, timezone.now())
    return wording.refused(error, message, details)


def refusal(
    call: Call, found: Found, *, remembers: bool, bypassed: bool = True, mailed: bool = True
) -> Answer | None:
    """Why a guarded call is not served, or None: the code was right, or none is asked for.

    ``bypassed``: whether a token that was made to bypass the factor does so here. ``mailed``:
    whether a mailed code is enough of who has an app or a security key as well; a mailbox proves
    less than they do, and must not replace them (ASVS 5.0, 7.5.1). Raises Faulted(FORBIDDEN) for an
    account that has nothing to be asked for over this contract.
    """
    client = call.client()
    mailed = mailed or not found.subject.factors & _DEVICES
    if remembers and _remembered(found, client, mailed=mailed):
        return None
    if bypassed and personal_tokens.bypasses_second_factor(found.session):
        return None
    subject, methods = found.subject, _enabled(found.subject, mailed=mailed)
    method = _method(call, methods, subject)
    if method is None:
        raise Faulted(Fault.FORBIDDEN, "no factor that this contract can ask for")
    code = call.header("X-2FA-Code")
    if not code:
        details = _details(method, methods, subject, _mail(method, subject, call.now))
        return wording.failed(400, "TOTP Required", "totp-required", details=details)
    proof = _proof(method, code, found, client)
    if proof is None:
        error, message, details = _after_wrong(method, methods, subject, call.now)
        return wording.failed(400, message, error, details=details)
    if remembers:
        remember(found, proof, client)
    return None


def refusal_of_bypass(call: Call, found: Found) -> Answer | None:
    """Why a call that was let through by the bypass alone is not served after all, or None."""
    if not personal_tokens.bypasses_second_factor(found.session):
        return None
    return refusal(call, found, remembers=False, bypassed=False, mailed=False)


def remember(found: Found, proof: str, client: ClientContext) -> None:
    """Note that this token has proved a factor now, from here. The latest such note counts."""
    kept = [record for record in found.session.amr if "from" not in record]
    noted = {**sessions.amr(proof, client.now), "from": _origin(client.address, client.agent)}
    sessions.prove_again(found.session, [*kept, noted])


def _remembered(found: Found, client: ClientContext, *, mailed: bool) -> bool:
    """Whether this token proved the account's level lately, from this address and client."""
    session, here = found.session, _origin(client.address, client.agent)
    at_login = _origin(session.address, session.agent)
    enough = _SECOND if found.subject.factors else _SECOND | _FIRST
    enough -= frozenset() if mailed else {sessions.EMAIL}
    oldest = (client.now - MEMORY).timestamp()
    return any(
        record["method"] in enough
        and record["at"] >= oldest
        and record.get("from", at_login) == here
        for record in session.amr
    )


def _origin(address: str | None, agent: str) -> str:
    return hashlib.sha256(f"{address}\x00{agent}".encode()).hexdigest()[:32]


def _enabled(subject: Subject, *, mailed: bool = True) -> list[str]:
    methods = [method for method, factor in _FACTOR_OF.items() if factor in subject.factors]
    return methods if mailed else [method for method in methods if method != EMAIL]


def _method(call: Call, methods: Sequence[str], subject: Subject) -> str | None:
    """The method that the client names if it is one of these, else the first of them."""
    if methods:
        named = call.header("X-2FA-Method")
        return named if named in methods else methods[0]
    # Where only a security key is set up the password would be less than the account demands.
    if subject.factors or not passwords.is_hashed(subject.user.password):
        return None
    # What a directory's person still has here would outlive him there.
    return None if directory_login.judges(subject.user, subject.tenant) else PASSWORD


def _details(
    method: str, methods: Sequence[str], subject: Subject, mail: MailState | None
) -> dict[str, Any]:
    generated = mail is not None and mail.generated
    details: dict[str, Any] = {
        "method": method,
        "codeGenerated": generated,
        "availableMethods": list(methods),
    }
    if method == EMAIL:
        details["emailOrUsername"] = _addressee(subject)
    if mail is not None and mail.expires_at is not None:
        details["codeExpires"] = iso(mail.expires_at)
    return details


def _addressee(subject: Subject) -> str:
    """The name by which ``users.2fa.sendEmailCode`` finds this user where the login did."""
    user, tenant = subject.user, subject.tenant
    bare, by_email = resolve(TenantHint()), resolve(TenantHint(email=user.email))
    if bare is not None and by_email is not None and bare.id != tenant.id == by_email.id:
        # At the bare address only the e-mail's domain leads to this tenant.
        return user.email
    # What has an "@" is looked up as an address.
    return user.email if "@" in user.username else user.username


def _mail(method: str, subject: Subject, now: datetime) -> MailState | None:
    return mailed_codes.ensure_sent(subject, now) if method == EMAIL else None


def _after_wrong(
    method: str, methods: Sequence[str], subject: Subject, now: datetime
) -> tuple[str, str, dict[str, Any]]:
    """Code, sentence and details after a wrong code. Nothing is mailed for it."""
    if method != EMAIL:
        return "totp-invalid", "TOTP Invalid", _details(method, methods, subject, None)
    live = email_codes.current(subject.user.pk, now)
    state = MailState(generated=False, expires_at=live.expires_at if live else None)
    details = _details(method, methods, subject, state)
    if email_codes.exhausted(subject.user.pk, now):
        return "totp-max-attempts", "TOTP Maximun Failed Attempts Reached", details
    return "totp-invalid", "TOTP Invalid", details


@sensitive_variables("code")
def _proof(method: str, code: str, found: Found, client: ClientContext) -> str | None:
    """What a right code proves, by the session's word for it; the code is spent."""
    code = code if method == PASSWORD else plain_code(code)
    try:
        if method == PASSWORD:
            right = password_change.prove(found, PasswordDigest(code.lower()), LOGIN, client)
            return sessions.PASSWORD if right else None
        if method == EMAIL:
            return sessions.EMAIL if enrolment.spend_mailed_code(found, code, client) else None
        right = enrolment.spend_code(found, code, client)
    except LoginRefused:
        return None
    return (sessions.OTP if is_code(code) else sessions.RECOVERY) if right else None
