"""Hostile bodies one step away from a right one, at the logins that no example shows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from accounts.wire.contract import Contract
from tests.attack.doors import FIRST, SECOND, Step
from tests.attack.ledger import look
from tests.attack.people import Actor, Town
from tests.attack.places import Try, of
from tests.attack.undone import undone
from tests.attack.wire import Sent, heard_of, send
from tests.contracts.every import hostile, shapes
from tests.contracts.every.places import PLACES
from tests.contracts.test_every_contract import sound
from tests.contracts.test_hostile_logins import TAKEN, around

# Each with the first step that leads to it; the others are their own first step.
WAYS = {
    "rocketchat totp": None,
    "bytebase connect": None,
    "oloid InitiateAuth": None,
    "coldstream otp": "coldstream",
    "bytebase otp": "bytebase",
    "oloid code": "oloid Login",
}


def bodies(right: dict[str, Any]) -> Iterator[tuple[str, bytes, str]]:
    """About three hundred: broken ones, and changes of a right one where its members are."""
    for body in hostile.bodies(list(right)):
        yield body.name, body.content, body.media
    holder = next((name for name, value in right.items() if isinstance(value, dict)), None)
    for name, content in around(right):
        if holder is None or name.startswith((holder, "no ", "the whole")):
            yield name, content.encode() if isinstance(content, str) else content, hostile.JSON
    if holder is not None:
        rest = json.dumps({**right, holder: None})
        for name, content in around(right[holder]):
            # What is no JSON by itself was tried as a whole.
            if isinstance(content, str) and not name.startswith("the whole"):
                yield f"{holder}: {name}", rest.replace("null", content, 1).encode(), hostile.JSON


def right_try(step: Step, way: str, who: Actor) -> Try:
    begins = WAYS[way]
    if begins is None:
        return of(who, code=who.code()) if "totp" in step.codes else of(who)
    challenge = send(FIRST[begins].sent(of(who))).challenge
    assert challenge
    return of(who, challenge=challenge, code=who.code())


@pytest.mark.parametrize("way", WAYS)
def test_three_hundred_bodies_beside_a_right_step_log_nobody_in(town: Town, way: str) -> None:
    step = {**FIRST, **SECOND}[way]
    alone = WAYS[way] is None and "totp" not in step.codes
    who = town["erin" if alone else "frank"]
    right = step.sent(right_try(step, way, who))
    with undone():
        assert send(right).loot
    face, before, wrong, sent = _face(right, step), look(), [], 0
    for name, content, media in bodies(right.body):
        with undone():
            answer = _answered(right, content, media)
            sound(answer, name)
            cookies = [morsel.OutputString() for morsel in answer.cookies.values()]
            heard = heard_of(answer.status_code, answer.content.decode(), cookies)
            given = heard.loot or heard.challenge or heard.status < 400
            if (given and name not in TAKEN.get(step.contract, ())) or (
                not given and look() != before
            ):
                wrong.append((name, repr(heard)))
            elif problem := shapes.misshapen(face, answer):
                wrong.append((name, problem))
        sent += 1
    assert sent >= 280
    assert wrong == []


def _answered(right: Sent, content: bytes, media: str) -> Any:
    headers = {**right.headers, **({"Content-Type": media} if media else {})}
    if right.path == "/" and media == hostile.JSON:
        # As the right call is labelled.
        headers["Content-Type"] = right.media
    return Client().generic("POST", right.prefix + right.path, content, headers=headers)


def _face(right: Sent, step: Step) -> Contract:
    return next(
        place.spoken for place in PLACES if (place.slug, place.path) == (step.contract, right.path)
    )
