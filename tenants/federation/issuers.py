"""Discovery documents and key sets of token issuers, kept for a while.

A token names its key before anybody knows who sent it, so asking for an unknown key is free for an
attacker: a key set is fetched again at most once a minute, whatever comes in (ASVS 10.5, RFC 8414).
"""

from __future__ import annotations

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from joserfc.jwk import ECKey, RSAKey

from tenants.federation import outbound
from tenants.federation.outbound import Unreachable

T = TypeVar("T")

KEPT = 900.0
FLOOR = 60.0
_MOST = 256
_MOST_KEYS = 50
Key = RSAKey | ECKey
Keys = tuple[Key, ...]


@dataclass(slots=True)
class _Entry(Generic[T]):
    lock: threading.Lock = field(default_factory=threading.Lock)
    value: T | None = None
    asked_at: float = float("-inf")
    failure: str = ""


class _Shelf(Generic[T]):
    """Values by address; one request at a time for each, and none too soon after the last."""

    def __init__(self) -> None:
        self._entries: OrderedDict[str, _Entry[T]] = OrderedDict()
        self._lock = threading.Lock()

    def entry(self, url: str) -> _Entry[T]:
        with self._lock:
            entry = self._entries.setdefault(url, _Entry())
            self._entries.move_to_end(url)
            if len(self._entries) > _MOST:
                self._entries.popitem(last=False)
            return entry

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()


_documents: _Shelf[Mapping[str, Any]] = _Shelf()
_key_sets: _Shelf[Keys] = _Shelf()


def forget() -> None:
    """Read everything anew: a provider's settings have changed, or a test begins."""
    _documents.clear()
    _key_sets.clear()


def json_object(url: str) -> Mapping[str, Any]:
    """The JSON object at ``url``. Raises :class:`tenants.federation.outbound.Unreachable`."""
    answer = outbound.fetch(url, headers={"Accept": "application/json"})
    if not answer.ok:
        raise Unreachable(f"{url} answered {answer.status}")
    try:
        value = json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise Unreachable(f"{url} gave no JSON") from error
    if not isinstance(value, dict):
        raise Unreachable(f"{url} gave no JSON object")
    return value


def discovered(issuer: str) -> Mapping[str, Any]:
    """The issuer's discovery document, which must name this very issuer (OpenID Discovery 4.3).

    Raises :class:`tenants.federation.outbound.Unreachable`.
    """
    entry = _documents.entry(issuer)
    with entry.lock:
        now = time.monotonic()
        if entry.value is not None and now - entry.asked_at < KEPT:
            return entry.value
        if now - entry.asked_at < FLOOR:
            raise Unreachable(entry.failure or "it was asked less than a minute ago")
        entry.value, entry.asked_at = None, now
        try:
            entry.value = _document(issuer)
        except Unreachable as error:
            entry.failure = str(error)
            raise
        return entry.value


def address(issuer: str, name: str) -> str:
    """An address out of the issuer's discovery document.

    Raises :class:`tenants.federation.outbound.Unreachable`.
    """
    url = discovered(issuer).get(name)
    if not isinstance(url, str):
        raise Unreachable(f"the discovery document names no {name}")
    try:
        outbound.check_url(url)
    except ValueError as error:
        raise Unreachable(f"{name}: {error}") from error
    return url


def _document(issuer: str) -> Mapping[str, Any]:
    document = json_object(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    if document.get("issuer") != issuer:
        raise Unreachable("the discovery document names another issuer")
    return document


def key_of(jwks_uri: str, kid: str | None) -> Key | None:
    """The published signing key of this id, or None. Without an id: the only key there is.

    Raises :class:`tenants.federation.outbound.Unreachable`.
    """
    entry = _key_sets.entry(jwks_uri)
    with entry.lock:
        found = _chosen(entry.value, kid) if entry.value is not None else None
        now = time.monotonic()
        age = now - entry.asked_at
        if age < FLOOR or (found is not None and age < KEPT):
            if entry.value is None:
                raise Unreachable(entry.failure or "it was asked less than a minute ago")
            return found
        entry.asked_at = now
        try:
            entry.value = _key_set(jwks_uri)
        except Unreachable as error:
            entry.failure = str(error)
            if found is None:
                raise
            # The keys that are known stay good while the issuer is away.
            return found
        return _chosen(entry.value, kid)


def _key_set(jwks_uri: str) -> Keys:
    keys = json_object(jwks_uri).get("keys")
    if not isinstance(keys, list):
        raise Unreachable("the key set has no list of keys")
    usable = (_imported(raw) for raw in keys[:_MOST_KEYS])
    return tuple(key for key in usable if key is not None)


def _imported(raw: Any) -> Key | None:
    """A public signing key; anything else in a key set is not ours to judge."""
    if not isinstance(raw, dict) or raw.get("use", "sig") != "sig":
        return None
    public = {name: value for name, value in raw.items() if name in _PUBLIC}
    try:
        if raw.get("kty") == "RSA":
            return RSAKey.import_key(public)
        return ECKey.import_key(public) if raw.get("kty") == "EC" else None
    except Exception:  # noqa: BLE001  # foreign input; the library raises many kinds
        return None


_PUBLIC = frozenset({"kty", "kid", "alg", "use", "n", "e", "crv", "x", "y"})


def _chosen(keys: Keys, kid: str | None) -> Key | None:
    if kid is None:
        return keys[0] if len(keys) == 1 else None
    return next((key for key in keys if key.kid == kid), None)
