"""Where a tenant demands a second factor, its owner does not remove the last one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.utils import timezone

from accounts.login import enrolment, sessions
from accounts.login.enrolment import LastFactor
from accounts.login.sessions import Found
from accounts.models import LoginEvent
from mfa import binding, email_codes
from tenants import resolve
from tenants.models import TenantPolicy
from tests.login.gate import PLAIN, Town, context, give_second_factors, logged_in


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["the app first", "the mail first"])
def test_of_two_removals_that_both_saw_another_factor_one_is_undone(
    town: Town, order: tuple[int, int]
) -> None:
    session = logged_in("alice").session
    give_second_factors(town.alice)
    email_codes.enable(town.alice.pk, timezone.now())
    TenantPolicy(tenant=town.alpha, second_factor="required").save()
    resolve.invalidate()
    found = sessions.find(PLAIN, pk=session.pk)
    assert found is not None
    removals: list[Callable[[Found], object]] = [
        lambda found: enrolment.remove_totp(found, context()),
        lambda found: enrolment.set_email_factor(found, context(), on=False),
    ]
    removals[order[0]](found)
    with pytest.raises(LastFactor):
        removals[order[1]](found)
    assert binding.has_factor(town.alice.pk)
    assert LoginEvent.objects.filter(event__endswith=":removed").count() == 1
