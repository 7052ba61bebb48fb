"""What a tenant demands, as frozen values that the core can decide on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID


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
        """Whether a person must have a second factor in this tenant."""
        return self.second_factor is SecondFactorRule.REQUIRED or (
            staff and self.second_factor is SecondFactorRule.REQUIRED_FOR_STAFF
        )


# Ten years: more is a slip of the hand, and very much more is no point in time at all.
_LONGEST = 10 * 365 * 86400


def _lifetime(seconds: Any) -> int:
    if type(seconds) is not int or not 0 < seconds <= _LONGEST:
        raise ValueError(f"a lifetime is a number of seconds from 1 to {_LONGEST}")
    return seconds


@dataclass(frozen=True, slots=True)
class ContractSettings:
    """One contract as one tenant wants it."""

    enabled: bool = True
    sunset: date | None = None
    lifetimes: Mapping[str, int] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    def lifetime(self, kind: str, default: timedelta) -> timedelta:
        """The life of the token ``kind``: the tenant's seconds, or ``default``."""
        seconds = self.lifetimes.get(kind)
        return default if seconds is None else timedelta(seconds=seconds)

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> ContractSettings:
        """Read the stored form. Raises ValueError or TypeError on a malformed one."""
        sunset = raw.get("sunset")
        enabled = raw.get("enabled", True)
        if not isinstance(enabled, bool):
            # The text "false" would count as true and leave the contract on.
            raise TypeError("enabled must be true or false")
        return cls(
            enabled=enabled,
            sunset=date.fromisoformat(sunset) if sunset else None,
            lifetimes={k: _lifetime(v) for k, v in raw.get("lifetimes", {}).items()},
            options=dict(raw.get("options", {})),
        )


_DEFAULT_CONTRACT = ContractSettings()


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
    contracts: Mapping[str, ContractSettings] = field(default_factory=dict)
    # Empty: the app client has no secret. tenants.client_secret opens it.
    client_secret_sealed: str = field(default="", repr=False)

    def contract(self, slug: str) -> ContractSettings:
        """The tenant's settings for one contract; the defaults where it has said nothing."""
        return self.contracts.get(slug, _DEFAULT_CONTRACT)

    def serves(self, slug: str) -> bool:
        """Whether logins over this contract are open in this tenant."""
        return self.active and self.contract(slug).enabled
