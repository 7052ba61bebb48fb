"""For whom a passkey signs: the host that the browser shows (WebAuthn Level 3, section 5.1.2)."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from tenants.conf import conf
from tenants.names import fold
from tenants.resolve import directory


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """One host of this service with its one origin. A passkey signs for no other."""

    id: str
    origin: str


def at(host: str | None) -> RelyingParty | None:
    """The relying party of a host that was called, or None: no passkeys are offered there.

    That is the host of the configured base address, or one that belongs to a tenant. Any other
    name that leads here signs nothing in: the passkey would be bound to an address that may be
    given up.
    """
    name = fold(host or "").removesuffix(".")
    base = urlsplit(conf().base_url)
    own = (base.hostname or "").lower()
    if not own or not name or _is_address(name):
        return None
    # Browsers take no bare address for a relying party, but they do take this one for loopback.
    local = name == "localhost" and _is_loopback(own)
    if name != own and not local and name not in directory().by_host:
        return None
    port = f":{base.port}" if base.port else ""
    return RelyingParty(name, f"{base.scheme}://{name}{port}")


def own() -> RelyingParty | None:
    """The relying party of the service's own base address, or None where it has no name."""
    host = (urlsplit(conf().base_url).hostname or "").lower()
    return at("localhost" if _is_loopback(host) else host)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _is_loopback(name: str) -> bool:
    return _is_address(name) and ipaddress.ip_address(name).is_loopback
