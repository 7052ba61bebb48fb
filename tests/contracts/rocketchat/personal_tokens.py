"""Calls about personal access tokens, and what they answer."""

from __future__ import annotations

from typing import Any

from django.test import Client
from django.utils import timezone

from accounts.client import ClientContext
from accounts.login import sessions
from tests.contracts.rocketchat.exchange import guard, post

ME = "/api/v1/me"
LIST = "/api/v1/users.getPersonalAccessTokens"
GENERATE = "users.generatePersonalAccessToken"
RENEW = "users.regeneratePersonalAccessToken"
REMOVE = "users.removePersonalAccessToken"
CALLS = {
    GENERATE: "personalAccessTokens:generateToken",
    RENEW: "personalAccessTokens:regenerateToken",
    REMOVE: "personalAccessTokens:removeToken",
}
SUCCESS = b'{"success":true}'
NO_NAME = b'{"success":false,"error":"The \'tokenName\' param is required"}'


def failed(error: str, sentence: str, call: str) -> bytes:
    return guard(error, sentence, b'{"method":"%s"}' % CALLS[call].encode())


def made(client: Client, headers: dict[str, str], name: str = "bot", **more: Any) -> dict[str, str]:
    """The headers with a new token in place of the one that made it."""
    answer = post(client, GENERATE, headers, {"tokenName": name, **more})
    assert answer.status_code == 200, answer.content
    return {"X-Auth-Token": answer.json()["token"], "X-User-Id": headers["X-User-Id"]}


def end_all_first(found: sessions.Found, *_: Any) -> None:
    """Between the check of the token and what follows, its session ends elsewhere."""
    client = ClientContext("rocketchat", timezone.now())
    sessions.end_all(found.subject.user, "stolen", client)
