"""Rocket.Chat's published clients log in unmodified, old ones and new ones."""

import pytest

from tests.peers.conversations import Conversations, Demo, Person, Told, app_code
from tests.peers.likeness import SEMVER, TEXT, including

pytestmark = pytest.mark.peers


LOGGED_OUT = {"status": "success", "data": {"message": "You've been logged out!"}}
TOKEN_REMOVED = {"success": True}
INFO = {"version": TEXT, "minimumClientVersions": including(), "success": True}
TOTP_REQUIRED = {
    "success": False,
    "error": "totp-required",
    "status": "error",
    "details": {"method": "totp", "codeGenerated": False, "availableMethods": ["totp"]},
    "message": "TOTP Required",
}


@pytest.mark.parametrize("name", ["username", "email"])
def test_rocketchat_api_logs_in_resumes_and_logs_out(
    demo: Demo, conversations: Conversations, name: str
) -> None:
    alice = demo.persona("alice")
    told = conversations.log_in("rocketchat_rocketchat_api.py", alice, login=alice[name])
    person = {"username": alice["username"], "active": True, "roles": ["user"]}
    assert told == {
        "client": "rocketchat-api",
        "version": SEMVER,
        "info": INFO,
        "login": {"authToken": {"opaque": 43}, "userId": {"opaque": 17}},
        "whoami": {"_id_is_userId": True, **person},
        "record": person,
        "again": person,
        "personal": {**_personal(alice), "after": 401},
        "logout": LOGGED_OUT,
        "after_logout": 401,
    }


def test_rocket_python_logs_in_with_a_form_before_every_call(
    demo: Demo, conversations: Conversations
) -> None:
    alice = demo.persona("alice")
    assert conversations.log_in("rocketchat_rocket_python.py", alice) == {
        "client": "rocket-python",
        "version": SEMVER,
        "whoami": {"username": alice["username"], "active": True, "success": True},
        "record": {"username": alice["username"], "success": True},
        "logout": LOGGED_OUT,
    }


def test_the_first_rocketchat_sdk_logs_in_and_logs_out_with_get(
    demo: Demo, conversations: Conversations
) -> None:
    alice = demo.persona("alice")
    assert conversations.log_in("rocketchat_sdk_first.mjs", alice) == {
        "client": "@rocket.chat/sdk 0.x",
        "version": SEMVER,
        "login": {
            "status": "success",
            "userId": {"opaque": 17},
            "authToken": {"opaque": 43},
            "me": alice["username"],
        },
        "whoami": {"username": alice["username"], "success": True},
        "record": {"username": alice["username"], "success": True},
        "personal": _personal(alice),
        "logout": False,
    }


def _personal(person: Person) -> Told:
    """A personal access token: made, used and removed."""
    return {"token": {"opaque": 43}, "me": person["username"], "removed": TOKEN_REMOVED}


def test_the_rocketchat_sdk_logs_in_and_out(demo: Demo, conversations: Conversations) -> None:
    alice = demo.persona("alice")
    assert conversations.log_in("rocketchat_sdk.mjs", alice) == _rocketchat_sdk(alice, None)


def test_the_rocketchat_sdk_logs_in_with_a_recovery_code(
    demo: Demo, conversations: Conversations
) -> None:
    bob = demo.persona("bob")
    told = conversations.log_in(
        "rocketchat_sdk.mjs", bob, recovery_code=bob["recovery_codes"].pop()
    )
    # It keeps the HTTP status under a name that the body has too; the body's wins.
    assert told == _rocketchat_sdk(bob, TOTP_REQUIRED)


def _rocketchat_sdk(person: Person, challenge: Told | None) -> Told:
    return {
        "client": "@rocket.chat/sdk",
        "version": SEMVER,
        "challenge": challenge,
        "login": {
            "userId": {"opaque": 17},
            "authToken": {"opaque": 43},
            "me": person["username"],
        },
        "whoami": {"username": person["username"], "success": True},
        "personal": {**_personal(person), "after": 401},
        "logout": LOGGED_OUT,
        "after_logout": 401,
    }


def test_the_rocketchat_api_client_logs_in_and_resumes(
    demo: Demo, conversations: Conversations
) -> None:
    alice = demo.persona("alice")
    assert conversations.log_in("rocketchat_api_client.mjs", alice) == _api_client(alice, None)


@pytest.mark.slow
def test_the_rocketchat_api_client_logs_in_with_a_code(
    demo: Demo, conversations: Conversations, newcomer: Person
) -> None:
    code = app_code(newcomer)
    told = conversations.log_in("rocketchat_api_client.mjs", newcomer, code=code)
    assert told == _api_client(newcomer, TOTP_REQUIRED)


def _api_client(person: Person, challenge: Told | None) -> Told:
    return {
        "client": "@rocket.chat/api-client",
        "version": SEMVER,
        "info": INFO,
        "challenge": challenge,
        "login": {
            "status": "success",
            "success": True,
            "userId": {"opaque": 17},
            "authToken": {"opaque": 43},
            "me": person["username"],
        },
        "refresh": {"same_token": True},
        "whoami": {"username": person["username"], "success": True},
        "personal": {
            "success": True,
            "listed": [{"matches": True, "bypassTwoFactor": False, "createdAt": TEXT}],
            **_personal(person),
            "after": 401,
        },
        "asks": [],
        "logout": LOGGED_OUT,
        "after_logout": 401,
    }
