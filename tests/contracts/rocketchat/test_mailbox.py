"""A mailbox proves less than an app or a security key, and does not replace them."""

from __future__ import annotations

import re

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.login import mailed_codes
from accounts.models import User
from mfa import email_codes
from mfa.models import EmailCode, EmailFactor, TotpAuthenticator
from tests.contracts.rocketchat.exchange import (
    MailingClient,
    guard,
    let_pass,
    log_in,
    post,
    refused,
    signed_in,
    token_headers,
)
from tests.fixtures import PASSWORD, Cast

APP = b'{"method":"totp","codeGenerated":false,"availableMethods":["totp"]}'
CHANGES = [
    "users.enableTotp",
    "users.validateTotp",
    "users.resetTOTP",
    "users.2fa.enableEmail",
    "users.2fa.disableEmail",
]
MAILED = {"x-2fa-method": "email"}


@pytest.fixture
def client() -> Client:
    return MailingClient()


def mails(user: User) -> None:
    """Have codes mailed to this user."""
    User.objects.filter(pk=user.pk).update(email_verified=True)
    email_codes.enable(user.pk, timezone.now())


def mailed() -> dict[str, str]:
    """The code in the newest mail, as a guarded call takes it."""
    found = re.search(r"\b\d{3}-\d{3}\b", str(mail.outbox[-1].body))
    assert found
    return {**MAILED, "x-2fa-code": found[0]}


def waited_for(client: Client, headers: dict[str, str]) -> dict[str, str]:
    """A fresh code, from a call for which a mailed one is enough."""
    let_pass(1801)
    post(client, "users.generatePersonalAccessToken", {**headers, **MAILED})
    return mailed()


def test_a_mailed_code_takes_no_app_away_and_changes_nothing_beside_it(
    client: Client, cast: Cast
) -> None:
    mails(cast.bob.user)
    headers = signed_in(client, "bob", PASSWORD, code=cast.bob.code(steps=-1))
    required = guard("totp-required", "TOTP Required", APP)
    invalid = guard("totp-invalid", "TOTP Invalid", APP)
    code = waited_for(client, headers)
    for call in CHANGES[:3]:
        refused(post(client, call, {**headers, **MAILED}), 400, required)
        refused(post(client, call, {**headers, **code}), 400, invalid)
    # Nor once it has opened a call for which it is enough.
    assert (
        post(
            client, "users.generatePersonalAccessToken", {**headers, **code}, {"tokenName": "bot"}
        ).status_code
        == 200
    )
    for call in CHANGES:
        refused(post(client, call, headers), 400, required)
    assert TotpAuthenticator.objects.filter(user=cast.bob.user).exists()
    assert EmailFactor.objects.filter(user=cast.bob.user).exists()
    right = {**headers, "x-2fa-code": cast.bob.code()}
    assert post(client, "users.2fa.disableEmail", right).status_code == 200


def test_where_there_is_nothing_else_the_mailed_code_is_enough(client: Client, cast: Cast) -> None:
    mails(cast.alice.user)
    body = {"user": "alice", "password": PASSWORD}
    log_in(client, body)
    headers = token_headers(log_in(client, {**body, "code": mailed()["x-2fa-code"]}))
    assert post(client, "users.enableTotp", headers).status_code == 200


@pytest.mark.parametrize("name", ["alice", "alice@elsewhere.example"])
def test_whoever_is_asked_for_a_mailed_code_is_told_the_name_under_which_another_is_sent(
    client: Client, cast: Cast, name: str
) -> None:
    # The domain leads to beta at the bare address, where alice is somebody of alpha.
    user = cast.alice_of_beta.user
    User.objects.filter(pk=user.pk).update(username=name, username_key=name)
    mails(user)
    asked = log_in(client, {"user": user.email, "password": PASSWORD}).json()["details"]
    assert (asked["codeGenerated"], len(mail.outbox)) == (True, 1)
    EmailCode.objects.update(created_at=timezone.now() - mailed_codes.SPACING)
    post(client, "users.2fa.sendEmailCode", {}, {"emailOrUsername": asked["emailOrUsername"]})
    assert [message.to for message in mail.outbox] == [[user.email]] * 2
