"""Sending the codes of the e-mail factor."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from accounts import notices
from accounts.login import challenge as challenge_step
from accounts.login import throttle
from accounts.login.attempt import Attempt
from accounts.login.journey import Journey
from accounts.login.outcome import Factor, Reason
from accounts.login.profile import Limit, LoginProfile
from accounts.login.subject import Subject
from accounts.login.throttle import Bucket
from accounts.models import ThrottleBucket, User
from mfa import email_codes
from mfa.email_codes import Mailed
from mfa.models import Challenge, EmailCode
from mfa.slow_hash import SALT_BYTES, digest
from tenants.sealing import derive

# A stranger who keeps asking must not flood a mailbox.
SPACING = timedelta(seconds=60)
RESEND_LIMIT = Limit(5, timedelta(hours=1))


@dataclass(frozen=True, slots=True)
class MailState:
    """What a client is told about the code in the mail."""

    generated: bool
    expires_at: datetime | None


def ensure_sent(subject: Subject, now: datetime) -> MailState:
    """Mail a code unless a usable one is on its way already. Raises tenants.hashing.Overloaded."""
    return _send_unless(subject.user, now, since=now - email_codes.LIFETIME)


def send(user: User, now: datetime) -> MailState:
    """Mail a fresh code; within a minute of the last one nothing is sent.

    Raises tenants.hashing.Overloaded.
    """
    return _send_unless(user, now, since=now - SPACING)


def _send_unless(user: User, now: datetime, *, since: datetime) -> MailState:
    """Mail a fresh code, unless a usable one was made after ``since``."""
    # Looked up first: mostly there is one, and then nothing slow is done.
    made: EmailCode | Mailed | None = email_codes.current(user.pk, now)
    if not isinstance(made, EmailCode) or made.created_at <= since:
        made = email_codes.issue_unless(user.pk, now, since)
    if isinstance(made, Mailed):
        notices.email_code(user, made.code)
    return MailState(generated=isinstance(made, Mailed), expires_at=made.expires_at)


def send_again(attempt: Attempt, profile: LoginProfile) -> None:
    """Mail a fresh code to whoever is at the second step of this login, within the same limits.

    Raises LoginRefused, recorded, and tenants.hashing.Overloaded.
    """
    journey = Journey(attempt.client, profile)
    token = attempt.challenge
    if token is None:
        journey.refuse(Reason.NOTHING_PRESENTED)
    challenge, subject = challenge_step.load(token, attempt, journey)
    expected = challenge.step == Challenge.Step.SECOND_FACTOR and Factor.EMAIL in subject.factors
    if not expected or challenge.security_epoch != subject.user.security_epoch:
        journey.refuse(Reason.CHALLENGE_FOREIGN)
    if _may_ask(subject.user, attempt.client.now):
        send(subject.user, attempt.client.now)


def resend(user: User | None, now: datetime) -> None:
    """Mail a fresh code because somebody, whoever it is, says that he waits for one.

    Only after a login or call has made a code, and seldom: a stranger must neither flood a mailbox
    nor void the code that its owner is typing. Every call costs one slow hash, so that its time
    does not tell who gets codes. Raises tenants.hashing.Overloaded.
    """
    # Looked up for nobody too: one statement less would tell.
    last = email_codes.newest(user.pk if user else uuid4(), now)
    if user is None or last is None or now - last.created_at < SPACING or not _may_ask(user, now):
        digest("", bytes(SALT_BYTES))
        return
    send(user, now)


def _may_ask(user: User, now: datetime) -> bool:
    key = derive("throttle", f"mailed_code\x00{user.pk}".encode())
    bucket = Bucket(ThrottleBucket.Kind.REQUEST, key, RESEND_LIMIT, refusal=Reason.THROTTLED_FACTOR)
    return throttle.reserve([bucket], now).refusal is None
