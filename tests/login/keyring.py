"""People with passkeys, for tests of the core: enrolment and both ways of signing in."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from django.utils import timezone

from accounts.login import passkey_enrolment, passkey_login, pipeline, sessions
from accounts.login.attempt import Attempt, ChallengeToken, Credential, PasskeyAssertion
from accounts.login.outcome import Authenticated, ChallengeRequired, Factor
from accounts.login.sessions import Found
from accounts.models import Session
from mfa.models import Passkey
from tenants.hint import TenantHint
from tests.login.gate import TOKEN, Town, challenged, context, logged_in, second
from tests.mfa.software_key import HOST, SoftwareKey

BROWSER = "a random value of this browser"
BETA_HOST = "beta.example.com"
PASSKEYS = replace(TOKEN, factors=TOKEN.factors | {Factor.PASSKEY})
HERE = TenantHint(host=HOST)


def methods(session: Session) -> list[str]:
    """How its holder was proved, in order."""
    return [record["method"] for record in session.amr]


def second_session(town: Town) -> Session:
    """A session of the one who has an app, opened with a code of it."""
    done = second(challenged().token, town.code(timezone.now()))
    assert isinstance(done, Authenticated)
    return done.session


def found(session: Session) -> Found:
    """The session as a guarded page finds it."""
    loaded = sessions.find(PASSKEYS, pk=session.pk)
    assert loaded is not None
    return loaded


def enrol(session: Session, key: SoftwareKey, *, name: str = "My key", **bent: Any) -> Passkey:
    """Add a passkey in a session that has just been opened."""
    client = context(session.auth_time)
    host = bent.pop("host", HOST)
    options = passkey_enrolment.options(found(session), host, client)
    assert options is not None
    answer = key.create(options, **bent)
    return passkey_enrolment.add(found(session), answer, name, host, client)


def give(name: str, key: SoftwareKey | None = None, **more: Any) -> SoftwareKey:
    """A passkey for somebody who has no second factor yet."""
    key = key or SoftwareKey()
    enrol(logged_in(name, profile=PASSKEYS, **more).session, key)
    return key


def asked(now: datetime | None = None, *, browser: str = BROWSER, host: str = HOST) -> Any:
    """What a sign-in page asks the browser for."""
    options = passkey_login.options(host, context(now or timezone.now()), browser)
    assert options is not None
    return options


def alone(
    answer: str,
    *more: Credential,
    hint: TenantHint = HERE,
    browser: str | None = BROWSER,
    profile: Any = PASSKEYS,
    **client: Any,
) -> Authenticated | ChallengeRequired:
    """Sign in with a passkey and nothing else."""
    attempt = Attempt((PasskeyAssertion(answer), *more), hint, context(nonce=browser, **client))
    return pipeline.authenticate(attempt, profile)


def after(
    token: str, answer: str, *, hint: TenantHint = HERE, profile: Any = PASSKEYS, **client: Any
) -> Authenticated | ChallengeRequired:
    """The second step of a login, answered with a passkey."""
    presented = (ChallengeToken(token, client.get("nonce")), PasskeyAssertion(answer))
    return pipeline.authenticate(Attempt(presented, hint, context(**client)), profile)
