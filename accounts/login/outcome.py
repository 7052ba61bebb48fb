"""How a login can end. Closed: a new member must be answered by every contract.

``LoginOutcome``
    ``Authenticated``       a session is open, tokens are issued
    ``ChallengeRequired``   the next factor or step is due
``LoginRefused(reason)``    raised for everything else, after it was recorded
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from accounts.login.subject import Subject
    from accounts.models import Session


class Reason(StrEnum):
    """Why a login, a second step, a refresh or a resume was refused."""

    # First factor. Up to TENANT_SUSPENDED all cost and look the same.
    NOTHING_PRESENTED = "nothing_presented"
    UNKNOWN_TENANT = "unknown_tenant"
    UNKNOWN_SUBJECT = "unknown_subject"
    NO_PASSWORD = "no_password"  # noqa: S105  # a word about passwords, no password
    WRONG_PASSWORD = "wrong_password"  # noqa: S105  # a word about passwords, no password
    TENANT_SUSPENDED = "tenant_suspended"
    DISABLED = "disabled"
    CONTRACT_OFF = "contract_off"
    KIND_NOT_ALLOWED = "kind_not_allowed"
    # Another system's word. The provider refused, or is away; or nobody here is open to it.
    EXTERNAL_REFUSED = "external_refused"
    EXTERNAL_UNAVAILABLE = "external_unavailable"
    EXTERNAL_UNKNOWN = "external_unknown"
    EXTERNAL_CONFLICT = "external_conflict"
    EXTERNAL_UNVERIFIED = "external_unverified"
    # Counters.
    THROTTLED_SUBJECT = "throttled_subject"
    THROTTLED_ADDRESS = "throttled_address"
    THROTTLED_FACTOR = "throttled_factor"
    OVERLOADED = "overloaded"
    # Second factor.
    FACTOR_UNSUPPORTED = "factor_unsupported"
    # A second step without what it asks for: a code, a new password.
    FACTOR_MISSING = "factor_missing"
    WRONG_CODE = "wrong_code"
    SPENT_CODE = "spent_code"
    WRONG_RECOVERY_CODE = "wrong_recovery_code"
    CHALLENGE_UNKNOWN = "challenge_unknown"
    CHALLENGE_FOREIGN = "challenge_foreign"
    CHALLENGE_EXPIRED = "challenge_expired"
    CHALLENGE_SPENT = "challenge_spent"
    # The new password breaks a rule; ``detail["objection"]`` says which.
    PASSWORD_REJECTED = "password_rejected"  # noqa: S105
    # Obligations that the contract cannot carry.
    MUST_CHANGE_PASSWORD = "must_change_password"  # noqa: S105
    MUST_BIND_FACTOR = "must_bind_factor"
    # Refresh and resume.
    GRANT_UNKNOWN = "grant_unknown"
    GRANT_EXPIRED = "grant_expired"
    GRANT_REPLAYED = "grant_replayed"
    SESSION_EXPIRED = "session_expired"
    SESSION_ENDED = "session_ended"


class Factor(StrEnum):
    """A second factor that a user has."""

    OTP = "otp"
    RECOVERY_CODE = "recovery_code"
    PASSKEY = "passkey"
    EMAIL = "email"


class Obligation(StrEnum):
    """What a user owes before or after the login takes effect."""

    CHANGE_PASSWORD = "change_password"  # noqa: S105  # a word about passwords, no password
    BIND_FACTOR = "bind_factor"


@dataclass(frozen=True, slots=True)
class TokenSet:
    """The tokens of one answer; the contract names them in its own words."""

    access: str = field(default="", repr=False)
    refresh: str = field(default="", repr=False)
    id: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Authenticated:
    """The login is done."""

    session: Session
    subject: Subject
    tokens: TokenSet
    obligations: frozenset[Obligation] = frozenset()
    # When the subject last logged in before this login.
    previous_login: datetime | None = None


@dataclass(frozen=True, slots=True)
class ChallengeRequired:
    """The first factor was right and something more is due."""

    subject: Subject
    # Empty where the contract repeats the whole login with a code.
    token: str = field(repr=False)
    # second_factor, new_password or bind_factor: mfa.models.Challenge.Step.
    step: str
    factors: frozenset[Factor] = frozenset()


class LoginRefused(Exception):
    """Raised after the refusal was recorded. ``detail`` is for the contract's wording."""

    def __init__(self, reason: Reason, **detail: Any) -> None:
        super().__init__(reason.value)
        self.reason = reason
        self.detail: Mapping[str, Any] = detail
