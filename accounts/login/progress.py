"""How far a login has come, and how that is kept between its steps."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from accounts.login.outcome import Factor
from accounts.login.subject import Subject
from accounts.models.statement import Update
from mfa.models import Challenge
from tenants.sealing import seal, unseal

_FACTOR_OF: Mapping[str, Factor] = {
    "otp": Factor.OTP,
    "recovery": Factor.RECOVERY_CODE,
    "hwk": Factor.PASSKEY,
    "swk": Factor.PASSKEY,
    "email": Factor.EMAIL,
}
_FEDERATED = "fed"


@dataclass(frozen=True, slots=True)
class Pending:
    """What takes effect only when the whole login has succeeded."""

    password_hash: str = field(default="", repr=False)
    totp_secret: bytes = field(default=b"", repr=False)
    # The time step of the code that proved the new authenticator; -1 before.
    totp_step: int = -1
    # What its owner calls it.
    totp_name: str = ""

    @property
    def changes_account(self) -> bool:
        """Whether a password or a proved authenticator waits to be put into use."""
        return bool(self.password_hash) or self.totp_step >= 0

    def sealed(self, challenge: Challenge) -> str:
        """The form in which a challenge carries it, bound to that challenge."""
        if self == Pending():
            return ""
        members = {
            "password_hash": self.password_hash,
            "totp_secret": b64encode(self.totp_secret).decode(),
            "totp_step": self.totp_step,
            "totp_name": self.totp_name,
        }
        return seal(json.dumps(members).encode(), challenge.seal_context())

    @classmethod
    def of(cls, challenge: Challenge) -> Pending:
        """What a challenge carries. Raises tenants.sealing.SealBroken."""
        if not challenge.state_sealed:
            return cls()
        members = json.loads(unseal(challenge.state_sealed, challenge.seal_context()))
        return cls(
            members["password_hash"],
            b64decode(members["totp_secret"]),
            members["totp_step"],
            members.get("totp_name", ""),
        )


@dataclass(frozen=True, slots=True)
class Progress:
    """A login whose first factor was right."""

    subject: Subject
    records: tuple[dict[str, Any], ...]
    by_service_secret: bool = False
    writes: tuple[Update, ...] = ()
    rehashed: str = field(default="", repr=False)
    pending: Pending = field(default_factory=Pending)

    @property
    def proved(self) -> frozenset[Factor]:
        """The second factors among the amr records."""
        return frozenset(_FACTOR_OF[r["method"]] for r in self.records if r["method"] in _FACTOR_OF)

    @property
    def owes_password(self) -> bool:
        """Whether a new password is still due: of whoever has come by another system's word it is
        not, he has not used his.
        """
        by_another = any(record["method"] == _FEDERATED for record in self.records)
        chosen = bool(self.pending.password_hash)
        return self.subject.user.must_change_password and not (chosen or by_another)

    @property
    def owned(self) -> frozenset[Factor]:
        """The user's factors, one that is being bound in this login included."""
        bound = {Factor.OTP} if Factor.OTP in self.proved else set()
        return self.subject.factors | bound

    def with_record(self, record: dict[str, Any]) -> Progress:
        """The same, one proof further."""
        return replace(self, records=(*self.records, record))

    def with_pending(self, pending: Pending) -> Progress:
        """The same, with something more to take effect at the end."""
        return replace(self, pending=pending)
