"""The closed vocabulary of audit events, and the row of one verdict."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any
from uuid import UUID

from accounts.client import ClientContext
from accounts.models import LoginEvent


class Event(StrEnum):
    """What can happen: ``source:subject:action``."""

    LOGIN_ACCEPTED = "login:subject:accepted"
    LOGIN_CHALLENGED = "login:factor:demanded"
    LOGIN_REFUSED = "login:subject:refused"
    GRANT_REFUSED = "grant:token:refused"
    GRANT_REPLAYED = "grant:token:replayed"
    SESSION_OPENED = "session:subject:opened_by_officer"
    SESSION_ENDED = "session:subject:ended"
    TOKEN_MADE = "token:personal:made"  # noqa: S105  # a word about passwords, no password
    TOKEN_RENEWED = "token:personal:renewed"  # noqa: S105  # a word about passwords, no password
    TOKEN_REMOVED = "token:personal:removed"  # noqa: S105  # a word about passwords, no password
    FACTOR_BOUND = "factor:authenticator:bound"
    FACTOR_REMOVED = "factor:authenticator:removed"
    RECOVERY_CODES_MADE = "factor:recovery_codes:made"
    # A word about passwords, no password.
    PASSWORD_CHANGED = "password:subject:changed"  # noqa: S105
    PASSWORD_LINK_SENT = "password:link:sent"  # noqa: S105  # a word about passwords, no password
    # A word about passwords, no password.
    PASSWORD_LINK_REFUSED = "password:link:refused"  # noqa: S105
    ADDRESS_LINK_SENT = "address:link:sent"
    ADDRESS_LINK_REFUSED = "address:link:refused"
    EXTERNAL_LINKED = "external:account:linked"
    EXTERNAL_UNLINKED = "external:account:unlinked"
    USER_CREATED = "admin:user:created"
    USER_UNLOCKED = "admin:user:unlocked"
    USER_CHANGED = "admin:user:changed"
    TENANT_CREATED = "admin:tenant:created"
    TENANT_CHANGED = "admin:tenant:changed"
    CREDENTIAL_CREATED = "admin:credential:created"
    CREDENTIAL_CHANGED = "admin:credential:changed"
    CREDENTIAL_REVOKED = "admin:credential:revoked"
    GROUP_CREATED = "admin:group:created"
    GROUP_CHANGED = "admin:group:changed"
    GROUP_DELETED = "admin:group:deleted"
    KEY_ROTATED = "admin:key:rotated"
    KEY_REVOKED = "admin:key:revoked"
    PROVIDER_CREATED = "admin:provider:created"
    PROVIDER_CHANGED = "admin:provider:changed"
    PROVIDER_DELETED = "admin:provider:deleted"
    PROVIDER_TESTED = "admin:provider:tested"
    ROWS_EXPORTED = "admin:rows:exported"


def row(
    event: Event,
    client: ClientContext,
    *,
    tenant_id: UUID | None = None,
    user_id: UUID | None = None,
    session_id: UUID | None = None,
    reason: str = "",
    factor: str = "",
    trace: Sequence[tuple[str, str]] = (),
) -> LoginEvent:
    """The unsaved row of one verdict; it is written with the change that it speaks of."""
    fields: dict[str, Any] = {"trace": [list(step) for step in trace]}
    return LoginEvent(
        at=client.now,
        event=event,
        contract=client.contract,
        tenant_id=tenant_id,
        user_id=user_id,
        session_id=session_id,
        reason=reason,
        factor=factor,
        address=client.address,
        agent=client.agent[:256],
        request_id=client.request_id,
        **fields,
    )
