"""Request bodies: strict where it protects, lenient where a product is.

Whatever arrives, the result is plain JSON values or :class:`Faulted`; nothing else escapes.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn
from urllib.parse import parse_qsl

from accounts.wire.contract import Fault, Faulted

MAX_DEPTH = 32
MAX_MEMBERS = 200


def text_of(body: bytes) -> str:
    """The body as text. Raises Faulted(MALFORMED) where it is not UTF-8 or holds a NUL."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        _malformed("the body is not UTF-8")
    if "\x00" in text:
        _malformed("the body contains a NUL character")
    return text.removeprefix("\ufeff")


def json_value(body: bytes, *, trailing: bool = False) -> Any:
    """The JSON value of a body; ``trailing`` reads the first value and drops the rest.

    Raises Faulted(MALFORMED): no JSON, a key twice, deeper than 32, more than 200 members, NaN,
    NUL or half a surrogate pair in a text.
    """
    text = text_of(body)
    # Counted before parsing: the parser itself gives up only far below the interpreter's stack.
    if _nesting(text) > MAX_DEPTH:
        _malformed("the body is nested too deeply")
    decoder = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_no_constant)
    try:
        if trailing:
            value, _ = decoder.raw_decode(text, len(text) - len(text.lstrip(" \t\r\n")))
        else:
            value = decoder.decode(text)
    except (ValueError, RecursionError):
        _malformed("the body is not valid JSON")
    _inspect(value)
    return value


def form_value(body: bytes) -> dict[str, str]:
    """The members of a form body; of a repeated one the first. Raises Faulted(MALFORMED)."""
    try:
        pairs = parse_qsl(
            text_of(body), keep_blank_values=True, max_num_fields=MAX_MEMBERS, errors="strict"
        )
    except (ValueError, UnicodeDecodeError):
        _malformed("the form is malformed")
    members: dict[str, str] = {}
    for name, value in pairs:
        if "\x00" in value or "\x00" in name:
            _malformed("the body contains a NUL character")
        members.setdefault(name, value)
    return members


def _malformed(message: str) -> NoReturn:
    raise Faulted(Fault.MALFORMED, message)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        _malformed("the body holds a key twice")
    if len(members) > MAX_MEMBERS:
        _malformed("the body has too many members")
    return members


def _no_constant(name: str) -> NoReturn:
    _malformed(f"{name} is not JSON")


def _nesting(text: str) -> int:
    depth = deepest = 0
    in_string = escaped = False
    for character in text:
        if in_string:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                in_string = False
        elif character == '"':
            in_string = True
        elif character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest


def _inspect(value: Any) -> None:
    """Refuse texts that no database and no hash can take. The depth is bounded already."""
    if isinstance(value, str):
        if "\x00" in value or any("\ud800" <= c <= "\udfff" for c in value):
            _malformed("a text contains NUL or half a surrogate pair")
    elif isinstance(value, list):
        for item in value:
            _inspect(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            _inspect(name)
            _inspect(item)
