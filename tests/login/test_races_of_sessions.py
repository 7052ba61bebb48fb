"""Races between whoever ends sessions and whoever is making something in one of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from threading import Thread
from typing import Any

import pytest
from django.db import connection

from accounts.login import (
    custody,
    enrolment,
    mailed_codes,
    passkey_enrolment,
    personal_tokens,
    sessions,
)
from accounts.login.custody import Act
from accounts.login.outcome import LoginRefused, Reason
from accounts.login.sessions import Found
from accounts.models import LoginEvent, Session
from mfa import email_codes
from mfa.models import EmailCode, EmailFactor, Passkey, TotpAuthenticator
from tests.login.gate import PLAIN, Town, context, found_town, logged_in
from tests.login.test_races import _own_connection, race

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def town(transactional_db: None) -> Town:
    return found_town()


def found_of(name: str = "alice") -> Found:
    done = logged_in(name)
    return Found(Session.objects.get(pk=done.session.pk), done.subject)


def test_of_parallel_logins_one_mails_a_code(town: Town) -> None:
    now = context().now
    email_codes.enable(town.alice.pk, now)
    sent = race(*(partial(mailed_codes.send, town.alice, now) for _ in range(6)))
    assert sorted(each.generated for each in sent) == [False] * 5 + [True], sent
    assert EmailCode.objects.filter(user=town.alice, expires_at__gt=now).count() == 1


def _by_its_owner(town: Town) -> None:
    sessions.end_all(town.alice, "logout everywhere", context(), contract="probe")


def _by_an_officer(town: Town) -> None:
    custody.end_sessions_over(town.alice, "probe", Act(context(), "erin"))


@pytest.mark.parametrize("end", [_by_its_owner, _by_an_officer])
def test_a_token_made_while_all_sessions_are_ended_ends_with_them(
    town: Town, monkeypatch: pytest.MonkeyPatch, end: Callable[[Town], None]
) -> None:
    found = found_of()

    def ends() -> None:
        with _own_connection():
            end(town)

    ending = Thread(target=ends)
    forget = personal_tokens._forget_ended

    def meanwhile(*given: Any) -> None:
        ending.start()
        _until_somebody_waits()
        forget(*given)

    monkeypatch.setattr(personal_tokens, "_forget_ended", meanwhile)
    personal_tokens.make(found, "bot", PLAIN, context())
    ending.join(20)
    assert not Session.objects.filter(ended_at=None).exists()


def _until_somebody_waits() -> None:
    over = time.monotonic() + 10
    with connection.cursor() as cursor:
        while time.monotonic() < over:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
    raise AssertionError("nobody waits")


def test_in_a_session_that_has_just_ended_no_factor_comes_or_goes(town: Town) -> None:
    found, client = found_of(), context()
    enrolment.begin(found, client, codes=["a" * 16])
    key = Passkey.objects.create(user=town.alice, credential_id=b"1", public_key=b"1", name="key")
    sessions.end(found.session, "thrown out", client)
    told = LoginEvent.objects.count()
    tries: list[Callable[[], Any]] = [
        lambda: enrolment.confirm(found, client),
        lambda: enrolment.confirm_codes(found, client),
        lambda: enrolment.replace_codes(found, ["b" * 16], client),
        lambda: enrolment.set_email_factor(found, client, on=True),
        lambda: enrolment.remove_totp(found, client),
    ]
    for change in tries:
        with pytest.raises(LoginRefused) as refused:
            change()
        assert refused.value.reason is Reason.SESSION_ENDED
    assert not passkey_enrolment.remove(found, key.pk, client)
    assert Passkey.objects.filter(pk=key.pk).exists()
    assert not TotpAuthenticator.objects.filter(user=town.alice).exists()
    assert not EmailFactor.objects.exists()
    assert LoginEvent.objects.count() == told
