"""Races of passkeys on real connections: what was signed is good once."""

from __future__ import annotations

from functools import partial

import pytest

from accounts.login import passkey_enrolment, passkey_login
from accounts.login.outcome import LoginRefused
from accounts.models import Session
from mfa.models import Passkey
from tests.login.gate import challenged, context, found_town, logged_in
from tests.login.keyring import PASSKEYS, after, alone, asked, enrol, found
from tests.login.test_races import race, verdicts
from tests.mfa.software_key import HOST, SoftwareKey

pytestmark = pytest.mark.django_db(transaction=True)


def test_of_parallel_requests_with_one_answer_one_succeeds() -> None:
    town = found_town()
    session = logged_in("alice", profile=PASSKEYS).session
    for key in (SoftwareKey(), SoftwareKey(synced=True)):
        enrol(session, key)
        opened = Session.objects.count()
        answer = key.get(asked())
        told = verdicts(race(*[partial(alone, answer)] * 4))
        assert told["accepted"] == 1, told
        assert told.keys() <= {"accepted", "challenge_spent", "spent_code"}
        step = challenged("alice", PASSKEYS)
        options = passkey_login.step_options(step.token, HOST, context())
        assert options is not None
        answer = key.get(options)
        told = verdicts(race(*[partial(after, step.token, answer)] * 4))
        assert told["accepted"] == 1, told
        assert Session.objects.count() == opened + 2

    # One new passkey, sent twice at once, is added once.
    client = context(session.auth_time)
    options = passkey_enrolment.options(found(session), HOST, client)
    assert options is not None
    answer = SoftwareKey().create(options)
    here = found(session)
    results = race(*[partial(passkey_enrolment.add, here, answer, "new", HOST, client)] * 3)
    assert sum(isinstance(each, Passkey) for each in results) == 1, results
    refused = [each for each in results if not isinstance(each, Passkey)]
    assert all(isinstance(each, LoginRefused) for each in refused), results
    assert Passkey.objects.filter(user=town.alice).count() == 3
