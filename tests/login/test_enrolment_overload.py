"""A code inside of a session or a login, while no hash slot is free."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pytest_django.fixtures import Settings

from accounts.login import enrolment, mailed_codes
from accounts.login.attempt import OneTimePassword, RecoveryCodeInput
from accounts.login.outcome import LoginRefused, Reason
from accounts.login.sessions import Found
from accounts.models import Session, ThrottleBucket
from mfa import email_codes
from mfa.models import Challenge, EmailCode
from tenants import hashing
from tenants.conf import conf
from tenants.hashing import Overloaded
from tests.login.gate import CODES, PASSWORD, REPEAT, Town, challenged, context, logged_in, second


def test_a_code_that_could_not_be_judged_is_no_failed_guess(town: Town, settings: Settings) -> None:
    done = logged_in("bob", PASSWORD, RecoveryCodeInput(CODES[0]), profile=REPEAT)
    found = Found(Session.objects.get(pk=done.session.pk), done.subject)
    settings.DRAGOMAN = replace(conf(), hash_slots=1, hash_wait=0.0)
    with hashing.slot(), pytest.raises(Overloaded):
        enrolment.spend_code(found, CODES[1], context())
    assert not any(ThrottleBucket.objects.values_list("failures", flat=True))
    assert enrolment.spend_code(found, CODES[1], context())


def test_a_mailed_code_that_could_not_be_judged_has_all_its_tries(
    town: Town, settings: Settings
) -> None:
    done = logged_in("alice")
    found = Found(Session.objects.get(pk=done.session.pk), done.subject)
    now = context().now
    email_codes.enable(town.alice.pk, now)
    mailed = email_codes.issue(town.alice.pk, now)
    settings.DRAGOMAN = replace(conf(), hash_slots=1, hash_wait=0.0)
    waiting = challenged("alice")
    with hashing.slot():
        with pytest.raises(Overloaded):
            enrolment.spend_mailed_code(found, mailed.code, context(now))
        with pytest.raises(LoginRefused) as refused:
            second(waiting.token, OneTimePassword(mailed.code))
        # Nor is a mail announced whose code could not be hashed.
        with pytest.raises(Overloaded):
            mailed_codes.send(town.bob, now)
    assert refused.value.reason is Reason.OVERLOADED
    assert not any(ThrottleBucket.objects.values_list("failures", flat=True))
    assert EmailCode.objects.get().attempts == Challenge.objects.get().attempts == 0
    assert enrolment.spend_mailed_code(found, mailed.code, context(now))
