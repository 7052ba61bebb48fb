"""``UpdateUser``: what a user may change about himself; second factors by query flags.

All is checked before anything is written, and written together.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from rest_framework import serializers

from accounts.contracts.bytebase.protojson import (
    Enum,
    Message,
    Texts,
    camel,
    quoted,
    received,
    tracked_text,
)
from accounts.contracts.bytebase.wording import (
    KEY_LOGIN,
    LOG_IN_AGAIN,
    USER_TYPES,
    Code,
    objection,
    status,
)
from accounts.login import enrolment, password_change, sessions
from accounts.login.outcome import Factor
from accounts.login.sessions import Found
from accounts.models import User
from accounts.wire.call import Call
from accounts.wire.contract import Answer, Fault, Faulted
from accounts.wire.fields import ExactBoolean
from mfa import binding, recovery_codes
from mfa.binding import Pending

_CODES, _CODE_LENGTH = 10, 10
_CODE_ALPHABET = string.digits + string.ascii_letters
_MAX_TITLE = 200
# E.164, as the field's document asks for.
_PHONE = re.compile(r"\+[1-9][0-9]{1,14}")
_BOOLEANS = dict.fromkeys(("1", "t", "T", "true", "TRUE", "True"), True) | dict.fromkeys(
    ("0", "f", "F", "false", "FALSE", "False"), False
)

_EXPIRED = "MFA setup has expired, please regenerate the temporary secret"
_NOT_STARTED = "MFA is not setup yet"
_WRONG_CODE = "invalid OTP code"
_REQUIRED = "2FA is required and cannot be disabled"
_NOT_ENABLED = "MFA is not enabled"
_NO_CODES = "No recovery codes to update"
_NO_EMAIL = "email updates are not supported through UpdateUser, use UpdateEmail API instead"
_NO_KEY = "service keys are renewed in the console"


class Profile(Message):
    """What a client sends back of the profile; it cannot be changed."""

    last_login_time = tracked_text()
    last_change_password_time = tracked_text()
    # DRF keeps an attribute of this name on every field.
    source = tracked_text()  # type: ignore[assignment]


class WorkloadIdentityConfig(Message):
    """The same of a workload's trust."""

    provider_type = Enum(("PROVIDER_TYPE_UNSPECIFIED", "GITHUB", "GITLAB"))
    issuer_url = tracked_text()
    allowed_audiences = Texts(required=False)
    subject_pattern = tracked_text()


class UserMessage(Message):
    """A ``User`` as clients send it: every field may be there, few can be changed."""

    name = tracked_text()
    state = Enum(("STATE_UNSPECIFIED", "ACTIVE", "DELETED"))
    email = tracked_text()
    title = tracked_text()
    user_type = Enum(("USER_TYPE_UNSPECIFIED", "SYSTEM_BOT", *USER_TYPES.values()))
    password = tracked_text()
    service_key = tracked_text()
    mfa_enabled: serializers.Field[Any, Any, Any, Any] = ExactBoolean(required=False)
    temp_otp_secret = tracked_text()
    temp_recovery_codes = Texts(required=False)
    temp_otp_secret_created_time = tracked_text()
    phone = tracked_text()
    profile = Profile(required=False)
    groups = Texts(required=False)
    workload_identity_config = WorkloadIdentityConfig(required=False)


_CHANGEABLE = ("email", "title", "password", "service_key", "mfa_enabled", "phone")
_SPELLINGS = {spelling: name for name in _CHANGEABLE for spelling in (name, camel(name))}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a call asks for."""

    values: dict[str, Any] = field(repr=False)
    # The fields to be changed, by their proto names; a name that is unknown or fixed is left out.
    mask: frozenset[str]
    new_secret: bool
    new_codes: bool
    otp_code: str | None = field(repr=False)

    @property
    def is_of_factors(self) -> bool:
        """Whether it is about second factors and nothing else."""
        return self.mask <= {"mfa_enabled"}

    @property
    def is_sensitive(self) -> bool:
        """Whether more than the display name is at stake."""
        asked = self.new_secret or self.new_codes or self.otp_code is not None
        return asked or not self.mask <= {"title"}

    def text(self, name: str) -> str:
        """A value of the body; what is masked but absent is empty."""
        return str(self.values.get(name, ""))


def read(call: Call) -> Wanted:
    """The body and the query. Raises Faulted(MALFORMED) or Faulted(INVALID)."""
    values = received(call, UserMessage)
    listed = _query(call, "update_mask")
    return wanted(
        values,
        mask=None if listed is None else [name.strip() for name in listed.split(",")],
        new_secret=_flag(call, "regenerate_temp_mfa_secret"),
        new_codes=_flag(call, "regenerate_recovery_codes"),
        otp_code=_query(call, "otp_code"),
    )


def wanted(
    values: dict[str, Any],
    *,
    mask: Iterable[str] | None,
    new_secret: bool = False,
    new_codes: bool = False,
    otp_code: str | None = None,
) -> Wanted:
    """What an ``UpdateUserRequest`` asks for; without a mask the fields that are there."""
    names = values if mask is None else mask
    changeable = frozenset(_SPELLINGS[name] for name in names if name in _SPELLINGS)
    return Wanted(values, changeable, new_secret, new_codes, otp_code)


def _query(call: Call, name: str) -> str | None:
    """A parameter in either spelling; other parameters do not matter."""
    given = [value for key in (name, camel(name)) for value in call.request.GET.getlist(key)]
    if len(given) > 1:
        raise Faulted(Fault.INVALID, f"too many values for field {quoted(camel(name))}")
    if given and "\x00" in given[0]:
        raise Faulted(Fault.INVALID, f"invalid value for field {quoted(camel(name))}")
    return given[0] if given else None


def _flag(call: Call, name: str) -> bool:
    given = _query(call, name)
    if given is not None and given not in _BOOLEANS:
        raise Faulted(Fault.INVALID, f"invalid value for field {quoted(camel(name))}")
    return given is not None and _BOOLEANS[given]


def refused_for(email: str, found: Found) -> Answer:
    """Nobody changes another's record here; whether there is one is told, as the product does."""
    other = User.objects.with_email(found.subject.tenant.id, email).first()
    if other is None:
        return status(Code.NOT_FOUND, f"user {quoted(email)} not found")
    if not other.is_active:
        return status(Code.NOT_FOUND, f"user {quoted(email)} has been deleted")
    return status(Code.PERMISSION_DENIED, 'user does not have permission "bb.users.update"')


def shown_secret(call: Call, found: Found) -> Pending | None:
    """What waits to be proved by this session, while that is young enough to ask for it."""
    if not found.subject.enrolling or not enrolment.is_fresh(found, call.now):
        return None
    return enrolment.pending(found, call.now)


def make(call: Call, found: Found, wanted: Wanted) -> None:
    """Check everything, then write everything. Raises Faulted or LoginRefused."""
    if wanted.is_sensitive:
        _demand_fresh_login(call, found)
    _judge_fields(wanted)
    _judge_factors(call, found, wanted)
    # Last, so that no refusal but the password's own follows the comparison with the old one.
    encoded = _prepared_password(found, wanted) if "password" in wanted.mask else ""
    with transaction.atomic():
        _write_fields(found, wanted)
        _write_factors(call, found, wanted)
        if encoded and not password_change.change(found, encoded, call.client()):
            raise Faulted(Fault.ENDED)


def _demand_fresh_login(call: Call, found: Found) -> None:
    """A stolen token alone changes nothing that keeps the owner in or others out."""
    if any(record["method"] == sessions.SERVICE for record in found.session.amr):
        raise Faulted(Fault.FORBIDDEN, KEY_LOGIN)
    if not enrolment.is_fresh(found, call.now):
        raise Faulted(Fault.FORBIDDEN, LOG_IN_AGAIN)


def _judge_fields(wanted: Wanted) -> None:
    if "email" in wanted.mask:
        raise objection(_NO_EMAIL)
    if "service_key" in wanted.mask:
        raise objection(_NO_KEY)
    title, phone = wanted.text("title"), wanted.text("phone")
    if "title" in wanted.mask and not (len(title) <= _MAX_TITLE and title.isprintable()):
        raise objection(f"user title must be at most {_MAX_TITLE} printable characters")
    if "phone" in wanted.mask and phone and not _PHONE.fullmatch(phone):
        raise objection(f"invalid phone number {quoted(phone)}")


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
    user, policy = found.subject.user, found.subject.tenant.policy
    if not on and policy.demands_second_factor(staff=user.is_staff or user.is_superuser):
        raise objection(_REQUIRED)
    if on and pending is None:
        raise objection(_EXPIRED if binding.expired(user.pk, call.now) else _NOT_STARTED)


def _prepared_password(found: Found, wanted: Wanted) -> str:
    chosen, shortest = wanted.text("password"), found.subject.tenant.policy.password_min_length
    if len(chosen) < shortest:
        raise objection(f"password length should no less than {shortest} characters")
    return password_change.prepare(found.subject, chosen)


def _write_fields(found: Found, wanted: Wanted) -> None:
    columns = {"title": "display_name", "phone": "phone"}
    values = {columns[name]: wanted.text(name) for name in columns if name in wanted.mask}
    if values:
        user = found.subject.user
        for column, value in values.items():
            setattr(user, column, value)
        user.save(update_fields=list(values))


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
