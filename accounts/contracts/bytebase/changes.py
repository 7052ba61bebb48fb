"""``UpdateUser``: what a call asks for, and which values a field may take."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from rest_framework import serializers

from accounts.audit import Event
from accounts.contracts.bytebase import queries
from accounts.contracts.bytebase.objects import E164
from accounts.contracts.bytebase.protojson import (
    Enum,
    Message,
    Moment,
    Texts,
    camel,
    quoted,
    received,
    tracked_text,
)
from accounts.contracts.bytebase.wording import (
    KEY_LOGIN,
    LOG_IN_AGAIN,
    PROVIDERS,
    USER_TYPES,
    objection,
)
from accounts.login import enrolment, sessions
from accounts.login.custody import Act
from accounts.login.sessions import Found
from accounts.models import User
from accounts.wire.call import Call
from accounts.wire.contract import Fault, Faulted
from accounts.wire.fields import ExactBoolean

_MAX_TITLE = 200
_NO_EMAIL = "email updates are not supported through UpdateUser, use UpdateEmail API instead"
_COLUMNS = {"title": "display_name", "phone": "phone"}


class Profile(Message):
    """What a client sends back of the profile; it cannot be changed."""

    last_login_time = Moment(required=False)
    last_change_password_time = Moment(required=False)
    # DRF keeps an attribute of this name on every field.
    source = tracked_text()  # type: ignore[assignment]


class WorkloadIdentityConfig(Message):
    """The same of a workload's trust."""

    provider_type = Enum(PROVIDERS)
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
    temp_otp_secret_created_time = Moment(required=False)
    phone = tracked_text()
    profile = Profile(required=False)
    groups = Texts(required=False)
    workload_identity_config = WorkloadIdentityConfig(required=False)


# Whom a workload trusts is changed by a mask that says so, not by sending back what was read.
_TRUST = "workload_identity_config"
_CHANGEABLE = ("email", "title", "password", "service_key", "mfa_enabled", "phone", _TRUST)
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
    listed = queries.text(call, "update_mask")
    return wanted(
        values,
        mask=None if listed is None else [name.strip() for name in listed.split(",")],
        new_secret=queries.flag(call, "regenerate_temp_mfa_secret"),
        new_codes=queries.flag(call, "regenerate_recovery_codes"),
        otp_code=queries.text(call, "otp_code"),
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
    names = values.keys() - {_TRUST} if mask is None else mask
    changeable = frozenset(_SPELLINGS[name] for name in names if name in _SPELLINGS)
    return Wanted(values, changeable, new_secret, new_codes, otp_code)


def act(call: Call, found: Found) -> Act:
    """Who acts, for the audit trail."""
    return Act(call.client(), found.subject.user.username, found.session.pk)


def demand_fresh_login(call: Call, found: Found) -> None:
    """A stolen token alone changes nothing that keeps the owner in or others out.

    Raises Faulted(FORBIDDEN).
    """
    if any(record["method"] == sessions.SERVICE for record in found.session.amr):
        raise Faulted(Fault.FORBIDDEN, KEY_LOGIN)
    if not enrolment.is_fresh(found, call.now):
        raise Faulted(Fault.FORBIDDEN, LOG_IN_AGAIN)


def judge_fields(wanted: Wanted) -> None:
    """Refuse values that title and phone cannot take, and another address. Raises Faulted."""
    if "email" in wanted.mask:
        raise objection(_NO_EMAIL)
    judge_profile(
        wanted.text("title") if "title" in wanted.mask else "",
        wanted.text("phone") if "phone" in wanted.mask else "",
    )


def judge_profile(title: str, phone: str) -> None:
    """Refuse values that title and phone cannot take. Raises Faulted(INVALID)."""
    if not (len(title) <= _MAX_TITLE and title.isprintable()):
        raise objection(f"user title must be at most {_MAX_TITLE} printable characters")
    if phone and not E164.fullmatch(phone):
        raise objection(f"invalid phone number {quoted(phone)}")


def write_fields(user: User, wanted: Wanted, by: Act) -> None:
    """Store title and phone as far as they are asked for; an open transaction is around it."""
    values = {column: wanted.text(name) for name, column in _COLUMNS.items() if name in wanted.mask}
    if not values:
        return
    for column, value in values.items():
        setattr(user, column, value)
    user.save(update_fields=list(values))
    row = by.row(
        Event.USER_CHANGED,
        tenant_id=user.tenant_id,
        user_id=user.pk,
        facts=[("changed", ", ".join(sorted(values)))],
    )
    row.save(force_insert=True)
