"""Binding an authenticator in the middle of a login, where the tenant demands one.

Three calls: a secret for the open challenge, a code that proves it, and the pipeline's last step.
Every call spends the challenge that it was given and opens the next one.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from django.db import transaction

from accounts.login import challenge as challenge_step
from accounts.login import throttle
from accounts.login.attempt import Attempt
from accounts.login.journey import Journey
from accounts.login.outcome import LoginRefused, Reason
from accounts.login.profile import LoginProfile
from accounts.login.progress import Pending, Progress
from accounts.login.subject import Subject
from accounts.models.statement import Insert, execute
from mfa import challenges, totp
from mfa.models import Challenge


@dataclass(frozen=True, slots=True)
class Associated:
    """A new secret, and the token for the next call."""

    secret: bytes = field(repr=False)
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Waiting:
    """The secret that an open challenge holds until it is proved, and whose it is."""

    subject: Subject
    secret: bytes = field(repr=False)


def associate(attempt: Attempt, profile: LoginProfile) -> Associated:
    """Make the secret. Raises LoginRefused after it was recorded."""
    journey = Journey(attempt.client, profile)
    challenge, progress = _open(attempt, journey)
    secret = totp.new_secret()
    pending = replace(progress.pending, totp_secret=secret, totp_step=-1)
    return Associated(secret, _moved_on(challenge, progress.with_pending(pending), journey))


def waiting(attempt: Attempt, profile: LoginProfile) -> Waiting:
    """The secret once more, for a page that shows it again. Raises LoginRefused, recorded."""
    journey = Journey(attempt.client, profile)
    _, progress = _open(attempt, journey)
    if not progress.pending.totp_secret:
        journey.refuse(Reason.CHALLENGE_FOREIGN)
    return Waiting(progress.subject, progress.pending.totp_secret)


def prove(attempt: Attempt, code: str, profile: LoginProfile, *, name: str = "") -> str:
    """Check the first code of the new authenticator; the token for the pipeline's last step.

    ``name`` is what the owner calls it.

    Raises LoginRefused after it was recorded: WRONG_CODE leaves the challenge open.
    """
    journey = Journey(attempt.client, profile)
    challenge, progress = _open(attempt, journey)
    if not progress.pending.totp_secret:
        journey.refuse(Reason.CHALLENGE_FOREIGN)
    if not challenges.count_attempt(challenge):
        journey.refuse(Reason.CHALLENGE_SPENT)
    try:
        journey.reserve(throttle.factor_buckets(progress.subject.user.pk))
    except LoginRefused:
        # Counted before it was judged, and then not judged.
        challenges.give_attempt_back(challenge)
        raise
    step = totp.matching_step(progress.pending.totp_secret, code, attempt.client.now)
    if step is None:
        journey.refuse(Reason.WRONG_CODE)
    journey.give_back()
    pending: Pending = replace(progress.pending, totp_step=step, totp_name=name)
    return _moved_on(challenge, progress.with_pending(pending), journey)


def _open(attempt: Attempt, journey: Journey) -> tuple[Challenge, Progress]:
    token = attempt.challenge
    if token is None:
        journey.refuse(Reason.NOTHING_PRESENTED)
    # The token alone says what these calls belong to, its client among it.
    challenge, subject = challenge_step.load(token, attempt, journey, names_client=False)
    if challenge.step != Challenge.Step.BIND_FACTOR:
        journey.refuse(Reason.CHALLENGE_FOREIGN)
    if challenge.security_epoch != subject.user.security_epoch or subject.factors:
        # Bound meanwhile: who knows the password alone must not replace it.
        journey.refuse(Reason.CHALLENGE_EXPIRED)
    return challenge, Progress(subject, tuple(challenge.amr), pending=Pending.of(challenge))


def _moved_on(challenge: Challenge, progress: Progress, journey: Journey) -> str:
    following, token = challenge_step.open_for(progress, Challenge.Step.BIND_FACTOR, journey)
    # The login as a whole ends when its first challenge would have, and stays bound as that was.
    following.expires_at = challenge.expires_at
    following.client_id, following.nonce_hash = challenge.client_id, challenge.nonce_hash
    with transaction.atomic():
        spent = challenges.spend(challenge, journey.client.now)
        if spent:
            execute(Insert(following))
    if not spent:
        journey.refuse(Reason.CHALLENGE_SPENT)
    return token
