"""What one contract can carry, told to the core as a value."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from accounts.login.outcome import Factor, Obligation, TokenSet

if TYPE_CHECKING:
    from accounts.login.subject import Subject
    from accounts.models import Session


class ChallengeForm(StrEnum):
    """How a contract asks for the second factor."""

    # A challenge token leads to a second call.
    TOKEN = "token"  # noqa: S105
    # The client repeats the login with a code.
    REPEAT = "repeat"
    # The contract has no field for a code.
    NONE = "none"


class ObligationForm(StrEnum):
    """What a contract does with something that the user owes."""

    # Tells the client; the tokens work.
    ADVISE = "advise"
    # Makes it a step before the tokens.
    CHALLENGE = "challenge"
    # Cannot tell: no tokens until it is done elsewhere.
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class IssuedGrant:
    """A token to be stored by its hash: kind (Grant.Kind), text and end."""

    kind: str
    token: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Issued:
    """What a contract issues for a new session."""

    tokens: TokenSet
    grants: tuple[IssuedGrant, ...] = ()


@dataclass(frozen=True, slots=True)
class Limit:
    """So many failures within so long; ``resets``: a success forgets the earlier ones."""

    failures: int
    window: timedelta
    resets: bool = False


# Ten in ten minutes, sliding: Bytebase's documented number, kept for every contract.
PASSWORD_LIMIT = Limit(10, timedelta(minutes=10))
# Five in five minutes, likewise.
FACTOR_LIMIT = Limit(5, timedelta(minutes=5))
# NIST SP 800-63B 3.2.2: at most 100 failures in a row per account and authenticator. A month ends
# it by itself; `manage.py unlock` does at once.
TOTAL_LIMIT = Limit(100, timedelta(days=30), resets=True)


def _no_token() -> str:
    return ""


def _no_bar(_: Subject) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class LoginProfile:
    """One contract's login as the core needs to know it."""

    contract: str
    # Makes the tokens of a new session; runs before the session is stored.
    issue: Callable[[Session, Subject], Issued]
    # How long a session may live in all; the tenant's setting "session" replaces it.
    lifetime: Callable[[Subject], timedelta]
    challenge: ChallengeForm = ChallengeForm.NONE
    factors: frozenset[Factor] = frozenset()
    # Whether a challenge asks for one factor by name, which the user chooses where he has several.
    names_factor: bool = False
    challenge_lifetime: timedelta = timedelta(minutes=5)
    challenge_attempts: int = 5
    # Makes the challenge token where the contract wants a form of its own; else it is opaque.
    challenge_token: Callable[[Subject, datetime], str] | None = None
    obligations: Mapping[Obligation, ObligationForm] = field(default_factory=dict)
    # Makes the tokens, in place of ``issue``, where an obligation is advised and still owed.
    issue_owing: Mapping[Obligation, Callable[[Session, Subject], Issued]] = field(
        default_factory=dict
    )
    # Account kinds that may log in here with a secret.
    kinds: frozenset[str] = frozenset({"person", "service"})
    # Why this account may not log in here with a password, whatever its kind; empty if it may.
    # Asked after the password was right.
    bar: Callable[[Subject], str] = _no_bar
    # Likewise by another system's word.
    external_bar: Callable[[Subject], str] = _no_bar
    # Whether a password may be a directory's, where the tenant has one.
    directories: bool = True
    # Whether a person's app password is taken in place of the password.
    app_passwords: bool = False
    # The sector of the contract's own subject identifiers and how a new one is made.
    sector: str = ""
    new_identifier: Callable[[], str] = _no_token
    password_limit: Limit = PASSWORD_LIMIT
    address_limit: Limit | None = None
    idle: timedelta | None = None

    def issuer(self, owed: Collection[Obligation]) -> Callable[[Session, Subject], Issued]:
        """What makes the tokens of a login that leaves ``owed`` to be done."""
        owing = (make for obligation, make in self.issue_owing.items() if obligation in owed)
        return next(owing, self.issue)
