"""What a login presents: small frozen values, made by a contract, judged by the core.

Secrets never print: every credential hides its value in ``repr``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto

from accounts.client import ClientContext
from accounts.login.outcome import Factor
from tenants.hint import TenantHint


@dataclass(frozen=True, slots=True)
class Password:
    """A password as typed, to be compared exactly."""

    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PasswordDigest:
    """The SHA-256 hex of a password, from clients that never send the password."""

    hex: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class OneTimePassword:
    """Six digits: a code of an authenticator app, or of a mail where the user has no app."""

    code: str = field(repr=False)
    # Which of the two it is, where the contract says so.
    factor: Factor | None = None


@dataclass(frozen=True, slots=True)
class RecoveryCodeInput:
    """A saved recovery code."""

    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PasskeyAssertion:
    """A WebAuthn assertion as the browser sent it."""

    response: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class FactorChoice:
    """Which of his second factors a user wants to be asked for."""

    factor: Factor


@dataclass(frozen=True, slots=True)
class NewPassword:
    """The password that a user chooses where a new one is due."""

    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SessionToken:
    """An issued token that is presented again to continue its session."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ProviderCode:
    """What a provider's redirect brought back, and what was sent along when it was asked for."""

    code: str = field(repr=False)
    redirect_uri: str
    # Empty where the client began the flow and kept no verifier or nonce.
    verifier: str = field(default="", repr=False)
    nonce: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class ForeignToken:
    """A token that another issuer has signed.

    As a credential of its own it stands for the workload that the attempt's identifier names.
    """

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Assertion:
    """Another system's word about the user, given by the provider of this name.

    A directory judges a password; the attempt's identifier is the name there.
    """

    provider: str
    evidence: Password | ProviderCode | ForeignToken = field(repr=False)


@dataclass(frozen=True, slots=True)
class ServiceSecret:
    """A machine's client secret, where the contract tells it from a password."""

    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ChallengeToken:
    """The token of an unfinished login, with the client's nonce where the contract has one."""

    token: str = field(repr=False)
    nonce: str | None = field(default=None, repr=False)


Credential = (
    Password
    | PasswordDigest
    | OneTimePassword
    | RecoveryCodeInput
    | PasskeyAssertion
    | FactorChoice
    | NewPassword
    | SessionToken
    | Assertion
    | ForeignToken
    | ServiceSecret
    | ChallengeToken
)
FirstFactor = Password | PasswordDigest | ServiceSecret
SecondFactor = OneTimePassword | RecoveryCodeInput


class NameForm(Enum):
    """How a contract's user name is looked up."""

    USERNAME = auto()
    EMAIL = auto()
    # An "@" makes it an e-mail.
    EITHER = auto()
    # User name, e-mail or a machine's client id.
    ANY = auto()
    # The contract's own subject identifier.
    SUBJECT = auto()


@dataclass(frozen=True, slots=True)
class Identifier:
    """The name under which somebody wants to log in."""

    form: NameForm
    value: str

    @property
    def email(self) -> str | None:
        """The value where it is an e-mail address: its domain may name the tenant."""
        return self.value if "@" in self.value else None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to log in: all that was presented in one request."""

    credentials: tuple[Credential, ...]
    tenant: TenantHint
    client: ClientContext
    identifier: Identifier | None = None

    @property
    def first_factor(self) -> FirstFactor | None:
        """The password or secret that was presented."""
        return next((c for c in self.credentials if isinstance(c, FirstFactor)), None)

    @property
    def assertion(self) -> Assertion | None:
        """The other system's word that was presented."""
        return next((c for c in self.credentials if isinstance(c, Assertion)), None)

    @property
    def foreign_token(self) -> ForeignToken | None:
        """The token of another issuer that was presented for a workload."""
        return next((c for c in self.credentials if isinstance(c, ForeignToken)), None)

    @property
    def second_factor(self) -> SecondFactor | None:
        """The code that was presented."""
        return next((c for c in self.credentials if isinstance(c, SecondFactor)), None)

    @property
    def passkey(self) -> PasskeyAssertion | None:
        """The signature of a passkey that was presented."""
        return next((c for c in self.credentials if isinstance(c, PasskeyAssertion)), None)

    @property
    def choice(self) -> FactorChoice | None:
        """The second factor that was chosen, where there are several."""
        return next((c for c in self.credentials if isinstance(c, FactorChoice)), None)

    @property
    def new_password(self) -> NewPassword | None:
        """The password that was chosen for a step that demands one."""
        return next((c for c in self.credentials if isinstance(c, NewPassword)), None)

    @property
    def challenge(self) -> ChallengeToken | None:
        """The token of the unfinished login that this attempt continues."""
        return next((c for c in self.credentials if isinstance(c, ChallengeToken)), None)
