"""What officers do to an account, and how it shows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts.client import ClientContext
from accounts.login.attempt import Attempt, Identifier, NameForm, Password
from accounts.login.outcome import Authenticated, ChallengeRequired, Factor, TokenSet
from accounts.login.pipeline import authenticate
from accounts.login.profile import ChallengeForm, Issued, LoginProfile
from accounts.models import LoginEvent, Session, User
from tenants.hint import TenantHint
from tests.console.furniture import path_of
from tests.fixtures import PASSWORD, Cast, Persona
from tests.web.browsing import Browser

# A contract whose clients repeat the login with a code, as the gate sees it.
REPEATING = LoginProfile(
    contract="rocketchat",
    issue=lambda _session, _subject: Issued(TokenSet()),
    lifetime=lambda _subject: timedelta(hours=1),
    challenge=ChallengeForm.REPEAT,
    factors=frozenset({Factor.OTP, Factor.RECOVERY_CODE}),
)


def log_in(name: str, *codes: Any) -> Authenticated | ChallengeRequired:
    client = ClientContext("rocketchat", timezone.now())
    identifier = Identifier(NameForm.USERNAME, name)
    return authenticate(
        Attempt((Password(PASSWORD), *codes), TenantHint(), client, identifier), REPEATING
    )


def last_event(event: str) -> LoginEvent:
    return LoginEvent.objects.filter(event=event).latest("at")


def deed(who: Persona, slug: str) -> str:
    """The page of a deed to this account."""
    return path_of(User, who.user.pk, "deed", slug)


def do(browser: Browser, path: str, **fields: str) -> Any:
    """Ask for a deed's page, then confirm it."""
    page = browser.get(path)
    assert page.status_code == 200, page.content.decode()
    return browser.submit(page, path, **fields)


def erins_session(cast: Cast) -> Session:
    return Session.objects.get(contract="browser", user=cast.erin.user, ended_at=None)
