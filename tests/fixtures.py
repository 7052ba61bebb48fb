"""The story that tests tell: two tenants and the people in them."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from accounts import provisioning
from accounts.login import passwords
from accounts.login.passwords import DragomanHasher
from accounts.models import User
from accounts.tokens import keys
from accounts.tokens.profile import Algorithm
from mfa import binding, recovery_codes, slow_hash, totp
from mfa.models import RecoveryCode
from tenants import resolve
from tenants.models import Tenant
from tests.scenery import made_once

PASSWORD = "correct horse battery staple"
# Seconds for a code on its way.
_ENOUGH = 1.0


@dataclass(frozen=True)
class Persona:
    """An account with all that its owner knows and holds."""

    user: User
    password: str = PASSWORD
    totp_secret: bytes = b""
    recovery_codes: tuple[str, ...] = ()
    client_id: str = ""
    client_secret: str = ""
    codes_taken: list[int] = field(default_factory=list)

    @property
    def username(self) -> str:
        return self.user.username

    @property
    def email(self) -> str:
        return self.user.email

    def code(self, *, steps: int = 0) -> str:
        """The code of the authenticator, ``steps`` time steps from now."""
        left = totp.PERIOD - timezone.now().timestamp() % totp.PERIOD
        if steps < 0 and left < _ENOUGH:
            # The code of an earlier step is good until this one ends: not before it is sent.
            time.sleep(left)
        now = timezone.now() + timedelta(seconds=steps * totp.PERIOD)
        return totp.code_at(self.totp_secret, totp.step_at(now))


@dataclass(frozen=True)
class Cast:
    """Alpha is the default tenant; beta has an account of the same name."""

    alpha: Tenant
    beta: Tenant
    alice: Persona  # plain
    bob: Persona  # authenticator app and recovery codes
    carol: Persona  # disabled
    dave: Persona  # lives in beta
    alice_of_beta: Persona  # the same user name in the other tenant
    erin: Persona  # staff
    svc: Persona  # service account


@pytest.fixture(autouse=True, scope="session")
def few_rsa_keys() -> Iterator[None]:
    """A 2048-bit key takes a tenth of a second; eight of them do for all tenants of a run."""
    made: list[tuple[bytes, dict[str, str]]] = []
    turns = itertools.cycle(range(8))
    generate = keys._generate

    def from_stock(algorithm: Algorithm) -> tuple[bytes, dict[str, str]]:
        if algorithm is not Algorithm.RS256:
            return generate(algorithm)
        turn = next(turns)
        if turn == len(made):
            made.append(generate(algorithm))
        return made[turn]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keys, "_generate", from_stock)
        yield


@pytest.fixture(autouse=True, scope="session")
def cheap_hashes() -> Iterator[None]:
    """The least that Argon2 takes: at the product's cost hashing would be most of the suite.

    `real_hashes` is for tests that look at the cost itself.
    """
    with pytest.MonkeyPatch.context() as patch:
        _hash_at(patch, memory=8, time=1)
        yield


@pytest.fixture
def real_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes at the product's own cost."""
    memory, time = _REAL_COST
    _hash_at(monkeypatch, memory=memory, time=time)


_REAL_COST = (DragomanHasher.memory_cost, DragomanHasher.time_cost)


def _hash_at(patch: pytest.MonkeyPatch, *, memory: int, time: int) -> None:
    patch.setattr(DragomanHasher, "memory_cost", memory)
    patch.setattr(DragomanHasher, "time_cost", time)
    # Nobody's hash has to be of the same cost as everybody's.
    patch.setattr(passwords, "NEVER", passwords._never())
    patch.setattr(slow_hash, "_MEMORY", memory)
    patch.setattr(slow_hash, "_TIME", time)


@pytest.fixture(autouse=True)
def fresh_memory() -> Iterator[None]:
    """What a process keeps in memory belongs to the test that filled it."""
    resolve.invalidate()
    keys.invalidate()
    yield
    resolve.invalidate()
    keys.invalidate()


# Slow hashes of the same secrets, made once per process: they would take most of a test's time.
_hashed = cache(passwords.encode)
_saved_codes: list[tuple[str, RecoveryCode]] = []


def _give_recovery_codes(user: User) -> tuple[str, ...]:
    if _saved_codes:
        RecoveryCode.objects.bulk_create(
            RecoveryCode(user=user, salt=row.salt, digest=row.digest, created_by="tests")
            for _, row in _saved_codes
        )
    else:
        codes = recovery_codes.new_codes()
        recovery_codes.replace(user.pk, codes, by="tests")
        rows = RecoveryCode.objects.filter(user=user).order_by("pk")
        _saved_codes.extend(zip(codes, rows, strict=True))
    return tuple(code for code, _ in _saved_codes)


@made_once
def make_cast() -> Cast:
    """Write the whole cast to the database."""
    alpha = provisioning.create_tenant(
        "alpha", "Alpha", is_default=True, email_domains=["alpha.example"]
    )
    beta = provisioning.create_tenant(
        "beta", "Beta", hosts=["beta.example.com"], email_domains=["beta.example"]
    )

    def person(tenant: Tenant, name: str, **fields: Any) -> Persona:
        user = provisioning.create_user(
            tenant,
            name,
            email=f"{name}@{tenant.slug}.example",
            email_verified=True,
            display_name=name.title(),
            **fields,
        )
        user.password, user.password_changed_at = _hashed(PASSWORD), timezone.now()
        user.save(update_fields=["password", "password_changed_at"])
        return Persona(user)

    bob = person(alpha, "bob")
    secret = totp.new_secret()
    binding.bind_totp(bob.user.pk, secret)
    codes = _give_recovery_codes(bob.user)
    service = provisioning.create_user(
        alpha, "svc", kind=User.Kind.SERVICE, email="svc@service.bytebase.com"
    )
    issued = provisioning.issue_credential(service, client_id="svc-client")
    return Cast(
        alpha=alpha,
        beta=beta,
        alice=person(alpha, "alice"),
        bob=Persona(bob.user, totp_secret=secret, recovery_codes=codes),
        carol=person(alpha, "carol", state=User.State.DISABLED),
        dave=person(beta, "dave"),
        alice_of_beta=person(beta, "alice"),
        erin=person(alpha, "erin", is_staff=True),
        svc=Persona(
            service,
            password="",
            client_id=issued.credential.client_id,
            client_secret=issued.secret,
        ),
    )


@pytest.fixture
def cast(db: None) -> Cast:
    """Two tenants and their people, in the test's database."""
    return make_cast()


@pytest.fixture
def mailed(django_capture_on_commit_callbacks: Any) -> Callable[[], Any]:
    """What leaves the house while the block runs, at once."""

    @contextmanager
    def sending() -> Iterator[list[Any]]:
        mail.outbox.clear()
        with django_capture_on_commit_callbacks(execute=True):
            yield mail.outbox

    return sending
