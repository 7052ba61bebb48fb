"""The first factor: a password, its digest, or a service secret; every refusal costs the same."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from django.views.decorators.debug import sensitive_variables

from accounts.login import identify, passwords, sessions, throttle
from accounts.login.attempt import Attempt, FirstFactor, Identifier, Password
from accounts.login.identify import Candidate
from accounts.login.journey import Journey
from accounts.login.outcome import Reason
from accounts.login.subject import Mandate, Subject
from accounts.models import ServiceCredential, User
from accounts.models.statement import Update
from tenants.hashing import Overloaded
from tenants.names import fold
from tenants.policy import TenantRecord
from tenants.resolve import explicit


@dataclass(frozen=True, slots=True)
class Proof:
    """A right first factor."""

    subject: Subject
    record: dict[str, Any]
    by_service_secret: bool = False
    # Written together with the session: the credential's last use.
    writes: tuple[Update, ...] = ()
    # The same password hashed with today's parameters, where the stored hash has older ones.
    rehashed: str = field(default="", repr=False)


@sensitive_variables("factor")
def check(attempt: Attempt, journey: Journey) -> Proof:
    """Judge the first factor. Raises LoginRefused after the refusal was recorded."""
    factor = attempt.first_factor
    identifier = attempt.identifier
    if factor is None or identifier is None:
        journey.refuse(Reason.NOTHING_PRESENTED)
    found, missing = _find(attempt, identifier, journey)
    if found is not None and (mandate := by_secret(found, identifier, factor, journey)):
        return _service_proof(found, mandate, journey)
    user = found.subject.user if found else None
    journey.reserve(
        throttle.password_buckets(
            journey.profile,
            journey.tenant.id if journey.tenant else _called(attempt),
            identifier.value,
            user.pk if user else None,
            journey.client.address,
        )
    )
    matched = _verify(factor, user, journey)
    if found is None or user is None:
        journey.note("password", "nobody to compare with")
        journey.refuse(missing)
    if not matched:
        journey.note("password", "wrong")
        known = passwords.is_hashed(user.password)
        journey.refuse(Reason.WRONG_PASSWORD if known else Reason.NO_PASSWORD)
    journey.note("password", "right")
    record = sessions.amr(sessions.PASSWORD, journey.client.now)
    return Proof(found.subject, record, rehashed=_rehash(user, factor))


def _find(
    attempt: Attempt, identifier: Identifier, journey: Journey
) -> tuple[Candidate | None, Reason]:
    """The account, or nobody and why."""
    tenant = journey.tenant = identify.tenant_of(attempt)
    shut = _shut(tenant, attempt, journey)
    if tenant is None or shut is not None:
        identify.nobody(identifier, journey.profile, journey.client)
        return None, shut or Reason.UNKNOWN_TENANT
    found = identify.candidate(identifier, tenant, journey.profile, journey.client)
    journey.note("user", "found" if found else "not found")
    journey.subject = found.subject if found else None
    return found, Reason.UNKNOWN_SUBJECT


def _called(attempt: Attempt) -> str:
    """What stands for the id of a tenant that does not exist: what it was called, and where.

    If all of them shared their counters, a stranger who has filled these would see which tenants
    there are: those whose counters are still free.
    """
    addressed = explicit(attempt.tenant)
    return f"{addressed.id if addressed else ''}\x00{fold(attempt.tenant.name or '')}"


def _shut(tenant: TenantRecord | None, attempt: Attempt, journey: Journey) -> Reason | None:
    """Why nobody logs in at this tenant, noted."""
    journey.note("tenant", tenant.slug if tenant else "none")
    if tenant is None:
        return Reason.UNKNOWN_TENANT
    journey.note("tenant by", identify.tenant_by(attempt))
    if not tenant.active:
        return Reason.TENANT_SUSPENDED
    return None if tenant.serves(journey.profile.contract) else Reason.CONTRACT_OFF


def by_secret(
    found: Candidate, identifier: Identifier, factor: FirstFactor, journey: Journey
) -> Mandate | None:
    """The mandate of the service secret that was presented, if it is one.

    It has at least 128 random bits and cannot be guessed, so counters do not apply: a stranger
    who knows a machine's name cannot lock it out.
    """
    if found.subject.user.is_person and not journey.profile.app_passwords:
        return None
    secrets = found.secrets
    named = {d: known for d, known in secrets.items() if known.client_id == identifier.value}
    digest = passwords.matching_secret(factor, named or secrets)
    return None if digest is None else secrets[digest]


def _service_proof(found: Candidate, mandate: Mandate, journey: Journey) -> Proof:
    journey.note("service secret", "right")
    client_id = mandate.client_id
    used = Update(
        ServiceCredential.objects.filter(client_id=client_id), last_used_at=journey.client.now
    )
    record = sessions.amr(sessions.SERVICE, journey.client.now, client_id=client_id)
    subject = replace(found.subject, mandate=mandate)
    return Proof(subject, record, by_service_secret=True, writes=(used,))


@sensitive_variables("factor")
def _verify(factor: FirstFactor, user: User | None, journey: Journey) -> bool:
    try:
        return passwords.verify(factor, user.password if user else "")
    except Overloaded:
        journey.give_back()
        journey.refuse(Reason.OVERLOADED)


@sensitive_variables("factor")
def _rehash(user: User, factor: FirstFactor) -> str:
    if not isinstance(factor, Password) or not passwords.needs_rehash(user.password):
        return ""
    try:
        return passwords.encode(factor.value)
    except Overloaded:
        # The old hash is still good; the next login tries again.
        return ""
