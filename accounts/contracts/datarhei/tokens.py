"""Core's tokens: "usefor" tells access from refresh, a tenant chooses how they are signed."""

from __future__ import annotations

from datetime import datetime, timedelta

from accounts.contracts.datarhei import auth0
from accounts.login.outcome import TokenSet
from accounts.login.profile import ChallengeForm, Issued, LoginProfile
from accounts.login.sessions import Found
from accounts.login.subject import Subject
from accounts.models import Session
from accounts.tokens import handles, jwt
from accounts.tokens.claims import times
from accounts.tokens.jwt import Verified
from accounts.tokens.profile import Algorithm, KidForm, TokenProfile
from accounts.wire.authentication import bearer, session, verified, verified_without_kid
from accounts.wire.call import Call
from accounts.wire.contract import Fault, Faulted
from tenants.policy import TenantRecord

SLUG = "datarhei"
ISSUER = "datarhei-core"
# What "usefor" says.
ACCESS, REFRESH = "access", "refresh"
ACCESS_LIFETIME, REFRESH_LIFETIME = timedelta(minutes=10), timedelta(hours=24)
# One key for both kinds, as in Core.
TOKEN = TokenProfile(
    "datarhei.token", lifetime=REFRESH_LIFETIME, algorithm=Algorithm.HS256, kid=KidForm.NONE
)
# For a tenant whose services verify the tokens themselves: public keys, named in the header.
PUBLIC_TOKEN = TokenProfile("datarhei.public", lifetime=REFRESH_LIFETIME, algorithm=Algorithm.ES256)
PROFILES = (TOKEN, PUBLIC_TOKEN)
_PURPOSES = frozenset(profile.purpose for profile in PROFILES)


def _profile(tenant: TenantRecord) -> TokenProfile:
    """What signs this tenant's tokens: its option ``algorithm``, else HS256 as in Core."""
    public = tenant.contract(SLUG).options.get("algorithm") == Algorithm.ES256
    return PUBLIC_TOKEN if public else TOKEN


def _token(usefor: str, lifetime: timedelta, live: Session, subject: Subject, now: datetime) -> str:
    """A token as Core makes it, the claims in its alphabetical order.

    No claim is free for the session but ``jti``, which is fresh for each token and leads back.
    """
    claims = {
        "exi": int(lifetime.total_seconds()),
        **times(now, lifetime),
        "iss": ISSUER,
        "jti": str(handles.mint(live.handle, subject.tenant.id)),
        "sub": _name(live, subject),
        "usefor": usefor,
    }
    tenant = subject.tenant
    return jwt.sign(_profile(tenant), tenant.id, dict(sorted(claims.items())), now)


def _name(live: Session, subject: Subject) -> str:
    """Whom a token names: the user, but after a login by Auth0 its own subject, as in Core."""
    return auth0.subject_of(live) or subject.user.username


def access_token(live: Session, subject: Subject, now: datetime) -> str:
    """A fresh access token of a session; the earlier ones stay good."""
    lifetime = subject.tenant.contract(SLUG).lifetime(ACCESS, ACCESS_LIFETIME)
    return _token(ACCESS, lifetime, live, subject, now)


def _issue(live: Session, subject: Subject) -> Issued:
    """Both tokens; the refresh token lives exactly as long as the session."""
    now = live.auth_time
    refresh = _token(REFRESH, live.expires_at - now, live, subject, now)
    return Issued(TokenSet(access=access_token(live, subject, now), refresh=refresh))


def _lifetime(subject: Subject) -> timedelta:
    return subject.tenant.contract(SLUG).lifetime(REFRESH, REFRESH_LIFETIME)


LOGIN = LoginProfile(
    contract=SLUG,
    issue=_issue,
    lifetime=_lifetime,
    # No client can send a code; whoever has a second factor uses an app password here.
    challenge=ChallengeForm.NONE,
    app_passwords=True,
)


def _verified(call: Call, token: str) -> Verified:
    """A token of either algorithm: both keys are the tenant's, and a switch cuts nobody off."""
    try:
        read = verified(call, token)
    except Faulted:
        return verified_without_kid(call, token, TOKEN.purpose)
    if read.purpose not in _PURPOSES:
        raise Faulted(Fault.BAD_TOKEN)
    return read


def authenticated(call: Call, usefor: str) -> Found:
    """The live session of the call's bearer token of this kind. Raises Faulted."""
    token = bearer(call)
    if token is None:
        raise Faulted(Fault.NO_TOKEN)
    read = _verified(call, token)
    claims = read.claims
    if read.expired:
        raise Faulted(Fault.EXPIRED_TOKEN)
    if claims.get("iss") != ISSUER or claims.get("usefor") != usefor:
        raise Faulted(Fault.WRONG_KIND)
    handle = handles.read(claims.get("jti"))
    if handle is None:
        raise Faulted(Fault.BAD_TOKEN)
    found = session(call, read, LOGIN, handle=handle.session)
    if claims.get("sub") != _name(found.session, found.subject):
        raise Faulted(Fault.SUBJECT_GONE)
    return found
