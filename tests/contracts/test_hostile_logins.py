"""Some three hundred hostile bodies for every login: an answer in the product's words, no login."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from django.test import Client

from accounts.models import Session, ThrottleBucket
from accounts.wire.contract import Contract
from accounts.wire.registry import contracts
from tests.contracts.every import curl, hostile, shapes
from tests.contracts.test_every_contract import sound
from tests.fixtures import Cast

_NUMBERS = (
    *("0", "-0", "1", "-1", "1.5", "1e2", "1E400", "9007199254740993", "-9223372036854775809"),
    *("0.1e-400", "123456", "1e-7"),
)
_STRUCTURES = (
    *("[]", "{}", "[[]]", "[null]", "[{}]", '{"a":{}}', '{"$gt":""}', '{"$regex":".*"}'),
    *('{"length":1}', '{"toString":1}', '{"__proto__":{}}', '{"username":{"$ne":""}}'),
    *("true", "false", "null", "[" * 50 + "]" * 50, '{"a":' * 40 + "1" + "}" * 40),
)
_STRINGS = (
    *(
        "' OR 1=1--",
        '"; DROP TABLE x;--',
        "{{7*7}}",
        "${jndi:ldap://x}",
        "<script>alert(1)</script>",
    ),
    *(
        "../../etc/passwd",
        "%00",
        "\r\nSet-Cookie: a=b",
        "*)(uid=*",
        "*",
        "(|(uid=*))",
        "\u202ealice",
    ),
    *(
        "ali\u00adce",
        "a" * 5000,
        "\u0000",
        "admin\u0000",
        "-",
        "@",
        "@@",
    ),
    *(
        "a@b",
        "\U0001f469\u200d\U0001f4bb",
        "NaN",
        "null",
        "undefined",
        "[object Object]",
        "\ufdfa" * 300,
    ),
)
# What stands in a member's place, as JSON.
_VALUES = {
    **hostile.VALUES,
    **{name: json.dumps(text) for name, text in hostile.TEXTS.items()},
    **{value[:20]: value for value in (*_NUMBERS, *_STRUCTURES)},
    **{f"text {text[:20]!r}": json.dumps(text) for text in _STRINGS},
    "half a surrogate pair": '"\\ud800"',
}
_WRAPPED = {
    "in a list": "[{value}]",
    "in an object": '{{"$ne":{value}}}',
    "twice in a list": "[{value},{value}]",
}
_BROKEN: Mapping[str, Callable[[str], str | bytes]] = {
    "cut off": lambda text: text[:-1],
    "twice": lambda text: text + text,
    "in a list": lambda text: f"[{text}]",
    "as a text": json.dumps,
    "with a comment": lambda text: f"{text}//",
    "in UTF-16": lambda text: text.encode("utf-16"),
    "with a NUL": lambda text: text.replace('"', '"\0', 1),
    "with single quotes": lambda text: text.replace('"', "'"),
}

# What a product is documented to read over.
TAKEN = {"bytebase": {"the whole twice", "the whole with a comment"}}


def around(valid: dict[str, Any]) -> Iterator[tuple[str, str | bytes]]:
    """Bodies that are one step away from a right login."""
    right = {name: json.dumps(value) for name, value in valid.items()}
    for member, own in right.items():
        rest = {name: value for name, value in right.items() if name != member}
        yield f"no {member}", _object(rest)
        for name, value in _VALUES.items():
            yield f"{member} {name}", _object({**rest, member: value})
        for name, shape in _WRAPPED.items():
            yield f"{member} {name}", _object({**rest, member: shape.format(value=own)})
        yield f"{member} twice", _object(right)[:-1] + f',"{member}":"x"}}'
        yield f"{member} upper case", _object({**rest, member.upper() + "X": own})
    for name, change in _BROKEN.items():
        yield f"the whole {name}", change(_object(right))


def _object(members: dict[str, str]) -> str:
    return "{" + ",".join(f"{json.dumps(name)}:{value}" for name, value in members.items()) + "}"


@pytest.mark.parametrize("spoken", contracts().values(), ids=list(contracts()))
def test_three_hundred_bodies_beside_a_right_login_log_nobody_in(
    spoken: Contract, cast: Cast
) -> None:
    line = curl.login(spoken, cast.alice)
    client, sent, passed = Client(), 0, set()
    every = [
        (body.name, body.content, body.media)
        for body in hostile.bodies(list(json.loads(line.body)))
    ]
    every += [
        (name, body.encode() if isinstance(body, str) else body, hostile.JSON)
        for name, body in around(json.loads(line.body))
    ]
    for name, content, media in every:
        # No lock may stand in for the refusal of the body.
        ThrottleBucket.objects.all().delete()
        headers = {**line.headers, **({"Content-Type": media} if media else {})}
        answer = client.generic("POST", line.path, content, headers=headers)
        sound(answer, name)
        assert not shapes.misshapen(spoken, answer), name
        if answer.status_code < 400:
            passed.add(name)
        sent += 1
    assert sent >= 280
    assert passed == TAKEN.get(spoken.slug, set())
    assert Session.objects.count() == len(passed)
    # So one step away from each of these was a login.
    assert line.run().status_code == 200
