"""Tokens of one contract at every endpoint of all others, found by declaration: nothing opens."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import pytest
from django.db import connection
from django.utils import timezone

from accounts.client import ClientContext
from accounts.login import password_links
from accounts.login.custody import Act
from tests.attack.people import Actor, Town
from tests.attack.places import of, rocketchat_id
from tests.attack.test_token_swaps import Held, held
from tests.attack.undone import undone
from tests.attack.wire import Heard, Sent, send
from tests.contracts.every.places import ACTIONS, BODIED, Place

JUNK = "x" * 43
# What the browser's own cookie is called here, and what products call theirs.
COOKIES = ("access-token", "refresh-token", "dragoman", "user")
# A personal access token opens what a session's token opens.
PERSONAL = "rocketchat personal"


def everywhere(place: Place, method: str, token: str, user_id: str, prefix: str) -> Sent:
    """A call with the token in every header and cookie where some product takes one."""
    headers = {"Authorization": f"Bearer {token}", "X-Auth-Token": token, "X-User-Id": user_id}
    return Sent(
        place.path,
        {} if method in BODIED else None,
        method=method,
        headers=headers,
        cookies=dict.fromkeys(COOKIES, token),
        prefix="" if place.path == "/" else prefix,
    )


def personal_token(have: list[Held], user_id: str) -> Held:
    session = next(each for each in have if each.kind == "rocketchat token")
    heard = send(
        Sent(
            "/api/v1/users.generatePersonalAccessToken",
            {"tokenName": "swap"},
            headers={"X-Auth-Token": session.text, "X-User-Id": user_id},
            prefix="/t/alpha",
        )
    )
    return Held(PERSONAL, heard.json()["token"], session.owner)


def reset_link(who: Actor) -> Held:
    password_links.send_reset(who.row(), Act(ClientContext("", timezone.now()), "tests"))
    sending = [call[1] for call in connection.run_on_commit if isinstance(call[1], partial)]
    found = [re.search(r"/password/([\w-]{43})/", str(call.args[0].body)) for call in sending]
    (token,) = [each[1] for each in found if each]
    return Held("reset link", token, who)


def tells(heard: Heard, owner_names: tuple[str, ...]) -> bool:
    """Whether an answer gave something out, or knows whose token it was."""
    return bool(heard.loot) or any(name in heard.text for name in owner_names)


def swaps(have: list[Held]) -> Iterator[tuple[Place, str, Held]]:
    for place, method in ACTIONS:
        if method != "HEAD":
            for each in have:
                if each.kind.split()[0] != place.slug:
                    yield place, method, each


@pytest.mark.parametrize("prefix", ["", "/t/alpha"])
def test_a_token_of_one_contract_is_as_good_as_none_at_every_endpoint_of_the_others(
    town: Town, prefix: str
) -> None:
    have = held(town["erin"], town["frank"])
    user_id = rocketchat_id(of(town["erin"]))
    have.append(personal_token(have, user_id))
    # Secrets that are no tokens, and one whose place is in a mail.
    have += [Held("app password", town["bob"].secret, town["bob"]), reset_link(town["frank"])]
    strangers: dict[tuple[str, str, str], int] = {}
    opened: list[tuple[str, str, str, int]] = []
    for place, method, each in swaps(have):
        key = (place.slug, place.path, method)
        with undone():
            if key not in strangers:
                strangers[key] = send(everywhere(place, method, JUNK, "2" * 17, prefix)).status
            heard = send(everywhere(place, method, each.text, user_id, prefix))
        names = (each.owner.email, each.owner.username)
        if tells(heard, names) or (heard.status < 300 <= strangers[key]):
            opened.append((method, place.path, each.kind, heard.status))
    assert len(strangers) > 60
    assert not opened


# Of each contract, what is no token for calls; and where one of these is at home all the same.
NO_ACCESS = ("refresh", "challenge")
AT_HOME = {("datarhei refresh", "/api/login/refresh")}


def test_a_contracts_own_refresh_tokens_and_challenges_are_no_bearers_at_any_of_its_endpoints(
    town: Town,
) -> None:
    have = [each for each in held(town["erin"], town["frank"]) if each.kind.endswith(NO_ACCESS)]
    opened, tried = [], 0
    for place, method in ACTIONS:
        for each in have:
            own = each.kind.split()[0] == place.slug
            if not own or method == "HEAD" or (each.kind, place.path) in AT_HOME:
                continue
            stranger, sent = (
                replace(everywhere(place, method, token, "2" * 17, "/t/alpha"), cookies={})
                for token in (JUNK, each.text)
            )
            with undone():
                expected = send(stranger)
            with undone():
                heard = send(sent)
            tried += 1
            told = tells(heard, (each.owner.email, each.owner.username))
            if told or (heard.status < 300 <= expected.status):
                opened.append((method, place.path, each.kind, heard.status))
    assert tried > 50
    assert not opened
