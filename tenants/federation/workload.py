"""Workload identity: the token of a build system or cluster stands for an account.

Source: Bytebase 3.13, ``AuthService.ExchangeToken``; docs/contracts/bytebase.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tenants.federation import issuers
from tenants.federation.assertions import (
    BadToken,
    audiences,
    check_times,
    read,
    verified,
)
from tenants.federation.identity import ExternalIdentity, ProviderRefused, ProviderUnavailable
from tenants.federation.outbound import Unreachable

ALGORITHMS = ("RS256", "ES256")


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose tokens stand for one account: of this issuer, for one of these audiences (any, if none
    are named), of a subject that :func:`matches`.
    """

    issuer: str
    audiences: tuple[str, ...]
    subject: str


def matches(pattern: str, subject: str) -> bool:
    """Empty: anybody of the issuer; a star at the end: a prefix; else the very same text."""
    if pattern.endswith("*"):
        return subject.startswith(pattern[:-1])
    return pattern in ("", subject)


def authenticate(trust: Trust, token: str, now: datetime) -> ExternalIdentity:
    """Whose token this is. The first check that fails answers. Raises :class:`ProviderRefused`."""
    try:
        unverified = read(token)
    except BadToken as error:
        raise ProviderRefused("failed to parse token") from error
    claims = _verified(trust, token, unverified.kid)
    _check_issuer(trust, str(claims.get("iss", "")))
    present, allowed = audiences(claims), trust.audiences
    if allowed and not set(present) & set(allowed):
        raise ProviderRefused(
            f"audience mismatch: token has {_listed(present)}, allowed {_listed(allowed)}"
        )
    subject = claims.get("sub")
    if not isinstance(subject, str) or not matches(trust.subject, subject):
        raise ProviderRefused(
            f'subject mismatch: expected pattern "{trust.subject}", got "{_shown(subject)}"'
        )
    try:
        check_times(claims, now)
    except BadToken as error:
        raise ProviderRefused(str(error)) from error
    return ExternalIdentity(subject=subject, identifier=subject, claims=claims)


def _verified(trust: Trust, token: str, kid: str | None) -> Mapping[str, Any]:
    try:
        key = issuers.key_of(issuers.address(trust.issuer, "jwks_uri"), kid)
    except Unreachable as error:
        raise ProviderUnavailable(f"failed to fetch JWKS: {error}") from error
    if key is None:
        raise ProviderRefused("failed to verify token signature: no key of this id")
    try:
        return verified(token, key, ALGORITHMS)
    except BadToken as error:
        raise ProviderRefused(f"failed to verify token signature: {error}") from error


def _check_issuer(trust: Trust, issuer: str) -> None:
    if issuer != trust.issuer:
        raise ProviderRefused(f'issuer mismatch: expected "{trust.issuer}", got "{_shown(issuer)}"')


def _shown(value: Any) -> str:
    """Somebody else's text, short and on one line."""
    text = value if isinstance(value, str) else ""
    return "".join(char for char in text[:200] if char.isprintable() and char not in '"\\')


def _listed(values: Any) -> str:
    return "[" + " ".join(_shown(value) for value in list(values)[:20]) + "]"
