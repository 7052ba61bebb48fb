"""After a right password comes a temp token, and with it a code."""

from __future__ import annotations

import pytest

from accounts.models import LoginEvent, Session, User
from mfa.models import Challenge, Passkey
from tests.contracts.bytebase.conversation import LOGIN, ME, Api, Clock, flip, part, refused
from tests.fixtures import Cast

FORGED = "failed to parse claim"
LOCKED = "too many failed MFA attempts, please try again later"


@pytest.mark.parametrize("web", [False, True])
def test_the_first_answer_is_the_temp_token_and_nothing_else(
    api: Api, cast: Cast, web: bool
) -> None:
    answer = api.log_in(cast.bob, web=web)
    assert answer.status_code == 200
    token = answer.json()["mfaTempToken"]
    assert answer.json() == {"mfaTempToken": token}
    assert not answer.cookies
    assert not Session.objects.exists()
    assert User.objects.get(pk=cast.bob.user.pk).last_login is None
    claims = part(token, 1)
    issued = claims["iat"]
    assert claims == {
        "iss": "bytebase",
        "sub": "bob@alpha.example",
        "aud": ["bb.user.mfa-temp.prod"],
        "name": "bob@alpha.example",
        "iat": issued,
        "exp": issued + 300,
    }
    assert part(token, 0)["alg"] == "ES256"
    # The table holds its hash only.
    assert token not in str(Challenge.objects.values())


def test_a_code_of_the_authenticator_completes_the_login(api: Api, cast: Cast) -> None:
    temp = api.temp_token(cast.bob)
    answer = api.post(LOGIN, {"mfaTempToken": temp, "otpCode": f" {cast.bob.code()} "})
    assert answer.status_code == 200, answer.content
    told = answer.json()
    assert list(told) == ["token", "user"]
    assert told["user"]["mfaEnabled"] is True
    names = ["name", "state", "email", "title", "userType", "mfaEnabled", "profile"]
    assert list(told["user"]) == names
    assert not answer.cookies
    assert api.get(ME, token=told["token"]).json()["email"] == "bob@alpha.example"
    session = Session.objects.get()
    assert (session.acr, [record["method"] for record in session.amr]) == ("aal2", ["pwd", "otp"])


def test_what_else_stands_in_the_second_call_is_ignored(api: Api, cast: Cast) -> None:
    body = {
        "mfaTempToken": api.temp_token(cast.bob),
        "otpCode": cast.bob.code(),
        "email": cast.alice.email,
        "password": "wrong",
        "idpName": "idps/github",
        "recoveryCode": "wrong",
    }
    assert api.post(LOGIN, body).json()["user"]["email"] == "bob@alpha.example"


def test_a_recovery_code_works_once(api: Api, cast: Cast) -> None:
    code = cast.bob.recovery_codes[0]
    body = {"mfaTempToken": api.temp_token(cast.bob), "recoveryCode": code}
    assert list(api.post(LOGIN, body).json()) == ["token", "user"]
    body["mfaTempToken"] = api.temp_token(cast.bob)
    refused(api.post(LOGIN, body), 401, 16, "invalid recovery code")


def test_a_code_of_the_authenticator_works_once(api: Api, cast: Cast) -> None:
    code = cast.bob.code()
    first, second = api.temp_token(cast.bob), api.temp_token(cast.bob)
    assert api.post(LOGIN, {"mfaTempToken": first, "otpCode": code}).status_code == 200
    again = api.post(LOGIN, {"mfaTempToken": second, "otpCode": code})
    refused(again, 401, 16, "invalid MFA code")


@pytest.mark.parametrize("code", ["", "000000", "12345", "abcdef", "１２３４５６", "0" * 5000])
def test_a_wrong_code_is_refused_and_the_token_can_be_tried_again_at_once(
    api: Api, cast: Cast, code: str
) -> None:
    temp = api.temp_token(cast.bob)
    wrong = api.post(LOGIN, {"mfaTempToken": temp, "otpCode": code, "web": True})
    refused(wrong, 401, 16, "invalid MFA code")
    right = api.post(LOGIN, {"mfaTempToken": temp, "otpCode": cast.bob.code()})
    assert right.status_code == 200, right.content


@pytest.mark.parametrize("code", ["", "wrong", "0123456789abcdef"])
def test_a_wrong_recovery_code_has_its_own_words(api: Api, cast: Cast, code: str) -> None:
    answer = api.post(LOGIN, {"mfaTempToken": api.temp_token(cast.bob), "recoveryCode": code})
    refused(answer, 401, 16, "invalid recovery code")


def test_an_empty_otp_code_counts_as_given(api: Api, cast: Cast) -> None:
    body = {
        "mfaTempToken": api.temp_token(cast.bob),
        "otpCode": "",
        "recoveryCode": cast.bob.recovery_codes[0],
    }
    refused(api.post(LOGIN, body), 401, 16, "invalid MFA code")


@pytest.mark.parametrize("more", [{}, {"otpCode": None}, {"otpCode": None, "recovery_code": None}])
def test_a_temp_token_alone_is_not_enough(
    api: Api, cast: Cast, more: dict[str, str | None]
) -> None:
    answer = api.post(LOGIN, {"mfaTempToken": api.temp_token(cast.bob), **more})
    refused(answer, 401, 16, "OTP or recovery code is required for MFA")


def test_the_sixth_wrong_code_in_five_minutes_is_locked_out(
    api: Api, cast: Cast, clock: Clock
) -> None:
    temp = api.temp_token(cast.bob)
    for turn in range(5):
        field = ("otpCode", "recoveryCode")[turn % 2]
        assert api.post(LOGIN, {"mfaTempToken": temp, field: "000000"}).status_code == 401
    for _ in range(3):
        refused(api.post(LOGIN, {"mfaTempToken": temp, "otpCode": "000000"}), 429, 8, LOCKED)
    refused(api.post(LOGIN, {"mfaTempToken": temp, "otpCode": cast.bob.code()}), 429, 8, LOCKED)
    # The lock is the account's, not the token's, and it lets the password step through.
    fresh = api.temp_token(cast.bob)
    body = {"mfaTempToken": fresh, "recoveryCode": cast.bob.recovery_codes[0]}
    refused(api.post(LOGIN, body), 429, 8, LOCKED)
    clock.forward(minutes=5, seconds=1)
    body["mfaTempToken"] = api.temp_token(cast.bob)
    assert api.post(LOGIN, body).status_code == 200


def test_a_temp_token_dies_after_five_minutes(api: Api, cast: Cast, clock: Clock) -> None:
    temp = api.temp_token(cast.bob)
    clock.forward(minutes=4, seconds=55)
    wrong = api.post(LOGIN, {"mfaTempToken": temp, "otpCode": "1"})
    refused(wrong, 401, 16, "invalid MFA code")
    clock.forward(seconds=6)
    body = {"mfaTempToken": temp, "otpCode": cast.bob.code()}
    refused(api.post(LOGIN, body), 401, 16, FORGED)


def test_a_temp_token_dies_with_its_success(api: Api, cast: Cast) -> None:
    temp = api.temp_token(cast.bob)
    assert api.post(LOGIN, {"mfaTempToken": temp, "otpCode": cast.bob.code()}).status_code == 200
    again = api.post(LOGIN, {"mfaTempToken": temp, "recoveryCode": cast.bob.recovery_codes[0]})
    refused(again, 401, 16, FORGED)
    assert Session.objects.count() == 1


@pytest.mark.parametrize("text", ["x", "a.b.c", "..", "eyJhbGciOiJub25lIn0.e30.", "☂.☂.☂", " "])
def test_what_is_no_token_is_refused(api: Api, cast: Cast, text: str) -> None:
    refused(api.post(LOGIN, {"mfaTempToken": text, "otpCode": "1"}), 401, 16, FORGED)


def test_a_forged_temp_token_is_refused(api: Api, cast: Cast) -> None:
    temp = flip(api.temp_token(cast.bob))
    body = {"mfaTempToken": temp, "otpCode": cast.bob.code()}
    refused(api.post(LOGIN, body), 401, 16, FORGED)


def test_an_access_token_is_no_temp_token(api: Api, cast: Cast) -> None:
    access = api.token(cast.alice)
    answer = api.post(LOGIN, {"mfaTempToken": access, "otpCode": "000000"})
    refused(answer, 401, 16, "invalid MFA temp token, audience mismatch")


def test_an_expired_access_token_is_no_token_at_all(api: Api, cast: Cast, clock: Clock) -> None:
    access = api.token(cast.alice)
    clock.forward(days=7, seconds=1)
    answer = api.post(LOGIN, {"mfaTempToken": access, "otpCode": "000000"})
    refused(answer, 401, 16, FORGED)


def test_a_temp_token_opens_nothing(api: Api, cast: Cast) -> None:
    temp = api.temp_token(cast.bob)
    refused(api.get(ME, token=temp), 401, 16, "authenticated user not found")
    text = (
        'invalid access token, audience mismatch, got ["bb.user.mfa-temp.prod"], expected '
        '"bb.user.access.prod" or "bb.oauth2.access". '
        "you may send request to the wrong environment"
    )
    refused(api.get("/v1/users/bob@alpha.example", token=temp), 401, 16, text)
    api.client.cookies["access-token"] = temp
    refused(api.get(ME), 401, 16, "authenticated user not found")


def test_an_account_whose_second_factor_has_no_field_here_is_told_where_it_works(
    api: Api, cast: Cast
) -> None:
    Passkey.objects.create(user=cast.alice.user, credential_id=b"1", public_key=b"2", name="key")
    text = "this account's second factor does not work with this API"
    refused(api.log_in(cast.alice), 403, 7, text)
    wrong = api.post(LOGIN, {"email": cast.alice.email, "password": "wrong"})
    refused(wrong, 401, 16, "invalid email or password")
    # Beside an authenticator it does not matter.
    Passkey.objects.create(user=cast.bob.user, credential_id=b"3", public_key=b"4", name="key")
    assert list(api.log_in(cast.bob).json()) == ["mfaTempToken"]


def test_an_account_disabled_in_between_is_told_so(api: Api, cast: Cast) -> None:
    temp = api.temp_token(cast.bob)
    user = User.objects.get(pk=cast.bob.user.pk)
    user.state, user.security_epoch = User.State.DISABLED, user.security_epoch + 1
    user.save()
    answer = api.post(LOGIN, {"mfaTempToken": temp, "otpCode": cast.bob.code()})
    refused(answer, 401, 16, "user has been deactivated by administrators")


def test_a_password_changed_in_between_ends_the_login(api: Api, cast: Cast) -> None:
    temp = api.temp_token(cast.bob)
    User.objects.filter(pk=cast.bob.user.pk).update(security_epoch=1)
    answer = api.post(LOGIN, {"mfaTempToken": temp, "otpCode": cast.bob.code()})
    refused(answer, 401, 16, FORGED)


def test_a_deleted_account_leaves_no_temp_token_behind(api: Api, cast: Cast) -> None:
    temp, code = api.temp_token(cast.bob), cast.bob.code()
    User.objects.filter(pk=cast.bob.user.pk).delete()
    answer = api.post(LOGIN, {"mfaTempToken": temp, "otpCode": code})
    refused(answer, 401, 16, "invalid email or password")


def test_a_reset_is_no_advice_after_the_second_step(api: Api, cast: Cast) -> None:
    User.objects.filter(pk=cast.bob.user.pk).update(must_change_password=True)
    temp = api.temp_token(cast.bob)
    answer = api.post(LOGIN, {"mfaTempToken": temp, "otpCode": cast.bob.code()})
    assert list(answer.json()) == ["token", "user"]


def test_every_verdict_of_the_second_step_is_recorded(api: Api, cast: Cast) -> None:
    temp = api.temp_token(cast.bob)
    api.post(LOGIN, {"mfaTempToken": temp, "otpCode": "1"})
    api.post(LOGIN, {"mfaTempToken": temp, "otpCode": cast.bob.code()})
    events = LoginEvent.objects.filter(user=cast.bob.user, contract="bytebase").order_by("at")
    assert [(event.event, event.reason, event.factor) for event in events] == [
        ("login:factor:demanded", "", ""),
        ("login:subject:refused", "wrong_code", "otp"),
        ("login:subject:accepted", "", "otp"),
    ]
