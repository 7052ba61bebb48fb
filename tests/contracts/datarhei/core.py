"""What the tests of this contract share: its calls, its fixed answers, its tokens taken apart."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any
from unittest import mock

from django.test import Client
from django.utils import timezone

from tests.fixtures import PASSWORD, Persona

SHORT = b'{"app":"datarhei-core","auths":["localjwt"],"version":{"number":"16.0.0"}}'
NO_CREDENTIALS = (
    b'{"code":400,"message":"Bad Request","details":["Missing authorization credentials"]}'
)
WRONG_CREDENTIALS = (
    b'{"code":401,"message":"Unauthorized","details":'
    b'["Invalid authorization credentials: invalid username or password"]}'
)
NO_GOOD_TOKEN = b'{"code":401,"message":"Unauthorized","details":["Missing or invalid JWT token"]}'
NOT_FOUND = b'{"code":404,"message":"Not Found","details":["Not Found"]}'

Answer = tuple[int, bytes]


def told(response: Any) -> Answer:
    """Status and body, after a look at what every answer of this product has in common."""
    assert response["Content-Type"] == "application/json"
    assert response["Cache-Control"] == "no-store"
    assert "WWW-Authenticate" not in response
    assert not response.cookies
    return response.status_code, response.content


def login(client: Client, name: str, password: str = PASSWORD, at: str = "") -> Any:
    return client.post(
        f"{at}/api/login",
        {"username": name, "password": password},
        content_type="application/json",
    )


def tokens(client: Client, who: Persona, at: str = "") -> tuple[str, str]:
    """The access and the refresh token of a fresh login."""
    answer = login(client, who.username, who.password, at)
    assert answer.status_code == 200, answer.content
    return answer.json()["access_token"], answer.json()["refresh_token"]


def call(client: Client, path: str, token: str, method: str = "GET", **extra: Any) -> Any:
    """Any call with a bearer token."""
    return client.generic(
        method,
        path,
        headers={"Authorization": f"Bearer {token}", **extra.pop("headers", {})},
        **extra,
    )


def part(token: str, index: int) -> bytes:
    """The header (0) or the payload (1) of a token, as it was signed."""
    text = token.split(".")[index]
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def claims(token: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(part(token, 1))
    return found


def later(**delta: float) -> Any:
    """The world, so much later."""
    return mock.patch("django.utils.timezone.now", return_value=timezone.now() + timedelta(**delta))
