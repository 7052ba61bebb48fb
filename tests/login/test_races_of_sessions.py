"""Races between whoever ends sessions and whoever is making something in one of them."""

from __future__ import annotations

from functools import partial

import pytest

from accounts.login import mailed_codes
from mfa import email_codes
from mfa.models import EmailCode
from tests.login.gate import Town, context, found_town
from tests.login.test_races import race

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def town() -> Town:
    return found_town()


def test_of_parallel_logins_one_mails_a_code(town: Town) -> None:
    now = context().now
    email_codes.enable(town.alice.pk, now)
    sent = race(*(partial(mailed_codes.send, town.alice, now) for _ in range(6)))
    assert sorted(each.generated for each in sent) == [False] * 5 + [True], sent
    assert EmailCode.objects.filter(user=town.alice, expires_at__gt=now).count() == 1
