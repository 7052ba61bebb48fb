"""The access token, the login that makes it, and the session that it leads to."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from accounts.login.outcome import Factor, TokenSet
from accounts.login.profile import ChallengeForm, Issued, LoginProfile
from accounts.login.sessions import Found
from accounts.login.subject import Subject
from accounts.models import Session
from accounts.tokens import jwt
from accounts.tokens.claims import times
from accounts.tokens.profile import TokenProfile
from accounts.wire.authentication import bearer, session, verified
from accounts.wire.call import Call
from accounts.wire.contract import Fault, Faulted
from tenants.conf import conf
from tenants.models import new_number

SLUG = "coldstream"
ACCESS = TokenProfile("coldstream.access", lifetime=timedelta(hours=8))


def _lifetime(subject: Subject) -> timedelta:
    return subject.tenant.contract(SLUG).lifetime("access", ACCESS.lifetime)


def _issue(live: Session, subject: Subject) -> Issued:
    """One access token for the session: the product has no refresh call.

    It ends with the session at the latest, however long the tenant has that last.
    """
    claims = {
        "iss": f"{conf().base_url}/t/{subject.tenant.slug}",
        "aud": SLUG,
        "sub": subject.identifier,
        "email": subject.user.email,
        **times(live.auth_time, min(_lifetime(subject), live.expires_at - live.auth_time)),
        "jti": str(live.id),
    }
    return Issued(TokenSet(access=jwt.sign(ACCESS, subject.tenant.id, claims, live.auth_time)))


LOGIN = LoginProfile(
    contract=SLUG,
    issue=_issue,
    lifetime=_lifetime,
    challenge=ChallengeForm.TOKEN,
    # A security key does not work through this API; saved codes have no field.
    factors=frozenset({Factor.OTP}),
    challenge_attempts=5,
    sector=SLUG,
    new_identifier=lambda: str(new_number()),
)


def authenticated(call: Call) -> Found:
    """The live session of the call's bearer token. Raises Faulted."""
    token = bearer(call)
    if token is None:
        raise Faulted(Fault.NO_TOKEN)
    read = verified(call, token)
    if read.expired:
        raise Faulted(Fault.EXPIRED_TOKEN)
    if read.purpose != ACCESS.purpose or read.claims.get("aud") != SLUG:
        raise Faulted(Fault.WRONG_KIND)
    return session(call, read, LOGIN, pk=UUID(read.claims["jti"]))
