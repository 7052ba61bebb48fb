"""A story in progress: who there is, what may be sent, and what the tables show afterwards."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any, ClassVar

from django.db import transaction
from hypothesis.stateful import RuleBasedStateMachine

from accounts.models import Session
from tests.attack import wire
from tests.attack.clock import Clock
from tests.attack.ledger import Live, Open, Sight, Token, Waiting, look, posted
from tests.attack.people import WRONG, Actor, Town
from tests.attack.places import ABSENT
from tests.attack.wire import Heard, Sent

# Those who have more to prove come more often.
ACTORS = [
    *("alice", "bob", "bob", "bob", "carol", "erin", "frank", "frank", "grace", "grace"),
    *("henry", "dave", "alice of beta", "bob of beta", "ivan", "kim", "judy", "judy", "svc"),
]
PASSWORDS = ["right"] * 6 + ["wrong", "other's", "old", "", None, [], ABSENT, 1]
CODES = (
    ["fresh"] * 6
    + ["now"] * 3
    + ["previous", "next", "older", "other's", "used", "recovery", "recovery", "recovery other's"]
    + ["mailed", "mailed", "mailed other's"]
    + ["wrong", "", None, [], ABSENT, "spaced", "other step of other"]
)
ADDRESSES = ["own"] * 5 + ["bare", "bare", "/t/alpha", "/t/beta", "/t/gamma", "beta.example.com"]
NONCES = ["", "", "", "nonce one", "nonce two"]
GARBAGE: list[Any] = ["", None, [], "x", "x" * 43, "a.b.c", {"$ne": None}]


class Story(RuleBasedStateMachine):
    """Every example starts in the same town and leaves it as it was."""

    town: ClassVar[Town]
    clock: ClassVar[Clock]
    # What happened over all examples: a door that never opened was not tried.
    happened: ClassVar[Counter[str]]

    def __init__(self) -> None:
        super().__init__()
        self.clock.rewind()
        self._block = transaction.atomic()
        self._block._from_testcase = True  # type: ignore[attr-defined]  # as Django's TestCase
        self._block.__enter__()
        self.sight = look()
        self.actors = {
            name: replace(
                actor,
                spent=set(),
                mailbox=[],
                authenticator=self.sight.factors(actor.user_id).authenticator,
            )
            for name, actor in self.town.actors.items()
        }
        self.by_id = {actor.user_id: actor for actor in self.actors.values()}
        self.open: list[Open] = []
        self.tokens: list[Token] = []
        self.lives: list[Live] = []
        self.waiting: dict[Any, Waiting] = {}
        # The tokens that people made for their programs, by whose they are and how they are called.
        self.named: dict[tuple[Any, str], Live] = {}
        self.changes = 0

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self._block.__exit__(None, None, None)

    def send(self, sent: Sent) -> tuple[Heard, Sight]:
        """The answer, and what the tables showed before; what they show now is in ``sight``."""
        before, heard = self.sight, wire.send(sent)
        self.sight = look()
        for address, code in posted():
            owner = next(each for each in self.actors.values() if each.email == address)
            owner.mailbox.append((code, self.clock.now()))
        return heard, before

    def opened(self, before: Sight) -> list[Session]:
        fresh = self.sight.sessions - before.sessions
        assert len(fresh) <= 1, "one request opened two sessions"
        return list(Session.objects.filter(pk__in=fresh)) if fresh else []

    def moved(self, before: Sight) -> set[Any]:
        """Whose last login changed."""
        logins = self.sight.logins
        return {key for key, at in logins.items() if at != before.logins.get(key)}

    # What may be sent.

    def _tenant(self, slug: str) -> Any:
        return getattr(self.town, slug)

    def _address(self, actor: Actor, choice: str) -> dict[str, str]:
        if choice == "own":
            return {"prefix": f"/t/{actor.tenant.slug}"}
        if choice == "bare":
            return {"prefix": ""}
        return {"prefix": choice} if choice.startswith("/") else {"prefix": "", "host": choice}

    def _password(self, choice: Any, actor: Actor, other: Actor) -> Any:
        named = {
            "right": actor.secret if not actor.person else actor.password,
            "wrong": WRONG,
            "other's": other.password,
            # Where there is one: the password before the change, or an app password.
            "old": self.town.actors[self._key(actor)].password
            if actor.password != self.town.actors[self._key(actor)].password
            else actor.secret or WRONG,
        }
        return named.get(choice, choice) if isinstance(choice, str) else choice

    def _key(self, actor: Actor) -> str:
        return next(name for name, each in self.actors.items() if each is actor)

    def _code(self, choice: Any, actor: Actor, other: Actor) -> Any:
        if not isinstance(choice, str):
            return choice
        if choice == "fresh":
            # Of a time step that was not used yet.
            self.clock.forward(31)
            choice = "now"
        offset = {"now": 0, "previous": -1, "next": 1, "older": -2}
        if choice in offset:
            return actor.code(steps=offset[choice]) if actor.totp_secret else "000000"
        if choice == "used":
            return next(iter(sorted(actor.spent)), "000000")
        if choice == "spaced":
            return f" {actor.code()} " if actor.totp_secret else " "
        if choice.startswith("mailed"):
            owner = other if choice.endswith("other's") else actor
            return owner.mailbox[-1][0] if owner.mailbox else "000000"
        if choice.startswith("other"):
            steps = -1 if "step" in choice else 0
            return other.code(steps=steps) if other.totp_secret else "000000"
        if choice.startswith("recovery"):
            owner = other if choice.endswith("other's") else actor
            left = [code for code in owner.recovery_codes if code not in owner.spent]
            return left[0] if left else next(iter(owner.recovery_codes), "0000-0000-0000-0000")
        return {"wrong": "000000"}.get(choice, choice)

    def _fresh_password(self, actor: Actor) -> str:
        self.changes += 1
        return f"a new and long secret {actor.tenant.slug} {actor.username} {self.changes}"
