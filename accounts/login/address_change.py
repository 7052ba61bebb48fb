"""The owner of an account has his mail sent to another address.

A link goes to the new address, as one for a password goes to the old one: random, stored by its
hash, bound to the account's security epoch, spent once. It is good only in a session of the same
account, so a mistyped address gives its stranger nothing. The old address is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import Q

from accounts import audit, notices
from accounts.audit import Event
from accounts.client import ClientContext
from accounts.login import password_links, throttle
from accounts.login.outcome import LoginRefused, Reason
from accounts.login.profile import Limit
from accounts.login.sessions import Found
from accounts.login.subject import Subject
from accounts.login.throttle import Bucket
from accounts.models import ThrottleBucket, User
from accounts.models.statement import Insert, execute
from mfa import challenges, email_codes
from mfa.models import Challenge
from tenants.names import deceptive, fold
from tenants.resolve import leads_elsewhere
from tenants.sealing import derive, seal, unseal

# It stands where a login's challenge names its contract.
KIND = "address_change"
PAGE = "address-link"
LIFETIME = timedelta(hours=1)
# Nobody mistypes his own address more often; a mailbox of somebody else is not to be flooded.
LIMIT = Limit(5, timedelta(hours=1))
_LONGEST, _LONGEST_NAME = 254, 150


class Objection(StrEnum):
    """Why an address cannot become the account's."""

    MALFORMED = "malformed"
    TOO_LONG = "too long"
    DECEPTIVE = "deceptive"
    SAME = "same"
    # Its domain leads the logins of another tenant.
    ELSEWHERE = "elsewhere"
    TAKEN = "taken"


class NotAccepted(Exception):
    """The address cannot become the account's; ``why`` says it."""

    def __init__(self, why: Objection) -> None:
        super().__init__(why.value)
        self.why = why


@dataclass(frozen=True, slots=True)
class Wish:
    """An open link: the address that it would make the account's."""

    challenge: Challenge
    email: str


def is_name(user: User) -> bool:
    """Whether the user name is the address: it changes with it."""
    return bool(user.email_key) and user.username_key == user.email_key


def ask(found: Found, email: str, client: ClientContext) -> None:
    """Mail a link to ``email``; earlier ones are void.

    Nothing tells whether another account has the address: then no mail leaves. Raises NotAccepted,
    and LoginRefused(THROTTLED_SUBJECT).
    """
    subject, user = found.subject, found.subject.user
    if why := _objection(email, subject):
        raise NotAccepted(why)
    _reserve(found, client)
    if _is_taken(user, email):
        row = _row(Event.ADDRESS_LINK_REFUSED, found, client, Objection.TAKEN)
        execute(Insert(row))
        return
    token = challenges.new_token()
    opening = challenges.Opening(
        tenant_id=subject.tenant.id,
        user_id=user.pk,
        contract=KIND,
        step=Challenge.Step.NEW_ADDRESS,
        security_epoch=user.security_epoch,
        amr=(),
        now=client.now,
        lifetime=LIFETIME,
        max_attempts=1,
    )
    wish = challenges.build(opening, token)
    wish.state_sealed = seal(email.encode(), wish.seal_context())
    with transaction.atomic():
        _open(user).update(spent_at=client.now)
        execute(Insert(wish), Insert(_row(Event.ADDRESS_LINK_SENT, found, client)))
        to = password_links.address(token, subject.tenant, PAGE)
        notices.address_link(user, email, to)


def find(found: Found, token: str, client: ClientContext) -> Wish | None:
    """The link of a token, if it is this account's and can still be used; looking is free."""
    user, challenge = found.subject.user, challenges.find(token)
    if challenge is None or challenge.contract != KIND or challenge.user_id != user.pk:
        return None
    over = challenge.spent_at is not None or challenge.expires_at <= client.now
    if over or challenge.security_epoch != user.security_epoch:
        return None
    return Wish(challenge, unseal(challenge.state_sealed, challenge.seal_context()).decode())


def confirm(found: Found, wish: Wish, client: ClientContext) -> None:
    """The address is the account's from now on, and proved. No session ends.

    Links and codes that went to the old address are void. Raises NotAccepted(TAKEN), and
    LoginRefused(CHALLENGE_SPENT) for a link that was used a moment ago.
    """
    try:
        with transaction.atomic(durable=True):
            if not _changed(found, wish, client):
                raise LoginRefused(Reason.CHALLENGE_SPENT, subject=found.subject)
    except IntegrityError as error:
        raise NotAccepted(Objection.TAKEN) from error


def _changed(found: Found, wish: Wish, client: ClientContext) -> bool:
    user, email, key = found.subject.user, wish.email, fold(wish.email)
    if not challenges.spend(wish.challenge, client.now):
        return False
    if _is_taken(user, email):
        raise NotAccepted(Objection.TAKEN)
    name = {"username": email, "username_key": key} if is_name(user) else {}
    # The old values in the condition: PostgreSQL looks again after waiting for the row.
    unchanged = User.objects.filter(
        pk=user.pk,
        email=user.email,
        security_epoch=wish.challenge.security_epoch,
        state=User.State.ACTIVE,
    )
    if not unchanged.update(
        email=email, email_key=key, email_verified=True, updated_at=client.now, **name
    ):
        return False
    if key != user.email_key:
        _forget_old_mail(user, client)
        notices.address_changed(user, user.email)
    _row(Event.USER_CHANGED, found, client, "address changed").save(force_insert=True)
    return True


def _forget_old_mail(user: User, client: ClientContext) -> None:
    """Whoever reads the old mailbox must not choose the password, nor answer a login."""
    links: Any = Challenge.objects.filter(user=user, contract__in=list(password_links.Kind))
    links.filter(spent_at=None).update(spent_at=client.now)
    email_codes.void(user.pk, client.now)


def _objection(email: str, subject: Subject) -> Objection | None:
    user = subject.user
    longest = _LONGEST_NAME if is_name(user) else _LONGEST
    if max(len(email), len(fold(email))) > longest:
        return Objection.TOO_LONG
    try:
        validate_email(email)
    except ValidationError:
        return Objection.MALFORMED
    # An address that folds to another text would be shown as what it is not.
    if deceptive(email) or fold(email) != email.lower():
        return Objection.DECEPTIVE
    if email == user.email and user.email_verified:
        return Objection.SAME
    return Objection.ELSEWHERE if leads_elsewhere(email, subject.tenant.id) else None


def _is_taken(user: User, email: str) -> bool:
    key = fold(email)
    others = User.objects.filter(tenant_id=user.tenant_id).exclude(pk=user.pk)
    return others.filter(Q(email_key=key) | Q(username_key=key)).exists()


def _open(user: User) -> Any:
    return Challenge.objects.filter(user=user, contract=KIND, spent_at=None)


def _reserve(found: Found, client: ClientContext) -> None:
    key = derive("throttle", f"{KIND}\x00{found.subject.user.pk}".encode())
    bucket = Bucket(ThrottleBucket.Kind.REQUEST, key, LIMIT, Reason.THROTTLED_SUBJECT)
    reserved = throttle.reserve([bucket], client.now)
    if reserved.refusal is not None:
        raise LoginRefused(
            reserved.refusal, subject=found.subject, retry_after=reserved.retry_after
        )


def _row(event: Event, found: Found, client: ClientContext, reason: str = "") -> Any:
    return audit.row(
        event,
        client,
        tenant_id=found.subject.tenant.id,
        user_id=found.subject.user.pk,
        session_id=found.session.pk,
        reason=reason,
    )
