"""``InitiateAuth`` and ``GetTokensFromRefreshToken``."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts import provisioning
from accounts.login import sessions
from accounts.models import Grant, LoginEvent, Session, User
from tenants import resolve
from tests.contracts.oloid.calls import (
    JSON_1_1,
    RENEWED,
    TOKENS,
    UUID,
    Pool,
    Statements,
    alpha,
    assert_refused,
    body_of,
    credentials,
    parts,
    post_login,
)
from tests.fixtures import Cast

DENIED = ("NotAuthorizedException", "Incorrect username or password.")
SUCCESS = {"ChallengeParameters": {}, "AuthenticationResult": TOKENS}
REFRESHED = {"ChallengeParameters": {}, "AuthenticationResult": RENEWED}


def test_a_right_password_gives_the_documented_answer(client: Client, cast: Cast) -> None:
    answer = alpha(client, cast).by_password("alice", cast.alice.password)
    assert (answer.status_code, body_of(answer)) == (200, SUCCESS)
    assert answer["Content-Type"] == JSON_1_1
    assert answer["x-amzn-RequestId"] == UUID
    assert answer["Cache-Control"] == "no-store"


def test_the_client_id_names_the_tenant(client: Client, cast: Cast) -> None:
    tokens = Pool(client, cast.beta).log_in(cast.alice_of_beta)
    _, claims = parts(tokens["AccessToken"])
    assert claims["sub"] == str(cast.alice_of_beta.user.pk)
    assert claims["client_id"] == cast.beta.client_id


@pytest.mark.parametrize("prefix", ["/", "/t/alpha/"])
def test_the_operations_are_below_a_tenants_prefix_too(
    client: Client, cast: Cast, prefix: str
) -> None:
    answer = Pool(client, cast.alpha, prefix).by_password("alice", cast.alice.password)
    assert body_of(answer) == SUCCESS


def test_a_machine_logs_in_with_client_id_and_secret(client: Client, cast: Cast) -> None:
    answer = alpha(client, cast).by_password(cast.svc.client_id, cast.svc.client_secret)
    assert body_of(answer) == SUCCESS


def test_unknown_user_wrong_password_and_disabled_look_the_same(client: Client, cast: Cast) -> None:
    pool = alpha(client, cast)
    answers = [
        pool.by_password("alice", "wrong"),
        pool.by_password("nobody", "wrong"),
        pool.by_password("carol", "wrong"),
        pool.by_password("bob", "wrong"),
        pool.by_password("dave", cast.dave.password),
        pool.by_password(cast.svc.client_id, "wrong"),
    ]
    for answer in answers:
        assert_refused(answer, *DENIED)
    assert len({answer.content for answer in answers}) == 1


def test_only_a_right_password_learns_that_the_account_is_disabled(
    client: Client, cast: Cast
) -> None:
    answer = alpha(client, cast).by_password("carol", cast.carol.password)
    assert_refused(answer, "NotAuthorizedException", "User is disabled.")


def test_after_ten_wrong_passwords_the_right_one_has_to_wait(client: Client, cast: Cast) -> None:
    pool = alpha(client, cast)
    for _ in range(10):
        pool.by_password("alice", "wrong")
    answer = pool.by_password("alice", cast.alice.password)
    assert_refused(answer, "NotAuthorizedException", "Password attempts exceeded")
    assert 0 < int(answer["Retry-After"]) <= 600


@pytest.mark.parametrize(
    ("flow", "message"),
    [
        ("USER_SRP_AUTH", "USER_SRP_AUTH is not enabled for the client."),
        ("CUSTOM_AUTH", "CUSTOM_AUTH is not enabled for the client."),
        ("USER_AUTH", "USER_AUTH is not enabled for the client."),
        ("ADMIN_USER_PASSWORD_AUTH", "Initiate Auth method not supported."),
        ("ADMIN_NO_SRP_AUTH", "Initiate Auth method not supported."),
        ("user_password_auth", "AuthFlow is unknown"),
    ],
)
def test_other_flows_are_refused(client: Client, cast: Cast, flow: str, message: str) -> None:
    answer = alpha(client, cast).initiate(flow, USERNAME="alice", PASSWORD=cast.alice.password)
    assert_refused(answer, "InvalidParameterException", message)
    assert Session.objects.count() == 0


def test_a_secret_hash_does_not_matter_to_a_client_without_a_secret(
    client: Client, cast: Cast
) -> None:
    answer = alpha(client, cast).initiate(
        "USER_PASSWORD_AUTH", USERNAME="alice", PASSWORD=cast.alice.password, SECRET_HASH="bm8="
    )
    assert body_of(answer) == SUCCESS


def test_members_that_are_not_read_do_no_harm(client: Client, cast: Cast) -> None:
    asked = {
        "AuthFlow": "USER_PASSWORD_AUTH",
        "ClientId": cast.alpha.client_id,
        "AuthParameters": {"USERNAME": "alice", "PASSWORD": cast.alice.password},
        "ClientMetadata": {"a": "b"},
        "UserContextData": {},
        "AnalyticsMetadata": None,
        "Session": None,
    }
    assert body_of(alpha(client, cast).call("InitiateAuth", asked)) == SUCCESS


CLIENT = "1example23456789abcdefghij"
PASSWORD_FLOW = {"AuthFlow": "USER_PASSWORD_AUTH"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"AuthFlow": None}, "AuthFlow is missing"),
        ({"AuthFlow": 1}, "AuthFlow must be a string"),
        ({"ClientId": None}, "ClientId is missing"),
        ({"ClientId": "a-b"}, "ClientId must be 1 to 128 letters, digits, _ or +"),
        ({"ClientId": "a" * 129}, "ClientId must be 1 to 128 letters, digits, _ or +"),
        ({"ClientId": "a\r\nX-Evil: 1"}, "ClientId must be 1 to 128 letters, digits, _ or +"),
        ({"AuthParameters": None}, "Missing required parameter USERNAME"),
        ({"AuthParameters": {}}, "Missing required parameter USERNAME"),
        ({"AuthParameters": {"USERNAME": ""}}, "Missing required parameter USERNAME"),
        ({"AuthParameters": {"USERNAME": "a"}}, "Missing required parameter PASSWORD"),
        ({"AuthParameters": []}, "AuthParameters must map names to strings"),
        ({"AuthParameters": {"a\r\nb": 1}}, "AuthParameters must map names to strings"),
        ({"AuthParameters": {"USERNAME": ["a"]}}, "AuthParameters must map names to strings"),
    ],
)
def test_a_wrong_parameter_is_named(
    client: Client, cast: Cast, change: dict[str, Any], message: str
) -> None:
    asked = {"AuthFlow": "USER_PASSWORD_AUTH", "ClientId": cast.alpha.client_id, **change}
    answer = alpha(client, cast).call("InitiateAuth", asked)
    assert_refused(answer, "InvalidParameterException", message)


@pytest.mark.parametrize("prefix", ["/", "/t/beta/"])
def test_a_client_that_does_not_exist_here_is_named(
    client: Client, cast: Cast, prefix: str
) -> None:
    unknown = cast.alpha.client_id if prefix == "/t/beta/" else CLIENT
    answer = Pool(client, cast.alpha, prefix).call(
        "InitiateAuth",
        {
            **PASSWORD_FLOW,
            "ClientId": unknown,
            "AuthParameters": {"USERNAME": "alice", "PASSWORD": cast.alice.password},
        },
    )
    message = f"User pool client {unknown} does not exist."
    assert_refused(answer, "ResourceNotFoundException", message)


def test_the_client_of_a_tenant_that_switched_the_contract_off_does_not_exist(
    client: Client, cast: Cast
) -> None:
    token = alpha(client, cast).log_in(cast.alice)["RefreshToken"]
    cast.alpha.contracts = {"oloid": {"enabled": False}}
    cast.alpha.save()
    resolve.invalidate()
    message = f"User pool client {cast.alpha.client_id} does not exist."
    pool = alpha(client, cast)
    assert_refused(pool.by_password("alice", "x"), "ResourceNotFoundException", message)
    assert_refused(pool.refresh(token), "ResourceNotFoundException", message)
    assert Pool(client, cast.beta).log_in(cast.dave)


@pytest.mark.parametrize("flow", ["REFRESH_TOKEN_AUTH", "REFRESH_TOKEN"])
def test_a_refresh_gives_new_tokens_and_no_refresh_token(
    client: Client, cast: Cast, flow: str
) -> None:
    pool = alpha(client, cast)
    first = pool.log_in(cast.alice)
    answer = pool.initiate(flow, REFRESH_TOKEN=first["RefreshToken"], DEVICE_KEY="x")
    assert (answer.status_code, body_of(answer)) == (200, REFRESHED)
    assert body_of(answer)["AuthenticationResult"]["AccessToken"] != first["AccessToken"]
    # It may be used again and again.
    assert body_of(pool.refresh(first["RefreshToken"])) == REFRESHED


def test_a_parameter_that_is_null_counts_as_absent(client: Client, cast: Cast) -> None:
    pool = alpha(client, cast)
    asked = {
        "AuthFlow": "REFRESH_TOKEN_AUTH",
        "ClientId": cast.alpha.client_id,
        # What a browser's client sends where it knows no device.
        "AuthParameters": {"REFRESH_TOKEN": pool.log_in(cast.alice)["RefreshToken"]}
        | {"DEVICE_KEY": None, "SECRET_HASH": None},
    }
    answer = pool.call("InitiateAuth", asked)
    assert (answer.status_code, body_of(answer)) == (200, REFRESHED)
    asked["AuthParameters"] = {"REFRESH_TOKEN": None}
    missing = "Missing required parameter REFRESH_TOKEN"
    assert_refused(pool.call("InitiateAuth", asked), "InvalidParameterException", missing)


def test_get_tokens_from_refresh_token_gives_the_same_without_parameters(
    client: Client, cast: Cast
) -> None:
    pool = alpha(client, cast)
    token = pool.log_in(cast.alice)["RefreshToken"]
    asked = {"RefreshToken": token, "ClientId": cast.alpha.client_id, "ClientSecret": "none"}
    answer = pool.call("GetTokensFromRefreshToken", asked)
    assert (answer.status_code, body_of(answer)) == (200, {"AuthenticationResult": RENEWED})


def test_refreshed_tokens_belong_to_the_same_login(client: Client, cast: Cast) -> None:
    pool = alpha(client, cast)
    first = pool.log_in(cast.alice)
    second = body_of(pool.refresh(first["RefreshToken"]))["AuthenticationResult"]
    kept = ("sub", "origin_jti", "event_id", "auth_time", "iss", "token_use")
    for name in ("AccessToken", "IdToken"):
        (_, before), (_, after) = parts(first[name]), parts(second[name])
        assert [before[claim] for claim in kept] == [after[claim] for claim in kept]
        assert before["jti"] != after["jti"]


def test_groups_and_attributes_show_up_at_the_next_refresh(client: Client, cast: Cast) -> None:
    pool = alpha(client, cast)
    token = pool.log_in(cast.alice)["RefreshToken"]
    cast.alpha.groups.create(name="doors").members.add(cast.alice.user)
    User.objects.filter(pk=cast.alice.user.pk).update(phone="+4915112345678")
    result = body_of(pool.refresh(token))["AuthenticationResult"]
    _, claims = parts(result["IdToken"])
    assert claims["cognito:groups"] == ["doors"]
    assert claims["phone_number"] == "+4915112345678"
    assert parts(result["AccessToken"])[1]["cognito:groups"] == ["doors"]


def test_a_refresh_costs_one_statement(client: Client, cast: Cast) -> None:
    pool = alpha(client, cast)
    token = pool.log_in(cast.alice)["RefreshToken"]
    pool.refresh(token)
    with Statements() as statements:
        assert pool.refresh(token).status_code == 200
    assert statements.count == 1


def test_a_password_login_costs_five_statements_at_most(client: Client, cast: Cast) -> None:
    pool = alpha(client, cast)
    pool.log_in(cast.alice)
    with Statements() as statements:
        pool.log_in(cast.alice)
    assert statements.count <= 5


INVALID = ("NotAuthorizedException", "Invalid Refresh Token")


@pytest.mark.parametrize("token", ["x", "a" * 43, "eyJjdHkiOiJKV1Q.a.b.c.d", "\u00e4" * 40])
def test_an_unknown_refresh_token_is_invalid(client: Client, cast: Cast, token: str) -> None:
    assert_refused(alpha(client, cast).refresh(token), *INVALID)


def test_other_tokens_are_no_refresh_tokens(client: Client, cast: Cast) -> None:
    pool = alpha(client, cast)
    tokens = pool.log_in(cast.alice)
    session = body_of(pool.by_password("bob", cast.bob.password))["Session"]
    for token in (tokens["AccessToken"], tokens["IdToken"], session):
        assert_refused(pool.refresh(token), *INVALID)


def test_a_cut_or_padded_refresh_token_is_invalid(client: Client, cast: Cast) -> None:
    pool = alpha(client, cast)
    token = pool.log_in(cast.alice)["RefreshToken"]
    for changed in (token[:-1], f"{token}A", f"{token}=", f" {token}"):
        assert_refused(pool.refresh(changed), *INVALID)


def test_a_refresh_token_belongs_to_one_client(client: Client, cast: Cast) -> None:
    token = alpha(client, cast).log_in(cast.alice)["RefreshToken"]
    assert_refused(Pool(client, cast.beta).refresh(token), *INVALID)
    Grant.objects.update(client_id="another")
    assert_refused(alpha(client, cast).refresh(token), *INVALID)


def test_an_expired_refresh_token_says_so(client: Client, cast: Cast) -> None:
    pool = alpha(client, cast)
    token = pool.log_in(cast.alice)["RefreshToken"]
    Grant.objects.update(expires_at=timezone.now())
    assert_refused(pool.refresh(token), "NotAuthorizedException", "Refresh Token has expired")
    Session.objects.update(expires_at=timezone.now())
    assert_refused(pool.refresh(token), "NotAuthorizedException", "Refresh Token has expired")


def test_a_disabled_user_refreshes_nothing(client: Client, cast: Cast) -> None:
    pool = alpha(client, cast)
    token = pool.log_in(cast.alice)["RefreshToken"]
    User.objects.filter(pk=cast.alice.user.pk).update(state=User.State.DISABLED)
    assert_refused(pool.refresh(token), "NotAuthorizedException", "User is disabled.")


def test_a_session_ended_elsewhere_refreshes_nothing(client: Client, cast: Cast) -> None:
    pool = alpha(client, cast)
    token = pool.log_in(cast.alice)["RefreshToken"]
    event = LoginEvent.objects.filter(event="login:subject:accepted").latest("at")
    assert event.session_id
    live = Session.objects.get(pk=event.session_id)
    sessions.end(live, "ended in the console", provisioning.operator())
    assert_refused(pool.refresh(token), "NotAuthorizedException", "Refresh Token has been revoked")


def test_a_changed_password_ends_what_was_before_it(client: Client, cast: Cast) -> None:
    pool = alpha(client, cast)
    token = pool.log_in(cast.alice)["RefreshToken"]
    User.objects.filter(pk=cast.alice.user.pk).update(security_epoch=1)
    assert_refused(pool.refresh(token), "NotAuthorizedException", "Refresh Token has been revoked")


def test_tokens_made_late_in_a_session_end_with_it(client: Client, cast: Cast) -> None:
    pool = alpha(client, cast)
    token = pool.log_in(cast.alice)["RefreshToken"]
    Session.objects.update(expires_at=timezone.now() + timedelta(seconds=90))
    result = body_of(pool.refresh(token))["AuthenticationResult"]
    assert 80 <= result["ExpiresIn"] <= 90
    _, claims = parts(result["AccessToken"])
    assert claims["exp"] - claims["iat"] == result["ExpiresIn"]


def test_a_login_over_the_products_own_call_refreshes_here(client: Client, cast: Cast) -> None:
    answer = body_of(post_login(client, credentials(cast.alice, cast.alpha)))
    token = answer["cognitoToken"]["AuthenticationResult"]["RefreshToken"]
    assert body_of(alpha(client, cast).refresh(token)) == REFRESHED
