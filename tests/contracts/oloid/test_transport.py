"""``POST /``: JSON 1.1, the operation in a header, errors, and calls from a browser."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest
from django.db import OperationalError
from django.test import Client

from accounts.contracts.oloid import exceptions, operations
from accounts.login.outcome import LoginRefused, Reason
from accounts.wire.contract import Fault, Faulted
from tests.contracts.oloid.calls import JSON_1_1, Pool, alpha, assert_refused
from tests.fixtures import Cast

TARGET = "AWSCognitoIdentityProviderService."


@pytest.fixture
def pool(client: Client, cast: Cast) -> Pool:
    return alpha(client, cast)


@pytest.mark.parametrize(
    "target",
    [
        "",
        "InitiateAuth",
        f"{TARGET}",
        f"{TARGET}initiateauth",
        f"{TARGET}SignUp",
        f"{TARGET}AdminInitiateAuth",
        f"{TARGET}{TARGET}InitiateAuth",
        "AWSCognitoIdentityService.GetId",
    ],
)
def test_an_unknown_operation_is_named_so(client: Client, cast: Cast, target: str) -> None:
    headers = {"X-Amz-Target": target} if target else {}
    answer = client.post("/", "{}", content_type=JSON_1_1, headers=headers)
    assert_refused(answer, "UnknownOperationException", None)


@pytest.mark.parametrize("media", [JSON_1_1, f"{JSON_1_1}; charset=UTF-8", "application/json"])
def test_json_is_read_under_its_names(client: Client, cast: Cast, media: str) -> None:
    headers = {"X-Amz-Target": f"{TARGET}GetUser"}
    answer = client.post("/", "{}", content_type=media, headers=headers)
    assert_refused(answer, "InvalidParameterException", "AccessToken is missing")


@pytest.mark.parametrize("media", ["", "text/plain", "application/x-www-form-urlencoded"])
def test_another_media_type_is_refused(client: Client, cast: Cast, media: str) -> None:
    headers = {"X-Amz-Target": f"{TARGET}GetUser"}
    answer = client.post("/", "{}", content_type=media, headers=headers)
    message = "the content type must be application/x-amz-json-1.1"
    assert_refused(answer, "SerializationException", message)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (" ", "the body is not valid JSON"),
        ("{", "the body is not valid JSON"),
        (b"\xff", "the body is not UTF-8"),
        ('{"a":"\x00"}', "the body contains a NUL character"),
        ("[" * 10_000, "the body is nested too deeply"),
        ('{"a":1,"a":2}', "the body holds a key twice"),
        ('{"AccessToken":"\\ud800"}', "a text contains NUL or half a surrogate pair"),
    ],
)
def test_what_is_no_json_is_refused(pool: Pool, body: Any, message: str) -> None:
    assert_refused(pool.call("GetUser", body), "SerializationException", message)


@pytest.mark.parametrize("body", ["[]", '"x"', "1", "null"])
def test_json_that_is_no_object_is_refused(pool: Pool, body: str) -> None:
    answer = pool.call("GetUser", body)
    assert_refused(answer, "InvalidParameterException", "the body must be a JSON object")


def test_a_body_over_the_limit_is_refused(pool: Pool) -> None:
    answer = pool.get_user("x" * 65_536)
    assert_refused(answer, "SerializationException", "the body is too large", 413)


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_other_methods_are_no_operations(client: Client, cast: Cast, method: str) -> None:
    answer = getattr(client, method)("/")
    assert_refused(answer, "UnknownOperationException", None, 405)
    assert answer["Allow"] == "POST"


def test_the_page_at_the_bare_address_stays(client: Client, cast: Cast) -> None:
    answer = client.get("/")
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/html")


def test_nothing_is_below_the_prefix_of_no_tenant(client: Client, cast: Cast) -> None:
    answer = Pool(client, cast.alpha, "/t/nobody/").get_user("x")
    assert_refused(answer, "UnknownOperationException", None, 404)


def test_a_signature_is_ignored(pool: Pool, cast: Cast) -> None:
    body = {
        "AuthFlow": "USER_PASSWORD_AUTH",
        "ClientId": cast.alpha.client_id,
        "AuthParameters": {"USERNAME": "alice", "PASSWORD": cast.alice.password},
    }
    signed = "AWS4-HMAC-SHA256 Credential=x/20250101/us-east-1/cognito-idp/aws4_request"
    assert pool.call("InitiateAuth", body, Authorization=signed).status_code == 200


def test_a_browser_may_ask_from_another_origin(client: Client, cast: Cast) -> None:
    answer = client.options(
        "/",
        headers={
            "Origin": "https://app.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": (
                "content-type,x-amz-target,x-amz-user-agent,cache-control"
            ),
        },
    )
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert "POST" in answer["Access-Control-Allow-Methods"]
    allowed = set(answer["Access-Control-Allow-Headers"].split(", "))
    assert allowed >= {"content-type", "x-amz-target", "x-amz-user-agent", "cache-control"}
    assert "Access-Control-Allow-Credentials" not in answer


@pytest.mark.parametrize("body", [{"AccessToken": "x"}, {}])
def test_a_browser_may_read_every_answer(pool: Pool, body: dict[str, str]) -> None:
    answer = pool.call("GetUser", body, Origin="https://app.example")
    assert answer["Access-Control-Allow-Origin"] == "*"
    exposed = answer["Access-Control-Expose-Headers"]
    assert exposed == "x-amzn-RequestId, x-amzn-ErrorType, x-amzn-ErrorMessage"


def test_a_database_that_is_away_is_an_unavailable_service(pool: Pool, cast: Cast) -> None:
    token = pool.log_in(cast.alice)["AccessToken"]
    with patch("accounts.login.sessions.find", side_effect=OperationalError):
        answer = pool.get_user(token)
    message = "The service is busy. Try again in a moment."
    assert_refused(answer, "ServiceUnavailableException", message, 503)
    assert answer["Retry-After"] == "1"


def test_an_error_of_our_own_is_an_internal_error(pool: Pool, cast: Cast) -> None:
    token = pool.log_in(cast.alice)["AccessToken"]
    with patch("accounts.login.sessions.find", side_effect=RuntimeError("secret")):
        answer = pool.get_user(token)
    assert_refused(answer, "InternalErrorException", "Internal error", 500)


@pytest.mark.parametrize("reason", Reason)
def test_every_refusal_has_cognitos_words(reason: Reason) -> None:
    answer = exceptions.REFUSALS[reason](LoginRefused(reason))
    assert answer.status in {400, 503}
    assert answer.body["__type"].endswith("Exception")
    assert answer.headers["x-amzn-ErrorType"] == f"{answer.body['__type']}:"


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_has_cognitos_words(fault: Fault) -> None:
    answer = exceptions.FAULTS[fault](Faulted(fault))
    assert answer.status >= 400
    assert answer.body["__type"].endswith("Exception")
    assert answer.content_type == JSON_1_1


def test_these_operations_are_served_and_no_others() -> None:
    assert set(operations.OPERATIONS) == {
        "InitiateAuth",
        "RespondToAuthChallenge",
        "GetUser",
        "RevokeToken",
        "GlobalSignOut",
        "GetTokensFromRefreshToken",
        "AssociateSoftwareToken",
        "VerifySoftwareToken",
        "SetUserMFAPreference",
    }
