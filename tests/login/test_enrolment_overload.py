"""A code inside of a session, while no hash slot is free."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pytest_django.fixtures import Settings

from accounts.login import enrolment
from accounts.login.attempt import RecoveryCodeInput
from accounts.login.sessions import Found
from accounts.models import Session, ThrottleBucket
from tenants import hashing
from tenants.conf import conf
from tenants.hashing import Overloaded
from tests.login.gate import CODES, REPEAT, Town, context, logged_in


def test_a_code_that_could_not_be_judged_is_no_failed_guess(town: Town, settings: Settings) -> None:
    done = logged_in(
        "bob", "correct horse battery staple", RecoveryCodeInput(CODES[0]), profile=REPEAT
    )
    found = Found(Session.objects.get(pk=done.session.pk), done.subject)
    settings.DRAGOMAN = replace(conf(), hash_slots=1, hash_wait=0.0)
    with hashing.slot(), pytest.raises(Overloaded):
        enrolment.spend_code(found, CODES[1], context())
    assert not any(ThrottleBucket.objects.values_list("failures", flat=True))
    assert enrolment.spend_code(found, CODES[1], context())
