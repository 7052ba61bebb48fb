"""Other issuers' signed tokens: which key, which algorithm, and what must be true of them.

RFC 8725: the algorithm follows from the key that we looked up, never from the token; ``none`` and
symmetric algorithms are not among them, so a public key never serves as a shared secret.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from joserfc.jws import JWSRegistry

from tenants.federation.issuers import Key

MAX_TOKEN = 16 * 1024
LEEWAY = timedelta(seconds=60)
_LAST_MOMENT = 10**12
EC = ("ES256", "ES384", "ES512")
RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
# The shortest modulus that is still taken, in bits (NIST SP 800-131A), and the longest: beyond it
# one signature costs a noticeable time.
_RSA_BITS = range(2048, 8192 + 1)
_CURVES: Mapping[str, tuple[str, ...]] = {
    "P-256": ("ES256",),
    "P-384": ("ES384",),
    "P-521": ("ES512",),
}


class BadToken(Exception):
    """The token proves nothing; the text says why."""


class WrongAlgorithm(BadToken):
    """The token's algorithm is not one that its key may be used with."""


@dataclass(frozen=True, slots=True)
class Unverified:
    """What a token says of itself before its signature was checked."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]

    @property
    def kid(self) -> str | None:
        """The id of the key, where the token names one."""
        kid = self.header.get("kid")
        return kid if isinstance(kid, str) else None

    @property
    def issuer(self) -> str:
        """The claimed issuer; empty where there is none."""
        issuer = self.claims.get("iss")
        return issuer if isinstance(issuer, str) else ""


def read(token: str) -> Unverified:
    """Take a token apart. Nothing in it is true yet. Raises :class:`BadToken`."""
    if len(token) > MAX_TOKEN or not token.isascii() or token.count(".") != 2:
        raise BadToken("the token is no signed JWT")
    header, claims, _ = token.split(".")
    return Unverified(_member(header), _member(claims))


def _member(part: str) -> Mapping[str, Any]:
    try:
        value = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError) as error:
        raise BadToken("the token is no signed JWT") from error
    if not isinstance(value, dict):
        raise BadToken("the token is no signed JWT")
    return value


def algorithms(key: Key) -> tuple[str, ...]:
    """The algorithms that ``key`` may verify: its own, where it names one."""
    if isinstance(key, RSAKey):
        possible: tuple[str, ...] = RSA if key.raw_value.key_size in _RSA_BITS else ()
    else:
        possible = _CURVES.get(key.curve_name, ())
    return tuple(name for name in possible if key.alg in (None, name))


def verified(token: str, key: Key, allowed: Collection[str]) -> Mapping[str, Any]:
    """The claims of a token whose signature is right. Raises :class:`BadToken`."""
    header = read(token).header
    algorithm = header.get("alg")
    if algorithm not in allowed or algorithm not in algorithms(key):
        raise WrongAlgorithm("the signing method does not match the key")
    if "crit" in header or "b64" in header:
        raise BadToken("the token demands an extension that is not known here")
    # Issuers add members of their own to the header; nothing follows from them.
    registry = JWSRegistry(algorithms=[str(algorithm)], strict_check_header=False)
    registry.max_header_length = MAX_TOKEN
    try:
        return dict(jwt.decode(token, key, registry=registry).claims)
    except (JoseError, ValueError, TypeError) as error:
        raise BadToken("the signature is wrong") from error


def audiences(claims: Mapping[str, Any]) -> list[str]:
    """Whom the token is for, as a list."""
    value = claims.get("aud")
    listed = value if isinstance(value, list) else [value]
    return [item for item in listed if isinstance(item, str)]


def check_times(claims: Mapping[str, Any], now: datetime) -> None:
    """``exp`` in the future and ``nbf``, ``iat`` not, give or take a minute.

    Raises :class:`BadToken`, also for a token that never ends.
    """
    seconds, leeway = now.timestamp(), LEEWAY.total_seconds()
    end = _moment(claims, "exp")
    checks: list[tuple[bool, str]] = [
        (end is None or end <= seconds - leeway, "token has expired"),
        (_later(claims, "nbf", seconds + leeway), "token is not valid yet"),
        (_later(claims, "iat", seconds + leeway), "token was issued in the future"),
    ]
    for wrong, message in checks:
        if wrong:
            raise BadToken(message)


def _later(claims: Mapping[str, Any], name: str, than: float) -> bool:
    moment = _moment(claims, name)
    return moment is not None and moment > than


def _moment(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    number = isinstance(value, int | float) and not isinstance(value, bool)
    # Written so that "not a number", which JSON parsers take, is none.
    if not number or not abs(value) <= _LAST_MOMENT:
        raise BadToken(f"{name} is no time")
    return float(value)
