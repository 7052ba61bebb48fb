"""Dragoman's own settings, typed. `config.env` fills them from the environment."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from django.conf import settings


@dataclass(frozen=True, slots=True)
class Conf:
    mode: str
    base_url: str
    sealing_keys: tuple[bytes, ...] = field(repr=False)
    trusted_proxies: int
    hash_slots: int
    hash_wait: float
    address_failures: int
    refresh_grace: timedelta
    key_poll: float
    body_limit: int
    cognito_issuer: str
    # Hosts that federation may ask without TLS and at private addresses.
    outbound_hosts: frozenset[str]
    var_dir: Path
    # A folder with more contracts, or the empty text.
    contracts: str
    # Whether the OpenAPI document is served.
    api_docs: bool
    # Whether staff need a second factor where their tenant has no rule of its own.
    staff_second_factor: bool


@dataclass(frozen=True, slots=True)
class Problem:
    """An environment variable whose value could not be read; a system check reports it."""

    variable: str
    message: str


def conf() -> Conf:
    return settings.DRAGOMAN
