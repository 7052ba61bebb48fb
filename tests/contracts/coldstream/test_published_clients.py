"""pycoldstream logs in unmodified: all it is given is the new address."""

from typing import Any

import pytest

from tests.peers.conversations import Conversations, Demo, Person, Told, app_code
from tests.peers.likeness import A_JWT, INTEGER, SEMVER, including

pytestmark = pytest.mark.peers


def test_pycoldstream_logs_in_under_its_own_host_names(
    demo: Demo, conversations: Conversations
) -> None:
    alice = demo.persona("alice")
    told = conversations.log_in("coldstream_pycoldstream.py", alice)
    assert told == _coldstream(alice, conversations.tenant_of(alice))


@pytest.mark.slow
def test_pycoldstream_is_asked_for_a_code_and_logs_in(
    demo: Demo, conversations: Conversations, newcomer: Person
) -> None:
    code = app_code(newcomer)
    told = conversations.log_in("coldstream_pycoldstream.py", newcomer, code=code)
    assert told == _coldstream(newcomer, conversations.tenant_of(newcomer), "account/login/otp")


def _coldstream(person: Person, tenant: dict[str, Any], *steps: str) -> Told:
    posts = ["account/login", *steps]
    host = "https://identity.eu1.coldstream.diabatix.com"
    return {
        "client": "pycoldstream",
        "version": SEMVER,
        "login": A_JWT,
        "whoami": including(
            id=INTEGER,
            email=person["email"],
            organizations=[{"id": INTEGER, "name": tenant["name"]}],
        ),
        "organization": {"id": INTEGER, "name": tenant["name"]},
        "visited": [*(f"POST {host}/{path}" for path in posts), f"GET {host}/users/me"],
    }
