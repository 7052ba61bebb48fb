"""The product's tokens, made and read, and its two ways to log in."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from accounts.contracts.bytebase.wording import HEADER_FORMAT
from accounts.login.outcome import Factor, Obligation, TokenSet
from accounts.login.profile import (
    ChallengeForm,
    Issued,
    IssuedGrant,
    LoginProfile,
    ObligationForm,
)
from accounts.login.sessions import Found
from accounts.login.subject import Subject
from accounts.models import Grant, Session, User
from accounts.tokens import handles, jwt, opaque
from accounts.tokens.claims import times
from accounts.tokens.jwt import Verified
from accounts.tokens.profile import TokenProfile
from accounts.wire.authentication import session, verified
from accounts.wire.call import Call
from accounts.wire.contract import Fault, Faulted

SLUG = "bytebase"
ACCESS = TokenProfile("bytebase.access", lifetime=timedelta(days=7))
MFA = TokenProfile("bytebase.mfa", lifetime=timedelta(minutes=5))

# Written as 3.13 does; later releases leave the mode off, and a reader takes either form.
_ACCESS_AUDIENCE = "bb.user.access.prod"
_MFA_AUDIENCE = "bb.user.mfa-temp.prod"
_ACCESS_AUDIENCES = {_ACCESS_AUDIENCE, "bb.user.access"}
_MFA_AUDIENCES = {_MFA_AUDIENCE, "bb.user.mfa-temp"}

_WEB_LIFETIME = timedelta(hours=1)
_SERVICE_LIFETIME = timedelta(hours=1)
_REFRESH_LIFETIME = timedelta(days=7)
# The account's counter bounds the guesses: five in five minutes, which is a token's whole life.
# The product lets a token be tried again until then, so the token's own counter stays out of it.
_NO_LIMIT = 30_000


def address(user: User) -> str:
    """The account's e-mail address: the product stores and writes it in lower case."""
    return user.email.lower()


def _setting(subject: Subject, kind: str, default: timedelta) -> timedelta:
    return subject.tenant.contract(SLUG).lifetime(kind, default)


def _bearer_lifetime(subject: Subject) -> timedelta:
    if subject.user.is_person:
        return _setting(subject, "access", ACCESS.lifetime)
    return _setting(subject, "service", _SERVICE_LIFETIME)


def _refresh_lifetime(subject: Subject) -> timedelta:
    return _setting(subject, "refresh", _REFRESH_LIFETIME)


def web_lifetime(live: Session, subject: Subject, now: datetime) -> timedelta:
    """How long an access token beside a refresh token works: never longer than the session."""
    return min(_setting(subject, "web_access", _WEB_LIFETIME), live.expires_at - now)


def _claims(subject: Subject, audience: str, now: datetime, lifetime: timedelta) -> dict[str, Any]:
    email = address(subject.user)
    return {
        "iss": "bytebase",
        "sub": email,
        "aud": [audience],
        "name": email,
        **times(now, lifetime),
    }


def access_token(live: Session, subject: Subject, now: datetime, lifetime: timedelta) -> str:
    """An access token of a session.

    The payload is fixed by the product, so the pointer to the session is in the JWS header, under
    the same signature.
    """
    pointer = handles.mint(live.handle, subject.tenant.id)
    claims = _claims(subject, _ACCESS_AUDIENCE, now, lifetime)
    return jwt.sign(ACCESS, subject.tenant.id, claims, now, header={"jti": str(pointer)})


def _issue_bearer(live: Session, subject: Subject) -> Issued:
    """One token for the session's whole life."""
    now = live.auth_time
    return Issued(TokenSet(access=access_token(live, subject, now, live.expires_at - now)))


def _issue_web(live: Session, subject: Subject) -> Issued:
    """A short access token, and a refresh token that ends with the session."""
    now, refresh = live.auth_time, opaque.mint()
    access = access_token(live, subject, now, web_lifetime(live, subject, now))
    grant = IssuedGrant(Grant.Kind.REFRESH, refresh, live.expires_at)
    return Issued(TokenSet(access=access, refresh=refresh), (grant,))


def _mfa_token(subject: Subject, now: datetime) -> str:
    claims = _claims(subject, _MFA_AUDIENCE, now, MFA.lifetime)
    return jwt.sign(MFA, subject.tenant.id, claims, now)


BEARER = LoginProfile(
    contract=SLUG,
    issue=_issue_bearer,
    lifetime=_bearer_lifetime,
    challenge=ChallengeForm.TOKEN,
    factors=frozenset({Factor.OTP, Factor.RECOVERY_CODE}),
    challenge_lifetime=MFA.lifetime,
    challenge_attempts=_NO_LIMIT,
    challenge_token=_mfa_token,
    # An owed second factor refuses: until it can be enrolled over this contract, a token would
    # be a way around the tenant's rule.
    obligations={Obligation.CHANGE_PASSWORD: ObligationForm.ADVISE},
)
# ``web: true``: cookies, for people only.
WEB = replace(
    BEARER,
    issue=_issue_web,
    lifetime=_refresh_lifetime,
    kinds=frozenset({User.Kind.PERSON.value}),
)


def presented(call: Call) -> str:
    """The access token of a call: the header's, and only without one the cookie's; may be empty.

    Raises Faulted(NO_TOKEN) for a header in another form, which every method refuses.
    """
    header = call.header("Authorization").strip()
    if not header:
        return call.cookie("access-token")
    words = header.split()
    if len(words) != 2 or words[0].lower() != "bearer":
        raise Faulted(Fault.NO_TOKEN, HEADER_FORMAT)
    return words[1]


def _is(read: Verified, profile: TokenProfile, audiences: set[str]) -> bool:
    """Whether the token is of this kind, by the key that signed it and by its audience."""
    return read.purpose == profile.purpose and not audiences.isdisjoint(read.claims["aud"])


def holder(call: Call, token: str) -> Found:
    """The live session of an access token. Raises Faulted."""
    if not token:
        raise Faulted(Fault.NO_TOKEN)
    read = verified(call, token)
    if read.expired:
        raise Faulted(Fault.EXPIRED_TOKEN)
    if not _is(read, ACCESS, _ACCESS_AUDIENCES):
        raise Faulted(Fault.WRONG_KIND, audiences=read.claims["aud"])
    pointer = handles.read(read.header.get("jti"))
    if pointer is None:
        raise Faulted(Fault.BAD_TOKEN)
    email = read.claims["sub"]
    try:
        found = session(call, Q(handle=pointer.session), read, BEARER)
    except Faulted as fault:
        if fault.fault is Fault.BAD_TOKEN and "found" not in fault.detail:
            raise Faulted(Fault.SUBJECT_GONE, email=email) from fault
        raise
    # An account that has changed its address is another subject to those who read the token.
    if address(found.subject.user) != email:
        raise Faulted(Fault.SUBJECT_GONE, email=email)
    return found


def check_mfa_token(call: Call, token: str) -> bool:
    """Whether a token is an MFA temp token; runs no statement.

    Raises Faulted(BAD_TOKEN) where it is no token of ours or too old.
    """
    read = verified(call, token)
    if read.expired:
        raise Faulted(Fault.BAD_TOKEN)
    return _is(read, MFA, _MFA_AUDIENCES)
