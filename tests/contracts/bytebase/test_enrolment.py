"""Second factors by ``PATCH /v1/users/{email}`` and its query flags."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from accounts.models import LoginEvent, Session, User
from mfa import binding
from mfa.models import Enrolment, RecoveryCode, TotpAuthenticator
from tenants.models import TenantPolicy
from tests.contracts.bytebase.conversation import LOGIN, ME, Api, Clock, refused, statements
from tests.contracts.bytebase.setups import (
    ADDED,
    ALICE,
    BOB,
    EXPIRED,
    LOCKED,
    LOG_IN_AGAIN,
    MASK,
    NOT_STARTED,
    OFF,
    ON,
    PENDING,
    PROVE,
    REQUIRED,
    START,
    WRONG,
    code_of,
    is_user,
    secret_of,
    user_of,
    wrong,
)
from tests.fixtures import Cast


@pytest.fixture(autouse=True)
def steady(clock: Clock) -> None:
    clock.settle()


def test_an_authenticator_is_set_up_in_three_calls(api: Api, cast: Cast) -> None:
    other, token = api.token(cast.alice), api.token(cast.alice)
    started = api.patch(ALICE, START, {}, token=token)
    is_user(started, user_of(cast.alice, **PENDING))
    secret, codes = secret_of(started), started.json()["tempRecoveryCodes"]
    assert len(set(codes)) == 10
    # Shown again to the same user, sealed in the table; nothing is in use yet.
    assert api.get(ME, token=token).json() == started.json()
    assert api.get(f"/v1/users/{ALICE}", token=token).json() == started.json()
    sealed = Enrolment.objects.get().state_sealed
    assert not any(text in sealed for text in (started.json()["tempOtpSecret"], *codes))
    assert api.log_in(cast.alice).json()["token"]
    assert not mail.outbox

    refused(api.patch(ALICE, PROVE + wrong(secret), {}, token=token), 400, 3, WRONG)
    proved = api.patch(ALICE, f"{PROVE}%20{code_of(secret, -1)}%20", {}, token=token)
    assert proved.json() == started.json() | {"profile": user_of(cast.alice)["profile"]}
    refused(api.patch(ALICE, PROVE + code_of(secret, -1), {}, token=token), 400, 3, WRONG)

    switched = api.patch(ALICE, MASK, ON, token=token)
    is_user(switched, user_of(cast.alice, mfaEnabled=True))
    is_user(api.get(ME, token=token), user_of(cast.alice, mfaEnabled=True))
    refused(api.get(ME, token=other), 401, 16, "authenticated user not found")
    assert [(m.subject, m.to) for m in mail.outbox] == [(ADDED, [ALICE])]
    assert LoginEvent.objects.filter(event="factor:authenticator:bound").count() == 1
    kept = Session.objects.get(ended_at=None)
    assert (kept.acr, [r["method"] for r in kept.amr]) == ("aal2", ["pwd", "otp"])
    assert not Enrolment.objects.exists()

    # The code that proved it is spent; the next one and the recovery codes are not.
    temp = api.temp_token(cast.alice)
    spent = api.post(LOGIN, {"mfaTempToken": temp, "otpCode": code_of(secret, -1)})
    refused(spent, 401, 16, "invalid MFA code")
    assert "token" in api.post(LOGIN, {"mfaTempToken": temp, "otpCode": code_of(secret)}).json()
    body = {"mfaTempToken": api.temp_token(cast.alice), "recoveryCode": codes[9]}
    assert "token" in api.post(LOGIN, body).json()


def test_proof_and_switch_fit_into_one_call_in_either_spelling(api: Api, cast: Cast) -> None:
    token = api.token(cast.alice)
    started = api.patch(ALICE, "regenerate_temp_mfa_secret=t", token=token)
    query = f"otp_code={code_of(secret_of(started))}&update_mask=name,mfaEnabled,nonsense"
    is_user(
        api.patch(ALICE, query, {"mfa_enabled": True}, token=token),
        user_of(cast.alice, mfaEnabled=True),
    )
    assert TotpAuthenticator.objects.get(user=cast.alice.user).secret() == secret_of(started)


def test_without_a_proof_the_switch_works_and_the_session_stays_as_it_was(
    api: Api, cast: Cast
) -> None:
    token = api.token(cast.alice)
    api.patch(ALICE, START, token=token)
    # Without a mask, what the body holds is meant.
    is_user(api.patch(ALICE, "", ON, token=token), user_of(cast.alice, mfaEnabled=True))
    # The level of the account is higher now than what this session has proved.
    refused(api.patch(ALICE, START, token=token), 403, 7, LOG_IN_AGAIN)
    refused(api.patch(ALICE, MASK, OFF, token=token), 403, 7, LOG_IN_AGAIN)


def test_a_new_authenticator_replaces_the_old_one_only_when_it_is_switched_on(
    api: Api, cast: Cast
) -> None:
    token = api.token_after_code(cast.bob)
    started = api.patch(BOB, START, {}, token=token)
    is_user(started, user_of(cast.bob, mfaEnabled=True, **PENDING))
    assert TotpAuthenticator.objects.get().secret() == cast.bob.totp_secret
    assert api.patch(BOB, MASK, ON, token=token).status_code == 200
    assert TotpAuthenticator.objects.get().secret() == secret_of(started)


def test_new_recovery_codes_replace_the_old_ones(api: Api, cast: Cast) -> None:
    token = api.token_after_code(cast.bob)
    renew = "regenerateRecoveryCodes=true"
    refused(api.patch(BOB, renew, token=token), 400, 3, "No recovery codes to update")
    codes = api.patch(BOB, START, token=token).json()["tempRecoveryCodes"]
    is_user(api.patch(BOB, renew, {}, token=token), user_of(cast.bob, mfaEnabled=True))
    assert [m.subject for m in mail.outbox] == ["New recovery codes were made"]
    temp = api.temp_token(cast.bob)
    old = {"mfaTempToken": temp, "recoveryCode": cast.bob.recovery_codes[0]}
    refused(api.post(LOGIN, old), 401, 16, "invalid recovery code")
    assert "token" in api.post(LOGIN, {"mfaTempToken": temp, "recoveryCode": codes[0]}).json()
    assert TotpAuthenticator.objects.get().secret() == cast.bob.totp_secret


def test_a_secret_without_codes_never_empties_the_set(api: Api, cast: Cast) -> None:
    token = api.token_after_code(cast.bob)
    session = Session.objects.get()
    binding.begin(cast.bob.user.pk, timezone.now(), session_id=str(session.pk))
    answer = api.patch(BOB, "regenerateRecoveryCodes=true", token=token)
    refused(answer, 400, 3, "No recovery codes to update")
    assert RecoveryCode.objects.filter(user=cast.bob.user).count() == 10


@pytest.mark.parametrize("body", [OFF, {}, {"mfaEnabled": None}])
def test_switching_off_takes_the_authenticator_and_its_codes_away(
    api: Api, cast: Cast, body: dict[str, Any]
) -> None:
    token = api.token_after_code(cast.bob)
    is_user(api.patch(BOB, MASK, body, token=token), user_of(cast.bob))
    assert not TotpAuthenticator.objects.exists()
    assert not RecoveryCode.objects.exists()
    assert [m.subject for m in mail.outbox] == ["An authenticator app was removed"]
    assert "token" in api.log_in(cast.bob).json()


@pytest.mark.parametrize("rule", ["required", "required_for_staff"])
def test_switching_off_is_refused_where_a_factor_is_required(
    api: Api, cast: Cast, rule: str
) -> None:
    User.objects.filter(pk=cast.bob.user.pk).update(is_staff=True)
    TenantPolicy.objects.create(tenant=cast.alpha, second_factor=rule)
    token = api.token_after_code(cast.bob)
    refused(api.patch(BOB, MASK, OFF, token=token), 400, 3, REQUIRED)
    assert TotpAuthenticator.objects.exists()


def test_what_cannot_be_done_is_refused_and_changes_nothing(api: Api, cast: Cast) -> None:
    token = api.token(cast.alice)
    table: list[tuple[str, dict[str, Any], str]] = [
        (PROVE + "123456", {}, EXPIRED),
        (MASK, ON, NOT_STARTED),
        ("updateMask=title,mfa_enabled", {"title": "Changed", **ON}, NOT_STARTED),
        ("regenerateRecoveryCodes=1", {}, "MFA is not enabled"),
    ]
    for query, body, message in table:
        refused(api.patch(ALICE, query, body, token=token), 400, 3, message)
    is_user(api.get(ME, token=token), user_of(cast.alice))
    assert User.objects.get(pk=cast.alice.user.pk).display_name == "Alice"


def test_a_setup_belongs_to_the_session_that_began_it(api: Api, cast: Cast) -> None:
    mine, other = api.token(cast.alice), api.token(cast.alice)
    secret = secret_of(api.patch(ALICE, START, token=mine))
    api.patch(ALICE, PROVE + code_of(secret, -1), token=mine)
    is_user(api.get(ME, token=other), user_of(cast.alice))
    refused(api.patch(ALICE, PROVE + code_of(secret), token=other), 400, 3, EXPIRED)
    refused(api.patch(ALICE, MASK, ON, token=other), 400, 3, NOT_STARTED)
    assert api.patch(ALICE, MASK, ON, token=mine).status_code == 200


def test_a_setup_ends_after_five_minutes(api: Api, cast: Cast, clock: Clock) -> None:
    token = api.token(cast.alice)
    code = code_of(secret_of(api.patch(ALICE, START, token=token)))
    clock.forward(minutes=5)
    refused(api.patch(ALICE, PROVE + code, token=token), 400, 3, EXPIRED)
    refused(api.patch(ALICE, MASK, ON, token=token), 400, 3, EXPIRED)
    is_user(api.get(ME, token=token), user_of(cast.alice))


def test_a_restart_makes_the_first_secret_worthless(api: Api, cast: Cast) -> None:
    token = api.token(cast.alice)
    first = secret_of(api.patch(ALICE, START, token=token))
    second = secret_of(api.patch(ALICE, START, token=token))
    refused(api.patch(ALICE, PROVE + code_of(first), token=token), 400, 3, WRONG)
    assert api.patch(ALICE, PROVE + code_of(second), token=token).status_code == 200


def test_wrong_codes_are_counted_with_those_of_the_login(api: Api, cast: Cast) -> None:
    token = api.token_after_code(cast.bob)
    secret = secret_of(api.patch(BOB, START, token=token))
    # Empty, of another form, a list in all but name, the live authenticator's.
    codes = ["", "12345", "%00", "[123456]", "１２３４５６", code_of(cast.bob.totp_secret, -1)]
    unreadable = api.patch(BOB, PROVE + codes.pop(2), token=token)
    assert (unreadable.status_code, unreadable.json()["code"]) == (400, 3)
    for code in codes:
        refused(api.patch(BOB, PROVE + code, token=token), 400, 3, WRONG)
    refused(api.patch(BOB, PROVE + code_of(secret), token=token), 429, 8, LOCKED)
    body = {"mfaTempToken": api.temp_token(cast.bob), "recoveryCode": cast.bob.recovery_codes[0]}
    refused(api.post(LOGIN, body), 429, 8, LOCKED)


def test_who_am_i_costs_one_statement_more_only_while_a_setup_waits(api: Api, cast: Cast) -> None:
    token = api.token(cast.alice)
    api.get(ME, token=token)
    assert statements(lambda: api.get(ME, token=token)) == 1
    api.patch(ALICE, START, token=token)
    assert statements(lambda: api.get(ME, token=token)) == 2
