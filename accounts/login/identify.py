"""Who is meant: the tenant and the account, or nobody, at the same cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.client import ClientContext
from accounts.login.attempt import Attempt, Identifier, NameForm
from accounts.login.profile import LoginProfile
from accounts.login.subject import Mandate, Subject, identified, secrets_of, subject_of, with_facts
from accounts.models import ServiceCredential, SubjectIdentifier, User
from accounts.models.prepared import Parameter, Prepared
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
    found = _BY_NAME(
        _form(identifier),
        profile.contract,
        profile.sector,
        key=fold(identifier.value),
        value=identifier.value,
        tenant=tenant_id,
        now=client.now,
    )
    return _preferred(found, identifier)


def by_id(
    user_id: UUID, tenant: TenantRecord, profile: LoginProfile, client: ClientContext
) -> Candidate | None:
    """The account of a key, likewise."""
    where, now = {"pk": user_id, "tenant": tenant.id}, client.now
    rows = _BY_KEY(profile.contract, profile.sector, **where, now=now)
    if not rows:
        return None
    user = rows[0]
    subject = subject_of(user, user, tenant)
    return Candidate(identified(subject, profile.sector, profile.new_identifier), {})


def _accounts(form: NameForm, contract: str, sector: str) -> QuerySet[User]:
    rows = User.objects.filter(_condition(form, sector), tenant_id=Parameter("tenant"))
    return _with_everything(rows, contract, sector)[:3]


def _account(contract: str, sector: str) -> QuerySet[User]:
    rows = User.objects.filter(pk=Parameter("pk"), tenant_id=Parameter("tenant"))
    return _with_everything(rows, contract, sector)


_BY_NAME = Prepared(_accounts)
_BY_KEY = Prepared(_account)


def _with_everything(rows: QuerySet[User], contract: str, sector: str) -> QuerySet[User]:
    return with_facts(rows, sector).annotate(live_secrets=secrets_of(contract, Parameter("now")))


def _form(identifier: Identifier) -> NameForm:
    if identifier.form is not NameForm.EITHER:
        return identifier.form
    return NameForm.EMAIL if "@" in identifier.value else NameForm.USERNAME


def _condition(form: NameForm, sector: str) -> Q:
    key, value = Parameter("key"), Parameter("value")
    username, email = Q(username_key=key), Q(email_key=key) & ~Q(email_key="")
    match form:
        case NameForm.USERNAME:
            return username
        case NameForm.EMAIL:
            return email
        case NameForm.SUBJECT:
            known = SubjectIdentifier.objects.filter(
                user=OuterRef("pk"), sector=sector, value=value
            )
            return Q(Exists(known))
        case _:
            named = ServiceCredential.objects.filter(user=OuterRef("pk"), client_id=value)
            return username | email | Q(Exists(named))


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


def _preferred(found: Sequence[User], identifier: Identifier) -> User | None:
    """Of several accounts that one text could mean, the one that bears it as its user name."""
    key = fold(identifier.value)
    return min(found, key=lambda user: user.username_key != key, default=None)
