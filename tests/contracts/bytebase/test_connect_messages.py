"""The Connect face's messages: every field by its number, and content no honest program sends."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from accounts.contracts.bytebase.connect import messages
from accounts.contracts.bytebase.connect.codecs import CODECS
from accounts.contracts.bytebase.connect.procedures import ExchangeToken, GetUser, Login, UpdateUser
from accounts.contracts.bytebase.connect.transport import Procedure
from accounts.models import LoginEvent, Session, User
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
    USERS,
    Caller,
    refused,
)
from tests.contracts.bytebase.wire_format import (
    MESSAGES,
    PROVIDERS,
    STATES,
    USER_TYPES,
    decode,
    encode,
    field,
    varint,
)
from tests.fixtures import Cast

INVALID = "invalid_argument"


USER: dict[str, Any] = {
    "name": "users/a",
    "state": "DELETED",
    "email": "a@b.c",
    "title": "A",
    "userType": "WORKLOAD_IDENTITY",
    "password": "p",
    "serviceKey": "bbs_x",
    "mfaEnabled": True,
    "tempOtpSecret": "S",
    "tempRecoveryCodes": ["1", "2"],
    "tempOtpSecretCreatedTime": "2025-12-15T08:09:10.123456Z",
    "phone": "+4930123456",
    "profile": {
        "lastLoginTime": "2025-12-15T08:09:10Z",
        "lastChangePasswordTime": "2025-12-15T08:09:10.120Z",
        "source": "Entra ID",
    },
    "groups": ["groups/x"],
    "workloadIdentityConfig": {
        "providerType": "GITLAB",
        "issuerUrl": "https://gitlab.com",
        "allowedAudiences": ["x", "y"],
        "subjectPattern": "z",
    },
}


def test_every_field_has_its_number_on_the_way_out() -> None:
    whole: list[tuple[str, Any, dict[str, Any]]] = [
        ("User", messages.User, USER),
        (
            "LoginResponse",
            messages.LoginResponse,
            {"token": "t", "mfaTempToken": "m", "requireResetPassword": True, "user": USER},
        ),
        ("ExchangeTokenResponse", messages.ExchangeTokenResponse, {"accessToken": "x"}),
        ("Empty", messages.Empty, {}),
        ("User", messages.User, {"profile": {}}),
    ]
    for kind, binary, told in whole:
        assert set(told) in (set(MESSAGES[kind]), {"profile"})
        assert decode(kind, CODECS[PROTO].write(told, binary)) == told
        assert CODECS[JSON].write(told, binary) == told


ASKED: list[tuple[str, type[Procedure], dict[str, Any]]] = [
    (
        "LoginRequest",
        Login,
        {
            "email": "a",
            "password": "b",
            "web": True,
            "idpName": "c",
            "idpContext": {"oidcContext": {"code": "d"}},
            "otpCode": "",
            "recoveryCode": "",
            "mfaTempToken": "",
        },
    ),
    ("ExchangeTokenRequest", ExchangeToken, {"token": "a", "email": "b"}),
    ("GetUserRequest", GetUser, {"name": "users/a"}),
    (
        "UpdateUserRequest",
        UpdateUser,
        {
            "user": USER,
            "updateMask": "title,phone",
            "otpCode": "",
            "regenerateTempMfaSecret": True,
            "regenerateRecoveryCodes": True,
        },
    ),
]


def test_every_field_has_its_number_on_the_way_in() -> None:
    for kind, view, message in ASKED:
        assert set(message) == set(MESSAGES[kind])
        content = {JSON: json.dumps(message).encode(), PROTO: encode(kind, message)}
        plain, binary = (
            CODECS[media].read(content[media], view.shape, view.takes) for media in (JSON, PROTO)
        )
        if "user" in binary:
            # Enums come as they were sent: by name in JSON, by number in binary.
            user, config = binary["user"], binary["user"]["workload_identity_config"]
            user["state"] = STATES[user["state"]]
            user["user_type"] = USER_TYPES[user["user_type"]]
            config["provider_type"] = PROVIDERS[config["provider_type"]]
        assert binary == plain
        assert len(plain) == len(message)


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
    chance = random.Random(12)  # noqa: S311  # no secret: made-up bytes
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
    caller = Caller(PROTO)
    token = caller.token(cast.alice)
    asked = PROCEDURES[path][0]
    good = encode(asked, GOOD.get(asked, {}))
    before = (Session.objects.count(), Enrolment.objects.count())
    odd, sent = [], 0
    for content in _bodies(good):
        # Whoever needs no token is better off without: a login would end.
        answer = caller.send(path, content, token=token if path.startswith(USERS) else "")
        sent += 1
        status = answer.status_code
        if status == 200 and answer["Content-Type"] == PROTO and path in {CURRENT, LOGOUT}:
            continue
        told = json.loads(answer.content) if answer["Content-Type"] == JSON else {}
        if status not in {400, 401, 403, 404, 429} or set(told) != {"code", "message"}:
            odd.append((content[:60], status, answer.content[:100]))
    assert odd == []
    assert sent > 150
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


def test_a_newer_name_of_an_enum_is_skipped_in_json_as_its_number_is_in_binary(cast: Cast) -> None:
    caller = Caller(JSON)
    token = caller.token(cast.alice)
    trust = {"providerType": "BITBUCKET"}
    newer = {"state": "PAUSED", "userType": "ROBOT", "workloadIdentityConfig": trust}
    user = {"name": f"users/{cast.alice.email}", "title": "New", **newer}
    answer = caller.call(UPDATE, {"user": user, "updateMask": "title"}, token=token)
    assert (answer.status_code, answer.json().get("title")) == (200, "New")
    # What is no name of anything stays wrong.
    for wrong in (True, 1.5, ["ACTIVE"], 2**31):
        answer = caller.call(
            UPDATE, {"user": {**user, "state": wrong}, "updateMask": "title"}, token=token
        )
        refused(answer, 400, INVALID, "proto: invalid value for field user")


def test_a_mask_may_be_spelled_either_way_in_json(cast: Cast) -> None:
    caller = Caller(JSON)
    token = caller.token(cast.svc)
    text = "a login with a service key may not make this change"
    user = {"name": f"users/{cast.svc.email}"}
    for mask in ("mfaEnabled", "mfa_enabled", "title, phone"):
        answer = caller.call(UPDATE, {"user": user, "updateMask": mask}, token=token)
        refused(answer, 403, "permission_denied", text)
    unfit: list[Any] = [1, {}, [1], ["mfa_enabled"], True]
    for wrong in unfit:
        answer = caller.call(UPDATE, {"user": user, "updateMask": wrong}, token=token)
        refused(answer, 400, INVALID, "proto: invalid value for field updateMask")
