"""Opaque tokens: random text for the client, its SHA-256 for the table."""

from __future__ import annotations

import hashlib
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterator

from tenants.sealing import derive


def mint() -> str:
    """256 random bits as 43 URL-safe characters."""
    return secrets.token_urlsafe(32)


def digest(token: str) -> bytes:
    """The stored form (ASVS 5.0, 11.5.1: compared over the full length)."""
    return hashlib.sha256(token.encode()).digest()


def successor(token: str) -> str:
    """The token that replaces ``token`` at its rotation.

    Derived under a key outside the database, not random: two requests that race with one token
    compute the same successor, so the loser of the race can be answered without storing it.
    """
    return urlsafe_b64encode(derive("grant.successor", token.encode())).rstrip(b"=").decode()


def descendants(token: str, generations: int) -> Iterator[str]:
    """The tokens that replace ``token`` one after another: an old one leads to the present one."""
    for _ in range(generations):
        token = successor(token)
        yield token
