"""``SELECT_MFA_TYPE`` and ``EMAIL_OTP``: a user who has several kinds of second factor, or mail."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from accounts.models import LoginEvent, Session, User
from mfa import email_codes
from mfa.models import Challenge, EmailCode, Passkey
from tests.contracts.oloid.authenticators import (
    EXPIRED,
    FOREIGN,
    INVALID,
    NEW_PASSWORD,
    SPENT,
    SUCCESS,
    access_of_bob,
    answered,
    associate,
    by_mail,
    mailed,
    settings_of,
)
from tests.contracts.oloid.calls import (
    SESSION,
    Answer,
    Pool,
    assert_refused,
    body_of,
    credentials,
    post_login,
)
from tests.fixtures import Cast

NOT_FRESH = (
    "NotAuthorizedException",
    "Sign in again, with your second factor if you have one, to change second factors.",
)
WRONG_CODE = ("CodeMismatchException", "Invalid code received for user")
CHOICE = {
    "ChallengeName": "SELECT_MFA_TYPE",
    "Session": SESSION,
    "ChallengeParameters": {
        "USER_ID_FOR_SRP": "bob",
        "MFAS_CAN_CHOOSE": '["SOFTWARE_TOKEN_MFA","EMAIL_OTP"]',
    },
}
CODE_OF_APP = {
    "ChallengeName": "SOFTWARE_TOKEN_MFA",
    "Session": SESSION,
    "ChallengeParameters": {"USER_ID_FOR_SRP": "bob"},
}


def code_of_mail(name: str) -> dict[str, Any]:
    return {
        "ChallengeName": "EMAIL_OTP",
        "Session": SESSION,
        "ChallengeParameters": {
            "USER_ID_FOR_SRP": name,
            "CODE_DELIVERY_DELIVERY_MEDIUM": "EMAIL",
            "CODE_DELIVERY_DESTINATION": f"{name[0]}***@a***",
        },
    }


@pytest.fixture(autouse=True)
def codes_by_mail(cast: Cast) -> None:
    """Bob has an app and codes by mail, alice codes by mail alone."""
    for who in (cast.bob, cast.alice):
        email_codes.enable(who.user.pk, timezone.now())


def choose(pool: Pool, session: str, answer: str, name: str = "bob") -> Answer:
    return pool.respond("SELECT_MFA_TYPE", session, USERNAME=name, ANSWER=answer)


def asked(pool: Pool, cast: Cast) -> str:
    """The session of bob's choice."""
    return str(answered(pool.by_password("bob", cast.bob.password), CHOICE)["Session"])


def test_the_code_of_the_app_is_chosen(pool: Pool, cast: Cast) -> None:
    second = answered(choose(pool, asked(pool, cast), "SOFTWARE_TOKEN_MFA"), CODE_OF_APP)
    assert mail.outbox == []
    answered(pool.code(second["Session"], "bob", cast.bob.code()), SUCCESS)
    live = Session.objects.get()
    assert ([record["method"] for record in live.amr], live.acr) == (["pwd", "otp"], "aal2")


def test_the_code_by_mail_is_chosen(pool: Pool, cast: Cast) -> None:
    second = answered(choose(pool, asked(pool, cast), "EMAIL_OTP"), code_of_mail("bob"))
    assert [each.to for each in mail.outbox] == [["bob@alpha.example"]]
    assert_refused(by_mail(pool, second["Session"], "bob", "000-000"), *WRONG_CODE)
    code = mailed()
    done = answered(by_mail(pool, second["Session"], "bob", code), SUCCESS)
    live = Session.objects.get()
    assert ([record["method"] for record in live.amr], live.acr) == (["pwd", "email"], "aal1")
    token = done["AuthenticationResult"]["AccessToken"]
    assert settings_of(pool, token) == (["SOFTWARE_TOKEN_MFA", "EMAIL_OTP"], None)
    # A mailbox proves less than the app, so it does not open the way to another app.
    assert_refused(associate(pool, AccessToken=token), *NOT_FRESH)
    # The code was good once.
    third = body_of(choose(pool, asked(pool, cast), "EMAIL_OTP"))["Session"]
    assert_refused(by_mail(pool, third, "bob", code), *WRONG_CODE)


def test_mail_alone_is_asked_for_at_once_also_after_login(pool: Pool, cast: Cast) -> None:
    for start in ("InitiateAuth", "/Login"):
        if start == "/Login":
            login = body_of(post_login(pool.client, credentials(cast.alice, cast.alpha)))
            assert login.keys() == {"cognitoToken"}
            challenge = login["cognitoToken"]
            del challenge["$metadata"]
        else:
            challenge = body_of(pool.by_password("alice", cast.alice.password))
        assert challenge == code_of_mail("alice")
        # Six digits in the other challenge's place are no answer to this one.
        digits = mailed().replace("-", "")
        assert_refused(pool.code(challenge["Session"], "alice", digits), *FOREIGN)
        answered(by_mail(pool, challenge["Session"], "alice", digits), SUCCESS)
    assert len(mail.outbox) == 2


def test_a_mail_is_sent_once_while_its_code_is_good(pool: Pool, cast: Cast) -> None:
    for _ in range(3):
        answered(pool.by_password("alice", cast.alice.password), code_of_mail("alice"))
    assert (len(mail.outbox), EmailCode.objects.count()) == (1, 1)
    pool.by_password("alice", "wrong")
    assert len(mail.outbox) == 1


def test_a_preferred_kind_is_asked_for_unasked(pool: Pool, cast: Cast) -> None:
    users = User.objects.filter(pk=cast.bob.user.pk)
    for preferred, challenge in (("email", code_of_mail("bob")), ("otp", CODE_OF_APP)):
        users.update(preferred_factor=preferred)
        answered(pool.by_password("bob", cast.bob.password), challenge)
    # A preference for what is gone says nothing.
    users.update(preferred_factor="email")
    email_codes.disable(cast.bob.user.pk)
    answered(pool.by_password("bob", cast.bob.password), CODE_OF_APP)
    assert access_of_bob(pool, cast)


def test_other_kinds_are_not_among_the_choices(pool: Pool, cast: Cast) -> None:
    """Recovery codes and passkeys have no field in these calls."""
    Passkey.objects.create(user=cast.bob.user, credential_id=b"1", public_key=b"2", name="Key")
    session = asked(pool, cast)
    for answer in ("SMS_MFA", "WEB_AUTHN", "otp", "RECOVERY_CODE"):
        refusal = (INVALID, "ANSWER is unknown or not offered")
        assert_refused(choose(pool, session, answer), *refusal)
    assert_refused(choose(pool, session, ""), INVALID, "Missing required parameter ANSWER")


def test_each_session_answers_its_own_challenge_once(pool: Pool, cast: Cast) -> None:
    first = asked(pool, cast)
    app = body_of(choose(pool, first, "SOFTWARE_TOKEN_MFA"))["Session"]
    by_post = body_of(choose(pool, asked(pool, cast), "EMAIL_OTP"))["Session"]
    exchanges = [
        (choose(pool, first, "EMAIL_OTP"), SPENT),
        (pool.code(asked(pool, cast), "bob", cast.bob.code()), FOREIGN),
        (by_mail(pool, asked(pool, cast), "bob", mailed()), FOREIGN),
        (by_mail(pool, app, "bob", mailed()), FOREIGN),
        (pool.code(by_post, "bob", cast.bob.code()), FOREIGN),
        (choose(pool, app, "EMAIL_OTP"), FOREIGN),
        (choose(pool, asked(pool, cast), "EMAIL_OTP", "alice"), FOREIGN),
        (choose(Pool(pool.client, cast.beta), asked(pool, cast), "EMAIL_OTP"), FOREIGN),
        (pool.respond("NEW_PASSWORD_REQUIRED", by_post, USERNAME="bob", NEW_PASSWORD="x"), FOREIGN),
        (choose(pool, "x" * 43, "EMAIL_OTP"), FOREIGN),
    ]
    for answer, refusal in exchanges:
        assert_refused(answer, *refusal)
    assert Session.objects.count() == 0
    last = asked(pool, cast)
    Challenge.objects.update(expires_at=timezone.now())
    assert_refused(choose(pool, last, "EMAIL_OTP"), *EXPIRED)


def test_a_kind_that_is_gone_cannot_be_chosen_nor_answered(pool: Pool, cast: Cast) -> None:
    first, second = asked(pool, cast), asked(pool, cast)
    waiting = body_of(choose(pool, second, "EMAIL_OTP"))["Session"]
    code = mailed()
    email_codes.disable(cast.bob.user.pk)
    assert_refused(choose(pool, first, "EMAIL_OTP"), *FOREIGN)
    assert_refused(by_mail(pool, waiting, "bob", code), *WRONG_CODE)
    assert Session.objects.count() == 0


def test_wrong_codes_of_both_kinds_are_counted_together(pool: Pool, cast: Cast) -> None:
    app = body_of(choose(pool, asked(pool, cast), "SOFTWARE_TOKEN_MFA"))["Session"]
    by_post = body_of(choose(pool, asked(pool, cast), "EMAIL_OTP"))["Session"]
    for _ in range(2):
        assert_refused(pool.code(app, "bob", "000000"), *WRONG_CODE)
    for _ in range(3):
        assert_refused(by_mail(pool, by_post, "bob", "000000"), *WRONG_CODE)
    assert_refused(
        pool.code(app, "bob", cast.bob.code()), "TooManyRequestsException", "Too many requests"
    )


def test_a_new_password_comes_before_the_choice(pool: Pool, cast: Cast) -> None:
    User.objects.filter(pk=cast.bob.user.pk).update(must_change_password=True)
    first = body_of(pool.by_password("bob", cast.bob.password))["Session"]
    chosen = {"USERNAME": "bob", "NEW_PASSWORD": NEW_PASSWORD}
    second = answered(pool.respond("NEW_PASSWORD_REQUIRED", first, **chosen), CHOICE)["Session"]
    third = answered(choose(pool, second, "EMAIL_OTP"), code_of_mail("bob"))["Session"]
    assert User.objects.get(pk=cast.bob.user.pk).must_change_password
    answered(by_mail(pool, third, "bob", mailed()), SUCCESS)
    assert not User.objects.get(pk=cast.bob.user.pk).must_change_password
    # The last two are written by one statement, at one time.
    told = LoginEvent.objects.filter(contract="oloid").values_list("event", flat=True)
    assert sorted(told) == [
        *["login:factor:demanded"] * 3,
        "login:subject:accepted",
        "password:subject:changed",
    ]
