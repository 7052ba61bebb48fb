"""What a Connect program of this product says and hears, in JSON or in binary."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client, TestCase

from accounts.contracts.bytebase.protojson import timestamp
from accounts.models import User
from tests.contracts.bytebase.wire_format import decode, encode
from tests.fixtures import Persona

AUTH, USERS = "/bytebase.v1.AuthService", "/bytebase.v1.UserService"
LOGIN, LOGOUT, EXCHANGE = f"{AUTH}/Login", f"{AUTH}/Logout", f"{AUTH}/ExchangeToken"
CURRENT, GET, UPDATE = f"{USERS}/GetCurrentUser", f"{USERS}/GetUser", f"{USERS}/UpdateUser"
PROCEDURES = {
    LOGIN: ("LoginRequest", "LoginResponse"),
    LOGOUT: ("LogoutRequest", "Empty"),
    EXCHANGE: ("ExchangeTokenRequest", "ExchangeTokenResponse"),
    CURRENT: ("Empty", "User"),
    GET: ("GetUserRequest", "User"),
    UPDATE: ("UpdateUserRequest", "User"),
}
JSON, PROTO = "application/json", "application/proto"
ALICE, BOB = "alice@alpha.example", "bob@alpha.example"
# Codes of refusals, and the words of two.
UNAUTHENTICATED, INVALID, DENIED = "unauthenticated", "invalid_argument", "permission_denied"
NOBODY = "invalid email or password"
NOT_FOUND = "authenticated user not found"


class Caller:
    """One program with its cookie jar, which speaks one of the two forms."""

    def __init__(self, media_type: str, base: str = "") -> None:
        self.media_type = media_type
        self.base = base
        self.client = Client()

    def send(self, path: str, content: bytes, token: str = "", **headers: str) -> Any:
        """A call with these very bytes. Mail leaves as it does outside of a test."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named |= {"Authorization": f"Bearer {token}"} if token else {}
        with TestCase.captureOnCommitCallbacks(execute=True):
            return self.client.generic(
                "POST",
                self.base + path,
                content,
                headers={"Content-Type": self.media_type, "Connect-Protocol-Version": "1", **named},
            )

    def call(self, path: str, message: dict[str, Any], token: str = "", **headers: str) -> Any:
        """A call with a message in its JSON form; the answer has its own as ``told``."""
        asked, given = PROCEDURES[path]
        binary = self.media_type == PROTO
        content = encode(asked, message) if binary else json.dumps(message).encode()
        answer = self.send(path, content, token, **headers)
        if answer.status_code == 200:
            assert answer["Content-Type"] == self.media_type
            answer.told = decode(given, answer.content) if binary else answer.json()
        return answer

    def log_in(self, persona: Persona, **more: Any) -> Any:
        password = persona.password or persona.client_secret
        return self.call(LOGIN, {"email": persona.email, "password": password, **more})

    def token(self, persona: Persona, **more: Any) -> str:
        answer = self.log_in(persona, **more)
        assert answer.status_code == 200, answer.content
        return str(answer.told["token"])


def refused(answer: Any, http: int, code: str, message: str) -> None:
    """The whole error: JSON in either form, no header of the REST face's gateway, no cookie."""
    assert (answer.status_code, json.loads(answer.content)) == (
        http,
        {"code": code, "message": message},
    )
    assert answer["Content-Type"] == "application/json"
    assert answer["Cache-Control"] == "no-store"
    assert "WWW-Authenticate" not in answer
    assert not answer.cookies


def user_of(persona: Persona, **more: Any) -> dict[str, Any]:
    """The whole object, in its order; the moments as they are stored now."""
    user = User.objects.get(pk=persona.user.pk)
    moments = {
        "lastLoginTime": timestamp(user.last_login),
        "lastChangePasswordTime": timestamp(user.password_changed_at),
    }
    return {
        "name": f"users/{user.email}",
        "state": "ACTIVE",
        "email": user.email,
        "title": user.display_name,
        "userType": "SERVICE_ACCOUNT" if user.kind == User.Kind.SERVICE else "USER",
        **more,
        "profile": {name: moment for name, moment in moments.items() if moment},
    }


def named(persona: Persona, **more: Any) -> dict[str, Any]:
    return {"name": f"users/{persona.email}", **more}
