"""The browser's login: what it can carry, how long its sessions live, and the cookie for them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial

from accounts.login import sessions
from accounts.login.outcome import Factor, Obligation, TokenSet
from accounts.login.profile import (
    ChallengeForm,
    Issued,
    IssuedGrant,
    LoginProfile,
    ObligationForm,
)
from accounts.login.subject import Subject
from accounts.models import Grant, Session, User
from accounts.tokens import opaque
from accounts.wire.cookies import Cookie
from tenants.conf import conf
from tenants.policy import TenantRecord

SLUG = "browser"
# The tenant's settings under this name open and close the console for its staff.
CONSOLE = "console"
IDLE = timedelta(hours=1)
LIFETIME = timedelta(hours=12)
# "Keep me signed in". NIST SP 800-63B: 30 days in all at AAL1, 24 hours at AAL2.
KEPT_IDLE = timedelta(days=14)
LONGEST = timedelta(days=30)
LONGEST_PROVED = timedelta(hours=24)


def _issue(session: Session, subject: Subject, *, kept: bool) -> Issued:
    _set_ends(session, subject, kept=kept)
    token = opaque.mint()
    grant = IssuedGrant(Grant.Kind.RESUME, token, session.expires_at)
    return Issued(TokenSet(access=token), (grant,))


def _set_ends(session: Session, subject: Subject, *, kept: bool) -> None:
    """The ends depend on what was proved and on who it is, so they are set once that is known."""
    settings = subject.tenant.contract(SLUG)
    if kept and may_keep(subject.tenant):
        total, idle = settings.lifetime("kept", LONGEST), settings.lifetime("kept_idle", KEPT_IDLE)
    else:
        total, idle = settings.lifetime("session", LIFETIME), settings.lifetime("idle", IDLE)
    total = min(total, LONGEST_PROVED if proved_more(session) else LONGEST)
    if is_staff(subject.user):
        total, idle = min(total, console_lifetime(subject.tenant)), min(idle, IDLE)
    session.expires_at = session.auth_time + total
    session.idle_seconds = int(idle.total_seconds())


BROWSER = LoginProfile(
    contract=SLUG,
    issue=partial(_issue, kept=False),
    lifetime=lambda _subject: LIFETIME,
    idle=IDLE,
    challenge=ChallengeForm.TOKEN,
    factors=frozenset({Factor.OTP, Factor.PASSKEY, Factor.RECOVERY_CODE, Factor.EMAIL}),
    obligations={
        Obligation.CHANGE_PASSWORD: ObligationForm.CHALLENGE,
        Obligation.BIND_FACTOR: ObligationForm.CHALLENGE,
    },
    kinds=frozenset({"person"}),
)
# The same login with "keep me signed in".
KEPT = replace(BROWSER, issue=partial(_issue, kept=True))


def is_staff(user: User) -> bool:
    """Whether the user may work in the console, as far as his rights go."""
    return user.is_staff or user.is_superuser


def may_keep(tenant: TenantRecord | None) -> bool:
    """Whether a tenant lets people stay signed in; its option ``keep`` says no."""
    return tenant is None or tenant.contract(SLUG).options.get("keep", True) is True


def console_lifetime(tenant: TenantRecord) -> timedelta:
    """How long staff work without a new sign-in: twelve hours, which a tenant may shorten."""
    return min(tenant.contract(CONSOLE).lifetime("session", LIFETIME), LIFETIME)


def proved_more(session: Session) -> bool:
    """Whether a session has proved more than a password, or something else."""
    return any(record["method"] != sessions.PASSWORD for record in session.amr)


def fits_console(session: Session, tenant: TenantRecord) -> bool:
    """Whether a session is short enough for the console: one that was kept is not."""
    idle = session.idle_seconds
    short = session.expires_at - session.auth_time <= console_lifetime(tenant)
    return short and idle is not None and idle <= IDLE.total_seconds()


def secure() -> bool:
    """Whether browsers reach this service over TLS."""
    return conf().base_url.startswith("https://")


def cookie_name() -> str:
    """With TLS the name's prefix makes browsers refuse the cookie from anybody but this host."""
    return "__Host-dragoman" if secure() else "dragoman"


def cookie(token: str, session: Session) -> Cookie:
    """The cookie of a session. ``Lax``: a link in a mail leads to a page signed in.

    Only a session that is kept outlives the browser; the ends that count are the server's.
    """
    kept = session.idle_seconds is None or session.idle_seconds > IDLE.total_seconds()
    life = session.expires_at - session.auth_time
    return Cookie(
        cookie_name(),
        token,
        secure=secure(),
        same_site="Lax",
        max_age=int(life.total_seconds()) if kept else None,
    )
