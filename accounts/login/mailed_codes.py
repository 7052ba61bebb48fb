"""Sending the codes of the e-mail factor."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from accounts import notices
from accounts.login.subject import Subject
from accounts.models import User
from mfa import email_codes
from mfa.models import EmailFactor

# A stranger who keeps asking must not flood a mailbox.
SPACING = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class MailState:
    """What a client is told about the code in the mail."""

    generated: bool
    expires_at: datetime | None


def ensure_sent(subject: Subject, now: datetime) -> MailState:
    """Mail a code unless a usable one is on its way already."""
    current = email_codes.current(subject.user.pk, now)
    if current is not None:
        return MailState(generated=False, expires_at=current.expires_at)
    return send(subject.user, now)


def send(user: User, now: datetime) -> MailState:
    """Mail a fresh code; within a minute of the last one nothing is sent.

    Raises tenants.hashing.Overloaded.
    """
    current = email_codes.current(user.pk, now)
    if current is not None and now - current.created_at < SPACING:
        return MailState(generated=False, expires_at=current.expires_at)
    mailed = email_codes.issue(user.pk, now)
    notices.email_code(user, mailed.code)
    return MailState(generated=True, expires_at=mailed.expires_at)


def has_factor(user: User) -> bool:
    """Whether the user gets codes by mail."""
    return EmailFactor.objects.filter(user=user).exists()
