"""Several users at once: ``ListUsers`` and ``BatchGetUsers``, one statement each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q

from accounts.contracts.bytebase import objects, officers, queries
from accounts.contracts.bytebase.filters import condition
from accounts.contracts.bytebase.protojson import quoted, written
from accounts.contracts.bytebase.tokens import SLUG, holder, presented
from accounts.contracts.bytebase.wording import no_such_user, objection
from accounts.login.subject import Subject, subject_of, with_facts
from accounts.models import User
from accounts.wire.call import Call
from accounts.wire.contract import Answer
from tenants.names import fold
from tenants.policy import TenantRecord
from tenants.sealing import SealBroken, seal, unseal

_DEFAULT, _MAX = 10, 1000


@dataclass(frozen=True, slots=True)
class Listing:
    """A ``ListUsersRequest``."""

    page_size: int = 0
    page_token: str = ""
    show_deleted: bool = False
    filter: str = ""


def read(call: Call) -> Listing:
    """The request in a query. Raises Faulted(INVALID)."""
    return Listing(
        queries.number(call, "page_size"),
        queries.text(call, "page_token") or "",
        queries.flag(call, "show_deleted"),
        queries.text(call, "filter") or "",
    )


def list_users(call: Call, wanted: Listing) -> Answer:
    """The officer's tenant's users, the oldest first. Raises Faulted."""
    found = holder(call, presented(call))
    officers.demand(found, "ListUsers", "bb.users.list")
    tenant = found.subject.tenant
    if wanted.page_size < 0:
        raise objection("page size must be non-negative")
    size = min(wanted.page_size or _DEFAULT, _MAX)
    where = condition(wanted.filter)
    context = _context(tenant, wanted)
    if wanted.page_token:
        where &= Q(pk__gt=_last(wanted.page_token, context))
    if not wanted.show_deleted:
        where &= Q(state=User.State.ACTIVE)
    page = _subjects(where, tenant, size + 1)
    more = len(page) > size
    return Answer(
        200,
        written(
            users=[objects.other(subject) for subject in page[:size]],
            next_page_token=seal(page[size - 1].user.pk.bytes, context) if more else "",
        ),
    )


def batch_get_users(call: Call, names: Sequence[str]) -> Answer:
    """The users of these resource names, in their order. Raises Faulted."""
    found = holder(call, presented(call))
    officers.demand(found, "BatchGetUsers", "bb.users.get")
    if len(names) > _MAX:
        raise objection(f"at most {_MAX} names")
    emails = [email_of(name) for name in names]
    where = Q(email_key__in={fold(email) for email in emails} - {""})
    known = {s.user.email_key: s for s in _subjects(where, found.subject.tenant, _MAX)}
    for email in emails:
        if fold(email) not in known:
            raise no_such_user(email)
    users = [objects.other(known[fold(email)]) for email in emails]
    return Answer(200, written(users=users))


def email_of(name: str) -> str:
    """The address in the resource name of a user. Raises Faulted(INVALID)."""
    prefix, slash, email = name.partition("/")
    if not slash or not email or "/" in email:
        raise objection(f"invalid request {quoted(name)}")
    if prefix != "users":
        raise objection(f'invalid prefix "users/" in request {quoted(name)}')
    return email


def _subjects(where: Q, tenant: TenantRecord, most: int) -> list[Subject]:
    # An account without an address has no name at the product.
    rows = User.objects.filter(where, tenant_id=tenant.id).exclude(email_key="")
    users = with_facts(rows, SLUG).order_by("pk")[:most]
    return [subject_of(user, user, tenant) for user in users]


def _context(tenant: TenantRecord, wanted: Listing) -> str:
    """What a page token is bound to: it goes on with this list and no other."""
    return f"bytebase.users:{tenant.id}:{int(wanted.show_deleted)}:{wanted.filter}"


def _last(token: str, context: str) -> UUID:
    try:
        return UUID(bytes=unseal(token, context))
    except (SealBroken, ValueError):
        raise objection("invalid page token") from None
