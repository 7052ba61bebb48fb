"""``GET /api``, the guard below ``/api/v3/``, ``/ping``, and what browsers of other origins get."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from unittest import mock

import pytest
from django.db import OperationalError
from django.test import Client

from tenants import resolve
from tests.contracts.datarhei.core import (
    NO_GOOD_TOKEN,
    NOT_FOUND,
    SHORT,
    call,
    login,
    tokens,
    told,
)
from tests.fixtures import PASSWORD, Cast


@pytest.mark.parametrize("path", ["/api", "/api/", "/t/alpha/api", "/t/alpha/api/"])
@pytest.mark.parametrize("header", [None, "rubbish", "Bearer rubbish", "Bearer {refresh}"])
def test_without_a_good_access_token_the_short_document_is_told_to_the_byte(
    client: Client, cast: Cast, path: str, header: str | None
) -> None:
    _, refresh = tokens(client, cast.alice)
    sent = {} if header is None else {"Authorization": header.format(**locals())}
    assert told(client.get(path, headers=sent)) == (200, SHORT)


@pytest.mark.parametrize("path", ["/api", "/api/"])
def test_with_an_access_token_the_whole_document_is_told(
    client: Client, cast: Cast, path: str
) -> None:
    access, _ = tokens(client, cast.alice)
    answer = call(client, path, access)
    assert told(answer)[0] == 200
    body = answer.json()
    started = datetime.strptime(body["created_at"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    up = (datetime.now(UTC) - started).total_seconds()
    assert 0 <= up - body["uptime_seconds"] < 3
    expected = {
        "app": "datarhei-core",
        "auths": ["localjwt"],
        "name": "Alpha",
        "id": str(cast.alpha.id),
        "created_at": body["created_at"],
        "uptime_seconds": body["uptime_seconds"],
        "version": {
            "number": "16.16.0",
            "repository_commit": "",
            "repository_branch": "",
            "build_date": "",
            "arch": "linux/amd64",
            "compiler": "",
        },
    }
    assert answer.content == json.dumps(expected, separators=(",", ":")).encode()


def test_the_document_is_the_tenants_own(client: Client, cast: Cast) -> None:
    access, _ = tokens(client, cast.dave, at="/t/beta")
    for path in ("/t/beta/api", "/api"):
        answer = call(client, path, access)
        assert (answer.json()["name"], answer.json()["id"]) == ("Beta", str(cast.beta.id))


METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "get", "X"]
PATHS = ["/api/v3", "/api/v3/", "/api/v3/skills", "/api/v3/process/a/b/", "/api/v3/%0A/%C3%A9?x=1"]


@pytest.mark.parametrize("path", PATHS)
def test_below_v3_every_method_needs_an_access_token_and_then_finds_nothing(
    client: Client, cast: Cast, path: str
) -> None:
    access, refresh = tokens(client, cast.alice)
    for method in METHODS:
        body = method == "HEAD"
        for answer in (client.generic(method, path), call(client, path, refresh, method)):
            assert told(answer) == (401, b"" if body else NO_GOOD_TOKEN), method
        found = told(call(client, path, access, method))
        assert found == (404, b"" if body else NOT_FOUND), method


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "PROPFIND"])
@pytest.mark.parametrize("path", ["/api", "/api/"])
def test_other_methods_of_the_about_page_lie_behind_the_guard_too(
    client: Client, cast: Cast, method: str, path: str
) -> None:
    assert told(client.generic(method, path)) == (401, NO_GOOD_TOKEN)
    access, _ = tokens(client, cast.alice)
    assert told(call(client, path, access, method)) == (404, NOT_FOUND)


def test_an_unknown_path_beside_v3_is_404_in_the_products_shape(client: Client, cast: Cast) -> None:
    for path in ("/api/swagger/index.html", "/api/graph", "/t/alpha/api/nothing", "/ping/"):
        answer = client.get(path)
        assert told(answer) == (404, NOT_FOUND)
        assert answer["Access-Control-Allow-Origin"] == "*"


def test_the_guard_leaves_other_products_paths_below_api_alone(client: Client, cast: Cast) -> None:
    access, _ = tokens(client, cast.alice)
    assert client.get("/api/info").json()["success"] is True
    for path in ("/api/v1/me", "/api/v1/no/such/path", "/api/v1"):
        for answer in (client.get(path), call(client, path, access)):
            assert "details" not in answer.json(), path
    # Only whole segments count.
    for path in ("/api/v30", "/api/v3x/skills", "/api/V3/skills"):
        assert told(client.get(path)) == (404, NOT_FOUND), path


def test_ping_is_answered_with_pong(client: Client, cast: Cast) -> None:
    answer = client.get("/ping")
    assert (answer.status_code, answer.content) == (200, b"pong")
    assert answer["Content-Type"] == "text/plain; charset=UTF-8"


def test_ping_takes_no_other_method(client: Client, cast: Cast) -> None:
    answer = client.post("/ping")
    assert told(answer) == (
        405,
        b'{"code":405,"message":"Method Not Allowed","details":["Method Not Allowed"]}',
    )
    assert answer["Allow"] == "GET, HEAD"


ORIGIN = {"Origin": "https://restreamer.example"}
SERVED = ["/api", "/api/", "/api/login", "/api/login/refresh", "/api/v3/skills", "/ping"]


def _cors(answer: Any) -> dict[str, str]:
    return {name: value for name, value in answer.items() if name.startswith("Access-Control-")}


@pytest.mark.parametrize("path", SERVED)
def test_a_preflight_is_answered_204_with_exactly_these_headers(
    client: Client, cast: Cast, path: str
) -> None:
    answer = client.options(
        path,
        headers={
            **ORIGIN,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type",
        },
    )
    assert (answer.status_code, answer.content) == (204, b"")
    # RFC 9110 section 8.6: what has no content has no length, and so no type.
    assert not {"Content-Length", "Content-Type"} & set(answer.headers)
    assert _cors(answer) == {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Allow-Methods": "GET,HEAD,PUT,POST,DELETE,PATCH",
        "Access-Control-Allow-Headers": "Origin,Content-Length,Content-Type,Authorization",
        "Access-Control-Max-Age": "86400",
    }
    assert "Origin" in answer["Vary"].split(", ")
    assert not answer.cookies


@pytest.mark.parametrize("path", SERVED)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_every_other_answer_may_be_read_by_pages_of_any_origin(
    client: Client, cast: Cast, path: str, method: str
) -> None:
    answer = client.generic(method, path, headers=ORIGIN)
    assert _cors(answer) == {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Expose-Headers": "Content-Length",
    }
    assert "Origin" in answer["Vary"].split(", ")


def test_a_csrf_token_is_neither_asked_for_nor_set(cast: Cast) -> None:
    strict = Client(enforce_csrf_checks=True)
    answer = login(strict, "alice")
    assert (answer.status_code, dict(answer.cookies)) == (200, {})


@pytest.mark.parametrize("state", ["off", "suspended"])
def test_where_it_is_switched_off_every_path_is_unknown(
    client: Client, cast: Cast, state: str
) -> None:
    access, refresh = tokens(client, cast.alice)
    if state == "off":
        cast.alpha.contracts = {"datarhei": {"enabled": False}}
    else:
        cast.alpha.state = cast.alpha.State.SUSPENDED
    cast.alpha.save()
    resolve.invalidate()
    for path in SERVED:
        for method in ("GET", "POST"):
            assert told(client.generic(method, path)) == (404, NOT_FOUND)
            assert told(call(client, path, access, method)) == (404, NOT_FOUND)
    assert told(call(client, "/api/login/refresh", refresh)) == (404, NOT_FOUND)
    assert told(login(client, "alice", PASSWORD)) == (404, NOT_FOUND)
    assert login(client, "dave", at="/t/beta").status_code == 200


def test_an_unknown_host_is_400_in_the_products_shape(client: Client, cast: Cast) -> None:
    answer = client.get("/api", headers={"Host": "unknown.invalid"})
    assert told(answer) == (
        400,
        b'{"code":400,"message":"Bad Request","details":["Bad Request"]}',
    )


def test_a_good_token_while_the_database_is_away_is_503_and_not_a_stranger(
    client: Client, cast: Cast
) -> None:
    access, _ = tokens(client, cast.alice)
    with mock.patch("accounts.login.sessions.find", side_effect=OperationalError("away")):
        for path in ("/api", "/api/v3/skills"):
            answer = call(client, path, access)
            assert told(answer)[0] == 503
            assert answer["Retry-After"] == "1"


def test_about_and_guard_take_one_statement_with_a_good_token_and_none_without(
    client: Client, cast: Cast, django_assert_num_queries: Any
) -> None:
    access, refresh = tokens(client, cast.alice)
    for path in ("/api", "/api/v3/skills"):
        with django_assert_num_queries(1):
            call(client, path, access)
        with django_assert_num_queries(0):
            client.get(path)
            call(client, path, refresh)
            call(client, path, "rubbish")
    with django_assert_num_queries(0):
        client.get("/ping")
        client.options("/api/login")
