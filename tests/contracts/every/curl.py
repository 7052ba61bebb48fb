"""The curl lines that a contract declares, run against the test client."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from string import Formatter
from typing import Any
from urllib.parse import urlsplit

from django.test import Client

from accounts.wire.contract import Contract
from tests.fixtures import Persona

HOME = "http://testserver"
# Where a declared line has a word to fill in.
_MARK = "\x01"


@dataclass
class Line:
    """One curl command, read."""

    method: str = "GET"
    url: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    def run(self) -> Any:
        parts = urlsplit(self.url)
        headers = {"Host": parts.netloc, **self.headers}
        where = f"{parts.path}?{parts.query}" if parts.query else parts.path
        return Client().generic(self.method, where, self.body, headers=headers)


def read(command: str) -> Line:
    """Read a curl line; whatever this does not know is an error, not ignored."""
    line = Line()
    words = iter(shlex.split(command))
    assert next(words) == "curl"
    for word in words:
        if word in {"-X", "--request"}:
            line.method = next(words)
        elif word in {"-H", "--header"}:
            name, _, value = next(words).partition(":")
            line.headers[name.strip()] = value.strip()
        elif word in {"-d", "--data"}:
            line.body = next(words)
            line.method = "POST" if line.method == "GET" else line.method
            line.headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
        elif word != "-s":
            assert word.startswith("http"), f"unknown option {word}"
            line.url = word
    return line


def login(spoken: Contract, who: Persona, *, base: str = HOME, **changed: str) -> Line:
    """The declared login of a person."""
    tenant = who.user.tenant
    words = {
        "base": base,
        "username": who.username,
        "email": who.email,
        "password": who.password,
        "tenant": tenant.name,
        "pool_id": tenant.pool_id,
        "client_id": tenant.client_id,
        **changed,
    }
    return read(spoken.example.format(**words))


def answered(spoken: Contract, who: Persona, *, base: str = HOME) -> Any:
    """The JSON that the declared login gives."""
    answer = login(spoken, who, base=base).run()
    assert answer.status_code == 200, answer.content
    return answer.json()


def follow_up(spoken: Contract, answer: Any, *, base: str = HOME) -> Line:
    """The declared call with what the login answered."""
    assert spoken.follow_up, f"{spoken.slug} declares no follow_up: a call that its tokens open"
    return read(spoken.follow_up.format(base=base, answer=answer))


def routing_headers(spoken: Contract, path: str) -> dict[str, str]:
    """What the declared calls to this path send besides a token: the name of an operation, say."""
    found: dict[str, str] = {}
    for command in filter(None, (spoken.example, spoken.follow_up)):
        line = read("".join(_parts(command)))
        if line.path == path:
            found |= {name: text for name, text in line.headers.items() if _MARK not in text}
    return found


def _parts(command: str) -> Iterator[str]:
    for literal, word, _, _ in Formatter().parse(command):
        yield literal
        if word is not None:
            yield HOME if word == "base" else _MARK


def texts(value: Any) -> list[str]:
    """Every text in an answer."""
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for each in inner for text in texts(each)]


def leaves(value: Any) -> list[str]:
    """Every text in an answer that is long enough to be a secret."""
    return [text for text in texts(value) if len(text) >= 32]


def with_secret(value: Any, secret: str) -> Any:
    """The same answer with every secret in it replaced by one."""
    if isinstance(value, dict):
        return {name: with_secret(each, secret) for name, each in value.items()}
    if isinstance(value, list):
        return [with_secret(each, secret) for each in value]
    return secret if isinstance(value, str) and len(value) >= 32 else value
