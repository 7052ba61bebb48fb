"""``CreateUser``: sign-up where the tenant allows it, and accounts made by officers."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.views.decorators.debug import sensitive_variables

from accounts import provisioning
from accounts.contracts.bytebase import addresses, objects, service_keys
from accounts.contracts.bytebase.changes import act, demand_fresh_login, judge_profile
from accounts.contracts.bytebase.officers import is_officer
from accounts.contracts.bytebase.tokens import SLUG, holder, presented, workspace_of
from accounts.contracts.bytebase.wording import USER_TYPES, Code, objection, too_short
from accounts.contracts.bytebase.workloads import trust_in
from accounts.login import identify, password_rules, throttle
from accounts.login.attempt import Attempt, Identifier, NameForm
from accounts.login.outcome import Reason
from accounts.login.profile import Limit
from accounts.login.sessions import Found
from accounts.login.subject import Subject
from accounts.login.throttle import Bucket
from accounts.login.workload_trust import WorkloadTrust
from accounts.models import ThrottleBucket, User
from accounts.wire.call import Call, client_address
from accounts.wire.contract import Answer, Faulted
from tenants.models import Tenant
from tenants.names import fold
from tenants.policy import TenantRecord
from tenants.sealing import derive

_KINDS = {name: kind for kind, name in USER_TYPES.items()}
# The product's numbers of the kinds.
_NUMBERS = ("USER_TYPE_UNSPECIFIED", "USER", "SYSTEM_BOT", "SERVICE_ACCOUNT", "WORKLOAD_IDENTITY")
# So many accounts may strangers make from one address.
_SIGN_UPS = Limit(20, timedelta(hours=1))
_NO_SIGN_UP = "sign up is disallowed"
_NO_PERMISSION = 'user does not have permission "bb.users.create"'
_TOO_MANY = "too many sign-ups, please try again later"


@dataclass(frozen=True, slots=True)
class _Draft:
    """The account that is asked for."""

    tenant: TenantRecord
    kind: str
    email: str
    title: str
    phone: str
    trust: WorkloadTrust | None


def create_user(call: Call, message: dict[str, Any]) -> Answer:
    """Make an account; ``message`` has the fields of a ``User``. Raises Faulted."""
    found = _caller(call)
    tenant = _tenant(call, found, str(message.get("email", "")))
    if found is None or not is_officer(found):
        _judge_sign_up(found, tenant)
    if tenant is None:
        raise objection(_NO_SIGN_UP, Code.PERMISSION_DENIED)
    draft = _draft(message, tenant)
    if found is None or not is_officer(found):
        if draft.kind != User.Kind.PERSON:
            raise objection(_NO_PERMISSION, Code.PERMISSION_DENIED)
    elif draft.kind != User.Kind.PERSON:
        # A key or a trust outlives the token that made it.
        demand_fresh_login(call, found)
    return _made(call, found, draft, str(message.get("password", "")))


def _caller(call: Call) -> Found | None:
    """Who calls, if anybody: the method is public, so a dead token is as good as none."""
    token = presented(call)
    try:
        return holder(call, token)
    except Faulted:
        return None


def _tenant(call: Call, found: Found | None, email: str) -> TenantRecord | None:
    if found is not None:
        return found.subject.tenant
    identifier = Identifier(NameForm.EMAIL, email)
    tenant = identify.tenant_of(Attempt((), call.hint, call.client(), identifier))
    return tenant if tenant is not None and tenant.serves(SLUG) else None


def _judge_sign_up(found: Found | None, tenant: TenantRecord | None) -> None:
    if tenant is None or workspace_of(tenant).disallow_signup:
        text = _NO_SIGN_UP if found is None else _NO_PERMISSION
        raise objection(text, Code.PERMISSION_DENIED)


def _draft(message: dict[str, Any], tenant: TenantRecord) -> _Draft:
    email, title = str(message.get("email", "")), str(message.get("title", ""))
    if not email:
        raise objection("email must be set")
    if not title:
        raise objection("user title must be set")
    kind = _kind(message.get("user_type", 0))
    phone = str(message.get("phone", ""))
    judge_profile(title, phone)
    addresses.judge(email, tenant, kind)
    config = message.get("workload_identity_config", {})
    trust = trust_in(config) if kind == User.Kind.WORKLOAD else None
    return _Draft(tenant, kind, email, title, phone, trust)


def _kind(given: str | int) -> str:
    known = isinstance(given, int) and 0 <= given < len(_NUMBERS)
    name = _NUMBERS[int(given)] if known else str(given)
    if name not in _KINDS:
        raise objection(f"invalid user type {name}")
    return _KINDS[name]


@sensitive_variables("password")
def _made(call: Call, found: Found | None, draft: _Draft, password: str) -> Answer:
    by_officer = found is not None and is_officer(found)
    if not by_officer:
        _count_sign_up(call)
    if addresses.is_taken(draft.email, draft.tenant.id):
        raise addresses.taken(draft.email)
    tenant = Tenant.objects.get(pk=draft.tenant.id)
    chosen = password if draft.kind == User.Kind.PERSON else ""
    if chosen or (draft.kind == User.Kind.PERSON and not by_officer):
        _judge_password(chosen, draft, tenant)
    try:
        # A machine is written together with its key; a password is hashed outside of transactions.
        with nullcontext() if chosen else transaction.atomic():
            user, key = _written(call, found, draft, tenant, chosen)
    except IntegrityError:
        raise addresses.taken(draft.email) from None
    except ValidationError as error:
        if addresses.is_taken(draft.email, draft.tenant.id):
            # By another request a moment ago.
            raise addresses.taken(draft.email) from None
        raise objection(f"invalid email: {' '.join(error.messages)}") from None
    made = Subject(user, draft.tenant, frozenset(), ())
    return Answer(200, objects.other(made, service_key=key))


def _written(
    call: Call, found: Found | None, draft: _Draft, tenant: Tenant, password: str
) -> tuple[User, str]:
    by = act(call, found) if found is not None else None
    user = provisioning.create_user(
        tenant,
        draft.email,
        password=password or None,
        by=call.client(),
        trace=[("by", by.by)] if by else [("by", "sign-up")],
        email=draft.email,
        display_name=draft.title,
        phone=draft.phone,
        kind=draft.kind,
        # Who made the account knows the password: it is good for choosing another (ASVS 6.4.1).
        must_change_password=bool(password) and found is not None and is_officer(found),
        workload_trust=draft.trust.stored() if draft.trust else {},
    )
    key = service_keys.issue(user, by) if by and draft.kind == User.Kind.SERVICE else ""
    return user, key


@sensitive_variables("password")
def _judge_password(password: str, draft: _Draft, tenant: Tenant) -> None:
    shortest = draft.tenant.policy.password_min_length
    if len(password) < shortest:
        raise objection(too_short(shortest))
    key = fold(draft.email)
    future = User(tenant=tenant, username_key=key, email_key=key)
    if message := password_rules.objection(password, future, draft.tenant.policy):
        raise objection(message)


def _count_sign_up(call: Call) -> None:
    """Bound what one stranger can fill the tables with, and how many addresses he can try."""
    name = "\x00".join(
        (ThrottleBucket.Kind.REQUEST, SLUG, "sign-up", client_address(call.request) or "")
    )
    key = derive("throttle", name.encode())
    bucket = Bucket(ThrottleBucket.Kind.REQUEST, key, _SIGN_UPS, Reason.THROTTLED_ADDRESS)
    if throttle.reserve([bucket], call.now).refusal is not None:
        raise objection(_TOO_MANY, Code.RESOURCE_EXHAUSTED)
