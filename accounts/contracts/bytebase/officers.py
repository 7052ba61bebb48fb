"""What officers may do to others' accounts: in their own tenant, never to a superuser.

Nobody chooses another's password or second factor: an officer takes a factor away, or asks for a
new password in the console (ASVS 5.0, 6.4.6).
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import Q, QuerySet

from accounts.contracts.bytebase import addresses, objects, service_keys
from accounts.contracts.bytebase.changes import (
    Wanted,
    act,
    demand_fresh_login,
    judge_fields,
    write_fields,
)
from accounts.contracts.bytebase.protojson import quoted
from accounts.contracts.bytebase.tokens import SLUG, holder, presented
from accounts.contracts.bytebase.wording import (
    NO_PERSON,
    NO_SERVICE,
    NO_TRUST,
    Code,
    denied,
    no_such_user,
    objection,
)
from accounts.contracts.bytebase.workloads import trust_in
from accounts.login import custody
from accounts.login.sessions import Found
from accounts.login.subject import Subject, subject_of, with_facts
from accounts.login.workload_trust import trust_of
from accounts.models import User
from accounts.wire.call import Call
from accounts.wire.contract import Answer
from tenants.policy import TenantRecord

_TRUST = "workload_identity_config"
# A word about passwords, no password.
_OWN_PASSWORD = "a password is chosen by its owner"  # noqa: S105
_OWN_FACTOR = "a second factor is set up by its owner"
_LAST_ADMIN = "workspace must have at least one admin"


def is_officer(found: Found) -> bool:
    """Whether the caller may act on others: what the product calls a workspace admin."""
    user = found.subject.user
    return user.is_staff or user.is_superuser


def demand(found: Found, method: str, permission: str) -> None:
    """Raise Faulted(FORBIDDEN) in the words of ``method`` where the caller is no officer."""
    if not is_officer(found):
        raise denied(method, permission)


def target(found: Found, email: str) -> Subject:
    """The account of this address in the officer's tenant. Raises Faulted."""
    subject = _account(found, email)
    if subject is None:
        raise no_such_user(email)
    return subject


def _account(found: Found, email: str) -> Subject | None:
    tenant = found.subject.tenant
    return _first(User.objects.with_email(tenant.id, email), tenant)


def _as_stored(subject: Subject) -> Subject:
    """The account after a change, also where another officer has given it another address."""
    return _first(User.objects.filter(pk=subject.user.pk), subject.tenant) or subject


def _first(rows: QuerySet[User], tenant: TenantRecord) -> Subject | None:
    user = with_facts(rows, SLUG).first()
    return None if user is None else subject_of(user, user, tenant)


def _may_touch(found: Found, subject: Subject, permission: str) -> None:
    officer = found.subject.user
    if not is_officer(found) or (subject.user.is_superuser and not officer.is_superuser):
        raise objection(f'user does not have permission "{permission}"', Code.PERMISSION_DENIED)


def _living(found: Found, email: str) -> Subject:
    subject = target(found, email)
    if not subject.user.is_active:
        raise objection(f"user {quoted(email)} has been deleted", Code.NOT_FOUND)
    return subject


def update_other(call: Call, found: Found, email: str, wanted: Wanted) -> Answer:
    """Change another's title or phone, take his factor away, renew a machine's key.

    Who is no officer is not told whether there is such an account. Raises Faulted.
    """
    _demand(found, "bb.users.update")
    subject = _living(found, email)
    _may_touch(found, subject, "bb.users.update")
    judge_fields(wanted)
    _judge_others(call, found, subject, wanted)
    trust = trust_in(wanted.values.get(_TRUST, {})) if _TRUST in wanted.mask else None
    by, key, trusted = act(call, found), "", trust_of(subject.user)
    with transaction.atomic():
        write_fields(subject.user, wanted, by)
        if trust is not None and trust != trusted:
            # Whoever is trusted no longer has no token left either, as with a renewed key.
            custody.trust(subject.user, trust, by)
        if "mfa_enabled" in wanted.mask:
            custody.remove_totp(subject.user, by)
        if "service_key" in wanted.mask:
            key = service_keys.renew(subject.user, by)
    return Answer(200, objects.other(_as_stored(subject), service_key=key))


def _judge_others(call: Call, found: Found, subject: Subject, wanted: Wanted) -> None:
    if "password" in wanted.mask:
        raise objection(_OWN_PASSWORD if subject.user.is_person else NO_PERSON)
    asked = wanted.new_secret or wanted.new_codes or wanted.otp_code is not None
    if asked or ("mfa_enabled" in wanted.mask and wanted.values.get("mfa_enabled")):
        raise objection(_OWN_FACTOR)
    if "service_key" in wanted.mask and subject.user.kind != User.Kind.SERVICE:
        raise objection(NO_SERVICE)
    if _TRUST in wanted.mask and subject.user.kind != User.Kind.WORKLOAD:
        raise objection(NO_TRUST)
    if wanted.mask & {"mfa_enabled", "service_key", _TRUST}:
        demand_fresh_login(call, found)


def delete_user(call: Call, email: str) -> Answer:
    """Deactivate an account; the last officer stays. Raises Faulted."""
    found = holder(call, presented(call))
    _demand(found, "bb.users.delete")
    subject = _living(found, email)
    _may_touch(found, subject, "bb.users.delete")
    with transaction.atomic():
        _keep_an_officer(subject.user)
        custody.disable(subject.user, act(call, found))
    return Answer(200, {})


def undelete_user(call: Call, email: str) -> Answer:
    """Reactivate an account. Raises Faulted."""
    found = holder(call, presented(call))
    _demand(found, "bb.users.undelete")
    subject = target(found, email)
    _may_touch(found, subject, "bb.users.undelete")
    if subject.user.is_active:
        raise objection(f"user {quoted(email)} is already active")
    custody.enable(subject.user, act(call, found))
    return Answer(200, objects.other(_as_stored(subject)))


def update_email(call: Call, email: str, new: str) -> Answer:
    """Give an account another address. Raises Faulted."""
    found = holder(call, presented(call))
    demand(found, "UpdateEmail", "bb.users.updateEmail")
    subject = _living(found, email)
    _may_touch(found, subject, "bb.users.updateEmail")
    demand_fresh_login(call, found)
    addresses.judge(new, subject.tenant, subject.user.kind)
    if new != subject.user.email:
        addresses.change(subject.user, new, act(call, found))
    return Answer(200, objects.other(subject))


def _demand(found: Found, permission: str) -> None:
    if not is_officer(found):
        raise objection(f'user does not have permission "{permission}"', Code.PERMISSION_DENIED)


def _keep_an_officer(leaving: User) -> None:
    """Raise Faulted where nobody could act afterwards. Of two who leave at once, one waits."""
    rows = User.objects.select_for_update().filter(
        Q(is_staff=True) | Q(is_superuser=True),
        tenant_id=leaving.tenant_id,
        state=User.State.ACTIVE,
        kind=User.Kind.PERSON,
    )
    officers = list(rows.order_by("pk").values_list("pk", flat=True))
    if officers == [leaving.pk]:
        raise objection(_LAST_ADMIN)
