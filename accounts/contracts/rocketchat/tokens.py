"""The session token of Rocket.Chat: one opaque text that opens calls and resumes its session."""

from __future__ import annotations

import re
import secrets
from datetime import timedelta

from accounts import audit
from accounts.audit import Event
from accounts.client import ClientContext
from accounts.login import grants, sessions
from accounts.login.grants import Refreshed
from accounts.login.outcome import Factor, LoginRefused, Obligation, Reason, TokenSet
from accounts.login.profile import (
    ChallengeForm,
    Issued,
    IssuedGrant,
    Limit,
    LoginProfile,
    ObligationForm,
)
from accounts.login.sessions import Found
from accounts.login.subject import Subject
from accounts.models import Grant, Session
from accounts.tokens import opaque
from accounts.wire.call import Call
from accounts.wire.contract import Fault, Faulted

SLUG = "rocketchat"
LIFETIME = timedelta(days=90)
# The product's documented number; the oldest token goes.
MAX_TOKENS = 50
IDENTIFIER_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTWXYZabcdefghijkmnopqrstuvwxyz"
IDENTIFIER_LENGTH = 17
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_IDENTIFIER = re.compile(f"[{IDENTIFIER_ALPHABET}]{{{IDENTIFIER_LENGTH}}}")
_BLOCK = timedelta(minutes=5)


def new_identifier() -> str:
    """A ``userId``: about 98 random bits in letters that nobody mistakes for one another."""
    return "".join(secrets.choice(IDENTIFIER_ALPHABET) for _ in range(IDENTIFIER_LENGTH))


def _lifetime(_subject: Subject) -> timedelta:
    return LIFETIME


def _issue(live: Session, _subject: Subject) -> Issued:
    token = opaque.mint()
    resume = IssuedGrant(Grant.Kind.RESUME, token, live.expires_at)
    return Issued(TokenSet(access=token), (resume,))


def _unverified(subject: Subject) -> str:
    """The bar of a person without a proven address, where the tenant asks for one."""
    user = subject.user
    asked = subject.tenant.contract(SLUG).options.get("verified_email_only") is True
    # A deactivated account is told so first; administrators are let in to set things right.
    concerned = user.is_person and user.is_active and not user.is_superuser
    return "address not verified" if asked and concerned and not user.email_verified else ""


LOGIN = LoginProfile(
    contract=SLUG,
    issue=_issue,
    lifetime=_lifetime,
    # The client sends the whole login again, with a code. When it was proved is in the session's
    # amr records: there the thirty minutes begin for which guarded calls ask for no second one.
    challenge=ChallengeForm.REPEAT,
    factors=frozenset({Factor.OTP, Factor.RECOVERY_CODE, Factor.EMAIL}),
    obligations={Obligation.CHANGE_PASSWORD: ObligationForm.ADVISE},
    bar=_unverified,
    sector=SLUG,
    new_identifier=new_identifier,
    # The product counts failures since the last success and blocks for five minutes.
    password_limit=Limit(10, _BLOCK, resets=True),
    # Failures of an address are never forgotten at a success: an attacker has accounts, too.
    address_limit=Limit(50, _BLOCK),
)


def resume(call: Call, token: str) -> Refreshed:
    """Continue the session of an issued token; neither token nor end change. One statement.

    Raises LoginRefused(GRANT_UNKNOWN) whatever is wrong: the tokens of an account that was
    deactivated are gone, so they must not tell that it was.
    """
    if not _TOKEN.fullmatch(token):
        raise LoginRefused(Reason.GRANT_UNKNOWN)
    try:
        return grants.present(token, Grant.Kind.RESUME, LOGIN, call.client(), call.addressed)
    except LoginRefused as refused:
        raise LoginRefused(Reason.GRANT_UNKNOWN) from refused


def signed_in(call: Call) -> Found:
    """The live session of ``X-Auth-Token`` that belongs to ``X-User-Id``, in one statement.

    Raises Faulted; values of another form are refused without a statement.
    """
    token, user_id = call.header("X-Auth-Token"), call.header("X-User-Id")
    if not token or not user_id:
        raise Faulted(Fault.NO_TOKEN)
    if not _TOKEN.fullmatch(token) or not _IDENTIFIER.fullmatch(user_id):
        raise Faulted(Fault.BAD_TOKEN, "not of our making")
    found = sessions.find(
        LOGIN,
        grants__token_hash=opaque.digest(token),
        grants__kind=Grant.Kind.RESUME,
        grants__expires_at__gt=call.now,
    )
    if found is None or found.subject.identifier != user_id:
        raise Faulted(Fault.BAD_TOKEN, "unknown, or another user's")
    if reason := sessions.judge(found, call.now, call.addressed):
        raise Faulted(Fault.BAD_TOKEN, reason)
    return found


def keep_newest(subject: Subject, client: ClientContext) -> None:
    """End the sessions beyond the newest fifty; one statement where there are none.

    Personal access tokens are not among them.
    """
    mine = Session.objects.filter(user=subject.user, contract=SLUG, personal_token=None)
    live = mine.filter(ended_at=None, expires_at__gt=client.now).order_by("-auth_time", "-id")
    surplus = list(live.values_list("pk", flat=True)[MAX_TOKENS:])
    if not surplus:
        return
    ended = audit.row(
        Event.SESSION_ENDED,
        client,
        tenant_id=subject.tenant.id,
        user_id=subject.user.pk,
        reason=f"more than {MAX_TOKENS} tokens",
    )
    sessions.end_rows(Session.objects.filter(pk__in=surplus), ended)
