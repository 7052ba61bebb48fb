"""Signing in with a passkey: alone, where it proves possession and its holder, or after a password.

What was signed names the credential, and the credential its owner; no name is typed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import OuterRef, Subquery

from accounts import notices
from accounts.client import ClientContext
from accounts.login import sessions, throttle
from accounts.login.attempt import Attempt, PasskeyAssertion
from accounts.login.journey import Journey
from accounts.login.outcome import Factor, Reason
from accounts.login.profile import LoginProfile
from accounts.login.subject import Subject, facts, subject_of
from accounts.models import SubjectIdentifier
from mfa import ceremonies, challenges, passkeys, relying_parties
from mfa.ceremonies import Answer, Known, Rejected, Signed
from mfa.models import Challenge, Passkey
from mfa.passkeys import Ticket
from mfa.relying_parties import RelyingParty
from tenants.policy import TenantRecord
from tenants.resolve import directory, explicit, resolve

# The sector of the random handles by which devices know whose passkey they keep.
SECTOR = "passkey"
_PURPOSE = "sign in"


@dataclass(frozen=True, slots=True)
class PasskeyMatch:
    """A right signature of a passkey, its counter not yet stored."""

    passkey: Passkey
    signed: Signed
    factor = Factor.PASSKEY
    spent_reason = Reason.SPENT_CODE

    @property
    def method(self) -> str:
        """RFC 8176: a key in one device, or one that is copied among several."""
        return sessions.SOFTWARE_KEY if self.passkey.synced else sessions.HARDWARE_KEY

    def spend(self, now: datetime) -> bool:
        """Store the counter; False if a later signature was faster."""
        return passkeys.record_use(self.passkey, self.signed.sign_count, now)


@dataclass(frozen=True, slots=True)
class Proof:
    """A passkey that has proved who signs in."""

    subject: Subject
    found: PasskeyMatch
    ticket: Ticket

    def records(self, now: datetime) -> tuple[dict[str, Any], ...]:
        """The amr records: the key, and that its device knew its holder."""
        return sessions.amr(self.found.method, now), sessions.amr(sessions.USER, now)

    def spend(self, client: ClientContext) -> Reason | None:
        """Use up the challenge, then the counter. Inside of a transaction."""
        spent = passkeys.spend(
            self.ticket,
            tenant_id=self.subject.tenant.id,
            user_id=self.subject.user.pk,
            contract=client.contract,
            epoch=self.subject.user.security_epoch,
            now=client.now,
        )
        if not spent:
            return Reason.CHALLENGE_SPENT
        return None if self.found.spend(client.now) else self.found.spent_reason


def options(host: str | None, client: ClientContext, browser: str) -> dict[str, Any] | None:
    """What a sign-in page asks the browser for; None where no passkeys are offered.

    ``browser``: a random value that this browser alone will send along. No statement.
    """
    rp = relying_parties.at(host)
    if rp is None:
        return None
    challenge = passkeys.new_challenge(_PURPOSE, _bound_to(rp, client, browser), client.now)
    return ceremonies.request_options(rp, challenge, alone=True)


def step_options(token: str, host: str | None, client: ClientContext) -> dict[str, Any] | None:
    """What the page of a second step asks the browser for; None if no passkey answers it."""
    rp, challenge = relying_parties.at(host), challenges.find(token)
    if rp is None or challenge is None or challenge.contract != client.contract:
        return None
    known = [passkeys.known(each) for each in passkeys.of(challenge.user_id, rp.id)]
    if not known:
        return None
    return ceremonies.request_options(rp, passkeys.step_challenge(challenge), known, alone=False)


def check(assertion: PasskeyAssertion, attempt: Attempt, journey: Journey) -> Proof:
    """Judge a passkey that stands alone. Raises LoginRefused after the refusal was recorded.

    Only the address is counted: a signature cannot be guessed, and a counter of the account would
    let a stranger lock its owner out.
    """
    journey.factor = Factor.PASSKEY
    tenant = _asked_for(attempt, journey)
    if buckets := throttle.address_buckets(journey.profile, journey.client.address):
        journey.reserve(buckets)
    rp, answer = _read(assertion, attempt, journey)
    ticket = _ticket(answer, rp, journey)
    row = _row(answer, rp, journey.profile)
    known = passkeys.known(row) if row else Known(answer.credential_id, ceremonies.decoy())
    subject = _subject(row, tenant)
    signed = _signed(
        lambda: ceremonies.verify_assertion(answer, known, rp, ticket.challenge, alone=True),
        journey,
        unknown=subject is None,
    )
    if row is None or subject is None or signed is None:
        journey.refuse(Reason.UNKNOWN_SUBJECT)
    journey.tenant, journey.subject = subject.tenant, subject
    if not subject.tenant.serves(journey.profile.contract):
        journey.refuse(Reason.CONTRACT_OFF)
    handle: str | None = row.handle  # type: ignore[attr-defined]  # annotated
    if handle is None or answer.user_handle != handle.encode():
        journey.note("passkey", "the handle of somebody else")
        journey.refuse(Reason.WRONG_CODE)
    _demand_counter(row, signed, subject, journey)
    journey.note("passkey", "right")
    return Proof(subject, PasskeyMatch(row, signed), ticket)


def match(
    assertion: PasskeyAssertion,
    challenge: Challenge,
    attempt: Attempt,
    subject: Subject,
    journey: Journey,
) -> PasskeyMatch:
    """Judge a passkey as the second step of a login. Raises LoginRefused after it was recorded."""
    journey.factor = Factor.PASSKEY
    journey.reserve(throttle.factor_buckets(subject.user.pk))
    rp, answer = _read(assertion, attempt, journey)
    rows = Passkey.objects.filter(
        user=subject.user.pk, rp_id=rp.id, credential_id=answer.credential_id
    )
    row = rows.first()
    known = passkeys.known(row) if row else Known(answer.credential_id, ceremonies.decoy())
    expected = passkeys.step_challenge(challenge)
    signed = _signed(
        lambda: ceremonies.verify_assertion(answer, known, rp, expected, alone=False),
        journey,
        unknown=row is None,
    )
    if row is None or signed is None:
        journey.refuse(Reason.WRONG_CODE)
    _demand_counter(row, signed, subject, journey)
    journey.note("second factor", "right")
    return PasskeyMatch(row, signed)


def _bound_to(rp: RelyingParty, client: ClientContext, browser: str) -> tuple[str, ...]:
    return client.contract, rp.id, browser


def _asked_for(attempt: Attempt, journey: Journey) -> TenantRecord | None:
    """The tenant that the address or the caller names, or None: the passkey itself names one."""
    if Factor.PASSKEY not in journey.profile.factors:
        journey.refuse(Reason.NOTHING_PRESENTED)
    if attempt.tenant.name is None and attempt.tenant.slug is None:
        tenant = explicit(attempt.tenant)
    else:
        tenant = resolve(attempt.tenant)
        if tenant is None:
            journey.note("tenant", "none")
            journey.refuse(Reason.UNKNOWN_TENANT)
    journey.tenant = tenant
    journey.note("tenant", tenant.slug if tenant else "the passkey's own")
    return tenant


def _read(
    assertion: PasskeyAssertion, attempt: Attempt, journey: Journey
) -> tuple[RelyingParty, Answer]:
    rp = relying_parties.at(attempt.tenant.host)
    if rp is None:
        journey.note("passkey", "not offered at this address")
        journey.refuse(Reason.FACTOR_UNSUPPORTED)
    try:
        return rp, ceremonies.read(assertion.response)
    except Rejected as rejected:
        journey.note("passkey", str(rejected))
        journey.refuse(Reason.WRONG_CODE)


def _ticket(answer: Answer, rp: RelyingParty, journey: Journey) -> Ticket:
    client = journey.client
    bound_to = _bound_to(rp, client, client.nonce or "")
    found = passkeys.ticket(answer.challenge, _PURPOSE, bound_to, client.now)
    if not isinstance(found, Ticket):
        journey.note("passkey", "a challenge of another place" if found is None else "too late")
        reason = Reason.CHALLENGE_FOREIGN if found is None else Reason.CHALLENGE_EXPIRED
        journey.refuse(reason)
    return found


def _row(answer: Answer, rp: RelyingParty, profile: LoginProfile) -> Passkey | None:
    """The passkey with its owner and all facts about him, in one statement."""
    handle = SubjectIdentifier.objects.filter(user=OuterRef("user_id"), sector=SECTOR)
    rows = Passkey.objects.filter(credential_id=answer.credential_id, rp_id=rp.id)
    return (
        rows.select_related("user")
        .annotate(**facts(profile.sector, "user_id"), handle=Subquery(handle.values("value")[:1]))
        .first()
    )


def _subject(row: Passkey | None, asked: TenantRecord | None) -> Subject | None:
    """The owner; nobody where the caller has named another tenant than his."""
    tenant = directory().by_id.get(row.user.tenant_id) if row else None
    if row is None or tenant is None or (asked is not None and asked.id != tenant.id):
        return None
    return subject_of(row.user, row, tenant)


def _signed(verify: Callable[[], Signed], journey: Journey, *, unknown: bool) -> Signed | None:
    """The judgement of a signature, at the same cost for a passkey of nobody: then None."""
    try:
        signed = verify()
    except Rejected as rejected:
        if unknown:
            journey.note("passkey", "unknown here")
            return None
        journey.note("passkey", str(rejected))
        journey.refuse(Reason.WRONG_CODE)
    if unknown:
        journey.note("passkey", "unknown here")
        return None
    return signed


def _demand_counter(passkey: Passkey, signed: Signed, subject: Subject, journey: Journey) -> None:
    """Refuse a counter that went back: somebody else may hold a copy. The owner is told."""
    if passkeys.went_back(passkey, signed.sign_count):
        journey.note("passkey", "its counter went back")
        notices.passkey_suspected(subject.user, passkey.name)
        journey.refuse(Reason.SPENT_CODE)
