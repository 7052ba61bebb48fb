"""Codes by mail: one is alive, and what is void is so for requests that are under way, too."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from mfa import email_codes
from tests.login.gate import Town

NOW = timezone.now()
LATER = NOW + timedelta(seconds=5)


@pytest.mark.parametrize("voided_by", [email_codes.void, email_codes.issue])
def test_a_code_that_is_voided_while_a_request_judges_it_opens_nothing(
    town: Town, voided_by: object
) -> None:
    assert callable(voided_by)
    code = email_codes.issue(town.alice.pk, NOW).code
    found = email_codes.find(town.alice.pk, code, NOW)
    assert found is not None
    voided_by(town.alice.pk, LATER)
    assert not email_codes.spend(found, NOW)
    again = email_codes.find(town.alice.pk, code, NOW)
    assert again is None or again.pk != found.pk


def test_a_code_is_spent_once(town: Town) -> None:
    code = email_codes.issue(town.alice.pk, NOW).code
    found = email_codes.find(town.alice.pk, code, LATER)
    assert found is not None
    assert [email_codes.spend(found, LATER) for _ in range(2)] == [True, False]
