"""Tenant settings as values."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError

from tenants.models import validate_contracts
from tenants.policy import ContractSettings, Policy, SecondFactorRule, TenantRecord


@pytest.mark.parametrize(
    ("rule", "person", "staff"),
    [
        (SecondFactorRule.OPTIONAL, False, False),
        (SecondFactorRule.REQUIRED, True, True),
        (SecondFactorRule.REQUIRED_FOR_STAFF, False, True),
    ],
)
def test_whose_login_needs_a_second_factor(
    rule: SecondFactorRule, person: bool, staff: bool
) -> None:
    policy = Policy(rule)
    assert policy.demands_second_factor(staff=False) is person
    assert policy.demands_second_factor(staff=True) is staff


def test_contract_settings_are_read_back() -> None:
    settings = ContractSettings.parse(
        {"enabled": False, "sunset": "2031-05-06", "lifetimes": {"access": 60}, "options": {"a": 1}}
    )
    assert settings == ContractSettings(False, date(2031, 5, 6), {"access": 60}, {"a": 1})
    assert settings.lifetime("access", timedelta(1)) == timedelta(seconds=60)
    assert settings.lifetime("refresh", timedelta(1)) == timedelta(1)
    assert ContractSettings.parse({}) == ContractSettings()


@pytest.mark.parametrize(
    "value",
    [
        [],
        "x",
        {"probe": []},
        {"probe": {"sunset": "soon"}},
        {"probe": {"lifetimes": {"access": "long"}}},
        {"probe": {"lifetimes": [1]}},
        # A text is no truth value: "false" would leave the contract on.
        {"probe": {"enabled": "false"}},
        {"probe": {"enabled": 0}},
        {"probe": {"lifetimes": {"access": 0}}},
        {"probe": {"lifetimes": {"access": -5}}},
        {"probe": {"lifetimes": {"access": 10**15}}},
        {"probe": {"lifetimes": {"access": True}}},
    ],
)
def test_settings_that_could_not_be_read_back_are_refused(value: Any) -> None:
    with pytest.raises(ValidationError):
        validate_contracts(value)


def test_a_suspended_tenant_serves_no_contract() -> None:
    def record(*, active: bool, enabled: bool) -> TenantRecord:
        settings = {"probe": ContractSettings(enabled=enabled)}
        return TenantRecord(uuid4(), "a", "A", active, 1, "p", "c", "h", contracts=settings)

    assert record(active=True, enabled=True).serves("probe")
    assert not record(active=False, enabled=True).serves("probe")
    assert not record(active=True, enabled=False).serves("probe")
    assert record(active=True, enabled=False).serves("another")
