"""Clients made from Bytebase's published messages and its description log in unmodified."""

from typing import Any

import pytest

from tests.peers.conversations import Conversations, Demo, Person, Told
from tests.peers.likeness import INTEGER, SEMVER, TEXT, Like, including

pytestmark = pytest.mark.peers


def _bytebase_user(person: Person, kind: str = "USER", **more: Any) -> Like:
    return including(
        name=f"users/{person['email']}",
        state="ACTIVE",
        email=person["email"],
        title=TEXT,
        userType=kind,
        profile=including(),
        **more,
    )


def _bytebase_token(person: Person) -> Told:
    email = person["email"]
    claims = including(
        iss="bytebase", sub=email, aud=["bb.user.access.prod"], name=email, iat=INTEGER, exp=INTEGER
    )
    return {"header": including(typ="JWT"), "claims": claims}


@pytest.mark.parametrize(
    ("web", "cookies", "refresh"),
    [(False, [], None), (True, ["access-token", "refresh-token", "user"], 200)],
)
def test_programs_made_from_bytebases_messages_log_in(
    demo: Demo, conversations: Conversations, web: bool, cookies: list[str], refresh: int | None
) -> None:
    alice = demo.persona("alice")
    assert conversations.log_in("bytebase_protobuf.py", alice, web=web) == {
        "client": "protobuf",
        "version": SEMVER,
        "challenged": None,
        "login": {
            "token": _bytebase_token(alice),
            "requireResetPassword": False,
            "user": _bytebase_user(alice),
        },
        "cookies": cookies,
        "whoami": _bytebase_user(alice),
        "refresh": refresh,
        "logout": 200,
        "after_logout": {"status": 401, "code": 16},
    }


def test_swagger_client_logs_in_to_bytebase_as_a_person(
    demo: Demo, conversations: Conversations
) -> None:
    alice = demo.persona("alice")
    told = conversations.log_in("bytebase_swagger_client.mjs", alice)
    assert told == _bytebase_swagger(alice, None, _bytebase_user(alice))


def test_swagger_client_logs_in_to_bytebase_as_a_service_account(
    demo: Demo, conversations: Conversations
) -> None:
    svc = demo.persona("svc")
    told = conversations.log_in("bytebase_swagger_client.mjs", svc)
    assert told == _bytebase_swagger(svc, None, _bytebase_user(svc, "SERVICE_ACCOUNT"))


def test_swagger_client_logs_in_to_bytebase_with_a_recovery_code(
    demo: Demo, conversations: Conversations
) -> None:
    bob = demo.persona("bob")
    told = conversations.log_in(
        "bytebase_swagger_client.mjs", bob, recovery_code=bob["recovery_codes"].pop()
    )
    # The challenge has one member only, and opens nothing by itself.
    challenged = ["mfaTempToken", 401]
    assert told == _bytebase_swagger(bob, challenged, _bytebase_user(bob, mfaEnabled=True))


def _bytebase_swagger(person: Person, challenged: list[Any] | None, user: Like) -> Told:
    return {
        "client": "swagger-client",
        "version": SEMVER,
        "providers": including(),
        "challenged": challenged,
        "login": {"token": _bytebase_token(person), "user": user},
        "whoami": user,
        "logout": {},
        "after_logout": 401,
    }
