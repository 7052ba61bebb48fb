"""The hash of short secrets: Argon2id under a salt, behind the process's hash slots."""

from __future__ import annotations

from argon2.low_level import Type, hash_secret_raw

from tenants.hashing import slot

SALT_BYTES = 16
_TIME, _MEMORY, _LANES, _LENGTH = 2, 19456, 1, 32


def digest(secret: str, salt: bytes) -> bytes:
    """32 bytes; below 112 bits of entropy a fast hash would be guessed (NIST SP 800-63B 3.1.2).

    Raises :class:`tenants.hashing.Overloaded`.
    """
    with slot():
        return hash_secret_raw(secret.encode(), salt, _TIME, _MEMORY, _LANES, _LENGTH, Type.ID)
