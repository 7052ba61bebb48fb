"""The console's login: what it can carry, and the cookie that holds its sessions."""

from __future__ import annotations

from datetime import timedelta

from accounts.login.outcome import Factor, Obligation, TokenSet
from accounts.login.profile import (
    ChallengeForm,
    Issued,
    IssuedGrant,
    LoginProfile,
    ObligationForm,
)
from accounts.login.subject import Subject
from accounts.models import Grant, Session
from accounts.tokens import opaque
from accounts.wire.cookies import Cookie
from tenants.conf import conf

SLUG = "console"
IDLE = timedelta(hours=1)
LIFETIME = timedelta(hours=12)


def _issue(session: Session, subject: Subject) -> Issued:
    del subject
    token = opaque.mint()
    grant = IssuedGrant(Grant.Kind.RESUME, token, session.expires_at)
    return Issued(TokenSet(access=token), (grant,))


CONSOLE = LoginProfile(
    contract=SLUG,
    issue=_issue,
    lifetime=lambda _subject: LIFETIME,
    idle=IDLE,
    challenge=ChallengeForm.TOKEN,
    factors=frozenset({Factor.OTP, Factor.RECOVERY_CODE}),
    obligations={Obligation.CHANGE_PASSWORD: ObligationForm.CHALLENGE},
    kinds=frozenset({"person"}),
    staff_only=True,
)


def secure() -> bool:
    """Whether browsers reach this service over TLS."""
    return conf().base_url.startswith("https://")


def cookie_name() -> str:
    """With TLS the name's prefix makes browsers refuse the cookie from anybody but this host."""
    return "__Host-dragoman" if secure() else "dragoman"


def cookie(token: str, session: Session) -> Cookie:
    """The cookie of a session. ``Lax``: a link in a mail leads to the console signed in."""
    return Cookie(
        cookie_name(),
        token,
        secure=secure(),
        same_site="Lax",
        max_age=int((session.expires_at - session.auth_time).total_seconds()),
    )
