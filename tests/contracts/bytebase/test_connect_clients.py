"""The Connect protocol's own published client talks to this product's Connect face."""

from __future__ import annotations

import os

import pytest

from tests.peers.conversations import INSTALLED, REFUSED, Conversations, Demo, Person, Told
from tests.peers.likeness import INTEGER, SEMVER, TEXT, including

pytestmark = pytest.mark.peers
# It lies beside its packages: the drivers in clients/ share a test of their refusals.
DRIVER = "../node/bytebase_connect.mjs"


@pytest.fixture(scope="session")
def program(demo: Demo) -> Conversations:
    if not (INSTALLED / "node/node_modules/@connectrpc/connect-node").exists():
        reason = "the published clients are not installed: run tests/peers/install.sh"
        if os.environ.get("DRAGOMAN_REQUIRE_ALL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return Conversations(demo)


@pytest.mark.parametrize(
    ("binary", "gzip"), [(False, False), (True, False), (True, True)], ids=["json", "proto", "gzip"]
)
def test_the_protocols_client_logs_in_sets_up_and_logs_out(
    demo: Demo, program: Conversations, binary: bool, gzip: bool
) -> None:
    alice = demo.persona("alice")
    told = program.log_in(DRIVER, alice, binary=binary, gzip=gzip)
    assert told == _told(alice, None)


def test_the_protocols_client_answers_a_challenge_in_binary(
    demo: Demo, program: Conversations
) -> None:
    bob = demo.persona("bob")
    code = bob["recovery_codes"].pop()
    told = program.log_in(DRIVER, bob, binary=True, recovery_code=code)
    assert told == _told(bob, ["mfaTempToken"], mfaEnabled=True)


def _told(person: Person, challenged: list[str] | None, **more: bool) -> Told:
    email = person["email"]
    user = including(
        name=f"users/{email}",
        state="ACTIVE",
        email=email,
        title=TEXT,
        userType="USER",
        profile=including(),
        **more,
    )
    claims = including(
        iss="bytebase", sub=email, aud=["bb.user.access.prod"], name=email, iat=INTEGER, exp=INTEGER
    )
    return {
        "client": "@connectrpc/connect-node",
        "version": SEMVER,
        "challenged": challenged,
        "login": {"token": {"header": including(typ="JWT"), "claims": claims}, "user": user},
        "whoami": user,
        "same": True,
        "started": [32, 10],
        "wrong": "InvalidArgument: invalid OTP code",
        "unserved": 'Unimplemented: "/bytebase.v1.UserService/ListUsers" is not implemented',
        "logout": [],
        "after_logout": "Unauthenticated: authenticated user not found",
    }


@pytest.mark.parametrize("binary", [False, True], ids=["json", "proto"])
def test_a_wrong_password_is_the_protocols_own_error(
    demo: Demo, program: Conversations, binary: bool
) -> None:
    person = {**demo.persona("erin"), "password": "not this one"}
    status, told = program.hold(DRIVER, person, binary=binary)
    refusal = {
        "error": "ConnectError",
        "status": None,
        "message": "Unauthenticated: invalid email or password",
    }
    assert (status, told) == (
        REFUSED,
        {"client": "@connectrpc/connect-node", "version": SEMVER, "refused": refusal},
    )
