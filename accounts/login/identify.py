"""Who is meant: the tenant and the account, or nobody, at the same cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.client import ClientContext
from accounts.login.attempt import Attempt, Identifier, NameForm
from accounts.login.profile import LoginProfile
from accounts.login.subject import Mandate, Subject, identified, secrets_of, subject_of, with_facts
from accounts.models import ServiceCredential, SubjectIdentifier, User
from tenants.hint import TenantHint
from tenants.names import fold
from tenants.policy import TenantRecord
from tenants.resolve import resolve, way

# Longer names exist nowhere; they are not looked up.
_MAX_NAME = 320
_NO_TENANT = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Candidate:
    """The account that an identifier leads to, with its live service secrets."""

    subject: Subject
    # Digest of each secret, with the mandate of its credential.
    secrets: dict[str, Mandate]


def tenant_of(attempt: Attempt) -> TenantRecord | None:
    """The tenant that the attempt means; its e-mail address may say so."""
    return resolve(_hint(attempt))


def tenant_by(attempt: Attempt) -> str:
    """What in the attempt decided on the tenant."""
    return way(_hint(attempt))


def _hint(attempt: Attempt) -> TenantHint:
    hint = attempt.tenant
    email = attempt.identifier.email if attempt.identifier else None
    return TenantHint(hint.name, hint.slug, hint.host, email)


def candidate(
    identifier: Identifier, tenant: TenantRecord, profile: LoginProfile, client: ClientContext
) -> Candidate | None:
    """The tenant's account of this name, with all facts, in one statement."""
    user = _looked_up(identifier, tenant.id, profile, client)
    if user is None:
        return None
    # Annotated by the query.
    rows_of_secrets: list[dict[str, Any]] = user.live_secrets  # type: ignore[attr-defined]
    secrets = {row["digest"]: Mandate.of(row["mandate"]) for row in rows_of_secrets}
    return Candidate(subject_of(user, user, tenant), secrets)


def nobody(identifier: Identifier, profile: LoginProfile, client: ClientContext) -> None:
    """The same statement where no tenant is meant: its absence would tell which ones there are."""
    _looked_up(identifier, _NO_TENANT, profile, client)


def _looked_up(
    identifier: Identifier, tenant_id: UUID, profile: LoginProfile, client: ClientContext
) -> User | None:
    if not 0 < len(identifier.value) <= _MAX_NAME:
        return None
    rows = User.objects.filter(_condition(identifier, profile), tenant_id=tenant_id)
    return _preferred(_with_everything(rows, profile, client), identifier)


def by_id(
    user_id: UUID, tenant: TenantRecord, profile: LoginProfile, client: ClientContext
) -> Candidate | None:
    """The account of a key, likewise."""
    rows = User.objects.filter(pk=user_id, tenant_id=tenant.id)
    user = next(iter(_with_everything(rows, profile, client)), None)
    if user is None:
        return None
    subject = subject_of(user, user, tenant)
    return Candidate(identified(subject, profile.sector, profile.new_identifier), {})


def _with_everything(
    rows: QuerySet[User], profile: LoginProfile, client: ClientContext
) -> QuerySet[User]:
    return with_facts(rows, profile.sector).annotate(
        live_secrets=secrets_of(profile.contract, client.now)
    )


def _condition(identifier: Identifier, profile: LoginProfile) -> Q:
    key = fold(identifier.value)
    username, email = Q(username_key=key), Q(email_key=key) & ~Q(email_key="")
    match identifier.form:
        case NameForm.USERNAME:
            return username
        case NameForm.EMAIL:
            return email
        case NameForm.EITHER:
            return email if "@" in identifier.value else username
        case NameForm.ANY:
            named = ServiceCredential.objects.filter(
                user=OuterRef("pk"), client_id=identifier.value
            )
            return username | email | Q(Exists(named))
        case NameForm.SUBJECT:
            known = SubjectIdentifier.objects.filter(
                user=OuterRef("pk"), sector=profile.sector, value=identifier.value
            )
            return Q(Exists(known))


def names(identifier: Identifier, user: User) -> bool:
    """Whether ``identifier`` means this account by its user name or e-mail. No statement."""
    key = fold(identifier.value)
    if not key:
        return False
    by_username, by_email = key == user.username_key, key == user.email_key
    match identifier.form:
        case NameForm.USERNAME:
            return by_username
        case NameForm.EMAIL:
            return by_email
        case NameForm.EITHER:
            return by_email if "@" in identifier.value else by_username
        case NameForm.ANY:
            return by_username or by_email
        case NameForm.SUBJECT:
            return False


def _preferred(rows: QuerySet[User], identifier: Identifier) -> User | None:
    """Of several accounts that one text could mean, the one that bears it as its user name."""
    found = list(rows[:3])
    key = fold(identifier.value)
    found.sort(key=lambda user: user.username_key != key)
    return found[0] if found else None
