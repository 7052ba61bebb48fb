"""``POST /Login``: bodies, media types, methods and addresses that are not as documented."""

from __future__ import annotations

from typing import Any
from unittest.mock import ANY

import pytest
from django.test import Client

from accounts.contracts.oloid import wording
from accounts.login.outcome import LoginRefused, Reason
from accounts.models import LoginEvent
from accounts.wire.contract import Fault, Faulted
from tests.contracts.oloid.calls import body_of, credentials, post_login
from tests.contracts.oloid.login_answers import whole
from tests.fixtures import PASSWORD, Cast

GOOD = {"UserName": "alice", "TenantName": "Alpha", "Password": PASSWORD}
MISSING = "is missing"


@pytest.mark.parametrize(
    ("body", "details"),
    [
        ({"TenantName": "Alpha", "Password": "x"}, {"UserName": MISSING}),
        ({**GOOD, "TenantName": None}, {"TenantName": "must be a string"}),
        ({**GOOD, "TenantName": ""}, {"TenantName": "must not be empty"}),
        ({**GOOD, "TenantName": "A"}, {"TenantName": "is too short"}),
        ({**GOOD, "Password": 12345}, {"Password": "must be a string"}),
        ({**GOOD, "Password": ["x"]}, {"Password": "must be a string"}),
        ({**GOOD, "UserName": {"$ne": ""}}, {"UserName": "must be a string"}),
        ({"username": "a", "tenantname": "b", "password": "c"}, {"UserName": MISSING}),
        ([], {"body": "the body must be a JSON object"}),
        ("text", {"body": "the body is not valid JSON"}),
        ("", {"body": "the body is not valid JSON"}),
        ('"text"', {"body": "the body must be a JSON object"}),
        (b"\xff", {"body": "the body is not UTF-8"}),
        ("[" * 10_000, {"body": "the body is nested too deeply"}),
        ('{"UserName":"a","UserName":"b"}', {"body": "the body holds a key twice"}),
        (
            '{"UserName":"\\u0000","TenantName":"Alpha","Password":"x"}',
            {"body": "a text contains NUL or half a surrogate pair"},
        ),
    ],
)
def test_a_malformed_body_is_a_bad_request(
    client: Client, cast: Cast, body: Any, details: dict[str, str]
) -> None:
    answer = post_login(client, body)
    assert (answer.status_code, body_of(answer)) == (
        400,
        {"status": "400", "message": "Bad Request", "details": details},
    )
    assert not LoginEvent.objects.filter(contract="oloid").exists()


def test_unknown_keys_are_ignored(client: Client, cast: Cast) -> None:
    asked = credentials(cast.alice, cast.alpha, ClientId="x", is_superuser=True)
    assert body_of(post_login(client, asked)) == whole(cast.alice, cast.alpha)
    cast.alice.user.refresh_from_db()
    assert not cast.alice.user.is_superuser


@pytest.mark.parametrize("media", ["application/json; charset=utf-8", "application/hal+json", ""])
def test_json_is_read_under_any_of_its_names_and_under_none(
    client: Client, cast: Cast, media: str
) -> None:
    asked = credentials(cast.alice, cast.alpha)
    assert post_login(client, asked, content_type=media).status_code == 200


@pytest.mark.parametrize("media", ["text/plain", "application/x-www-form-urlencoded", "text/json"])
def test_another_media_type_is_refused(client: Client, cast: Cast, media: str) -> None:
    answer = post_login(client, credentials(cast.alice, cast.alpha), content_type=media)
    assert (answer.status_code, body_of(answer)) == (
        415,
        {"status": "415", "message": "Unsupported Media Type"},
    )


def test_a_body_over_the_limit_is_refused(client: Client, cast: Cast) -> None:
    answer = post_login(client, credentials(cast.alice, cast.alpha, Password="x" * 65_536))
    assert (answer.status_code, body_of(answer)) == (
        413,
        {"status": "413", "message": "Content Too Large"},
    )


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "head"])
@pytest.mark.parametrize("path", ["/Login", "/login"])
def test_other_methods_are_refused(client: Client, cast: Cast, method: str, path: str) -> None:
    answer = getattr(client, method)(path)
    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    if method != "head":
        assert body_of(answer) == {"status": "405", "message": "Method Not Allowed"}


def test_a_host_that_is_not_served_is_a_bad_request(client: Client, cast: Cast) -> None:
    answer = post_login(client, GOOD, headers={"host": "evil.test"})
    assert (answer.status_code, body_of(answer)) == (
        400,
        {"status": "400", "message": "Bad Request"},
    )


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_has_the_products_object(fault: Fault) -> None:
    answer = wording.FAULTS[fault](Faulted(fault))
    assert answer.body == {"status": str(answer.status), "message": ANY}


@pytest.mark.parametrize("reason", Reason)
def test_every_refusal_has_the_products_object(reason: Reason) -> None:
    answer = wording.REFUSALS[reason](LoginRefused(reason))
    assert answer.body == {"status": str(answer.status), "message": ANY}
    assert answer.status in {401, 429, 503}


@pytest.mark.parametrize("path", ["/Login/", "/login/", "/Login/x", "/t/nobody/Login"])
def test_paths_beside_the_call_are_not_found(client: Client, cast: Cast, path: str) -> None:
    answer = post_login(client, GOOD, path)
    assert (answer.status_code, body_of(answer)) == (
        404,
        {"status": "404", "message": "Not Found"},
    )
