"""How a request is read and an answer written, on every call."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client

from accounts.models import LoginEvent, Session
from tests.contracts.bytebase.conversation import (
    EXCHANGE,
    LOGIN,
    LOGOUT,
    ME,
    REFRESH,
    Api,
    refused,
)
from tests.fixtures import PASSWORD, Cast

USERS, BATCH, ONE = "/v1/users", "/v1/users:batchGet", "/v1/users/a@b.c"
RENAME, UNDELETE = f"{ONE}:updateEmail", f"{ONE}:undelete"
CALLS = (LOGIN, REFRESH, LOGOUT, EXCHANGE, USERS, RENAME, UNDELETE)
KNOWN = dict.fromkeys((LOGIN, REFRESH, LOGOUT, EXCHANGE, RENAME, UNDELETE), "POST") | dict.fromkeys(
    (ME, USERS, BATCH, ONE, "/v1/actuator/info", "/v1/idps"), "GET"
)
ALLOWED = {ONE: "DELETE, GET, HEAD, PATCH", USERS: "GET, HEAD, POST"}


TYPES = (
    "application/json",
    "application/x-www-form-urlencoded",
    "text/plain; charset=latin-1",
    "☂",
    "multipart/form-data; boundary=x",
)


def test_the_content_type_is_ignored(client: Client, cast: Cast) -> None:
    body = json.dumps({"email": cast.alice.email, "password": cast.alice.password})
    for content_type in TYPES:
        answer = client.post(LOGIN, body, content_type=content_type)
        assert answer.status_code == 200, answer.content
        assert answer["Content-Type"] == "application/json"


def test_no_content_type_is_fine_and_accept_is_ignored(client: Client, cast: Cast) -> None:
    body = json.dumps({"email": cast.alice.email, "password": cast.alice.password}).encode()
    answer = client.generic("POST", LOGIN, body, content_type="", headers={"Accept": "text/html"})
    assert answer.status_code == 200, answer.content
    assert answer["Content-Type"] == "application/json"


def test_snake_case_is_as_good_as_camel_case(api: Api, cast: Cast) -> None:
    temp = api.temp_token(cast.bob)
    answer = api.post(LOGIN, {"mfa_temp_token": temp, "otp_code": cast.bob.code()})
    assert list(answer.json()) == ["token", "user"]


def test_what_follows_the_first_json_value_is_dropped(api: Api, cast: Cast) -> None:
    body = json.dumps({"email": cast.alice.email, "password": cast.alice.password})
    assert api.post(LOGIN, f"\n {body}}} trailing".encode()).status_code == 200


def test_null_is_absent(api: Api, cast: Cast) -> None:
    nulls = dict.fromkeys(("web", "idpName", "idpContext", "otpCode", "mfaTempToken"))
    assert api.log_in(cast.alice, **nulls).status_code == 200
    inside = {"idpContext": {"oauth2Context": None, "oidcContext": {"code": None}}}
    assert api.log_in(cast.alice, **inside).status_code == 200


def test_no_body_is_an_empty_message(api: Api, cast: Cast) -> None:
    for body in (b"", b" \r\n\t", b"{}"):
        refused(api.post(LOGIN, body), 401, 16, "invalid email or password")
        refused(api.post(REFRESH, body), 401, 16, "refresh token not found")
        refused(api.post(EXCHANGE, body), 400, 3, "token is required")
        assert api.post(LOGOUT, body).json() == {}


BROKEN: dict[str, bytes] = {
    "no JSON": b"email=a%40b.c&password=x",
    "half an object": b'{"email": "a@b.c"',
    "single quotes": b"{'email': 'a'}",
    "a text": b'"email"',
    "a number": b"1",
    "a list": b"[]",
    "null": b"null",
    "true": b"true",
    "not a number": b'{"email": NaN}',
    "invalid UTF-8": b'{"email": "\xff\xfe"}',
    "UTF-16": '{"email": "a"}'.encode("utf-16"),
    "a NUL": b'{"email": "a\x00"}',
    "an escaped NUL": b'{"email": "a\\u0000"}',
    "half a surrogate pair": b'{"password": "\\ud83d"}',
    "a raw line break in a text": b'{"email": "a\nb"}',
    "ten thousand levels": b'{"email": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    "unclosed levels": b'{"a":' * 5_000,
    "a key twice": b'{"email": "a@b.c", "email": "a@b.c"}',
    "many keys": json.dumps(dict.fromkeys(map(str, range(500)))).encode(),
    "a comment": b"{/* a */}",
    "a comma too many": b'{"email": "a",}',
    "an unknown field": b'{"foo": null}',
    "an empty name": b'{"": 1}',
    "a name with case": b'{"Email": "a"}',
    "a path for a name": b'{"email.value": "a"}',
    "a type hint": b'{"@type": "type.googleapis.com/bytebase.v1.LoginRequest"}',
    "too much": b'{"email": "' + b"a" * 200_000 + b'"}',
}


def test_what_is_no_message_is_an_invalid_argument(api: Api, db: None) -> None:
    wrong = []
    for path in CALLS:
        for name, body in BROKEN.items():
            answer = api.post(path, body)
            told = answer.json()
            fine = (
                (answer.status_code, told["code"], list(told)) == (400, 3, ["code", "message"])
                and told["message"].startswith("proto: ")
                and len(told["message"]) < 300
                and "ErrorDetail" not in told["message"]
                and not answer.cookies
            )
            wrong += [] if fine else [(path, name, answer.status_code, told)]
    assert wrong == []
    assert not LoginEvent.objects.filter(contract="bytebase").exists()


NO_TEXTS: tuple[object, ...] = (1, 0, 1.5, True, False, [], ["a"], {}, {"$ne": ""})
TEXTS = ("email", "password", "idpName", "otpCode", "recoveryCode", "mfaTempToken")


def test_a_text_field_takes_nothing_but_a_text(api: Api, db: None) -> None:
    for field in TEXTS:
        for value in NO_TEXTS:
            body = {"email": "alice@alpha.example", "password": PASSWORD, field: value}
            refused(api.post(LOGIN, body), 400, 3, f"proto: invalid value for field {field}")


def test_web_takes_nothing_but_true_or_false(api: Api, db: None) -> None:
    values: tuple[object, ...] = ("true", "false", "", 1, 0, [], {})
    for value in values:
        answer = api.post(LOGIN, {"web": value})
        refused(answer, 400, 3, "proto: invalid value for field web")


CONTEXTS: tuple[Any, ...] = (
    "github",
    [],
    {"code": "x"},
    {"oauth2Context": "x"},
    {"oauth2Context": {"code": 1}},
    {"oauth2_context": {"state": "x"}},
    {"oauth2Context": {}, "oidcContext": {}},
    {"oauth2Context": {}, "oauth2_context": {}},
)


def test_the_provider_context_is_read_as_strictly(api: Api, db: None) -> None:
    for context in CONTEXTS:
        answer = api.post(LOGIN, {"idpContext": context})
        told = answer.json()
        assert (answer.status_code, told["code"]) == (400, 3), context
        assert "ErrorDetail" not in told["message"]


def test_a_field_in_both_spellings_is_a_field_twice(api: Api, db: None) -> None:
    for value in ("", None, "000000"):
        answer = api.post(LOGIN, {"otpCode": value, "otp_code": value})
        refused(answer, 400, 3, 'proto: duplicate field "otp_code"')


def test_long_texts_cost_a_refusal_and_nothing_more(api: Api, cast: Cast) -> None:
    long = "a" * 30_000
    answer = api.post(LOGIN, {"email": long, "password": long})
    refused(answer, 401, 16, "invalid email or password")
    answer = api.post(LOGIN, {"mfaTempToken": long, "otpCode": long})
    refused(answer, 401, 16, "failed to parse claim")
    answer = api.post(LOGIN, {"foo" * 10_000: 1})
    assert len(answer.content) < 300


UNKNOWN = (
    "/v1",
    "/v1/",
    "/v1/x",
    "/v1/auth/login/",
    "/v1//auth/login",
    "/v1/users/",
    "/v1/users/a/b",
    "/v1/users:batchDelete",
    "/v1/auth:switchWorkspace",
    "/v1/x?token=1",
    "/v1/x%0Ay",
)


def test_an_unknown_path_is_a_routing_error(client: Client, db: None) -> None:
    for path in UNKNOWN:
        for method in ("GET", "POST", "OPTIONS", "PUT", "TRACE", "BREW"):
            answer = client.generic(method, path)
            text = f"not_found: gateway routing error 404: request method {method}, URI {path}"
            refused(answer, 404, 2, text)


def test_a_wrong_method_is_a_routing_error_of_its_own(client: Client, db: None) -> None:
    for path, served in KNOWN.items():
        allowed = ALLOWED.get(path, "POST" if served == "POST" else "GET, HEAD")
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"):
            if method in allowed.split(", "):
                continue
            answer = client.generic(method, path)
            text = f"not_found: gateway routing error 405: request method {method}, URI {path}"
            refused(answer, 405, 2, text)
            assert answer["Allow"] == allowed


def test_a_header_in_another_form_is_refused_by_every_call(client: Client, db: None) -> None:
    for path, method in KNOWN.items():
        for header in ("abc", "Basic YTpi", "Bearer", "Bearer a b", "a.b.c", "Bearer a, Bearer b"):
            answer = client.generic(method, path, headers={"Authorization": header})
            refused(answer, 401, 16, "authorization header format must be Bearer {token}")


def test_the_message_is_read_before_the_header(api: Api, cast: Cast) -> None:
    assert api.post(LOGIN, b"{", Authorization="abc").status_code == 400


def test_a_dead_token_does_not_disturb_a_login(api: Api, cast: Cast) -> None:
    body = {"email": cast.alice.email, "password": cast.alice.password}
    assert api.post(LOGIN, body, token="dead").status_code == 200


def test_answers_are_not_stored_and_not_sniffed(api: Api, cast: Cast) -> None:
    for answer in (api.log_in(cast.alice), api.post(LOGIN), api.get("/v1/x")):
        assert answer["Cache-Control"] == "no-store"
        assert answer["X-Content-Type-Options"] == "nosniff"


def test_more_names_than_a_query_may_hold_are_refused(api: Api, cast: Cast) -> None:
    names = "&".join(f"names=users/{each}@x.org" for each in range(201))
    answer = api.get(f"{BATCH}?{names}", api.token(cast.erin))
    refused(answer, 400, 3, "proto: the request cannot be read")


def test_nobody_is_called_by_a_name_that_no_database_takes(api: Api, cast: Cast) -> None:
    officer = api.token(cast.erin)
    for verb, path in (
        ("GET", "/v1/users/a%00b"),
        ("PATCH", "/v1/users/a%00b"),
        ("DELETE", "/v1/users/a%00b"),
        ("POST", "/v1/users/a%00b:undelete"),
        ("POST", "/v1/users/a%00b:updateEmail"),
    ):
        answer = api.client.generic(verb, path, headers={"Authorization": f"Bearer {officer}"})
        text = f"not_found: gateway routing error 404: request method {verb}, URI {path}"
        refused(answer, 404, 2, text)


def test_an_unknown_host_gets_the_products_own_error(client: Client, cast: Cast) -> None:
    answer = client.get(ME, headers={"Host": "evil.test"})
    assert (answer.status_code, answer.json()["code"]) == (400, 3)


def test_refused_messages_leave_no_session(api: Api, cast: Cast) -> None:
    api.log_in(cast.alice, foo=1)
    api.log_in(cast.alice, web="true")
    assert not Session.objects.exists()
