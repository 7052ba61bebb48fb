"""``RespondToAuthChallenge``: the second factor, a new password."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import LoginEvent, Session, User
from mfa.models import Challenge
from tenants import resolve
from tenants.models import TenantPolicy
from tests.contracts.oloid.calls import (
    SESSION,
    TOKENS,
    Answer,
    Pool,
    Statements,
    alpha,
    assert_refused,
    body_of,
)
from tests.fixtures import Cast

SUCCESS = {"ChallengeParameters": {}, "AuthenticationResult": TOKENS}
WRONG_CODE = ("CodeMismatchException", "Invalid code received for user")
FOREIGN = ("NotAuthorizedException", "Invalid session for the user.")
SPENT = ("NotAuthorizedException", "Invalid session for the user, session can only be used once.")
EXPIRED = ("NotAuthorizedException", "Invalid session for the user, session is expired.")
NEW_PASSWORD = "another horse, another staple"


def challenge(name: str, **parameters: str) -> dict[str, Any]:
    return {"ChallengeName": name, "Session": SESSION, "ChallengeParameters": parameters}


def session_of(answer: Answer) -> str:
    assert answer.status_code == 200, answer.content
    session: str = body_of(answer)["Session"]
    return session


@pytest.fixture
def pool(client: Client, cast: Cast) -> Pool:
    return alpha(client, cast)


@pytest.fixture
def bobs(pool: Pool, cast: Cast) -> str:
    """The session of bob's right password."""
    return session_of(pool.by_password("bob", cast.bob.password))


def test_a_second_factor_is_asked_for(pool: Pool, cast: Cast) -> None:
    answer = pool.by_password("bob", cast.bob.password)
    assert (answer.status_code, body_of(answer)) == (
        200,
        challenge("SOFTWARE_TOKEN_MFA", USER_ID_FOR_SRP="bob"),
    )


def test_a_right_code_gives_the_tokens(pool: Pool, cast: Cast, bobs: str) -> None:
    answer = pool.code(bobs, "bob", cast.bob.code())
    assert (answer.status_code, body_of(answer)) == (200, SUCCESS)
    opened = Session.objects.get()
    assert [record["method"] for record in opened.amr] == ["pwd", "otp"]
    assert opened.acr == "aal2"


@pytest.mark.parametrize("name", ["BOB", "bob@alpha.example"])
def test_the_user_may_be_named_by_any_of_his_names(
    pool: Pool, cast: Cast, bobs: str, name: str
) -> None:
    assert body_of(pool.code(bobs, name, cast.bob.code())) == SUCCESS


@pytest.mark.parametrize("code", ["000000", "12345", "abcdef", "１２３４５６", "123 456"])
def test_a_wrong_code_leaves_the_session_for_another_try(
    pool: Pool, cast: Cast, bobs: str, code: str
) -> None:
    assert_refused(pool.code(bobs, "bob", code), *WRONG_CODE)
    assert body_of(pool.code(bobs, "bob", cast.bob.code())) == SUCCESS


def test_five_wrong_codes_use_the_session_up(pool: Pool, cast: Cast, bobs: str) -> None:
    for _ in range(5):
        assert_refused(pool.code(bobs, "bob", "000000"), *WRONG_CODE)
    assert_refused(pool.code(bobs, "bob", cast.bob.code()), *SPENT)


def test_five_wrong_codes_make_the_next_session_wait(pool: Pool, cast: Cast, bobs: str) -> None:
    for _ in range(5):
        pool.code(bobs, "bob", "000000")
    second = session_of(pool.by_password("bob", cast.bob.password))
    answer = pool.code(second, "bob", cast.bob.code())
    assert_refused(answer, "TooManyRequestsException", "Too many requests")
    assert 0 < int(answer["Retry-After"]) <= 300


def test_a_session_is_good_once(pool: Pool, cast: Cast, bobs: str) -> None:
    pool.code(bobs, "bob", cast.bob.code(steps=-1))
    assert_refused(pool.code(bobs, "bob", cast.bob.code()), *SPENT)


def test_a_code_is_good_once(pool: Pool, cast: Cast, bobs: str) -> None:
    second = session_of(pool.by_password("bob", cast.bob.password))
    code = cast.bob.code()
    assert body_of(pool.code(bobs, "bob", code)) == SUCCESS
    assert_refused(
        pool.code(second, "bob", code),
        "ExpiredCodeException",
        "Your software token has already been used once.",
    )


def test_a_session_ends_after_three_minutes(pool: Pool, cast: Cast, bobs: str) -> None:
    row = Challenge.objects.get()
    assert row.expires_at - row.created_at == timedelta(minutes=3)
    Challenge.objects.update(expires_at=timezone.now())
    assert_refused(pool.code(bobs, "bob", cast.bob.code()), *EXPIRED)


def test_a_changed_password_ends_an_open_session(pool: Pool, cast: Cast, bobs: str) -> None:
    User.objects.filter(pk=cast.bob.user.pk).update(security_epoch=1)
    assert_refused(pool.code(bobs, "bob", cast.bob.code()), *EXPIRED)


def test_an_account_disabled_meanwhile_gets_no_tokens(pool: Pool, cast: Cast, bobs: str) -> None:
    User.objects.filter(pk=cast.bob.user.pk).update(state=User.State.DISABLED)
    answer = pool.code(bobs, "bob", cast.bob.code())
    assert_refused(answer, "NotAuthorizedException", "User is disabled.")
    assert Session.objects.count() == 0


@pytest.mark.parametrize("name", ["alice", "nobody", "bob@beta.example", "svc-client"])
def test_a_session_of_another_user_is_refused(pool: Pool, cast: Cast, bobs: str, name: str) -> None:
    assert_refused(pool.code(bobs, name, cast.bob.code()), *FOREIGN)
    # The code is still good, for the user whose it is.
    assert body_of(pool.code(bobs, "bob", cast.bob.code())) == SUCCESS


def test_a_session_of_another_client_is_refused(client: Client, cast: Cast, bobs: str) -> None:
    elsewhere = Pool(client, cast.beta)
    assert_refused(elsewhere.code(bobs, "bob", cast.bob.code()), *FOREIGN)


@pytest.mark.parametrize("session", ["x" * 20, "x" * 4096, "\u00e4" * 20])
def test_an_unknown_session_is_refused(pool: Pool, session: str) -> None:
    assert_refused(pool.code(session, "bob", "000000"), *FOREIGN)


def test_no_token_is_a_session(pool: Pool, cast: Cast) -> None:
    tokens = pool.log_in(cast.alice)
    for name in ("AccessToken", "IdToken", "RefreshToken"):
        assert_refused(pool.code(tokens[name], "alice", "000000"), *FOREIGN)


@pytest.mark.parametrize(
    ("name", "responses"),
    [
        ("NEW_PASSWORD_REQUIRED", {"NEW_PASSWORD": NEW_PASSWORD}),
        ("MFA_SETUP", {}),
        ("SELECT_MFA_TYPE", {"ANSWER": "SOFTWARE_TOKEN_MFA"}),
    ],
)
def test_a_session_answers_only_the_challenge_that_it_was_made_for(
    pool: Pool, cast: Cast, bobs: str, name: str, responses: dict[str, str]
) -> None:
    assert_refused(pool.respond(name, bobs, USERNAME="bob", **responses), *FOREIGN)
    assert body_of(pool.code(bobs, "bob", cast.bob.code())) == SUCCESS


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ChallengeName": "SMS_MFA"}, "ChallengeName is unknown or not offered"),
        ({"ChallengeName": "PASSWORD_VERIFIER"}, "ChallengeName is unknown or not offered"),
        ({"ChallengeName": None}, "ChallengeName is missing"),
        ({"Session": None}, "Session is missing"),
        ({"Session": "x" * 19}, "Session must have 20 to 4096 characters"),
        ({"Session": "x" * 4097}, "Session must have 20 to 4096 characters"),
        ({"ChallengeResponses": None}, "Missing required parameter USERNAME"),
        (
            {"ChallengeResponses": {"USERNAME": "bob"}},
            "Missing required parameter SOFTWARE_TOKEN_MFA_CODE",
        ),
        (
            {"ChallengeResponses": {"SOFTWARE_TOKEN_MFA_CODE": "000000"}},
            "Missing required parameter USERNAME",
        ),
        (
            {"ChallengeResponses": {"USERNAME": "bob", "SOFTWARE_TOKEN_MFA_CODE": 123456}},
            "ChallengeResponses must map names to strings",
        ),
    ],
)
def test_a_wrong_parameter_is_named(
    pool: Pool, cast: Cast, change: dict[str, Any], message: str
) -> None:
    asked = {
        "ClientId": cast.alpha.client_id,
        "ChallengeName": "SOFTWARE_TOKEN_MFA",
        "Session": "x" * 43,
        "ChallengeResponses": {"USERNAME": "bob", "SOFTWARE_TOKEN_MFA_CODE": "000000"},
        **change,
    }
    answer = pool.call("RespondToAuthChallenge", asked)
    assert_refused(answer, "InvalidParameterException", message)


def test_a_client_that_does_not_exist_answers_nothing(pool: Pool, cast: Cast, bobs: str) -> None:
    answer = pool.call(
        "RespondToAuthChallenge",
        {
            "ClientId": "nobody",
            "ChallengeName": "SOFTWARE_TOKEN_MFA",
            "Session": bobs,
            "ChallengeResponses": {"USERNAME": "bob", "SOFTWARE_TOKEN_MFA_CODE": cast.bob.code()},
        },
    )
    message = "User pool client nobody does not exist."
    assert_refused(answer, "ResourceNotFoundException", message)


def _owe_a_password(name: str) -> None:
    User.objects.filter(username=name).update(must_change_password=True)


def test_a_temporary_password_leads_to_a_new_one(pool: Pool, cast: Cast) -> None:
    _owe_a_password("alice")
    asked = pool.by_password("alice", cast.alice.password)
    assert body_of(asked) == challenge(
        "NEW_PASSWORD_REQUIRED",
        USER_ID_FOR_SRP="alice",
        requiredAttributes="[]",
        userAttributes='{"email_verified":"true","name":"Alice","email":"alice@alpha.example"}',
    )
    answer = pool.respond(
        "NEW_PASSWORD_REQUIRED",
        session_of(asked),
        USERNAME="alice",
        NEW_PASSWORD=NEW_PASSWORD,
        **{"userAttributes.email": "intruder@example.com"},
    )
    assert body_of(answer) == SUCCESS
    assert body_of(pool.by_password("alice", NEW_PASSWORD)) == SUCCESS
    assert pool.by_password("alice", cast.alice.password).status_code == 400
    cast.alice.user.refresh_from_db()
    assert cast.alice.user.email == "alice@alpha.example"


def test_a_weak_new_password_is_refused_and_another_may_be_tried(pool: Pool, cast: Cast) -> None:
    _owe_a_password("alice")
    session = session_of(pool.by_password("alice", cast.alice.password))
    weak = pool.respond("NEW_PASSWORD_REQUIRED", session, USERNAME="alice", NEW_PASSWORD="short")
    assert_refused(
        weak,
        "InvalidPasswordException",
        "Password did not conform with policy: The password must have at least 15 characters.",
    )
    good = pool.respond(
        "NEW_PASSWORD_REQUIRED", session, USERNAME="alice", NEW_PASSWORD=NEW_PASSWORD
    )
    assert body_of(good) == SUCCESS


def test_a_new_password_may_be_followed_by_a_code(pool: Pool, cast: Cast) -> None:
    _owe_a_password("bob")
    asked = pool.by_password("bob", cast.bob.password)
    # Who has not yet proved his second factor is not told who he is.
    assert body_of(asked) == challenge(
        "NEW_PASSWORD_REQUIRED",
        USER_ID_FOR_SRP="bob",
        requiredAttributes="[]",
        userAttributes="{}",
    )
    first = session_of(asked)
    second = pool.respond("NEW_PASSWORD_REQUIRED", first, USERNAME="bob", NEW_PASSWORD=NEW_PASSWORD)
    assert body_of(second) == challenge("SOFTWARE_TOKEN_MFA", USER_ID_FOR_SRP="bob")
    # Nothing is changed before the login is whole.
    assert body_of(pool.by_password("bob", cast.bob.password))["ChallengeName"] == (
        "NEW_PASSWORD_REQUIRED"
    )
    assert body_of(pool.code(session_of(second), "bob", cast.bob.code())) == SUCCESS
    assert "ChallengeName" in body_of(pool.by_password("bob", NEW_PASSWORD))


def test_a_code_does_not_answer_for_a_new_password(pool: Pool, cast: Cast) -> None:
    _owe_a_password("bob")
    session = session_of(pool.by_password("bob", cast.bob.password))
    assert_refused(pool.code(session, "bob", cast.bob.code()), *FOREIGN)


@pytest.fixture
def second_factors_demanded(cast: Cast) -> None:
    TenantPolicy.objects.create(tenant=cast.alpha, second_factor="required")
    resolve.invalidate()


@pytest.mark.usefixtures("second_factors_demanded")
def test_mfa_setup_without_a_proved_authenticator_gives_no_tokens(pool: Pool, cast: Cast) -> None:
    session = session_of(pool.by_password("alice", cast.alice.password))
    assert_refused(pool.respond("MFA_SETUP", session, USERNAME="alice"), *FOREIGN)
    assert Session.objects.count() == 0


def test_json_inside_of_parameters_can_be_parsed(pool: Pool, cast: Cast) -> None:
    User.objects.filter(username="alice").update(
        must_change_password=True, display_name='Alice "Ä" \\ Example'
    )
    resolve.invalidate()
    parameters = body_of(pool.by_password("alice", cast.alice.password))["ChallengeParameters"]
    assert json.loads(parameters["userAttributes"])["name"] == 'Alice "Ä" \\ Example'
    assert json.loads(parameters["requiredAttributes"]) == []


def test_every_step_is_in_the_audit_trail(pool: Pool, cast: Cast, bobs: str) -> None:
    pool.code(bobs, "bob", "000000")
    pool.code(bobs, "bob", cast.bob.code())
    told = LoginEvent.objects.filter(contract="oloid").order_by("at")
    assert list(told.values_list("event", "reason")) == [
        ("login:factor:demanded", ""),
        ("login:subject:refused", "wrong_code"),
        ("login:subject:accepted", ""),
    ]


def test_a_code_step_costs_eight_statements_at_most(pool: Pool, cast: Cast, bobs: str) -> None:
    pool.log_in(cast.alice)
    with Statements() as statements:
        assert pool.code(bobs, "bob", cast.bob.code()).status_code == 200
    assert statements.count <= 8
