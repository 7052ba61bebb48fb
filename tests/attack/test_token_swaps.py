"""Every kind of token at every place that takes one: only the diagonal opens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import pytest

from accounts.models import Session
from tests.attack.clock import Clock
from tests.attack.doors import FIRST, SECOND
from tests.attack.people import Actor, Town
from tests.attack.places import ENDING, PLACES, SET_UP, Place, Try, of, tokens
from tests.attack.undone import undone
from tests.attack.wire import Sent, send

PLAIN = ["coldstream", "rocketchat plain", "bytebase web", "datarhei", "oloid Login", "browser"]
CHALLENGING = ["coldstream", "bytebase", "oloid Login", "browser"]


@dataclass(frozen=True)
class Held:
    """A token and whose it is."""

    kind: str
    text: str
    owner: Actor


def held(plain: Actor, guarded: Actor) -> list[Held]:
    """One live token of every kind: sessions of the one, challenges of the other."""
    found: dict[str, Held] = {}
    for door in PLAIN:
        step = FIRST[door]
        for kind, text in tokens(step.contract, send(step.sent(of(plain)))).items():
            found[kind] = Held(kind, text, plain)
    for door in CHALLENGING:
        kind = f"{FIRST[door].contract} challenge"
        found[kind] = Held(kind, send(FIRST[door].sent(of(guarded))).challenge, guarded)
    assert all(each.text for each in found.values()), found
    assert len(found) == 14
    return list(found.values())


def answers(step: str, code: str, token: str, tried: Try) -> bool:
    """Whether a text in a challenge's place completes a login with a right code."""
    return bool(send(SECOND[step].sent(replace(tried, challenge=token, code=code))).loot)


def presents(place: Place, token: str, tried: Try) -> bool:
    return place.opened(send(place.sent(token, tried)))


def ends_something(place: Place, token: str, tried: Try) -> bool:
    return ends(place.sent(token, tried))


def places(code: str) -> dict[str, tuple[frozenset[str], Callable[[str, Try], bool]]]:
    """What each place opens to, and whether it opened."""
    found: dict[str, tuple[frozenset[str], Callable[[str, Try], bool]]] = {}
    for name, place in PLACES.items():
        found[name] = (place.kinds, partial(presents, place))
    for name, place in ENDING.items():
        found[name] = (place.kinds, partial(ends_something, place))
    for name, step in SECOND.items():
        if step.answers == "second_factor" and "totp" in step.codes:
            kinds = frozenset({f"{step.contract} challenge"})
            found[name] = (kinds, partial(answers, name, code))
    return found


def ends(sent: Sent) -> bool:
    before = Session.objects.filter(ended_at=None).count()
    send(sent)
    return Session.objects.filter(ended_at=None).count() < before


def opened(have: list[Held], code: str, **address: str) -> dict[str, set[str]]:
    """For every place the kinds of token that opened it."""
    found: dict[str, set[str]] = {}
    for name, (_, opens) in places(code).items():
        found[name] = set()
        for each in have:
            with undone():
                if opens(each.text, of(each.owner, **address)):
                    found[name].add(each.kind)
    return found


def diagonal(code: str) -> dict[str, set[str]]:
    return {name: set(kinds) - {SET_UP} for name, (kinds, _) in places(code).items()}


def test_a_set_up_token_opens_only_what_binds_the_factor(town: Town) -> None:
    judy = town["judy"]
    given = tokens("bytebase", send(FIRST["bytebase web"].sent(of(judy))))
    assert set(given) == {SET_UP}
    have = [Held(SET_UP, given[SET_UP], judy)]
    for prefix in ("", "/t/gamma"):
        found = opened(have, "000000", prefix=prefix)
        assert {name for name, kinds in found.items() if kinds} == {
            "bytebase me",
            "bytebase me by cookie",
            "bytebase logout",
        }
    assert not any(opened(have, "000000", prefix="/t/alpha").values())


def test_only_the_diagonal_opens(town: Town) -> None:
    frank = town["frank"]
    have = held(town["erin"], frank)
    assert opened(have, frank.code(), prefix="") == diagonal(frank.code())
    assert opened(have, frank.code(), prefix="/t/alpha") == diagonal(frank.code())


@pytest.mark.parametrize(
    "address", [{"prefix": "/t/beta"}, {"prefix": "", "host": "beta.example.com"}]
)
def test_at_another_tenants_address_nothing_opens(town: Town, address: dict[str, str]) -> None:
    frank = town["frank"]
    found = opened(held(town["erin"], frank), frank.code(), **address)
    assert not any(found.values()), found


def test_a_pools_tokens_and_challenges_are_nothing_to_another_pool(town: Town) -> None:
    frank, beta = town["frank"], town.beta
    have = [each for each in held(town["erin"], frank) if each.kind.startswith("oloid")]
    for name, (_, opens) in places(frank.code()).items():
        if not name.startswith("oloid") or name in {"oloid GetUser", "oloid GlobalSignOut"}:
            # These two name no pool: the token alone says which.
            continue
        for each in have:
            with undone():
                assert not opens(each.text, replace(of(each.owner, prefix=""), tenant=beta)), name


def test_tokens_of_another_tenant_open_nothing_here(town: Town) -> None:
    dave, bob = town["dave"], town["bob of beta"]
    have: list[Held] = []
    for door in PLAIN:
        given = tokens(FIRST[door].contract, send(FIRST[door].sent(of(dave))))
        have += [Held(kind, text, dave) for kind, text in given.items()]
    for door in CHALLENGING:
        text = send(FIRST[door].sent(of(bob))).challenge
        have.append(Held(f"{FIRST[door].contract} challenge", text, bob))
    found = opened(have, bob.code(), prefix="/t/alpha")
    assert not any(found.values()), found
    at_home = opened(have, bob.code(), prefix="", host="beta.example.com")
    assert at_home == diagonal(bob.code())


def test_a_token_in_every_other_place_of_the_request_opens_nothing(town: Town) -> None:
    """All foreign tokens at once, in every header, cookie and parameter, beside nothing right."""
    have = held(town["erin"], town["frank"])
    for name, place in PLACES.items():
        for each in have:
            sprayed = place.sent("x" * 43, of(each.owner, prefix=""))
            if each.kind in place.kinds:
                # Only the place that the product documents counts.
                headers = {"X-Access-Token": each.text, "Proxy-Authorization": each.text}
                cookies = {"token": each.text, "session": each.text, "sessionid": each.text}
            else:
                named = ("X-Auth-Token", "X-Refresh-Token", "X-Access-Token")
                headers = dict.fromkeys(named, each.text) | {"Authorization": f"Bearer {each.text}"}
                cookies = dict.fromkeys(("access-token", "refresh-token", "dragoman"), each.text)
            mixed = replace(
                sprayed,
                path=f"{sprayed.path}?access_token={each.text}&token={each.text}"
                if "?" not in sprayed.path
                else sprayed.path,
                headers={**headers, **sprayed.headers},
                cookies={**cookies, **sprayed.cookies},
            )
            with undone():
                heard = send(mixed)
                strayed = place.opened(heard) and not _fits_elsewhere(name, each.kind)
                assert not strayed, (name, each.kind, heard)


def _fits_elsewhere(place: str, kind: str) -> bool:
    """A call that takes its token from a header or a cookie was given a right one after all."""
    return kind in PLACES[place].kinds


def test_the_clock_ends_every_challenge(town: Town, clock: Clock) -> None:
    frank = town["frank"]
    have = [each for each in held(town["erin"], frank) if each.kind.endswith("challenge")]
    clock.forward(301)
    found = opened(have, frank.code(), prefix="")
    assert not any(found.values()), found
