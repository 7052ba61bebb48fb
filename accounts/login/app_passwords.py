"""App passwords: made by their owner for a program that cannot answer a second factor.

Each is a service credential of a person. Whoever calls ``make`` has asked the owner to prove
himself first (ASVS 5.0, 7.5.1).
"""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from accounts import audit, notices
from accounts.audit import Event
from accounts.client import ClientContext
from accounts.login import custody, passwords, sessions
from accounts.login.custody import Act
from accounts.login.sessions import Found
from accounts.models import ServiceCredential, User

# More than anybody has programs; one that makes one at each start would never stop.
MOST = 50
# 238 random bits in letters and digits, which survive being typed.
_ALPHABET, _LENGTH = string.ascii_letters + string.digits, 40


class TooMany(Exception):
    """The owner has as many app passwords as anybody may have."""


@dataclass(frozen=True, slots=True)
class Made:
    """A new app password with its text, which is shown this once."""

    credential: ServiceCredential
    text: str = field(repr=False)


def make(
    found: Found,
    label: str,
    contract: str,
    client: ClientContext,
    *,
    expires_at: datetime | None = None,
) -> Made:
    """A new app password for one contract, or for every one that takes them.

    Raises TooMany, and LoginRefused(SESSION_ENDED) where the owner's session has just ended.
    """
    user = found.subject.user
    text = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
    credential = ServiceCredential(
        user=user,
        client_id=f"app-{secrets.token_hex(8)}",
        contract=contract,
        label=label,
        secret_hash=passwords.secret_digest(text),
        created_at=client.now,
        expires_at=expires_at,
    )
    with transaction.atomic():
        sessions.hold(found.session, client.now)
        if len(listed(user, client.now)) >= MOST:
            raise TooMany
        credential.save(force_insert=True)
        audit.row(
            Event.CREDENTIAL_CREATED,
            client,
            tenant_id=user.tenant_id,
            user_id=user.pk,
            session_id=found.session.pk,
            trace=[("client id", credential.client_id), ("label", label)],
        ).save(force_insert=True)
        notices.app_password_made(user, label)
    return Made(credential, text)


def listed(user: User, now: datetime) -> list[ServiceCredential]:
    """The app passwords of a user that open something, the newest first."""
    rows = ServiceCredential.objects.filter(user=user, revoked_at=None)
    return list(rows.filter(Q(expires_at=None) | Q(expires_at__gt=now)).order_by("-created_at"))


def revoke(found: Found, credential_id: UUID, client: ClientContext) -> bool:
    """Void an app password, and end what it has opened; False if the owner has no such one."""
    user = found.subject.user
    rows = ServiceCredential.objects.select_related("user").filter(user=user, revoked_at=None)
    credential = rows.filter(pk=credential_id).first()
    if credential is None:
        return False
    custody.revoke_credential(credential, Act(client, user.username, found.session.pk))
    return True
