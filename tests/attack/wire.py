"""How the attack tests speak: one request, and what of worth is in its answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import unescape
from typing import Any

from django.conf import settings
from django.test import Client

# Members that lead to the next step of a login; they open nothing by themselves.
CHALLENGES = ("mfaToken", "mfaTempToken", "Session")
# Members that hold a credential whatever their value looks like.
_CREDENTIALS = frozenset(
    [
        *("accessToken", "authToken", "token", "access_token", "refresh_token"),
        *("AccessToken", "IdToken", "RefreshToken"),
    ]
)
_JWT = re.compile(r"[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}")
_OPAQUE = re.compile(r"[\w-]{43}")
_PAGE_CHALLENGE = re.compile(r'name="challenge"[^>]*value="([^"]+)"')
# One for all requests: each new one would load the middleware again. It keeps no cookies here.
_CLIENT = Client()
# Cookies that let nobody in.
_IDLE_COOKIES = frozenset({settings.CSRF_COOKIE_NAME})


@dataclass(frozen=True)
class Sent:
    """One request as it goes out."""

    path: str
    body: Any = None
    method: str = "POST"
    media: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: Mapping[str, str] = field(default_factory=dict)
    # A tenant's prefix or host.
    prefix: str = ""
    host: str = ""


@dataclass(frozen=True)
class Heard:
    """The answer, taken apart."""

    status: int
    text: str
    loot: Mapping[str, str]
    challenge: str
    location: str = ""

    def json(self) -> Any:
        return json.loads(self.text)


def send(sent: Sent) -> Heard:
    """A client without memory sends it; a server error is a finding whatever else it is."""
    client = _CLIENT
    client.cookies.clear()
    for name, value in sent.cookies.items():
        client.cookies[name] = value
    extra = {"headers": {**sent.headers, **({"Host": sent.host} if sent.host else {})}}
    path = sent.prefix + sent.path
    if sent.media == "form":
        # Wrong on purpose.
        answer = client.post(path, sent.body or {}, **extra)  # type: ignore[arg-type]
    else:
        data = sent.body if isinstance(sent.body, str) else json.dumps(sent.body)
        data = "" if sent.body is None else data
        # Wrong on purpose.
        answer = client.generic(sent.method, path, data, content_type=sent.media, **extra)  # type: ignore[arg-type]
    heard = _heard(answer)
    assert heard.status < 500, f"{sent} gave {heard.status}: {heard.text}"
    return heard


def _heard(answer: Any) -> Heard:
    cookies = [morsel.OutputString() for morsel in answer.cookies.values()]
    headers = dict(answer.headers.items())
    return heard_of(answer.status_code, answer.content.decode(), cookies, headers)


def heard_of(
    status: int, text: str, cookies: Sequence[str], headers: Mapping[str, str] | None = None
) -> Heard:
    """Status, body, ``Set-Cookie`` headers and the others, taken apart."""
    headers = headers or {}
    loot = {}
    for name, _, value in (each.partition(";")[0].partition("=") for each in cookies):
        if value.strip('"') and name not in _IDLE_COOKIES:
            loot[f"cookie {name}"] = value
    challenge = ""
    if text.startswith(("{", "[")):
        for name, value in _texts(json.loads(text), ""):
            key = name.rpartition(".")[2]
            if key in CHALLENGES:
                challenge = value
            elif value and (key in _CREDENTIALS or _worth(value)):
                loot[name] = value
    elif found := _PAGE_CHALLENGE.search(text):
        challenge = unescape(found[1])
    for name, value in headers.items():
        if _worth(value):
            loot[f"header {name}"] = value
    return Heard(status, text, loot, challenge, headers.get("Location", ""))


def _worth(text: str) -> bool:
    return bool(_JWT.fullmatch(text) or _OPAQUE.fullmatch(text))


def _texts(value: Any, name: str) -> Iterator[tuple[str, str]]:
    """Every text of a JSON value with the names that lead to it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(inner, f"{name}.{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, name)
    elif isinstance(value, str):
        yield name, value
