"""The accounts of a tenant that its other accounts may be shown."""

from __future__ import annotations

from dataclasses import replace

from django.db.models import QuerySet

from accounts.client import ClientContext
from accounts.login import identify
from accounts.login.attempt import Identifier, NameForm
from accounts.login.profile import LoginProfile
from accounts.login.subject import Subject, make_identifiers, subject_of, with_facts
from accounts.models import User
from tenants.policy import TenantRecord


def _shown(profile: LoginProfile) -> QuerySet[User]:
    """Who could log in here: neither disabled accounts nor kinds that this contract knows not."""
    return User.objects.filter(state=User.State.ACTIVE, kind__in=profile.kinds)


def count(tenant: TenantRecord, profile: LoginProfile) -> int:
    """How many there are."""
    return _shown(profile).filter(tenant_id=tenant.id).count()


def page(tenant: TenantRecord, profile: LoginProfile, *, start: int, size: int) -> list[Subject]:
    """``size`` of them from the one at ``start`` on, oldest first, each with its identifier.

    One statement, and one more where somebody here has no identifier yet.
    """
    rows = with_facts(_shown(profile).filter(tenant_id=tenant.id).order_by("pk"), profile.sector)
    found = [subject_of(user, user, tenant) for user in rows[start : start + size]]
    # In the order of their keys: of two requests that make the same ones none waits for the other.
    nameless = [subject.user for subject in found if not subject.identifier]
    made = make_identifiers(nameless, profile.sector, profile.new_identifier)
    return [
        replace(subject, identifier=made.get(subject.user.pk, subject.identifier))
        for subject in found
    ]


def member(
    identifier: str, tenant: TenantRecord, profile: LoginProfile, client: ClientContext
) -> Subject | None:
    """The one with this identifier of the contract's own, in one statement."""
    who = Identifier(NameForm.SUBJECT, identifier)
    candidate = identify.candidate(who, tenant, profile, client)
    if candidate is None:
        return None
    user = candidate.subject.user
    return candidate.subject if user.is_active and user.kind in profile.kinds else None
