"""``UserService``: who somebody is, apart from how a message travels."""

from __future__ import annotations

from accounts.contracts.bytebase import objects, officers, own_account
from accounts.contracts.bytebase.changes import Wanted
from accounts.contracts.bytebase.tokens import enroller, holder, presented
from accounts.contracts.bytebase.wording import BIND_FIRST, unauthenticated
from accounts.login.sessions import Found
from accounts.wire.call import Call
from accounts.wire.contract import Answer, Fault, Faulted
from tenants.names import fold


def current_user(call: Call) -> Answer:
    """Who the token's holder is. The method is public, so it has one text for all refusals."""
    token = presented(call)
    try:
        found, _ = enroller(call, token)
    except Faulted:
        return unauthenticated("authenticated user not found")
    return _own(call, found)


def get_user(call: Call, email: str) -> Answer:
    """An account by its address. Raises Faulted."""
    found = holder(call, presented(call))
    if fold(email) == found.subject.user.email_key:
        return _own(call, found)
    officers.demand(found, "GetUser", "bb.users.get")
    return Answer(200, objects.other(officers.target(found, email)))


def update_user(call: Call, email: str, wanted: Wanted) -> Answer:
    """Change an account, above all its second factor. Raises Faulted or LoginRefused."""
    token = presented(call)
    found, only_enrols = enroller(call, token)
    own = fold(email) == found.subject.user.email_key
    if only_enrols and not (own and wanted.is_of_factors):
        raise Faulted(Fault.FORBIDDEN, BIND_FIRST)
    if not own:
        return officers.update_other(call, found, email, wanted)
    own_account.make(call, found, wanted)
    return _own(call, enroller(call, token)[0])


def _own(call: Call, found: Found) -> Answer:
    pending = own_account.shown_secret(call, found)
    return Answer(200, objects.user(found.subject, found.subject.user.last_login, pending))
