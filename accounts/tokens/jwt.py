"""JSON Web Tokens: simplejwt is the engine, the key ring decides on key and algorithm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID

import jwt
from jwt.types import Options
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenBackendError
from rest_framework_simplejwt.tokens import Token

from accounts.models import SigningKey
from accounts.tokens import handles, keys
from accounts.tokens.claims import Claims, is_expired, is_premature
from accounts.tokens.keys import Key
from accounts.tokens.profile import KidForm, TokenProfile

# Longer texts are refused before they are decoded (security bar 2.4).
MAX_LENGTH = 8192
_REFUSED_HEADERS = frozenset({"crit", "b64", "jku", "jwk", "x5u", "x5c", "zip"})


# Times, kind and audience are judged by the caller, with the caller's clock.
_SIGNATURE_ONLY: Options = {
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}


class TokenMalformed(Exception):
    """Not a token of ours: wrong form, unknown key, bad signature, odd header."""


@dataclass(frozen=True, slots=True)
class Verified:
    """A token whose signature is good. Its time and kind are the reader's to judge."""

    purpose: str
    tenant_id: UUID
    claims: Claims
    header: Mapping[str, Any]
    expired: bool


class _RingBackend(TokenBackend):
    """simplejwt's backend bound to one key of the ring."""

    def __init__(self, key: Key) -> None:
        super().__init__(key.row.algorithm)
        self._key = key

    @property
    def prepared_signing_key(self) -> Any:
        return self._key.material

    def get_verifying_key(self, token: Any) -> Any:
        return self._key.verifier

    def sign(self, claims: Claims, profile: TokenProfile, extra: Mapping[str, str]) -> str:
        headers: dict[str, Any] = {"typ": profile.typ, **extra}
        if profile.kid is not KidForm.NONE:
            headers["kid"] = self._key.row.kid
        return jwt.encode(claims, self.prepared_signing_key, self.algorithm, headers)

    # Django's signature.
    def decode(self, token: Any, verify: bool = True) -> dict[str, Any]:  # noqa: FBT001, FBT002
        try:
            return jwt.decode(
                token,
                self.get_verifying_key(token),
                algorithms=[self.algorithm],
                options=_SIGNATURE_ONLY,
            )
        except jwt.InvalidTokenError as error:
            raise TokenBackendError(str(error)) from error


class ProfileToken(Token):
    """A token made after one profile: exactly the claims that the contract documents."""

    token_type = "profile"  # noqa: S105  # simplejwt demands a name; no claim is made of it
    lifetime = timedelta()

    def __init__(
        self,
        profile: TokenProfile,
        claims: Claims,
        header: Mapping[str, str],
        backend: _RingBackend,
    ) -> None:
        # Not super().__init__: it would add token_type and a jti without hyphens.
        self.profile = profile
        self.header = header
        self.payload = claims
        self._token_backend = backend

    def __str__(self) -> str:
        backend = self.get_token_backend()
        assert isinstance(backend, _RingBackend)
        return backend.sign(self.payload, self.profile, self.header)


def sign(
    profile: TokenProfile,
    tenant_id: UUID,
    claims: Claims,
    now: datetime,
    *,
    header: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """A signed token with exactly these claims.

    ``header`` may replicate a claim (RFC 7519 section 5.3) where the product's payload is fixed:
    Bytebase's has no place for the pointer to the session.
    """
    key = keys.signer(tenant_id, profile, now)
    return str(ProfileToken(profile, claims, header, _RingBackend(key)))


def read(token: str, contract: str, now: datetime) -> Verified:
    """Check a token's form and signature against this contract's keys; no statement is run.

    The header's ``kid`` only names a key; algorithm and purpose are the key's own. Raises
    :class:`TokenMalformed`.
    """
    header = _header(token)
    kid = header.get("kid")
    key = keys.ring().by_kid.get(kid) if isinstance(kid, str) else None
    if key is None or not key.row.purpose.startswith(f"{contract}."):
        raise TokenMalformed("unknown key")
    return _verified(token, header, [key], now)


def read_without_kid(token: str, purpose: str, now: datetime) -> Verified:
    """The same for a contract whose tokens carry no ``kid``: the ``jti`` names the tenant."""
    header = _header(token)
    try:
        unverified = jwt.decode(token, options={"verify_signature": False})
    except (jwt.InvalidTokenError, RecursionError, ValueError) as error:
        raise TokenMalformed("no token") from error
    handle = handles.read(unverified.get("jti"))
    candidates = keys.ring().by_tag.get((handle.tenant_tag, purpose), []) if handle else []
    return _verified(token, header, candidates, now)


def _header(token: str) -> dict[str, Any]:
    if len(token) > MAX_LENGTH or token.count(".") != 2:
        raise TokenMalformed("no token")
    try:
        header: dict[str, Any] = jwt.get_unverified_header(token)
    except (jwt.InvalidTokenError, RecursionError, ValueError) as error:
        raise TokenMalformed("no token") from error
    if _REFUSED_HEADERS & header.keys():
        raise TokenMalformed("refused header")
    return header


def _verified(token: str, header: dict[str, Any], found: list[Key], now: datetime) -> Verified:
    for key in found:
        row = key.row
        if header.get("alg") != row.algorithm or row.state(now) is SigningKey.State.GONE:
            continue
        try:
            claims = _RingBackend(key).decode(token)
        except (TokenBackendError, RecursionError, ValueError):
            continue
        if is_premature(claims, now):
            break
        return Verified(row.purpose, row.tenant_id, claims, header, is_expired(claims, now))
    raise TokenMalformed("bad signature")
