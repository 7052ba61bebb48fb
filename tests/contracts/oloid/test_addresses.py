"""Where Cognito's one URL is: at the bare address, and at a tenant's, as clients are given it."""

from __future__ import annotations

import json

import pytest
from django.test import Client

from tests.contracts.oloid.calls import JSON_1_1, Pool, assert_refused
from tests.fixtures import Cast


def test_a_tenants_address_is_called_with_and_without_its_slash(client: Client, cast: Cast) -> None:
    """boto3 and amazon-cognito-identity-js call exactly the address that they were given."""
    strict = Client(enforce_csrf_checks=True)
    for prefix in ("/t/alpha", "/t/alpha/"):
        tokens = Pool(strict, cast.alpha, prefix).log_in(cast.alice)
        assert Pool(client, cast.alpha, prefix).get_user(tokens["AccessToken"]).status_code == 200
        answer = Pool(client, cast.beta, prefix).by_password("alice", cast.alice.password)
        gone = f"User pool client {cast.beta.client_id} does not exist."
        assert_refused(answer, "ResourceNotFoundException", gone)
        preflight = client.options(prefix, headers={"Origin": "https://app.example"})
        assert preflight["Access-Control-Allow-Origin"] == "*"
    answer = Pool(client, cast.alpha, "/t/nobody").get_user("x")
    assert_refused(answer, "UnknownOperationException", None, 404)


def test_people_who_leave_the_slash_out_are_led_on(client: Client, cast: Cast) -> None:
    answer = client.get("/t/alpha")
    assert (answer.status_code, answer["Location"]) == (302, "/t/alpha/")


@pytest.mark.parametrize("path", ["/", "/t/alpha", "/t/alpha/"])
def test_a_host_that_is_not_served_is_refused_in_cognitos_words(
    client: Client, cast: Cast, path: str
) -> None:
    """Already the middleware refuses it: no view has run yet."""
    answer = client.post(path, "{}", content_type=JSON_1_1, headers={"Host": "elsewhere.invalid"})
    assert answer.status_code == 400
    assert answer["Content-Type"] == JSON_1_1
    refusal = {"__type": "InvalidParameterException", "message": "unknown host"}
    assert json.loads(answer.content) == refusal
    page = client.get(path, headers={"Host": "elsewhere.invalid"})
    assert page.status_code == 400
    assert page["Content-Type"] == "application/problem+json"
