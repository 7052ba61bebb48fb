"""Discovery documents and key sets of token issuers, kept for a while.

A token names its key before anybody knows who sent it, so asking for an unknown key is free for an
attacker: a key set is fetched again at most once a minute, whatever comes in (ASVS 10.5, RFC 8414).
"""

from __future__ import annotations

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from joserfc.jwk import ECKey, RSAKey

from tenants.federation import outbound
from tenants.federation.outbound import Unreachable

T = TypeVar("T")

KEPT = 900.0
FLOOR = 60.0
# Who gave no answer is asked again sooner: nothing was learned, and people wait to log in.
AGAIN = 10.0
# So long keys stay good while their issuer is away: one that it has withdrawn must end some time.
STALE = 24 * 3600.0
_MOST = 256
_MOST_KEYS = 50
Key = RSAKey | ECKey
Keys = tuple[Key, ...]


@dataclass(slots=True)
class _Entry(Generic[T]):
    """What one address told, and when; one request at a time, and none too soon after the last."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    value: T | None = None
    told_at: float = float("-inf")
    asked_at: float = float("-inf")
    failure: str = ""

    def current(self, fetch: Callable[[], T], fits: Callable[[T], bool]) -> T:
        """The value, fetched if it is old or does not fit. Raises Unreachable where none is known.

        While another request fetches it, an older value that fits is good; nobody waits for long.
        """
        if self._fresh(fits):
            return self._known()
        value = self.value
        patient = value is None or not fits(value)
        if not self.lock.acquire(timeout=outbound.patience() if patient else 0):
            return self._known()
        try:
            if not self._fresh(fits) and not self._too_soon():
                self._ask(fetch)
            return self._known()
        finally:
            self.lock.release()

    def _fresh(self, fits: Callable[[T], bool]) -> bool:
        value, age = self.value, time.monotonic() - self.told_at
        return value is not None and age < KEPT and (fits(value) or age < FLOOR)

    def _usable(self) -> bool:
        return self.value is not None and time.monotonic() - self.told_at < STALE

    def _too_soon(self) -> bool:
        return time.monotonic() - self.asked_at < (AGAIN if self.failure else FLOOR)

    def _ask(self, fetch: Callable[[], T]) -> None:
        self.asked_at = time.monotonic()
        try:
            self.value, self.failure = fetch(), ""
            self.told_at = time.monotonic()
        except Unreachable as error:
            self.failure = str(error)

    def _known(self) -> T:
        value = self.value
        if value is None or not self._usable():
            raise Unreachable(self.failure or "another request is waiting for its answer")
        return value


class _Shelf(Generic[T]):
    """Values by address: as many as officers can name, and no more than fit."""

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
    return _documents.entry(issuer).current(lambda: _document(issuer), lambda _: True)


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
    keys = entry.current(lambda: _key_set(jwks_uri), lambda keys: _chosen(keys, kid) is not None)
    return _chosen(keys, kid)


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
