"""New accounts: one way to make them, for officers, commands and providers of identities."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.audit import Event
from accounts.client import ClientContext
from accounts.login import passwords
from accounts.models import User
from tenants.models import Tenant


def operator() -> ClientContext:
    """The context of a change made at the command line."""
    return ClientContext(contract="", now=timezone.now(), agent="manage.py")


def create_user(
    tenant: Tenant,
    username: str,
    *,
    password: str | None = None,
    by: ClientContext | None = None,
    trace: Sequence[tuple[str, str]] = (),
    **fields: Any,
) -> User:
    """A new account; without a password nobody can log in with one.

    ``trace`` goes into the audit row: which officer made it, say.

    Raises django.core.exceptions.ValidationError for a bad or taken name.
    """
    user = User(tenant=tenant, username=username, **fields)
    if password is None:
        user.password = UNUSABLE_PASSWORD_PREFIX + secrets.token_urlsafe(30)
    else:
        user.password = passwords.encode(password)
        user.password_changed_at = timezone.now()
    user.full_clean(exclude=["username_key", "email_key"])
    with transaction.atomic():
        user.save()
        made = by or operator()
        event = Event.USER_CREATED
        audit.row(event, made, tenant_id=tenant.id, user_id=user.pk, trace=trace).save()
    return user
