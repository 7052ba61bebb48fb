"""``UpdateUser`` on oneself: password and second factors, by query flags.

All is checked before anything is written, and written together.
"""

from __future__ import annotations

import string

from django.db import transaction

from accounts.contracts.bytebase.changes import (
    Wanted,
    act,
    demand_fresh_login,
    judge_fields,
    write_fields,
)
from accounts.contracts.bytebase.wording import (
    NO_PERSON,
    NO_SERVICE,
    NO_TRUST,
    objection,
    too_short,
)
from accounts.login import enrolment, password_change, sessions
from accounts.login.outcome import Factor
from accounts.login.sessions import Found
from accounts.wire.call import Call
from accounts.wire.contract import Fault, Faulted
from mfa import binding, recovery_codes
from mfa.binding import Pending

_CODES, _CODE_LENGTH = 10, 10
_CODE_ALPHABET = string.digits + string.ascii_letters
_EXPIRED = "MFA setup has expired, please regenerate the temporary secret"
_NOT_STARTED = "MFA is not setup yet"
_WRONG_CODE = "invalid OTP code"
_REQUIRED = "2FA is required and cannot be disabled"
_NOT_ENABLED = "MFA is not enabled"
_NO_CODES = "No recovery codes to update"


def shown_secret(call: Call, found: Found) -> Pending | None:
    """What waits to be proved by this session, while that is young enough to ask for it."""
    if not found.subject.enrolling or not enrolment.is_fresh(found, call.now):
        return None
    return enrolment.pending(found, call.now)


def make(call: Call, found: Found, wanted: Wanted) -> None:
    """Check everything, then write everything. Raises Faulted or LoginRefused."""
    if wanted.is_sensitive:
        demand_fresh_login(call, found)
    judge_fields(wanted)
    if "service_key" in wanted.mask:
        # A machine that renews its own key needs a fresh login, which it cannot have.
        raise objection(NO_SERVICE)
    if "workload_identity_config" in wanted.mask:
        raise objection(NO_TRUST)
    if "password" in wanted.mask and not found.subject.user.is_person:
        raise objection(NO_PERSON)
    _judge_factors(call, found, wanted)
    # Last, so that no refusal but the password's own follows the comparison with the old one.
    encoded = _prepared_password(found, wanted) if "password" in wanted.mask else ""
    with transaction.atomic():
        write_fields(found.subject.user, wanted, act(call, found))
        _write_factors(call, found, wanted)
        if encoded and not password_change.change(found, encoded, call.client()):
            raise Faulted(Fault.ENDED)


def _judge_factors(call: Call, found: Found, wanted: Wanted) -> None:
    pending = enrolment.pending(found, call.now)
    if wanted.otp_code is not None:
        if pending is None:
            raise objection(_EXPIRED)
        if enrolment.prove(found, wanted.otp_code.strip(), call.client()) is None:
            raise objection(_WRONG_CODE)
    if "mfa_enabled" in wanted.mask:
        _judge_switch(call, found, pending, on=bool(wanted.values.get("mfa_enabled")))
    if wanted.new_codes:
        if Factor.OTP not in found.subject.factors:
            raise objection(_NOT_ENABLED)
        if pending is None or not pending.codes:
            raise objection(_NO_CODES)


def _judge_switch(call: Call, found: Found, pending: Pending | None, *, on: bool) -> None:
    subject = found.subject
    if not on and subject.must_have_second_factor:
        raise objection(_REQUIRED)
    if on and pending is None:
        expired = binding.expired(subject.user.pk, call.now)
        raise objection(_EXPIRED if expired else _NOT_STARTED)


def _prepared_password(found: Found, wanted: Wanted) -> str:
    chosen, shortest = wanted.text("password"), found.subject.tenant.policy.password_min_length
    if len(chosen) < shortest:
        raise objection(too_short(shortest))
    return password_change.prepare(found.subject, chosen)


def _write_factors(call: Call, found: Found, wanted: Wanted) -> None:
    client = call.client()
    if "mfa_enabled" in wanted.mask and wanted.values.get("mfa_enabled"):
        bound = _still(enrolment.confirm(found, client), _NOT_STARTED)
        if bound.last_step >= 0:
            _prove_again(call, found)
    elif "mfa_enabled" in wanted.mask:
        enrolment.remove_totp(found, client)
    elif wanted.new_codes:
        # A switch takes what waits as a whole, codes included, or throws it away.
        _still(enrolment.confirm_codes(found, client), _NO_CODES)
    if wanted.new_secret:
        codes = recovery_codes.new_codes(_CODES, _CODE_LENGTH, _CODE_ALPHABET)
        enrolment.begin(found, client, codes=codes)


def _still(waiting: Pending | None, otherwise: str) -> Pending:
    """What was waiting a moment ago, unless another request was faster."""
    if waiting is None:
        raise objection(otherwise)
    return waiting


def _prove_again(call: Call, found: Found) -> None:
    """A code of the new authenticator was shown: the session has proved it, too."""
    kept = [record for record in found.session.amr if record["method"] != sessions.OTP]
    sessions.prove_again(found.session, [*kept, sessions.amr(sessions.OTP, call.now)])
