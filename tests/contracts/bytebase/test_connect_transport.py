"""The Connect face's transport: headers, content of every kind, and the words of its refusals."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from types import SimpleNamespace

from django.conf import LazySettings, settings
from django.test import Client, RequestFactory

from accounts.contracts.bytebase import CONTRACT
from accounts.contracts.bytebase.connect import wording
from accounts.contracts.bytebase.wording import Code
from accounts.login.outcome import LoginRefused
from accounts.wire.contract import Fault, Faulted
from tests.contracts.bytebase.connect_calls import (
    GET,
    JSON,
    LOGIN,
    LOGOUT,
    PROCEDURES,
    PROTO,
    Caller,
    refused,
)
from tests.contracts.bytebase.wire_format import (
    encode,
    field,
)
from tests.fixtures import Cast

INVALID = "invalid_argument"
UNREADABLE = "proto: cannot parse invalid wire-format data"


def test_the_content_type_decides_and_others_are_told_which_there_are(cast: Cast) -> None:
    body = {"email": cast.alice.email, "password": cast.alice.password}
    plain, binary = json.dumps(body).encode(), encode("LoginRequest", body)
    good = [
        ("application/json", plain),
        ("application/json; charset=utf-8", plain),
        ("Application/JSON;charset=UTF-8", plain),
        ("application/proto", binary),
    ]
    for media, content in good:
        answer = Caller(media).send(LOGIN, content)
        assert answer.status_code == 200, answer.content
        assert answer["Content-Type"] == media.split(";")[0].lower()
    bad = [
        "application/x-www-form-urlencoded",
        "text/plain",
        "application/protobuf",
        "application/x-protobuf",
        "application/grpc",
        "application/grpc-web+proto",
        "application/connect+json",
        "application/json; charset=utf-16",
        "application/json, application/proto",
        "",
    ]
    message = "send one of application/json, application/proto"
    for media in bad:
        answer = Caller(media).send(LOGIN, plain)
        refused(answer, 415, "unknown", message)
        assert answer["Accept-Post"] == "application/json, application/proto", media
    refused(Client().post(LOGIN, plain, content_type=""), 415, "unknown", message)
    # Each is read as what it says it is.
    refused(Caller(PROTO).send(LOGIN, plain), 400, INVALID, UNREADABLE)
    refused(Caller(JSON).send(LOGIN, binary), 400, INVALID, "proto: the body is not valid JSON")


def test_only_post_calls_a_procedure_and_only_those_that_there_are(cast: Cast) -> None:
    for method in ("GET", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"):
        answer = Client().generic(method, f"{GET}?encoding=json&message=%7B%7D&connect=v1")
        assert answer["Allow"] == "POST"
        if method != "HEAD":
            refused(answer, 405, "unknown", "a procedure is called with POST")
    for path in (
        f"{LOGIN}/",
        "/bytebase.v1.AuthService",
        "/bytebase.v1.AuthService/Refresh",
        "/bytebase.v1.UserService/ListUsers",
        "/bytebase.v1.PlanService/GetPlan",
        "/t/alpha/bytebase.v1.AuthService/login",
    ):
        for method in ("GET", "POST"):
            answer = Client().generic(method, path, b"{}", JSON)
            refused(answer, 404, "unimplemented", f'"{path}" is not implemented')


def test_the_protocols_own_headers_are_read(cast: Cast) -> None:
    for caller in (Caller(JSON), Caller(PROTO)):
        for good in ("1", "600000", "9999999999"):
            assert caller.call(LOGOUT, {}, Connect_Timeout_Ms=good).told == {}
        assert caller.call(LOGOUT, {}, Connect_Protocol_Version="").told == {}
        for bad in ("0", "2", "v1", "1.0", " "):
            answer = caller.call(LOGOUT, {}, Connect_Protocol_Version=bad)
            text = f'Connect-Protocol-Version must be "1": got "{bad}"'
            refused(answer, 400, INVALID, text)
        for bad in ("-1", "1.5", "x", "12345678901", "１２３"):
            answer = caller.call(LOGOUT, {}, Connect_Timeout_Ms=bad)
            text = f'Connect-Timeout-Ms must be at most 10 digits: got "{bad}"'
            refused(answer, 400, INVALID, text)


def test_what_goes_wrong_before_a_view_is_told_in_this_faces_words_too(cast: Cast) -> None:
    for path in (LOGIN, f"/t/alpha{LOGIN}", "/bytebase.v1.X/Y"):
        answer = Client().post(path, b"{}", JSON, headers={"Host": "evil.test"})
        told = {"code": INVALID, "message": "invalid host"}
        assert (answer.status_code, answer.json()) == (400, told)


def test_content_may_be_packed_and_is_never_unpacked_without_bound(
    cast: Cast, settings: LazySettings
) -> None:
    caller = Caller(PROTO)
    message = encode("LoginRequest", {"email": cast.alice.email, "password": cast.alice.password})
    packed = gzip.compress(message)
    for coding in ("gzip", "GZIP"):
        assert caller.send(LOGIN, packed, Content_Encoding=coding).status_code == 200
    assert caller.send(LOGIN, message, Content_Encoding="identity").status_code == 200
    # What is not there is not unpacked.
    assert caller.send(LOGOUT, b"", Content_Encoding="gzip").status_code == 200
    for coding in ("br", "zstd", "deflate", "gzip, gzip", "x"):
        text = f'unknown compression "{coding}": supported encodings are gzip'
        answer = caller.send(LOGIN, packed, Content_Encoding=coding)
        refused(answer, 501, "unimplemented", text)
    bomb = gzip.compress(bytes(settings.DATA_UPLOAD_MAX_MEMORY_SIZE * 20))
    assert len(bomb) < settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    part = "proto: the body is not one whole gzip stream"
    table = [
        (message, "proto: the body is not gzip"),
        (packed[:20] + b"\xff\xff" + packed[22:], None),
        (packed[:-9], part),
        (packed + b"x", part),
        (packed + packed, part),
        (bomb, "proto: the body is too large"),
        (gzip.compress(gzip.compress(message)), UNREADABLE),
    ]
    for content, told in table:
        answer = caller.send(LOGIN, content, Content_Encoding="gzip")
        refused(answer, 400, INVALID, told or answer.json()["message"])
    over = field(1, b"x" * settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
    refused(caller.send(LOGIN, over), 400, INVALID, "proto: the body is too large")


def test_json_is_strict_where_it_is_known(cast: Cast) -> None:
    caller = Caller(JSON)
    malformed = (b"", b" ", b"null", b"[]", b"{}{}", b"{} x", b'"x"', b'{"a":1,"a":2}', b"\xff")
    table = [*malformed, b'{"email":"a\\u0000"}', b'{"otpCode":1}', b'{"web":"true"}']
    table += [b'{"otpCode":"1","otp_code":"1"}', b'{"idpContext":[]}', b'{"email":["x"]}']
    table += [b'{"idpContext":{"oauth2Context":{"code":1}}}']
    for content in table:
        answer = caller.send(LOGIN, content)
        assert (answer.status_code, answer.json()["code"]) == (400, INVALID), content
        refused(answer, 400, INVALID, answer.json()["message"])
    # Either spelling, null for absent, and whatever is not known.
    known = {"email": cast.alice.email, "password": cast.alice.password, "otp_code": None}
    unknown = {"emailCode": "1", "email_code": [{}], "idp_context": {"x": 1, "oidcContext": {}}}
    assert caller.call(LOGIN, {**known, **unknown}).status_code == 200


OWN = {Fault.NOT_FOUND, Fault.METHOD_NOT_ALLOWED, Fault.UNSUPPORTED_MEDIA}
WORKLOAD = SimpleNamespace(user=SimpleNamespace(kind="workload", is_active=True))


def test_every_other_refusal_is_that_of_rest_by_another_name() -> None:
    pairs = [
        (
            CONTRACT.refuse(refused := LoginRefused(reason, subject=WORKLOAD, objection="short")),
            wording.REFUSALS[reason](refused),
        )
        for reason in CONTRACT.refusals
    ]
    pairs += [
        (CONTRACT.fault(faulted := Faulted(fault, "why")), wording.FAULTS[fault](faulted))
        for fault in Fault
        if fault not in OWN
    ]
    names = {
        2: "unknown",
        3: "invalid_argument",
        5: "not_found",
        6: "already_exists",
        7: "permission_denied",
        8: "resource_exhausted",
        9: "failed_precondition",
        12: "unimplemented",
        13: "internal",
        14: "unavailable",
        16: "unauthenticated",
    }
    for rest, told in pairs:
        assert told.body == {"code": names[rest.body["code"]], "message": rest.body["message"]}
        assert told.status == rest.status
        assert told.headers.get("Retry-After") == rest.headers.get("Retry-After")
        assert "WWW-Authenticate" not in told.headers
    assert {int(code): code.name.lower() for code in Code}.items() <= names.items()


def test_the_page_prints_what_this_face_says_of_its_own() -> None:
    page = (Path(settings.BASE_DIR) / "docs/contracts/bytebase.md").read_text()
    faults = [Faulted(fault) for fault in OWN]
    faults.append(Faulted(Fault.UNSUPPORTED_MEDIA, encoding="br"))
    for faulted in faults:
        faulted.request = RequestFactory().post("/bytebase.v1.X/Y")
        body = wording.FAULTS[faulted.fault](faulted).body
        assert f"`{body['code']}`" in page
        assert f"`{body['message']}`" in page
    assert [path for path in PROCEDURES if f"`POST {path}`" not in page] == []
