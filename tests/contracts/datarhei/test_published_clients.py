"""Clients made from Core's published description log in unmodified."""

import pytest

from tests.peers.conversations import Conversations, Demo, Person, Told
from tests.peers.likeness import INTEGER, MOMENT, SEMVER, TEXT, UUID, including

pytestmark = pytest.mark.peers


def _core_token(person: Person, kind: str, lifetime: int) -> Told:
    return {
        "header": {"alg": "HS256", "typ": "JWT"},
        "claims": {
            "iss": "datarhei-core",
            "sub": person["username"],
            "usefor": kind,
            "iat": INTEGER,
            "exp": INTEGER,
            "exi": lifetime,
            "jti": UUID,
        },
    }


CORE_BEFORE = {"app": "datarhei-core", "auths": ["localjwt"], "version": {"number": "16.0.0"}}
CORE_AFTER = {
    "app": "datarhei-core",
    "auths": ["localjwt"],
    "name": TEXT,
    "id": TEXT,
    "created_at": MOMENT,
    "uptime_seconds": INTEGER,
    "version": including(number=SEMVER),
}
NO_TOKEN = {"code": 401, "message": "Unauthorized", "details": ["Missing or invalid JWT token"]}
ABSENT = {"code": 404, "message": "Not Found", "details": ["Not Found"]}


def test_bravado_logs_in_to_datarhei_core_and_refreshes_twice(
    demo: Demo, conversations: Conversations
) -> None:
    alice = demo.persona("alice")
    access = _core_token(alice, "access", 600)
    # bravado fills in what the description allows and the answer leaves out.
    unset = {"name": None, "id": None, "created_at": None, "uptime_seconds": None}
    assert conversations.log_in("datarhei_bravado.py", alice) == {
        "client": "bravado",
        "version": SEMVER,
        "before": {**CORE_BEFORE, **unset, "version": including(number="16.0.0")},
        "login": {
            "access_token": access,
            "refresh_token": _core_token(alice, "refresh", 86400),
        },
        "whoami": CORE_AFTER,
        "refresh": [access, access],
        "refreshed_works": {"error": "HTTPNotFound", **ABSENT},
        "access_token_does_not_refresh": {"error": "HTTPUnauthorized", **NO_TOKEN},
        "refresh_token_opens_nothing": {"error": "HTTPUnauthorized", **NO_TOKEN},
    }


def test_swagger_client_logs_in_to_datarhei_core(demo: Demo, conversations: Conversations) -> None:
    alice = demo.persona("alice")
    access = _core_token(alice, "access", 600)
    assert conversations.log_in("datarhei_swagger_client.mjs", alice) == {
        "client": "swagger-client",
        "version": SEMVER,
        "before": CORE_BEFORE,
        "login": {
            "access_token": access,
            "refresh_token": _core_token(alice, "refresh", 86400),
        },
        "whoami": CORE_AFTER,
        "refresh": {"access_token": access},
        "refreshed_works": ABSENT,
        "without_token": NO_TOKEN,
    }
