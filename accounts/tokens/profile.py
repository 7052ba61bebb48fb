"""How one kind of token is made: declared by a contract, used by the token engine."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Algorithm(StrEnum):
    """Signature algorithms. One key knows one algorithm (RFC 8725 section 3.1)."""

    ES256 = "ES256"
    RS256 = "RS256"
    HS256 = "HS256"


class KidForm(StrEnum):
    """How the key id looks in the token's header."""

    BASE64URL = "base64url"
    # Cognito's: standard base64 of 32 bytes, with padding.
    BASE64 = "base64"
    # The product's documented header has no kid.
    NONE = "none"


@dataclass(frozen=True, slots=True)
class TokenProfile:
    """One kind of JWT of one contract."""

    purpose: str
    lifetime: timedelta
    algorithm: Algorithm = Algorithm.ES256
    kid: KidForm = KidForm.BASE64URL
    # The header's typ; None leaves it out.
    typ: str | None = "JWT"

    @property
    def contract(self) -> str:
        """The slug of the contract that the profile belongs to."""
        return self.purpose.partition(".")[0]
