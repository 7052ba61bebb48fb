"""The account that a login is about, with all facts that the decision and the answer need."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db import IntegrityError, connection, transaction
from django.db.models import Exists, OuterRef, QuerySet, Subquery
from django.db.models.functions import JSONObject

from accounts.login.outcome import Factor
from accounts.models import Group, ServiceCredential, SubjectIdentifier, User
from mfa.models import EmailFactor, Enrolment, Passkey, RecoveryCode, TotpAuthenticator
from tenants.policy import TenantRecord

# Conflicts among random identifiers are next to impossible; a few tries end them for certain.
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Mandate:
    """What the service credential that was presented may do, in its owner's words."""

    client_id: str = ""
    role: str = ""
    scopes: tuple[str, ...] = ()

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Mandate:
        """The mandate of what :func:`mandate_columns` has read."""
        return cls(row["client_id"], row["role"], tuple(row["scopes"]))


@dataclass(frozen=True, slots=True)
class Subject:
    """A known account of one tenant."""

    user: User
    tenant: TenantRecord
    factors: frozenset[Factor]
    groups: tuple[str, ...]
    # The contract's own identifier of this user; empty where the contract has none.
    identifier: str = ""
    # Whether an authenticator waits, or waited, for its proof.
    enrolling: bool = False
    # Of each group in ``groups`` the address, which may be empty.
    group_emails: tuple[str, ...] = ()
    # Empty for people.
    mandate: Mandate = Mandate()

    @property
    def must_have_second_factor(self) -> bool:
        """Whether the tenant demands a second factor of this account."""
        user, policy = self.user, self.tenant.policy
        staff = user.is_staff or user.is_superuser
        return user.is_person and policy.demands_second_factor(staff=staff)


def with_facts(users: QuerySet[User], sector: str) -> QuerySet[User]:
    """Add what :func:`subject_of` reads, within the same statement."""
    return users.annotate(**facts(sector, "pk"))


def facts(sector: str, user_pk: str) -> dict[str, Any]:
    """Annotations with the facts about the user whose key is at ``user_pk``."""
    user = OuterRef(user_pk)
    groups = Group.objects.filter(members=user).order_by("name")
    return {
        "has_totp": Exists(TotpAuthenticator.objects.filter(user=user, confirmed=True)),
        "has_codes": Exists(RecoveryCode.objects.filter(user=user, used_at=None)),
        "has_passkey": Exists(Passkey.objects.filter(user=user)),
        "has_email_factor": Exists(EmailFactor.objects.filter(user=user)),
        "is_enrolling": Exists(Enrolment.objects.filter(user=user)),
        "group_names": ArraySubquery(groups.values("name")),
        "group_emails": ArraySubquery(groups.values("email")),
        "subject_value": Subquery(
            SubjectIdentifier.objects.filter(user=user, sector=sector).values("value")[:1]
        ),
    }


def factors_of(row: Any) -> frozenset[Factor]:
    """The second factors among the facts of a row. Codes count only beside an authenticator."""
    owned = set()
    if row.has_totp:
        owned.add(Factor.OTP)
    if row.has_passkey:
        owned.add(Factor.PASSKEY)
    if owned and row.has_codes:
        owned.add(Factor.RECOVERY_CODE)
    if row.has_email_factor:
        owned.add(Factor.EMAIL)
    return frozenset(owned)


def subject_of(user: User, row: Any, tenant: TenantRecord) -> Subject:
    """The subject made of a user and the facts beside it, with the identifier that it may have."""
    return Subject(
        user,
        tenant,
        factors_of(row),
        tuple(row.group_names),
        row.subject_value or "",
        row.is_enrolling,
        group_emails=tuple(row.group_emails),
    )


def identified(subject: Subject, sector: str, new_identifier: Any) -> Subject:
    """The subject with its identifier, made now if there is none.

    Only for somebody who has proved something: a stranger's try must not write, nor take longer
    for an account that exists.
    """
    if not sector or subject.identifier:
        return subject
    return replace(subject, identifier=make_identifier(subject.user, sector, new_identifier))


def make_identifier(user: User, sector: str, new_identifier: Any) -> str:
    """The user's identifier towards ``sector``, made now if there is none. Never reused."""
    for _ in range(_TRIES):
        try:
            with transaction.atomic():
                row, _ = SubjectIdentifier.objects.get_or_create(
                    user=user, sector=sector, defaults={"value": new_identifier()}
                )
        except IntegrityError:
            continue
        return row.value
    raise IntegrityError(f"no free identifier in sector {sector}")


def mandate_columns() -> JSONObject:
    """A service credential as :meth:`Mandate.of` reads it."""
    return JSONObject(client_id="client_id", role="role", scopes="scopes")


def make_identifiers(
    users: Collection[User], sector: str, new_identifier: Callable[[], str]
) -> dict[UUID, str]:
    """The identifiers of users of whom none is known yet, made in one statement, by user.

    Where another request has just made one, that one counts.
    """
    if not users:
        return {}
    rows = ", ".join(["(%s, %s, %s, now())"] * len(users))
    for _ in range(_TRIES):
        params = [part for user in users for part in (user.pk, sector, new_identifier())]
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(_MAKE.format(rows=rows), params)
                return dict(cursor.fetchall())
        except IntegrityError:
            continue
    raise IntegrityError(f"no free identifiers in sector {sector}")


# The update changes nothing; it makes the statement return a row that was there first.
_MAKE = """
INSERT INTO accounts_subjectidentifier AS known (user_id, sector, value, created_at)
VALUES {rows}
ON CONFLICT (user_id, sector) DO UPDATE SET sector = known.sector
RETURNING user_id, value
"""


def secrets_of(contract: str, now: Any) -> Any:
    """Annotation: the user's live service credentials for ``contract``, each with its digest."""
    live = ServiceCredential.objects.filter(
        user=OuterRef("pk"), revoked_at=None, contract__in=("", contract)
    ).exclude(expires_at__lte=now)
    text = JSONObject(mandate=mandate_columns(), digest="secret_hash")
    return ArraySubquery(live.annotate(text=text).values("text"))
