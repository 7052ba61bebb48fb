"""The exchanges that the document shows: sent to a real demo, compared, and recorded anew.

`python -m tests.openapi.recording` starts a demo and writes every contract's file again: requests
stay as they are, answers become what the demo said.
"""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields, replace
from string import Template
from typing import Any
from urllib.parse import urlsplit

import django

from accounts.openapi.exchanges import Exchange, exchanges, file_of
from accounts.wire.registry import slugs
from tests.docs.transcripts import Transcript
from tests.ops import throwaway
from tests.ops.demo import Demo, running_demo

# What no two demos have in common, by its looks. What comes before stays readable.
_MASKS = (
    (re.compile(r"\beyJ[\w-]+\.[\w.-]+"), "eyJ…"),
    (re.compile(r"\b\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)"), "…"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "…"),
    (re.compile(r"http://127\.0\.0\.1:\d+"), "http://127.0.0.1:…"),
    (re.compile(r"us-east-1_\w+"), "us-east-1_…"),
    (re.compile(r"(?<![\w.-])[\w-]{17}(?![\w.-])|(?<![\w.-])[\w-]{32,}"), "…"),
)


class Conversation:
    """Exchanges with one demo, in their order: later ones may use what earlier ones were told."""

    def __init__(self, demo: Demo) -> None:
        self._base = urlsplit(demo.base_url)
        tenant = demo.tenants[0]
        self._words = {"tenant": tenant["name"]} | {
            f"{name}_{what}": demo.persona(name)[what]
            for name in ("alice", "bob", "erin")
            for what in ("username", "email", "password")
        }
        self._words |= {name: str(value) for name, value in tenant.items() if "id" in name}

    def said(self, exchange: Exchange) -> Exchange:
        """The same exchange with this demo's answer in place of the recorded one."""
        method, _, path = exchange.action.partition(" ")
        connection = http.client.HTTPConnection(self._base.netloc, timeout=30)
        connection.request(
            method,
            self._filled(exchange.path or path),
            self._content(exchange.body),
            {name: self._filled(text) for name, text in exchange.headers.items()},
        )
        answer = connection.getresponse()
        content = answer.read().decode()
        connection.close()
        media = answer.headers.get_content_type()
        told = json.loads(content) if content and "json" in media else content
        for name, way in exchange.keeps.items():
            self._words[name] = _at(told, way)
        return replace(exchange, status=answer.status, media=media, answer_body=told)

    def _content(self, body: Any) -> bytes | None:
        if body is None:
            return None
        return self._filled(body if isinstance(body, str) else json.dumps(body)).encode()

    def _filled(self, text: str) -> str:
        return Template(text).substitute(self._words)


def _at(told: Any, way: list[str | int]) -> str:
    for name in way:
        told = told[name]
    return str(told)


def masked(value: Any, varies: list[str]) -> Any:
    """The value with ``…`` for what is another in every demo."""
    if isinstance(value, str):
        for pattern, mask in _MASKS:
            value = pattern.sub(mask, value)
        return value
    if isinstance(value, dict):
        return {
            name: "…" if name in varies and isinstance(each, str) else masked(each, varies)
            for name, each in value.items()
        }
    return [masked(each, varies) for each in value] if isinstance(value, list) else value


def fits(shown: Any, told: Any, varies: list[str]) -> bool:
    """Whether an answer is what the file shows, but for what varies."""
    if isinstance(shown, str) and isinstance(told, str):
        return Transcript("", "", shown).fits(told)
    if isinstance(shown, dict) and isinstance(told, dict):
        return list(shown) == list(told) and all(
            type(shown[name]) is type(told[name])
            if name in varies
            else fits(shown[name], told[name], varies)
            for name in shown
        )
    if isinstance(shown, list) and isinstance(told, list):
        pairs = zip(shown, told, strict=False)
        return len(shown) == len(told) and all(fits(*pair, varies) for pair in pairs)
    return type(shown) is type(told) and bool(shown == told)


def misfits(demo: Demo, slug: str) -> Iterator[str]:
    """The exchanges of a contract whose answers are not what its file shows."""
    conversation = Conversation(demo)
    for shown in exchanges(slug):
        told = conversation.said(shown)
        same = (told.status, told.media) == (shown.status, shown.media)
        if not same or not fits(shown.answer_body, told.answer_body, shown.varies):
            yield f"{shown.name}: {told.status} {told.media} {told.answer_body}"


def record(demo: Demo, slug: str) -> None:
    """Write the file of a contract again."""
    conversation, rows = Conversation(demo), []
    for exchange in exchanges(slug):
        told = conversation.said(exchange)
        rows.append(_row(replace(told, answer_body=masked(told.answer_body, exchange.varies))))
    text = json.dumps(rows, ensure_ascii=False, indent=1)
    file_of(slug).write_text(f"{text}\n", encoding="utf-8")


def _row(exchange: Exchange) -> Mapping[str, Any]:
    """What is not its default, in the order of the fields."""
    values = asdict(exchange)
    empty: tuple[Any, ...] = ("", 0, None, {}, [])
    kept = {"name", "action", "status", "answer_body"}
    return {
        each.name: values[each.name]
        for each in fields(Exchange)
        if each.name in kept or values[each.name] not in empty
    }


def main() -> None:
    """Start a demo and record everything."""
    django.setup()
    with throwaway.empty_directory() as directory, running_demo(directory) as demo:
        for slug in slugs():
            record(demo, slug)


if __name__ == "__main__":
    main()
