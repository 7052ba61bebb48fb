"""The Connect face's transport: headers, content of every kind, and the words of its refusals."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import LazySettings, settings
from django.test import Client, RequestFactory

from accounts.contracts.bytebase import CONTRACT
from accounts.contracts.bytebase.connect import wording
from accounts.contracts.bytebase.wording import Code
from accounts.login.outcome import LoginRefused, Reason
from accounts.models import LoginEvent, Session, User
from accounts.wire.contract import Fault, Faulted
from mfa.models import Enrolment
from tests.contracts.bytebase.connect_calls import (
    CURRENT,
    GET,
    JSON,
    LOGIN,
    LOGOUT,
    PROCEDURES,
    PROTO,
    UPDATE,
    Caller,
    refused,
)
from tests.contracts.bytebase.wire_format import encode, field, varint
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


def _bodies(message: bytes) -> Iterator[bytes]:
    """What no honest program sends: about a hundred and fifty, made of a good message."""
    for end in range(1, len(message), max(1, len(message) // 20)):
        yield message[:end]
    for wire_type in range(8):
        for number in (0, 1, 2, 5, 13, 536_870_911):
            yield varint(number << 3 | wire_type) + b"\x7f\x7f\x7f"
            yield message + varint(number << 3 | wire_type)
    yield from (b"\xff" * length for length in (1, 9, 10, 11, 5000))
    yield from (field(n, text) for n in (1, 2, 6) for text in (b"\xff", b"\xed\xa0\x80", b"a\x00b"))
    yield field(1, "x" * 70_000)
    yield b"\x0a" + varint(2**63) + b"x"
    yield b"\x0a" + varint(2**31) + b"x"
    yield b"\x0b" * 10_000
    yield b"\x0b" * 50 + b"\x0c" * 50
    yield field(2, 2**64 - 1) + field(5, 2**31)
    yield field(4, 99) + field(3, 2)
    yield field(1, b"") * 100_000
    yield field(1, field(10, "x")) * 100_000
    yield field(2, field(1, "title") * 300)
    yield field(1, field(13, field(1, field(1, 2**62) + field(2, 2**31 - 1))))
    yield field(1, field(15, field(3, "x") * 300 + field(1, 7)))
    deep = b""
    for _ in range(500):
        deep = field(1, deep)
    yield deep
    chance = random.Random(12)  # noqa: S311
    for _ in range(60):
        mutated = bytearray(message or b"\x00")
        for _ in range(chance.randint(1, 4)):
            mutated[chance.randrange(len(mutated))] = chance.randrange(256)
        yield bytes(mutated)


GOOD: dict[str, dict[str, Any]] = {
    "LoginRequest": {"email": "no@alpha.example", "password": "x", "otpCode": "1", "web": True},
    "ExchangeTokenRequest": {"token": "x", "email": "no@workload.bytebase.com"},
    "GetUserRequest": {"name": "users/no@alpha.example"},
    "UpdateUserRequest": {
        "user": {"name": "users/no@alpha.example", "title": "x", "profile": {"source": "y"}},
        "updateMask": "title",
        "regenerateTempMfaSecret": True,
    },
}


@pytest.mark.parametrize("path", PROCEDURES)
def test_no_binary_content_breaks_a_call_or_changes_anything(path: str, cast: Cast) -> None:
    anonymous, known = Caller(PROTO), Caller(PROTO)
    token = known.token(cast.alice)
    asked = PROCEDURES[path][0]
    good = encode(asked, GOOD.get(asked, {}))
    before = (Session.objects.count(), Enrolment.objects.count())
    odd, sent = [], 0
    for content in _bodies(good):
        for who, mark in ((anonymous, ""), (known, token if path != LOGOUT else "")):
            answer = who.send(path, content, token=mark)
            sent += 1
            status = answer.status_code
            if status == 200 and answer["Content-Type"] == PROTO and path in {CURRENT, LOGOUT}:
                continue
            told = json.loads(answer.content) if answer["Content-Type"] == JSON else {}
            if status not in {400, 401, 403, 404, 429} or set(told) != {"code", "message"}:
                odd.append((content[:60], status, answer.content[:100]))
    assert odd == []
    assert sent > 300
    assert before == (Session.objects.count(), Enrolment.objects.count())
    assert User.objects.get(pk=cast.alice.user.pk).display_name == "Alice"
    assert not LoginEvent.objects.filter(event="login:subject:accepted").exclude(
        user_id=cast.alice.user.pk
    )


def test_what_protocol_buffers_allow_is_allowed(cast: Cast) -> None:
    caller = Caller(PROTO)
    token = caller.token(cast.alice)
    name = f"users/{cast.alice.email}"
    # Of a field twice the last counts; messages are put together; unknown enums stay unread.
    user = field(1, "users/x") + field(1, name) + field(2, 77) + field(5, 2**31 - 1)
    mask = field(2, field(1, "title")) + field(2, field(1, "no_such_field"))
    content = field(1, user) + field(1, field(4, "New")) + mask + field(99, "later")
    answer = caller.send(UPDATE, content, token=token)
    assert answer.status_code == 200, answer.content
    assert User.objects.get(pk=cast.alice.user.pk).display_name == "New"
    # A known field of another wire type is an unknown one.
    answer = caller.send(GET, varint(1 << 3 | 0) + b"\x01" + field(1, name), token=token)
    assert answer.status_code == 200
    # Of two contexts the last counts; a login by a provider is refused all the same.
    context = field(1, field(1, "x")) + field(2, field(1, "y"))
    answer = caller.send(LOGIN, field(4, "idps/x") + field(5, context))
    refused(answer, 404, "not_found", "identity provider not found")


def test_a_mask_may_be_spelled_either_way_in_json(cast: Cast) -> None:
    caller = Caller(JSON)
    token = caller.token(cast.svc)
    text = "a login with a service key may not make this change"
    user = {"name": f"users/{cast.svc.email}"}
    for mask in ("mfaEnabled", "mfa_enabled", ["mfa_enabled"], "title, phone"):
        answer = caller.call(UPDATE, {"user": user, "updateMask": mask}, token=token)
        refused(answer, 403, "permission_denied", text)
    unfit: list[Any] = [1, {}, [1], True]
    for wrong in unfit:
        answer = caller.call(UPDATE, {"user": user, "updateMask": wrong}, token=token)
        refused(answer, 400, INVALID, "proto: invalid value for field updateMask")


OWN = {Fault.NOT_FOUND, Fault.METHOD_NOT_ALLOWED, Fault.UNSUPPORTED_MEDIA}
WORKLOAD = SimpleNamespace(user=SimpleNamespace(kind="workload", is_active=True))


def test_every_other_refusal_is_that_of_rest_by_another_name() -> None:
    pairs = [
        (
            CONTRACT.refuse(refused := LoginRefused(reason, subject=WORKLOAD, objection="short")),
            wording.REFUSALS[reason](refused),
        )
        for reason in Reason
    ]
    pairs += [
        (CONTRACT.fault(faulted := Faulted(fault, "why")), wording.FAULTS[fault](faulted))
        for fault in Fault
        if fault not in OWN
    ]
    names = {3: "invalid_argument", 7: "permission_denied", 8: "resource_exhausted"}
    names |= {13: "internal", 14: "unavailable", 16: "unauthenticated"}
    for rest, told in pairs:
        assert told.body == {"code": names[rest.body["code"]], "message": rest.body["message"]}
        assert told.status == rest.status
        assert told.headers.get("Retry-After") == rest.headers.get("Retry-After")
        assert "WWW-Authenticate" not in told.headers
    assert {code.name.lower() for code in Code} >= set(names.values())


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
