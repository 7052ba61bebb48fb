"""What a program of this product says and hears, as tests need it."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client, TestCase
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.contracts.bytebase import field_list
from tests.fixtures import Persona

LOGIN, REFRESH, LOGOUT = "/v1/auth/login", "/v1/auth/refresh", "/v1/auth/logout"
EXCHANGE, ME = "/v1/auth:exchangeToken", "/v1/users/me"
COOKIES = ("access-token", "refresh-token", "user")
MOMENT = field_list.MOMENT


class Api:
    """One client with its cookie jar."""

    def __init__(self, base: str = "", **defaults: Any) -> None:
        self.base = base
        self.client = Client(**defaults)

    def post(self, path: str, body: Any = None, /, token: str = "", **headers: str) -> Any:
        with TestCase.captureOnCommitCallbacks(execute=True):
            answer = self.client.post(
                self.base + path,
                _content(body),
                content_type="application/json",
                headers=self._headers(token, headers),
            )
        return _as_listed("POST", self.base + path, answer)

    def patch(self, user: str, query: str = "", body: Any = None, /, token: str = "") -> Any:
        """``UpdateUser``. Mail leaves as it does outside of a test: after the request."""
        path = f"{self.base}/v1/users/{user}{query and '?' + query}"
        with TestCase.captureOnCommitCallbacks(execute=True):
            answer = self.client.patch(
                path,
                _content(body),
                content_type="application/json",
                headers=self._headers(token, {}),
            )
        return _as_listed("PATCH", path, answer)

    def get(self, path: str, token: str = "", **headers: str) -> Any:
        answer = self.client.get(self.base + path, headers=self._headers(token, headers))
        return _as_listed("GET", self.base + path, answer)

    def delete(self, user: str, token: str = "") -> Any:
        """``DeleteUser``."""
        path = f"{self.base}/v1/users/{user}"
        answer = self.client.delete(path, headers=self._headers(token, {}))
        return _as_listed("DELETE", path, answer)

    def log_in(self, persona: Persona, **more: Any) -> Any:
        password = persona.password or persona.client_secret
        return self.post(LOGIN, {"email": persona.email, "password": password, **more})

    def token(self, persona: Persona, **more: Any) -> str:
        answer = self.log_in(persona, **more)
        assert answer.status_code == 200, answer.content
        return str(answer.json()["token"])

    def token_after_code(self, persona: Persona, **more: Any) -> str:
        body = {"mfaTempToken": self.temp_token(persona), "otpCode": persona.code(), **more}
        answer = self.post(LOGIN, body)
        assert answer.status_code == 200, answer.content
        return str(answer.json()["token"])

    def temp_token(self, persona: Persona) -> str:
        return str(self.log_in(persona).json()["mfaTempToken"])

    def _headers(self, token: str, headers: dict[str, str]) -> dict[str, str]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return named | ({"Authorization": f"Bearer {token}"} if token else {})


def _content(body: Any) -> Any:
    return body if isinstance(body, bytes) else b"" if body is None else json.dumps(body)


def _as_listed(method: str, path: str, answer: Any) -> Any:
    """Every answer of 200 is of the shape that the product's interface has for its call."""
    if answer.status_code == 200 and "/v1/" in path:
        assert answer["Content-Type"] == "application/json"
        field_list.check(method, path, json.loads(answer.content))
    return answer


def refused(answer: Any, http: int, code: int, message: str) -> None:
    """The whole error: status, type, body, and the header that every 401 carries."""
    assert (answer.status_code, json.loads(answer.content)) == (
        http,
        {"code": code, "message": message},
    )
    assert answer["Content-Type"] == "application/json"
    assert answer.get("WWW-Authenticate") == (message if http == 401 else None)
    assert "Retry-After" not in answer
    assert not answer.cookies


def part(token: str, index: int) -> dict[str, Any]:
    """The header (0) or the payload (1) of a JWT, unverified."""
    text = token.split(".")[index]
    decoded: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return decoded


def flip(token: str) -> str:
    """The same token with one bit of its signature changed."""
    head, _, signature = token.rpartition(".")
    raw = bytearray(base64.urlsafe_b64decode(signature + "=="))
    raw[0] ^= 1
    return f"{head}.{base64.urlsafe_b64encode(bytes(raw)).decode().rstrip('=')}"


def cookies(answer: HttpResponse) -> dict[str, dict[str, str]]:
    """Every cookie that was set: its value under "" and its attributes, exactly as written."""
    found = {}
    for name, morsel in answer.cookies.items():
        first, *rest = morsel.OutputString().split("; ")
        attributes = {key.lower(): value for key, _, value in (a.partition("=") for a in rest)}
        found[name] = {"": first.partition("=")[2], **attributes}
    return found


def statements(run: Callable[[], object]) -> int:
    """How many statements ``run`` sends, transaction control left out."""
    control = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")
    with CaptureQueriesContext(connection) as captured:
        run()
    return sum(not query["sql"].startswith(control) for query in captured.captured_queries)


class Text:
    """Equal to every text of a form."""

    def __init__(self, pattern: str) -> None:
        self.pattern = re.compile(pattern)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and self.pattern.fullmatch(other) is not None

    def __hash__(self) -> int:
        return hash(self.pattern)

    def __repr__(self) -> str:
        return self.pattern.pattern


class Clock:
    """The server's clock, to be moved by a test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._real = timezone.now
        self._ahead = timedelta()
        monkeypatch.setattr("django.utils.timezone.now", self.now)

    def now(self) -> datetime:
        return self._real() + self._ahead

    def settle(self) -> None:
        """Go to the beginning of a time step, so that codes made now are good for a while."""
        self.forward(seconds=31 - self.now().timestamp() % 30)

    def forward(self, **by: float) -> None:
        self._ahead += timedelta(**by)
