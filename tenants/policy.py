"""What a tenant demands, as frozen values that the core can decide on."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from tenants.branding import Branding


class SecondFactorRule(StrEnum):
    """Whose login needs a second factor."""

    OPTIONAL = "optional"
    REQUIRED = "required"
    REQUIRED_FOR_STAFF = "required_for_staff"


@dataclass(frozen=True, slots=True)
class Policy:
    """A tenant's rules for authentication."""

    second_factor: SecondFactorRule = SecondFactorRule.OPTIONAL
    password_min_length: int = 15

    def demands_second_factor(self, *, staff: bool) -> bool:
        """Whether a person must have a second factor in this tenant; machines never."""
        return self.second_factor is SecondFactorRule.REQUIRED or (
            staff and self.second_factor is SecondFactorRule.REQUIRED_FOR_STAFF
        )


# Ten years: more is a slip of the hand, and very much more is no point in time at all.
_LONGEST = 10 * 365 * 86400


def _lifetime(seconds: Any) -> int:
    if type(seconds) is not int or not 0 < seconds <= _LONGEST:
        raise ValueError(f"a lifetime is a number of seconds from 1 to {_LONGEST}")
    return seconds


# Python reads weeks and dates without hyphens as well; others would not know what is meant.
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


def _day(name: str, told: Any) -> date | None:
    if told in (None, ""):
        return None
    if not isinstance(told, str) or not _DATE.fullmatch(told):
        raise TypeError(f"{name} must be a date such as 2031-05-06")
    return date.fromisoformat(told)


# What may stand between the angle brackets of a Link header (RFC 8288 section 3).
_ADDRESS = re.compile(r"https?://[!#-;=?-~]{1,1000}")


def _address(told: Any) -> str:
    if not isinstance(told, str) or (told and not _ADDRESS.fullmatch(told)):
        raise ValueError("policy must be an http or https address")
    return told


_MEMBERS = frozenset({"enabled", "sunset", "deprecated", "policy", "lifetimes", "options"})


@dataclass(frozen=True, slots=True)
class ContractSettings:
    """One contract as one tenant wants it."""

    enabled: bool = True
    # From this day on (UTC) the contract may be gone; it is served until it is switched off.
    sunset: date | None = None
    lifetimes: Mapping[str, int] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    # From this day on (UTC) clients are asked to leave.
    deprecated: date | None = None
    # Where it is written why, and where to go.
    policy: str = ""

    def lifetime(self, kind: str, default: timedelta) -> timedelta:
        """The life of the token ``kind``: the tenant's seconds, or ``default``."""
        seconds = self.lifetimes.get(kind)
        return default if seconds is None else timedelta(seconds=seconds)

    @classmethod
    def parse(cls, raw: Any) -> ContractSettings:
        """Read the stored form. Raises ValueError or TypeError on a malformed one."""
        if not isinstance(raw, Mapping):
            raise TypeError("the settings of a contract are a table")
        if unknown := sorted(raw.keys() - _MEMBERS):
            # A mistyped "enabled" would leave the contract on.
            raise ValueError(f"there is no setting {unknown[0]!r}")
        enabled = raw.get("enabled", True)
        if not isinstance(enabled, bool):
            # The text "false" would count as true and leave the contract on.
            raise TypeError("enabled must be true or false")
        sunset, deprecated = (_day(name, raw.get(name)) for name in ("sunset", "deprecated"))
        if sunset and deprecated and sunset < deprecated:
            raise ValueError("sunset must not be earlier than deprecated")  # RFC 9745 section 4
        return cls(
            enabled=enabled,
            sunset=sunset,
            lifetimes={k: _lifetime(v) for k, v in _table("lifetimes", raw).items()},
            # As with the days, null is the same as nothing said.
            options={k: v for k, v in _table("options", raw).items() if v is not None},
            deprecated=deprecated,
            policy=_address(raw.get("policy", "")),
        )


def _table(name: str, raw: Mapping[str, Any]) -> dict[str, Any]:
    told = raw.get(name, {})
    if not isinstance(told, Mapping):
        raise TypeError(f"{name} must be a table")
    return dict(told)


# What cannot be read is closed: it may have been meant to switch the contract off.
CLOSED = ContractSettings(enabled=False)
_DEFAULT_CONTRACT = ContractSettings()


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a tenant can say about one contract, beside what can be said about all."""

    # The kinds of tokens and sessions that have a life of their own.
    lifetimes: Collection[str]
    # By its name, what refuses a value that an option cannot have: it raises ValueError.
    options: Mapping[str, Callable[[Any], None]]

    def demand(self, settings: ContractSettings) -> None:
        """Refuse what is none of it: a mistyped name or value would pass for the default.

        Raises ValueError.
        """
        if unknown := sorted(settings.lifetimes.keys() - set(self.lifetimes)):
            raise ValueError(f"there is no lifetime {unknown[0]!r}")
        for name, value in settings.options.items():
            if name not in self.options:
                raise ValueError(f"there is no option {name!r}")
            self.options[name](value)


def _switch(value: Any) -> None:
    if not isinstance(value, bool):
        raise ValueError("keep must be true or false")  # noqa: TRY004  # as all objections


_BROWSER = Vocabulary(("session", "idle", "kept", "kept_idle"), {"keep": _switch})
_CONSOLE = Vocabulary(("session",), {})
# What a tenant can have settings for: the browser's login, the console, and every contract that
# the layer above has found when it starts. A contract is loaded when it is first asked.
KNOWN_CONTRACTS: dict[str, Callable[[], Vocabulary]] = {
    "browser": lambda: _BROWSER,
    "console": lambda: _CONSOLE,
}


def read_settings(slug: str, told: Any) -> ContractSettings:
    """The settings for one contract, every name and value in them known.

    Raises ValueError or TypeError.
    """
    settings = ContractSettings.parse(told)
    if known := KNOWN_CONTRACTS.get(slug):
        known().demand(settings)
    return settings


def check_contracts(raw: Any) -> None:
    """Refuse a table of contract settings that could not be read back or means nothing here.

    Raises ValueError or TypeError.
    """
    if not isinstance(raw, Mapping):
        raise TypeError("it must be a table")
    if unknown := sorted(raw.keys() - KNOWN_CONTRACTS.keys()):
        known = ", ".join(sorted(KNOWN_CONTRACTS))
        raise ValueError(f"there is no contract {unknown[0]!r}; there are {known}")
    for slug, told in raw.items():
        try:
            read_settings(slug, told)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{slug}: {error}") from error


@dataclass(frozen=True, slots=True)
class TenantRecord:
    """A tenant as the core and the contracts see it."""

    id: UUID
    slug: str
    name: str
    active: bool
    number: int
    pool_id: str
    client_id: str
    hex_id: str
    policy: Policy = field(default_factory=Policy)
    branding: Branding = field(default_factory=Branding)
    contracts: Mapping[str, ContractSettings] = field(default_factory=dict)
    # Empty: the app client has no secret. tenants.client_secret opens it.
    client_secret_sealed: str = field(default="", repr=False)
    # What holds for a contract about which the tenant has said nothing.
    unsaid: ContractSettings = _DEFAULT_CONTRACT

    def contract(self, slug: str) -> ContractSettings:
        """The tenant's settings for one contract; the defaults where it has said nothing."""
        return self.contracts.get(slug, self.unsaid)

    def serves(self, slug: str) -> bool:
        """Whether logins over this contract are open in this tenant."""
        return self.active and self.contract(slug).enabled
