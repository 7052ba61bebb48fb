"""Users and the members of an organization, which is what other contracts call a tenant."""

from __future__ import annotations

import re
from typing import Any

from accounts.contracts.coldstream import profiles
from accounts.contracts.coldstream.bodies import ProfileShape, members
from accounts.contracts.coldstream.tokens import LOGIN, SLUG, authenticated
from accounts.login import members as membership
from accounts.login.sessions import Found
from accounts.login.subject import Subject
from accounts.models import User
from accounts.wire.call import Call
from accounts.wire.contract import Answer, Fault, Faulted
from accounts.wire.views import ContractView

# How the ids are written, in one way only.
_ID = re.compile(r"[1-9][0-9]{0,9}")
_COUNT = re.compile(r"[0-9]{1,6}")
# The vendor's client asks for one page and takes it for all.
_PAGE = 100


def render_user(member: Subject, *, asked_by: User) -> dict[str, Any]:
    """The user object. A telephone number is its owner's and officers' to read."""
    user = member.user
    private = user.pk == asked_by.pk or profiles.is_officer(asked_by)
    return {
        "id": int(member.identifier),
        "email": user.email,
        "firstName": user.given_name or user.display_name,
        "secondName": user.family_name,
        "phone": (user.phone or None) if private else None,
        "organizations": [{"id": member.tenant.number, "name": member.tenant.name}],
    }


class Me(ContractView):
    """``GET /users/me``."""

    slug = SLUG

    def get(self, call: Call) -> Answer:
        """Who the bearer is: clients ask right after the login and fail without an answer."""
        me = authenticated(call).subject
        return Answer(200, render_user(me, asked_by=me.user))


class OneUser(ContractView):
    """``/users/{id}``."""

    slug = SLUG

    def get(self, call: Call, number: str) -> Answer:
        """A member of the bearer's own organization."""
        found = authenticated(call)
        member = _member(call, found, number)
        return Answer(200, render_user(member, asked_by=found.subject.user))

    def put(self, call: Call, number: str) -> Answer:
        """Name and telephone: everybody changes his own, officers those of their organization."""
        found = authenticated(call)
        member = _member(call, found, number)
        if not profiles.may_change(found.subject.user, member.user):
            raise Faulted(Fault.FORBIDDEN)
        profiles.change(call, found, member.user, members(call, ProfileShape))
        return Answer(200, render_user(member, asked_by=found.subject.user))


def _member(call: Call, found: Found, number: str) -> Subject:
    """Who bears the id. Raises Faulted(NOT_FOUND), for ids of other tenants just the same."""
    me = found.subject
    if number == me.identifier:
        return me
    known = None
    if _ID.fullmatch(number):
        known = membership.member(number, me.tenant, LOGIN, call.client())
    if known is None:
        raise Faulted(Fault.NOT_FOUND)
    return known


class Members(ContractView):
    """``GET /organizations/{id}/members``."""

    slug = SLUG

    def get(self, call: Call, number: str) -> Answer:
        """The members of the bearer's own organization, page by page; nobody knows another."""
        me = authenticated(call).subject
        if number != str(me.tenant.number):
            raise Faulted(Fault.NOT_FOUND)
        # The connector begins to count at 0, the pages begin at 1.
        wanted = max(1, _counted(call, "pageNumber", default=1, least=0, most=999_999))
        size = _counted(call, "pageSize", default=_PAGE, least=1, most=_PAGE)
        pages = -(-membership.count(me.tenant, LOGIN) // size)
        listed = membership.page(me.tenant, LOGIN, start=(wanted - 1) * size, size=size)
        return Answer(
            200,
            {
                "items": [render_user(member, asked_by=me.user) for member in listed],
                "pageNumber": wanted,
                "totalPages": pages,
            },
        )


def _counted(call: Call, name: str, *, default: int, least: int, most: int) -> int:
    """A number of the query, its name in any case. Raises Faulted(INVALID)."""
    query = call.request.GET
    given = [text for key in query if key.lower() == name.lower() for text in query.getlist(key)]
    if not given:
        return default
    if len(given) > 1 or not _COUNT.fullmatch(given[0]) or not least <= int(given[0]) <= most:
        raise Faulted(Fault.INVALID, f"{name} must be a number from {least} to {most}")
    return int(given[0])
