"""A small town for tests of the core: two tenants, a few people, and a contract of no product.

Slow hashes are made once per process, so a test costs what it tests.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from django.utils import timezone

from accounts.client import ClientContext
from accounts.login import passwords, pipeline
from accounts.login.attempt import (
    Attempt,
    ChallengeToken,
    Credential,
    Identifier,
    NameForm,
    OneTimePassword,
    Password,
)
from accounts.login.outcome import (
    Authenticated,
    ChallengeRequired,
    Factor,
    LoginRefused,
    Reason,
    TokenSet,
)
from accounts.login.profile import ChallengeForm, Issued, IssuedGrant, LoginProfile
from accounts.login.subject import Subject
from accounts.models import Grant, LoginEvent, ServiceCredential, Session, User
from accounts.tokens import jwt, opaque
from accounts.tokens.claims import times
from accounts.tokens.profile import TokenProfile
from mfa import binding, totp
from mfa.models import RecoveryCode
from mfa.slow_hash import digest
from tenants import resolve
from tenants.hint import TenantHint
from tenants.models import Tenant, TenantDomain
from tests.scenery import made_once

PASSWORD = "correct horse battery staple"
ACCESS = TokenProfile("probe.access", lifetime=timedelta(hours=1))
CODES = tuple(f"{n}bcd2345efgh678{n}" for n in range(3))
ADDRESS = "192.0.2.7"


def issue(session: Session, subject: Subject) -> Issued:
    claims = {
        "sub": subject.user.username,
        "sid": str(session.id),
        **times(session.auth_time, ACCESS.lifetime),
    }
    refresh = opaque.mint()
    return Issued(
        TokenSet(
            access=jwt.sign(ACCESS, subject.tenant.id, claims, session.auth_time), refresh=refresh
        ),
        (IssuedGrant(Grant.Kind.REFRESH, refresh, session.expires_at),),
    )


PLAIN = LoginProfile("probe", issue, lambda _: timedelta(days=1))
TOKEN = replace(
    PLAIN,
    challenge=ChallengeForm.TOKEN,
    factors=frozenset({Factor.OTP, Factor.RECOVERY_CODE, Factor.EMAIL}),
)
REPEAT = replace(TOKEN, challenge=ChallengeForm.REPEAT)


@cache
def hashed(password: str = PASSWORD) -> str:
    return passwords.encode(password)


@cache
def _digests() -> tuple[bytes, tuple[bytes, ...]]:
    salt = b"sixteen bytes ok"
    return salt, tuple(digest(code, salt) for code in CODES)


@dataclass(frozen=True)
class Town:
    """Alpha is the default tenant; beta has an account of the same name."""

    alpha: Tenant
    beta: Tenant
    alice: User
    bob: User  # authenticator app and recovery codes
    carol: User  # disabled
    alice_of_beta: User
    svc: User
    totp_secret: bytes = field(repr=False)
    svc_secret: str = field(repr=False)

    def code(self, now: datetime, *, steps: int = 0) -> str:
        return totp.code_at(self.totp_secret, totp.step_at(now) + steps)


def tenant(slug: str, **fields: Any) -> Tenant:
    made = Tenant(slug=slug, name=slug.title(), **fields)
    made.save()
    resolve.invalidate()
    return made


def user(of: Tenant, name: str, **fields: Any) -> User:
    fields = {
        "email": f"{name}@{of.slug}.example",
        "password": hashed(),
        "display_name": name.title(),
        **fields,
    }
    made = User(tenant=of, username=name, **fields)
    made.save()
    return made


def credential(
    of: User, client_id: str, secret: str = "s" * 40, **fields: Any
) -> ServiceCredential:
    return ServiceCredential.objects.create(
        user=of, client_id=client_id, secret_hash=passwords.secret_digest(secret), **fields
    )


def give_codes(to: User) -> None:
    salt, digests = _digests()
    RecoveryCode.objects.bulk_create(
        RecoveryCode(user=to, salt=salt, digest=each) for each in digests
    )


def give_second_factors(to: User) -> bytes:
    secret = totp.new_secret()
    binding.bind_totp(to.pk, secret)
    give_codes(to)
    return secret


@made_once
def found_town() -> Town:
    alpha, beta = tenant("alpha", is_default=True), tenant("beta")
    TenantDomain(tenant=beta, kind="host", domain="beta.example.com").save()
    TenantDomain(tenant=beta, kind="email", domain="beta.example").save()
    resolve.invalidate()
    bob = user(alpha, "bob")
    svc = user(alpha, "svc", kind=User.Kind.SERVICE, password="!")
    credential(svc, "svc-client", "m" * 40)
    return Town(
        alpha=alpha,
        beta=beta,
        alice=user(alpha, "alice"),
        bob=bob,
        carol=user(alpha, "carol", state=User.State.DISABLED),
        alice_of_beta=user(beta, "alice"),
        svc=svc,
        totp_secret=give_second_factors(bob),
        svc_secret="m" * 40,
    )


def context(now: datetime | None = None, **fields: Any) -> ClientContext:
    fields = {"contract": "probe", "address": ADDRESS, "agent": "tests", **fields}
    return ClientContext(now=now or timezone.now(), **fields)


def attempt(
    name: str,
    *credentials: Credential | str,
    hint: TenantHint | None = None,
    form: NameForm = NameForm.ANY,
    **client: Any,
) -> Attempt:
    """A try of ``name``; a plain text among the credentials is a password."""
    presented = tuple(Password(each) if isinstance(each, str) else each for each in credentials)
    return Attempt(presented, hint or TenantHint(), context(**client), Identifier(form, name))


def login(
    name: str, *credentials: Credential | str, profile: LoginProfile = PLAIN, **more: Any
) -> Authenticated | ChallengeRequired:
    return pipeline.authenticate(attempt(name, *credentials, **more), profile)


def logged_in(name: str = "alice", *credentials: Credential | str, **more: Any) -> Authenticated:
    outcome = login(name, *(credentials or (PASSWORD,)), **more)
    assert isinstance(outcome, Authenticated), outcome
    return outcome


def challenged(name: str = "bob", profile: LoginProfile = TOKEN, **more: Any) -> ChallengeRequired:
    outcome = login(name, PASSWORD, profile=profile, **more)
    assert isinstance(outcome, ChallengeRequired), outcome
    return outcome


def second(
    token: str,
    code: Credential | str | None,
    profile: LoginProfile = TOKEN,
    *,
    nonce: str | None = None,
    hint: TenantHint | None = None,
    **client: Any,
) -> Authenticated | ChallengeRequired:
    """The second step; a plain text is the code of an app."""
    presented: list[Credential] = [ChallengeToken(token, nonce)]
    if code is not None:
        presented.append(OneTimePassword(code) if isinstance(code, str) else code)
    return pipeline.authenticate(
        Attempt(tuple(presented), hint or TenantHint(), context(nonce=nonce, **client)), profile
    )


def reason_of(call: Any, *args: Any, **more: Any) -> Reason:
    """Why a login was refused; fails if it was not."""
    try:
        outcome = call(*args, **more)
    except LoginRefused as refused:
        return refused.reason
    raise AssertionError(f"not refused: {outcome}")


def last_event() -> LoginEvent:
    return LoginEvent.objects.order_by("id")[LoginEvent.objects.count() - 1]
