"""Secrets at rest: AES-256-GCM with keys that live outside the database, newest first."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tenants.conf import conf

_NONCE_BYTES = 12


class SealBroken(Exception):
    """A sealed value that no configured key opens: altered, moved to another row, or key lost."""


def _key_id(key: bytes) -> str:
    return hashlib.sha256(b"dragoman.sealing.id" + key).hexdigest()[:8]


@lru_cache(maxsize=8)
def _ciphers(keys: tuple[bytes, ...]) -> dict[str, AESGCM]:
    return {_key_id(key): AESGCM(key) for key in keys}


def seal(plain: bytes, context: str) -> str:
    """Encrypt ``plain`` under the newest key, bound to ``context`` (say, the row's purpose and id).

    The text form is ``v1.<key id>.<base64url of nonce and ciphertext>``.
    """
    newest = conf().sealing_keys[0]
    nonce = secrets.token_bytes(_NONCE_BYTES)
    sealed = _ciphers((newest,))[_key_id(newest)].encrypt(nonce, plain, context.encode())
    return f"v1.{_key_id(newest)}.{urlsafe_b64encode(nonce + sealed).decode()}"


def unseal(text: str, context: str) -> bytes:
    """Open what :func:`seal` made with the same ``context``. Raises :class:`SealBroken`."""
    version, _, rest = text.partition(".")
    key_id, _, body = rest.partition(".")
    cipher = _ciphers(conf().sealing_keys).get(key_id)
    if version != "v1" or cipher is None:
        raise SealBroken(f"no sealing key {key_id or '(none)'} is configured")
    try:
        raw = urlsafe_b64decode(body)
        return cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], context.encode())
    except (InvalidTag, ValueError) as error:
        raise SealBroken("the sealed value does not belong here") from error


def sealed_with_newest(text: str) -> bool:
    """Whether ``text`` needs no re-sealing after a change of keys."""
    return text.startswith(f"v1.{_key_id(conf().sealing_keys[0])}.")


def derive(purpose: str, message: bytes) -> bytes:
    """32 bytes that only this installation can compute: HMAC-SHA256 under a key per ``purpose``."""
    key = hmac.digest(conf().sealing_keys[0], b"dragoman.derive." + purpose.encode(), "sha256")
    return hmac.digest(key, message, "sha256")
