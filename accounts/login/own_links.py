"""The owner of an account takes a link to an identity provider away, while another way is left."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from accounts.client import ClientContext
from accounts.login import custody, passwords
from accounts.login.custody import Act
from accounts.login.outcome import Factor
from accounts.login.sessions import Found
from accounts.login.subject import Subject
from accounts.models import ExternalAccount, User
from mfa import owner


class LastWay(Exception):
    """Without this link nobody could sign in to the account."""


def listed(user: User) -> list[ExternalAccount]:
    """The links of a user, the oldest first."""
    rows = ExternalAccount.objects.select_related("provider").filter(user=user)
    return list(rows.order_by("created_at"))


def may_unlink(subject: Subject, count: int) -> bool:
    """Whether one of ``count`` links can go: a password, a passkey or another link remains."""
    own = passwords.is_hashed(subject.user.password) or Factor.PASSKEY in subject.factors
    return own or count > 1


def unlink(found: Found, link_id: UUID, client: ClientContext) -> bool:
    """Take a link away, and end what it has opened; False if the owner has no such one.

    Raises LastWay.
    """
    user = found.subject.user
    with transaction.atomic():
        # Of two requests at once the later one waits here, and then sees what is left.
        owner.hold(user.pk)
        links = listed(user)
        linked = next((each for each in links if each.pk == link_id), None)
        if linked is None:
            return False
        if not may_unlink(found.subject, len(links)):
            raise LastWay
        custody.unlink(linked, Act(client, user.username, found.session.pk))
    return True
