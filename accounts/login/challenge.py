"""The second step of a login: a challenge is found, checked against all that it is bound to."""

from __future__ import annotations

import hmac
from uuid import UUID

from accounts.login import identify
from accounts.login.attempt import Attempt, ChallengeToken
from accounts.login.journey import Journey
from accounts.login.outcome import Reason
from accounts.login.progress import Progress
from accounts.login.subject import Subject
from mfa import challenges
from mfa.models import Challenge
from tenants.resolve import directory, explicit


def load(
    token: ChallengeToken, attempt: Attempt, journey: Journey, *, names_client: bool = True
) -> tuple[Challenge, Subject]:
    """The open challenge of a token and its account. Raises LoginRefused after it was recorded.

    ``names_client``: whether a call of this kind says which client makes it.
    """
    challenge = challenges.find(token.token)
    if challenge is None:
        journey.note("challenge", "unknown")
        journey.refuse(Reason.CHALLENGE_UNKNOWN)
    journey.tenant = directory().by_id.get(challenge.tenant_id)
    journey.note("challenge", challenge.step)
    if names_client and challenge.client_id not in ("", journey.client.client_id):
        journey.refuse(Reason.CHALLENGE_FOREIGN)
    if reason := _objection(challenge, token, attempt, journey):
        journey.refuse(reason)
    subject = _subject(challenge.user_id, journey)
    # A step that says whose login it continues must say it rightly.
    if attempt.identifier is not None and not identify.names(attempt.identifier, subject.user):
        journey.refuse(Reason.CHALLENGE_FOREIGN)
    return challenge, subject


def _objection(
    challenge: Challenge, token: ChallengeToken, attempt: Attempt, journey: Journey
) -> Reason | None:
    """Why this challenge is not open to this caller."""
    client = journey.client
    addressed = explicit(attempt.tenant)
    elsewhere = addressed is not None and addressed.id != challenge.tenant_id
    if elsewhere or challenge.contract != client.contract:
        return Reason.CHALLENGE_FOREIGN
    if challenge.nonce_hash is not None:
        presented = challenges.nonce_hash(token.nonce) or b""
        if not hmac.compare_digest(bytes(challenge.nonce_hash), presented):
            return Reason.CHALLENGE_FOREIGN
    if challenge.spent_at is not None or challenge.attempts >= challenge.max_attempts:
        return Reason.CHALLENGE_SPENT
    if challenge.expires_at <= client.now:
        return Reason.CHALLENGE_EXPIRED
    return None


def _subject(user_id: UUID, journey: Journey) -> Subject:
    tenant = journey.tenant
    if tenant is None or not tenant.serves(journey.profile.contract):
        journey.refuse(Reason.CONTRACT_OFF)
    found = identify.by_id(user_id, tenant, journey.profile, journey.client)
    if found is None:
        journey.refuse(Reason.UNKNOWN_SUBJECT)
    journey.subject = found.subject
    return found.subject


def open_for(
    progress: Progress, step: Challenge.Step, journey: Journey, *, factor: str = ""
) -> tuple[Challenge, str]:
    """The unsaved challenge of a login that needs another step, and its token.

    ``factor``: the one that answers it, where it is asked for by name.
    """
    profile, client, subject = journey.profile, journey.client, progress.subject
    maker = profile.challenge_token
    token = maker(subject, client.now) if maker else challenges.new_token()
    opening = challenges.Opening(
        tenant_id=subject.tenant.id,
        user_id=subject.user.pk,
        contract=profile.contract,
        step=step,
        security_epoch=subject.user.security_epoch,
        amr=progress.records,
        now=client.now,
        lifetime=profile.challenge_lifetime,
        max_attempts=profile.challenge_attempts,
        client_id=client.client_id,
        nonce=client.nonce,
        factor=factor,
    )
    challenge = challenges.build(opening, token)
    challenge.state_sealed = progress.pending.sealed(challenge)
    return challenge, token
