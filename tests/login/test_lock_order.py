"""Whoever changes an account holds it first: of two who do it at once one waits for the other.

Otherwise each could wait for what the other holds, and PostgreSQL would end one of them.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import Any

import pytest
from django.core import mail
from django.db import OperationalError

from accounts.login import address_change, custody, enrolment, password_links
from accounts.login.attempt import OneTimePassword
from accounts.login.custody import Act
from accounts.login.outcome import LoginRefused
from accounts.login.sessions import FEDERATED
from accounts.models import ExternalAccount
from mfa import binding, challenges, passkeys, totp
from mfa.models import Challenge, Passkey, TotpAuthenticator
from tenants.models import IdentityProvider
from tests.login.gate import (
    PASSWORD,
    REPEAT,
    Town,
    challenged,
    context,
    found_town,
    login,
    second,
)
from tests.login.keyring import alone, asked, give
from tests.login.test_races import _own_connection
from tests.login.test_races_of_sessions import _until_somebody_waits, found_of

pytestmark = pytest.mark.django_db(transaction=True)
Deed = Callable[[], Any]


def _token() -> str:
    """What follows the last slash of the link in the newest mail."""
    address = next(word for word in str(mail.outbox[-1].body).split() if "://" in word)
    return address.rstrip("/").rpartition("/")[2]


def _second_step(town: Town) -> Deed:
    token, now = challenged().token, context().now
    return lambda: second(token, town.code(now), now=now)


def _unlinking(town: Town) -> tuple[Deed, Deed]:
    """A login by a provider's word is at its second step, and the word is withdrawn."""
    step = _second_step(town)
    provider = IdentityProvider.objects.create(tenant=town.alpha, name="corp", kind="oidc")
    linked = ExternalAccount.objects.create(user=town.bob, provider=provider, subject="1")
    Challenge.objects.update(amr=[{"method": FEDERATED, "provider": "corp", "at": 1}])
    return step, lambda: custody.unlink(linked, Act(context(), "erin"))


def _another_app(town: Town) -> tuple[Deed, Deed]:
    return _second_step(town), lambda: binding.bind_totp(town.bob.pk, totp.new_secret())


def _another_app_and_one_call(town: Town) -> tuple[Deed, Deed]:
    """The code comes with the password; there is no challenge."""
    now = context().now
    code = OneTimePassword(town.code(now))
    _, bind = _another_app(town)
    return lambda: login("bob", PASSWORD, code, profile=REPEAT, now=now), bind


def _binding() -> Deed:
    found = found_of()
    enrolment.begin(found, context())
    return lambda: enrolment.confirm(found, context())


def _new_password(town: Town) -> tuple[Deed, Deed]:
    bind = _binding()
    password_links.send_reset(town.alice, Act(context(), "erin"))
    link = password_links.find(_token(), context(), None)
    assert link is not None
    return lambda: password_links.redeem(link, "a staple that is correct", context()), bind


def _new_address(town: Town) -> tuple[Deed, Deed]:
    bind, found = _binding(), found_of()
    address_change.ask(found, "alice@elsewhere.example", context())
    wish = address_change.find(found, _token(), context())
    assert wish is not None
    return lambda: address_change.confirm(found, wish, context()), bind


def _passkey_alone(town: Town) -> tuple[Deed, Deed]:
    """A passkey signs in, and is taken away."""
    key = give("alice")
    answer, row = key.get(asked()), Passkey.objects.get(user=town.alice)
    return lambda: alone(answer), lambda: passkeys.remove(town.alice.pk, row.pk)


@pytest.mark.parametrize(
    ("both", "at", "step"),
    [
        (_unlinking, challenges, "spend"),
        (_another_app, challenges, "spend"),
        (_another_app_and_one_call, TotpAuthenticator, "spend_step"),
        (_new_password, challenges, "spend"),
        (_new_address, challenges, "spend"),
        (_passkey_alone, passkeys, "record_use"),
    ],
)
def test_two_changes_of_an_account_at_once_do_not_wait_for_each_other(
    transactional_db: None,
    monkeypatch: pytest.MonkeyPatch,
    both: Callable[[Town], tuple[Deed, Deed]],
    at: Any,
    step: str,
) -> None:
    first, other = both(found_town())
    failed, spend = [], getattr(at, step)

    def run() -> None:
        with _own_connection():
            try:
                other()
            except LoginRefused:
                # Of a session that has just ended: a verdict.
                pass
            except OperationalError as error:
                failed.append(error)

    thread = Thread(target=run)

    def meanwhile(*given: Any) -> Any:
        spent = spend(*given)
        thread.start()
        _until_somebody_waits()
        return spent

    monkeypatch.setattr(at, step, meanwhile)
    first()
    thread.join(20)
    assert failed == []
