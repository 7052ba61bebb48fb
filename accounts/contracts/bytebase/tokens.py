"""The product's tokens, made and read, and its two ways to log in."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from accounts.contracts.bytebase.wording import BIND_FIRST, HEADER_FORMAT
from accounts.contracts.bytebase.workspace import Workspace
from accounts.login import enrolment
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
from tenants.policy import TenantRecord

SLUG = "bytebase"
ACCESS = TokenProfile("bytebase.access", lifetime=timedelta(days=7))
MFA = TokenProfile("bytebase.mfa", lifetime=timedelta(minutes=5))
# Of a login that still owes a second factor: it lives as long as one may be bound with it.
SETUP = TokenProfile("bytebase.setup", lifetime=enrolment.FRESH)

# Written as 3.13 does; later releases leave the mode off, and a reader takes either form.
_ACCESS_AUDIENCE = "bb.user.access.prod"
_MFA_AUDIENCE = "bb.user.mfa-temp.prod"
_ACCESS_AUDIENCES = {_ACCESS_AUDIENCE, "bb.user.access"}
_MFA_AUDIENCES = {_MFA_AUDIENCE, "bb.user.mfa-temp"}
# Not the product's: whoever checks a token by its signature and audience must refuse this one.
_SETUP_AUDIENCE = "bb.user.mfa-setup.prod"
# The level of a session that has proved a second factor.
_PROVED_BOTH = "aal2"

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
    claims = _claims(subject, _ACCESS_AUDIENCE, now, lifetime)
    return jwt.sign(ACCESS, subject.tenant.id, claims, now, header=_pointer(live, subject))


def _pointer(live: Session, subject: Subject) -> dict[str, str]:
    return {"jti": str(handles.mint(live.handle, subject.tenant.id))}


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


def _issue_setup(live: Session, subject: Subject) -> Issued:
    """Where the tenant requires a second factor and there is none: a token to set one up with.

    No refresh token, with cookies or without: the next login brings a code.
    """
    now = live.auth_time
    live.expires_at = min(live.expires_at, now + SETUP.lifetime)
    claims = _claims(subject, _SETUP_AUDIENCE, now, live.expires_at - now)
    header = _pointer(live, subject)
    return Issued(TokenSet(access=jwt.sign(SETUP, subject.tenant.id, claims, now, header=header)))


def _mfa_token(subject: Subject, now: datetime) -> str:
    claims = _claims(subject, _MFA_AUDIENCE, now, MFA.lifetime)
    return jwt.sign(MFA, subject.tenant.id, claims, now)


def workspace_of(tenant: TenantRecord) -> Workspace:
    """The tenant's options of this contract."""
    return Workspace.of(tenant.contract(SLUG).options)


def _bar(subject: Subject) -> str:
    return workspace_of(subject.tenant).bar(subject.user, address(subject.user))


def _external_bar(subject: Subject) -> str:
    workspace = workspace_of(subject.tenant)
    return workspace.external_bar(subject.user, address(subject.user))


BEARER = LoginProfile(
    contract=SLUG,
    issue=_issue_bearer,
    lifetime=_bearer_lifetime,
    challenge=ChallengeForm.TOKEN,
    factors=frozenset({Factor.OTP, Factor.RECOVERY_CODE}),
    challenge_lifetime=MFA.lifetime,
    challenge_attempts=_NO_LIMIT,
    challenge_token=_mfa_token,
    obligations={
        Obligation.CHANGE_PASSWORD: ObligationForm.ADVISE,
        Obligation.BIND_FACTOR: ObligationForm.ADVISE,
    },
    bar=_bar,
    external_bar=_external_bar,
    # The product lets such a login through and its pages insist on enrolment. An access token
    # would be a way around the tenant's rule, so there is none.
    issue_owing={Obligation.BIND_FACTOR: _issue_setup},
)
# ``web: true``: cookies, for people only.
WEB = replace(
    BEARER,
    issue=_issue_web,
    lifetime=_refresh_lifetime,
    kinds=frozenset({User.Kind.PERSON.value}),
)
# The exchange of a workload's own token.
EXCHANGE = replace(BEARER, kinds=frozenset({User.Kind.WORKLOAD.value}))


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
    found, only_enrols = enroller(call, token)
    if only_enrols:
        raise Faulted(Fault.FORBIDDEN, BIND_FIRST)
    return found


def enroller(call: Call, token: str) -> tuple[Found, bool]:
    """The live session of an access or set-up token, and whether it may only set up a factor.

    A session that has proved the new factor may do everything. Raises Faulted.
    """
    if not token:
        raise Faulted(Fault.NO_TOKEN)
    read = verified(call, token)
    if read.expired:
        raise Faulted(Fault.EXPIRED_TOKEN)
    sets_up = _is(read, SETUP, {_SETUP_AUDIENCE})
    if not sets_up and not _is(read, ACCESS, _ACCESS_AUDIENCES):
        raise Faulted(Fault.WRONG_KIND, audiences=read.claims["aud"])
    pointer = handles.read(read.header.get("jti"))
    if pointer is None:
        raise Faulted(Fault.BAD_TOKEN)
    email = read.claims["sub"]
    try:
        found = session(call, read, BEARER, handle=pointer.session)
    except Faulted as fault:
        if fault.fault is Fault.BAD_TOKEN and "found" not in fault.detail:
            raise Faulted(Fault.SUBJECT_GONE, email=email) from fault
        raise
    # An account that has changed its address is another subject to those who read the token.
    if address(found.subject.user) != email:
        raise Faulted(Fault.SUBJECT_GONE, email=email)
    return found, sets_up and found.session.acr != _PROVED_BOTH


def check_mfa_token(call: Call, token: str) -> bool:
    """Whether a token is an MFA temp token; runs no statement.

    Raises Faulted(BAD_TOKEN) where it is no token of ours or too old.
    """
    read = verified(call, token)
    if read.expired:
        raise Faulted(Fault.BAD_TOKEN)
    return _is(read, MFA, _MFA_AUDIENCES)
