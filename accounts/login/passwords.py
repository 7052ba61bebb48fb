"""Passwords: Argon2id over the SHA-256 hex, behind a bounded number of slots."""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from base64 import b64encode
from collections.abc import Iterable

from argon2.exceptions import InvalidHashError
from django.contrib.auth.hashers import Argon2PasswordHasher

from accounts.login.attempt import FirstFactor, PasswordDigest
from tenants.hashing import slot

# More is refused before it is hashed (ASVS 5.0, 6.2.9).
MAX_CODE_POINTS = 1024
MAX_BYTES = 4096
_DIGEST = re.compile(r"[0-9a-f]{64}")


def digest_of(password: str) -> str:
    """The SHA-256 hex that is hashed and that some clients send in place of the password.

    Text outside ASCII is composed first (NFC), so that both spellings of an accent log in.
    """
    text = password if password.isascii() else unicodedata.normalize("NFC", password)
    return hashlib.sha256(text.encode()).hexdigest()


class DragomanHasher(Argon2PasswordHasher):
    """Django's Argon2 hasher with OWASP's smaller parameters, over the digest of the password."""

    algorithm = "argon2_sha256hex"
    time_cost = 2
    memory_cost = 19456
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        """The stored form of a clear password."""
        return super().encode(digest_of(password), salt)

    def verify(self, password: str, encoded: str) -> bool:
        """Whether the clear password fits."""
        return self.verify_digest(digest_of(password), encoded)

    def verify_digest(self, digest: str, encoded: str) -> bool:
        """Whether the digest of the password fits."""
        try:
            return bool(super().verify(digest, encoded))
        except InvalidHashError:
            # An imported hash that was cut off: nobody's password fits it.
            return False


_HASHER = DragomanHasher()


def _never() -> str:
    # The form of a real hash with the same parameters; no password has an all-zero digest.
    salt, digest = (b64encode(bytes(n)).decode().rstrip("=") for n in (len(_HASHER.salt()), 32))
    cost = f"m={_HASHER.memory_cost},t={_HASHER.time_cost},p={_HASHER.parallelism}"
    return f"{_HASHER.algorithm}$argon2id$v=19${cost}${salt}${digest}"


NEVER = _never()


def is_hashed(encoded: str) -> bool:
    """Whether a stored password can be checked at all (not empty, not unusable)."""
    return encoded.startswith(f"{_HASHER.algorithm}$")


def _presented_digest(factor: FirstFactor) -> str | None:
    if isinstance(factor, PasswordDigest):
        return factor.hex if _DIGEST.fullmatch(factor.hex) else None
    text = factor.value
    if not text or len(text) > MAX_CODE_POINTS or len(text.encode()) > MAX_BYTES:
        return None
    return digest_of(text)


def verify(factor: FirstFactor, encoded: str) -> bool:
    """Check a presented password at the same cost for every outcome.

    Without a stored hash the work is done all the same and the answer is False. Raises
    :class:`tenants.hashing.Overloaded`.
    """
    digest = _presented_digest(factor)
    if digest is None:
        return False
    known = is_hashed(encoded)
    with slot():
        matched = _HASHER.verify_digest(digest, encoded if known else NEVER)
    return matched and known


def needs_rehash(encoded: str) -> bool:
    """Whether the stored hash was made with other parameters than today's."""
    return is_hashed(encoded) and _HASHER.must_update(encoded)


def secret_digest(secret: str) -> str:
    """The stored form of a service secret: it is random, so a fast hash is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


def matching_secret(factor: FirstFactor, digests: Iterable[str]) -> str | None:
    """The one of ``digests`` that the presented secret has, compared in constant time.

    A digest in place of the secret never fits: what the table holds must not open anything.
    """
    if isinstance(factor, PasswordDigest):
        return None
    presented = secret_digest(factor.value)
    found = [d for d in digests if hmac.compare_digest(d.encode(), presented.encode())]
    return found[0] if found else None


def encode(password: str) -> str:
    """The stored form of a new password. Raises :class:`tenants.hashing.Overloaded`."""
    with slot():
        return _HASHER.encode(password, _HASHER.salt())
