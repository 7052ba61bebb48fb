"""Workload identity: the token of a build system or cluster stands for an account.

Source: Bytebase 3.13, ``AuthService.ExchangeToken``; docs/contracts/bytebase.md.
"""

from __future__ import annotations

from collections.abc import Mapping
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
from tenants.federation.settings import WorkloadSettings

ALGORITHMS = ("RS256", "ES256")
# What the console's form proposes; the server makes no difference between them.
PRESETS: Mapping[str, Mapping[str, str]] = {
    "GITHUB": {
        "issuerUrl": "https://token.actions.githubusercontent.com",
        "subjectPattern": "repo:OWNER/REPO:*",
    },
    "GITLAB": {
        "issuerUrl": "https://gitlab.com",
        "subjectPattern": "project_path:GROUP/PROJECT:*",
    },
}


def matches(pattern: str, subject: str) -> bool:
    """Empty: anybody of the issuer; a star at the end: a prefix; else the very same text."""
    if pattern.endswith("*"):
        return subject.startswith(pattern[:-1])
    return pattern in ("", subject)


def authenticate(settings: WorkloadSettings, token: str, now: datetime) -> ExternalIdentity:
    """Whose token this is. The first check that fails answers. Raises :class:`ProviderRefused`."""
    try:
        unverified = read(token)
    except BadToken as error:
        raise ProviderRefused("failed to parse token") from error
    _check_issuer(settings, unverified.issuer)
    claims = _verified(settings, token, unverified.kid)
    _check_issuer(settings, str(claims.get("iss", "")))
    present, allowed = audiences(claims), settings.allowed_audiences
    if allowed and not set(present) & set(allowed):
        raise ProviderRefused(
            f"audience mismatch: token has {_listed(present)}, allowed {_listed(allowed)}"
        )
    subject = claims.get("sub")
    if not isinstance(subject, str) or not matches(settings.subject_pattern, subject):
        raise ProviderRefused(
            f'subject mismatch: expected pattern "{settings.subject_pattern}", '
            f'got "{_shown(subject)}"'
        )
    try:
        check_times(claims, now)
    except BadToken as error:
        raise ProviderRefused(str(error)) from error
    return ExternalIdentity(subject=subject, identifier=subject, claims=claims)


def _verified(settings: WorkloadSettings, token: str, kid: str | None) -> Mapping[str, Any]:
    try:
        key = issuers.key_of(issuers.address(settings.issuer_url, "jwks_uri"), kid)
    except Unreachable as error:
        raise ProviderUnavailable(f"failed to fetch JWKS: {error}") from error
    if key is None:
        raise ProviderRefused("failed to verify token signature: no key of this id")
    try:
        return verified(token, key, ALGORITHMS)
    except BadToken as error:
        raise ProviderRefused(f"failed to verify token signature: {error}") from error


def _check_issuer(settings: WorkloadSettings, issuer: str) -> None:
    """Before any key is fetched: another issuer's token causes no request."""
    if issuer != settings.issuer_url:
        raise ProviderRefused(
            f'issuer mismatch: expected "{settings.issuer_url}", got "{_shown(issuer)}"'
        )


def _shown(value: Any) -> str:
    """Somebody else's text, short and on one line."""
    text = value if isinstance(value, str) else ""
    return "".join(char for char in text[:200] if char.isprintable() and char not in '"\\')


def _listed(values: Any) -> str:
    return "[" + " ".join(_shown(value) for value in list(values)[:20]) + "]"
