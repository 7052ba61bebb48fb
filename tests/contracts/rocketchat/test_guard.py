"""Calls that ask for a second factor: when, for which, and what a stolen token is worth."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import LoginEvent, Session, ThrottleBucket, User
from mfa import email_codes
from mfa.models import Enrolment, Passkey
from tests.contracts.rocketchat.exchange import (
    CODE_INVALID,
    DIGEST,
    NOT_SIGNED_IN,
    guard,
    let_pass,
    log_in,
    post,
    refused,
    signed_in,
    statements,
)
from tests.fixtures import PASSWORD, Cast

TOTP = b'{"method":"totp","codeGenerated":false,"availableMethods":["totp"]}'
BY_PASSWORD = b'{"method":"password","codeGenerated":false,"availableMethods":[]}'
TOTP_REQUIRED = guard("totp-required", "TOTP Required", TOTP)
TOTP_INVALID = guard("totp-invalid", "TOTP Invalid", TOTP)
PASSWORD_REQUIRED = guard("totp-required", "TOTP Required", BY_PASSWORD)
PASSWORD_INVALID = guard("totp-invalid", "TOTP Invalid", BY_PASSWORD)
FORBIDDEN = (
    b'{"success":false,"error":"User does not have the permissions required for this action '
    b'[error-unauthorized]"}'
)
# Guarded with the memory; it misses a name, which it says once it was passed.
GUARDED = "users.generatePersonalAccessToken"
PASSED = b'{"success":false,"error":"The \'tokenName\' param is required"}'
EVERY = [
    "users.enableTotp",
    "users.validateTotp",
    "users.2fa.enableEmail",
    "users.generatePersonalAccessToken",
    "users.regeneratePersonalAccessToken",
    "users.removePersonalAccessToken",
]
FORGETFUL = ["users.2fa.disableEmail", "users.resetTOTP"]


def as_bob(client: Client, cast: Cast) -> dict[str, str]:
    return signed_in(client, "bob", PASSWORD, code=cast.bob.code(steps=-1))


def test_a_code_at_the_login_is_remembered_for_thirty_minutes(client: Client, cast: Cast) -> None:
    headers = as_bob(client, cast)
    refused(post(client, GUARDED, headers), 400, PASSED)
    let_pass(1790)
    refused(post(client, GUARDED, headers), 400, PASSED)
    let_pass(20)
    refused(post(client, GUARDED, headers), 400, TOTP_REQUIRED)


@pytest.mark.parametrize("call", [*EVERY, *FORGETFUL])
def test_an_old_token_alone_changes_no_factor(client: Client, cast: Cast, call: str) -> None:
    alice, bob = signed_in(client, "alice", PASSWORD), as_bob(client, cast)
    let_pass(1801)
    body = {"code": "123456", "tokenName": "bot"}
    refused(post(client, call, alice, body), 400, PASSWORD_REQUIRED)
    refused(post(client, call, bob, body), 400, TOTP_REQUIRED)
    assert not Enrolment.objects.exists()
    assert Session.objects.filter(ended_at=None).count() == 2


@pytest.mark.parametrize("call", FORGETFUL)
def test_some_calls_ask_however_fresh_the_login_is(client: Client, cast: Cast, call: str) -> None:
    headers = as_bob(client, cast)
    refused(post(client, call, headers), 400, TOTP_REQUIRED)
    # Nor does what they are told count for others.
    before = Session.objects.get().amr
    code = {"x-2fa-code": cast.bob.code()}
    assert post(client, call, {**headers, **code}).status_code == 200
    assert Session.objects.get().amr == before


@pytest.mark.parametrize(
    "thief", [Client(REMOTE_ADDR="192.0.2.9"), Client(HTTP_USER_AGENT="thief")]
)
def test_a_token_from_elsewhere_is_asked(client: Client, cast: Cast, thief: Client) -> None:
    headers = as_bob(client, cast)
    refused(post(thief, GUARDED, headers), 400, TOTP_REQUIRED)
    code = {"x-2fa-code": cast.bob.code(), "x-2fa-method": "totp"}
    refused(post(thief, GUARDED, {**headers, **code}), 400, PASSED)
    # From now on it is remembered there, too.
    refused(post(thief, GUARDED, headers), 400, PASSED)
    let_pass(1801)
    refused(post(thief, GUARDED, headers), 400, TOTP_REQUIRED)


@pytest.mark.parametrize("address", ["::ffff:192.0.2.1", "fe80::1%eth0"])
def test_an_address_is_recognised_however_the_socket_writes_it(cast: Cast, address: str) -> None:
    client = Client(REMOTE_ADDR=address)
    refused(post(client, GUARDED, as_bob(client, cast)), 400, PASSED)


def test_the_code_of_the_login_is_not_taken_again(client: Client, cast: Cast) -> None:
    code = cast.bob.code()
    headers = signed_in(client, "bob", PASSWORD, code=code)
    let_pass(1801)
    sent = {**headers, "x-2fa-code": code, "x-2fa-method": "totp"}
    refused(post(client, GUARDED, sent), 400, TOTP_INVALID)


def test_a_code_of_a_call_is_not_taken_by_the_login(client: Client, cast: Cast) -> None:
    headers, code = as_bob(client, cast), cast.bob.code()
    let_pass(1801)
    refused(post(client, GUARDED, {**headers, "x-2fa-code": code}), 400, PASSED)
    refused(log_in(client, {"user": "bob", "password": PASSWORD, "code": code}), 401, CODE_INVALID)


def test_a_backup_code_passes_once(client: Client, cast: Cast) -> None:
    headers = {**as_bob(client, cast), "x-2fa-code": cast.bob.recovery_codes[0]}
    let_pass(1801)
    refused(post(client, GUARDED, headers), 400, PASSED)
    assert [record["method"] for record in Session.objects.get().amr] == ["pwd", "otp", "recovery"]
    let_pass(1801)
    refused(post(client, GUARDED, headers), 400, TOTP_INVALID)


@pytest.mark.parametrize("code", ["000000", "x" * 4000, DIGEST, "ÿ"])
def test_a_wrong_code_is_told_and_recorded(client: Client, cast: Cast, code: str) -> None:
    headers = as_bob(client, cast)
    let_pass(1801)
    sent = {**headers, "x-2fa-code": code, "x-2fa-method": "password"}
    refused(post(client, GUARDED, sent), 400, TOTP_INVALID)
    assert LoginEvent.objects.filter(reason="wrong_code").count() == 1


def test_wrong_codes_lock_the_right_one_out(client: Client, cast: Cast) -> None:
    headers = as_bob(client, cast)
    let_pass(1801)
    for _ in range(5):
        refused(post(client, GUARDED, {**headers, "x-2fa-code": "000000"}), 400, TOTP_INVALID)
    refused(post(client, GUARDED, {**headers, "x-2fa-code": cast.bob.code()}), 400, TOTP_INVALID)


@pytest.mark.parametrize("code", [DIGEST, DIGEST.upper()])
@pytest.mark.parametrize("method", ["password", "totp", "email", "sms", ""])
def test_without_a_factor_the_digest_of_the_password_is_the_code(
    client: Client, cast: Cast, code: str, method: str
) -> None:
    headers = signed_in(client, "alice", PASSWORD)
    let_pass(1801)
    sent = {**headers, "x-2fa-code": code, "x-2fa-method": method}
    refused(post(client, GUARDED, sent), 400, PASSED)
    # And is remembered.
    refused(post(client, GUARDED, headers), 400, PASSED)


@pytest.mark.parametrize("code", [PASSWORD, "0" * 64, DIGEST[:-1], f"{DIGEST} x"])
def test_another_text_is_no_password(client: Client, cast: Cast, code: str) -> None:
    headers = signed_in(client, "alice", PASSWORD)
    let_pass(1801)
    refused(post(client, GUARDED, {**headers, "x-2fa-code": code}), 400, PASSWORD_INVALID)
    assert LoginEvent.objects.filter(reason="wrong_password").count() == 1


def test_guessed_passwords_count_like_those_of_a_login(client: Client, cast: Cast) -> None:
    headers = signed_in(client, "alice", PASSWORD)
    let_pass(1801)
    ThrottleBucket.objects.all().delete()
    for _ in range(10):
        post(client, GUARDED, {**headers, "x-2fa-code": "0" * 64})
    refused(post(client, GUARDED, {**headers, "x-2fa-code": DIGEST}), 400, PASSWORD_INVALID)
    assert log_in(client, {"user": "alice", "password": PASSWORD}).status_code == 401


def test_the_digest_of_the_password_is_no_code_of_who_has_a_factor(
    client: Client, cast: Cast
) -> None:
    headers = as_bob(client, cast)
    let_pass(1801)
    sent = {**headers, "x-2fa-code": DIGEST, "x-2fa-method": "password"}
    refused(post(client, GUARDED, sent), 400, TOTP_INVALID)


def test_a_login_by_password_is_not_enough_once_there_is_a_factor(
    client: Client, cast: Cast
) -> None:
    headers = signed_in(client, "alice", PASSWORD)
    email_codes.enable(cast.alice.user.pk, timezone.now())
    assert post(client, GUARDED, headers).json()["errorType"] == "totp-required"


def test_who_has_only_a_security_key_does_it_in_the_browser(client: Client, cast: Cast) -> None:
    headers = signed_in(client, "alice", PASSWORD)
    Passkey.objects.create(user=cast.alice.user, credential_id=b"1", public_key=b"1", name="key")
    refused(post(client, GUARDED, {**headers, "x-2fa-code": DIGEST}), 403, FORBIDDEN)


def test_a_machine_has_no_factor_to_set_up(client: Client, cast: Cast) -> None:
    headers = signed_in(client, cast.svc.username, cast.svc.client_secret)
    refused(post(client, GUARDED, headers), 403, FORBIDDEN)


def test_no_token_is_refused_before_anything_is_asked(client: Client, cast: Cast) -> None:
    for call in (*EVERY, *FORGETFUL):
        code = {"x-2fa-code": DIGEST, "x-2fa-method": "password"}
        refused(post(client, call, code), 401, NOT_SIGNED_IN)


def test_a_token_asks_for_nothing_at_another_tenant(client: Client, cast: Cast) -> None:
    headers = as_bob(client, cast)
    answer = client.post(f"/t/beta/api/v1/{GUARDED}", headers=headers)
    refused(answer, 401, NOT_SIGNED_IN)


def test_an_account_that_was_just_made_is_asked_as_well(client: Client, cast: Cast) -> None:
    User.objects.update(created_at=timezone.now() - timedelta(seconds=5))
    headers = signed_in(client, "alice", PASSWORD)
    let_pass(1801)
    refused(post(client, GUARDED, headers), 400, PASSWORD_REQUIRED)


def test_being_remembered_costs_no_statement(client: Client, cast: Cast) -> None:
    headers = as_bob(client, cast)
    with statements(1):
        refused(post(client, GUARDED, headers), 400, PASSED)
