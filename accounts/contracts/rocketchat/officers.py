"""What staff may do to others over the API: in their own tenant, never to a superuser."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from django.views.decorators.debug import sensitive_variables

from accounts.contracts.rocketchat.tokens import LOGIN, SLUG
from accounts.login import identify
from accounts.login.attempt import Identifier, NameForm
from accounts.login.custody import Act
from accounts.login.sessions import Found
from accounts.login.subject import Subject, identified
from accounts.models import User
from accounts.wire.call import Call
from accounts.wire.contract import Fault, Faulted

_SELECTORS = (
    ("userId", NameForm.SUBJECT),
    ("username", NameForm.USERNAME),
    ("user", NameForm.USERNAME),
)


def is_officer(user: User) -> bool:
    """Whether this account may act on others of its tenant."""
    return user.is_superuser or user.is_staff


def named(body: Mapping[str, Any]) -> Identifier | None:
    """Whom a body names; None where it names nobody. What is no text names no user at all."""
    for member, form in _SELECTORS:
        if (value := body.get(member)) is not None:
            return Identifier(form, value if isinstance(value, str) else "")
    return None


def target(who: Identifier, call: Call, found: Found) -> Subject | None:
    """The account that is meant, if the caller may touch it. Raises Faulted(FORBIDDEN)."""
    officer = found.subject
    candidate = identify.candidate(who, officer.tenant, LOGIN, call.client())
    user = candidate.subject.user if candidate else None
    if user is not None and user.pk == officer.user.pk:
        return officer
    if not is_officer(officer.user):
        # Also for a name that nobody has.
        raise Faulted(Fault.FORBIDDEN, "not an officer")
    if candidate is None or user is None:
        return None
    if user.is_superuser and not officer.user.is_superuser:
        raise Faulted(Fault.FORBIDDEN, "a superuser's account is superusers' business")
    return identified(candidate.subject, LOGIN.sector, LOGIN.new_identifier)


@sensitive_variables("secret")
def impersonated(who: Identifier, secret: str, call: Call, found: Found) -> Subject | None:
    """The account in whose name the caller may make a token, or None for whatever reason.

    An officer with the tenant's deployment secret; in the name of staff only a superuser, of a
    superuser nobody. It is the caller's tenant that is asked for the secret, whatever the address.
    """
    officer = found.subject
    expected = officer.tenant.contract(SLUG).options.get("create_token_secret_sha256")
    # An empty text is the secret of who has configured the digest of a variable that was not set.
    if not secret or not isinstance(expected, str) or not is_officer(officer.user):
        return None
    presented = hashlib.sha256(secret.encode()).hexdigest()
    if not hmac.compare_digest(presented, expected.lower().encode("ascii", "replace").decode()):
        return None
    candidate = identify.candidate(who, officer.tenant, LOGIN, call.client())
    if candidate is None or not _may_be_acted_for(candidate.subject.user, officer.user):
        return None
    return identified(candidate.subject, LOGIN.sector, LOGIN.new_identifier)


def _may_be_acted_for(user: User, officer: User) -> bool:
    protected = user.is_superuser or (user.is_staff and not officer.is_superuser)
    return user.is_active and user.kind in LOGIN.kinds and not protected


def act(call: Call, found: Found) -> Act:
    """Who acts, for the audit trail."""
    return Act(call.client(), found.subject.user.username, found.session.pk)
