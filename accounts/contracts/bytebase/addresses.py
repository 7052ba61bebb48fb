"""E-mail addresses that accounts may have, and another one for an account."""

from __future__ import annotations

from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from accounts import notices
from accounts.audit import Event
from accounts.contracts.bytebase.protojson import quoted
from accounts.contracts.bytebase.tokens import workspace_of
from accounts.contracts.bytebase.wording import Code, no_such_user, objection
from accounts.contracts.bytebase.workloads import DOMAIN
from accounts.login.custody import Act
from accounts.models import User
from accounts.wire.contract import Faulted
from mfa import email_codes
from tenants.names import deceptive, fold
from tenants.policy import TenantRecord
from tenants.resolve import leads_elsewhere

# A user name is made of the address, and is shorter than one may be.
_MAX_LENGTH = 150


def judge(email: str, tenant: TenantRecord, kind: str) -> None:
    """Refuse what is no address for an account of this kind. Raises Faulted(INVALID)."""
    if not email:
        raise objection("email must be set")
    if email != email.lower():
        raise objection("invalid email: email should be lowercase")
    try:
        validate_email(email)
    except ValidationError:
        raise objection(f"invalid email: {quoted(email)} is no address") from None
    if len(email) > _MAX_LENGTH:
        raise objection(f"invalid email: it must have at most {_MAX_LENGTH} characters")
    # It is one part of the paths of this API.
    if "/" in email:
        raise objection(f"invalid email: {quoted(email)} must not contain a slash")
    # An address that folds to another text would be shown as what it is not.
    if deceptive(email) or fold(email) != email:
        raise objection(f"invalid email: {quoted(email)} looks like another address")
    if kind == User.Kind.WORKLOAD and not email.endswith(DOMAIN):
        raise objection(f"email must end with {DOMAIN}")
    if kind == User.Kind.PERSON:
        _judge_domain(email, tenant)


def _judge_domain(email: str, tenant: TenantRecord) -> None:
    if outsider := workspace_of(tenant).outsider(email):
        raise objection(outsider)
    # At the bare address its owner would be taken for somebody of the other tenant.
    if leads_elsewhere(email, tenant.id):
        raise objection(f"invalid email: the domain of {quoted(email)} is another workspace's")


def taken(email: str) -> Faulted:
    """To be raised where another account has the address."""
    return objection(f"email {email} is already existed", Code.ALREADY_EXISTS)


def is_taken(email: str, tenant_id: UUID, besides: UUID | None = None) -> bool:
    """Whether an account of the tenant has the address, or is called like it."""
    others = User.objects.filter(tenant_id=tenant_id)
    if besides is not None:
        others = others.exclude(pk=besides)
    key = fold(email)
    return others.filter(email_key=key).exists() or others.filter(username_key=key).exists()


def change(user: User, new: str, by: Act) -> None:
    """Store another address, which is not proved; the old one gets a mail. Raises Faulted.

    A user name that was the address goes along: it must be the user's own. Links and codes that
    went to the old address are void.
    """
    if is_taken(new, user.tenant_id, user.pk):
        raise taken(new)
    try:
        with transaction.atomic():
            _store(user, new, by)
    except IntegrityError:
        raise taken(new) from None


def _store(user: User, new: str, by: Act) -> None:
    old, fields = user.email, ["email", "email_verified"]
    # Of two who change it at once the later one waits here, and finds nobody of the old address.
    rows = User.objects.select_for_update(no_key=True)
    held = rows.filter(pk=user.pk, email_key=user.email_key).first()
    if held is None:
        raise no_such_user(old)
    if held.username_key == held.email_key:
        user.username = new
        fields.append("username")
    user.email, user.email_verified = new, False
    row = by.row(
        Event.USER_CHANGED, tenant_id=user.tenant_id, user_id=user.pk, reason="address changed"
    )
    user.save(update_fields=fields)
    row.save(force_insert=True)
    email_codes.void(user.pk, by.client.now)
    notices.address_changed(user, old)
