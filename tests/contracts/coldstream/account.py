"""What the tests of this contract share: its calls and its fixed answers."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any
from unittest import mock

from django.test import Client
from django.utils import timezone

from tests.fixtures import PASSWORD, Persona

# What the product's own client really sends.
MEDIA = "application/*+json"
LOGIN, CODE, ME = "/account/login", "/account/login/otp", "/users/me"

Answer = tuple[int, bytes]


def problem(status: int, title: str, detail: str = "") -> Answer:
    body: dict[str, Any] = {"type": "about:blank", "title": title, "status": status}
    if detail:
        body["detail"] = detail
    return status, json.dumps(body, separators=(",", ":")).encode()


UNAUTHORIZED = problem(401, "Unauthorized")


def bad_request(detail: str) -> Answer:
    return problem(400, "Bad Request", detail)


def told(response: Any) -> Answer:
    """Status and body, after a look at what every answer of this product has in common."""
    form = "application/json" if response.status_code < 300 else "application/problem+json"
    assert response["Content-Type"] == form
    assert response["Cache-Control"] == "no-store"
    assert not response.cookies
    return response.status_code, response.content


def post(client: Client, path: str, body: Any, nonce: str | None = None, **headers: str) -> Any:
    sent = headers if nonce is None else {"Authorization": nonce, **headers}
    data = body if isinstance(body, bytes) else json.dumps(body)
    # An empty body keeps its media type only as a header.
    return client.generic("POST", path, data, headers={"Content-Type": MEDIA, **sent})


def login(client: Client, email: str, password: str = PASSWORD, nonce: str | None = None) -> Any:
    return post(client, LOGIN, {"email": email, "password": password}, nonce)


def code(client: Client, mfa_token: str, otp: Any, nonce: str | None = None) -> Any:
    return post(client, CODE, {"otp": otp, "mfaToken": mfa_token}, nonce)


def access(client: Client, who: Persona) -> str:
    """The access token of a fresh login without a second factor."""
    answer = login(client, who.email)
    assert list(answer.json()) == ["accessToken"], answer.content
    token: str = answer.json()["accessToken"]
    return token


def challenged(client: Client, who: Persona, nonce: str | None = None) -> str:
    """The mfaToken of a login that needs a code."""
    answer = login(client, who.email, nonce=nonce)
    assert list(answer.json()) == ["mfaToken"], answer.content
    token: str = answer.json()["mfaToken"]
    return token


def me(client: Client, token: str, at: str = "", **headers: str) -> Any:
    return client.get(f"{at}{ME}", headers={"Authorization": f"Bearer {token}", **headers})


def part(token: str, index: int) -> dict[str, Any]:
    """The header (0) or the claims (1) of a token, keys in their order."""
    text = token.split(".")[index]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return found


def later(**delta: float) -> Any:
    """The world, so much later."""
    return mock.patch("django.utils.timezone.now", return_value=timezone.now() + timedelta(**delta))
