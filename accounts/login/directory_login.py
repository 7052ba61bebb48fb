"""Which passwords a tenant's directory judges, and how guesses at them are counted.

Somebody who is linked to a directory logs in with its password alone: a password of his own here
would outlive him there. Nobody else's password leaves here.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NoReturn
from uuid import UUID

from django.views.decorators.debug import sensitive_variables

from accounts.login import first_factor, identify, passwords, throttle
from accounts.login.attempt import Attempt, Identifier, NameForm, Password
from accounts.login.identify import Candidate
from accounts.login.journey import Journey
from accounts.login.outcome import LoginRefused, Reason
from accounts.models import ExternalAccount, User
from tenants.federation import providers
from tenants.federation.ldap import Meet
from tenants.federation.provider import Provider
from tenants.federation.settings import Kind
from tenants.names import fold
from tenants.policy import TenantRecord

# Why the password that an account has here does not log in.
DIRECTORY = "the directory judges this account's password"


@dataclass(frozen=True, slots=True)
class Case:
    """A password for a directory: which one, under which name, and who it may be."""

    provider: Provider
    password: Password = field(repr=False)
    attempt: Attempt
    found: Candidate | None


@sensitive_variables("attempt", "factor")
def case(attempt: Attempt, journey: Journey) -> Case | None:
    """What to ask of a directory, or None where the password can only be one of ours.

    Raises LoginRefused after the refusal was recorded.
    """
    tenant, directories = _directories(attempt, journey)
    factor, identifier = attempt.first_factor, attempt.identifier
    if tenant is None or not directories or factor is None or identifier is None:
        return None
    found = identify.candidate(identifier, tenant, journey.profile, journey.client)
    if found is not None and first_factor.by_secret(found, identifier, factor, journey):
        # A secret or app password is nobody else's business.
        return None
    linked = _link_of(found.subject.user.pk, directories) if found else None
    if not isinstance(factor, Password):
        return _by_digest(attempt, journey) if linked else None
    if linked is None and not _may_be_theirs(found, identifier):
        return None
    journey.tenant = tenant
    journey.note("tenant", tenant.slug)
    journey.note("tenant by", identify.tenant_by(attempt))
    if found is None or linked is None:
        journey.subject = found.subject if found else None
        return Case(directories[0], factor, attempt, found)
    journey.subject = found.subject
    provider = next(one for one in directories if one.id == linked.provider_id)
    if identifier.form is NameForm.SUBJECT:
        attempt = replace(attempt, identifier=_name_there(linked, provider))
    return Case(provider, factor, attempt, found)


def _directories(
    attempt: Attempt, journey: Journey
) -> tuple[TenantRecord | None, tuple[Provider, ...]]:
    """The tenant with its directories, which judge passwords where nobody names a provider."""
    tenant = identify.tenant_of(attempt) if journey.profile.directories else None
    if tenant is None or not tenant.active or not tenant.serves(journey.profile.contract):
        return tenant, ()
    return tenant, providers.of_tenant(tenant.id, Kind.LDAP)


def judges(user: User, tenant: TenantRecord) -> bool:
    """Whether a directory judges this account's password, so that one kept here proves nothing."""
    directories = providers.of_tenant(tenant.id, Kind.LDAP)
    return bool(directories) and _link_of(user.pk, directories) is not None


def _link_of(user_id: UUID, directories: tuple[Provider, ...]) -> ExternalAccount | None:
    """The link of an account to the first of these directories that it is linked to."""
    order = [one.id for one in directories]
    rows = ExternalAccount.objects.filter(user_id=user_id, provider_id__in=order)
    return min(rows, key=lambda link: order.index(link.provider_id), default=None)


def _may_be_theirs(found: Candidate | None, identifier: Identifier) -> bool:
    """Whether a name that is linked to no directory may still be known to one.

    It is, where nobody here has the name, or somebody who waits and has no password yet.
    """
    if found is None:
        return identifier.form is not NameForm.SUBJECT
    user = found.subject.user
    return user.is_person and not passwords.is_hashed(user.password)


def _name_there(linked: ExternalAccount, provider: Provider) -> Identifier:
    """The directory's own name for an account that was named by an id of ours."""
    name = linked.identifier
    if provider.domain:
        name = name.removesuffix(f"@{provider.domain}")
    return Identifier(NameForm.USERNAME, name)


def _by_digest(attempt: Attempt, journey: Journey) -> NoReturn:
    """A directory cannot judge a digest, and the account's own password does not count."""
    proof = first_factor.check(attempt, journey)
    journey.subject = proof.subject
    journey.give_back()
    journey.note("bar", DIRECTORY)
    journey.refuse(Reason.KIND_NOT_ALLOWED, bar=DIRECTORY)


def counting(
    provider: Provider, attempt: Attempt, journey: Journey, found: Candidate | None
) -> Meet:
    """Counts a guess at an entry under its own name and its account's, whatever was typed.

    The typed name and the account that was ``found`` by it were counted before.
    """
    typed = fold(attempt.identifier.value) if attempt.identifier else ""

    def count(identifier: str, subject: str) -> None:
        if found is not None and fold(identifier) == typed:
            return
        known = ExternalAccount.objects.filter(provider_id=provider.id, subject=subject)
        user_id = known.values_list("user_id", flat=True).first()
        buckets = throttle.password_buckets(
            journey.profile, provider.tenant_id, identifier, user_id, None
        )
        counted = {key for each in journey.reservations for key, _ in each.places}
        more = [bucket for bucket in buckets if bucket.key not in counted]
        if not more:
            return
        try:
            journey.reserve(more)
        except LoginRefused:
            # An answer "locked" is no failure itself.
            journey.give_back()
            raise

    return count
