"""Tokens, wherever one can be presented."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.attack.doors import FIRST, Step
from tests.attack.ledger import Token
from tests.attack.logins import Logins
from tests.attack.people import Actor
from tests.attack.places import ENDING, GUARDED, RENEW, Place, Try, of, tokens
from tests.attack.story import ACTORS, ADDRESSES

# Where a whole login begins that gives all tokens of its contract.
DOORS = {
    "browser": "browser",
    "bytebase": "bytebase web",
    "coldstream": "coldstream",
    "datarhei": "datarhei",
    "oloid": "oloid InitiateAuth",
    "rocketchat": "rocketchat plain",
}


class Bearers(Logins):
    """Every token at every place."""

    @rule(
        place=st.sampled_from(sorted(RENEW)),
        pick=st.integers(0, 60),
        address=st.sampled_from(ADDRESSES),
        fitting=st.booleans(),
    )
    def renew(self, place: str, pick: int, address: str, fitting: bool) -> None:
        """Any text at a door that continues a session."""
        self._present(RENEW[place], pick, address, fitting=fitting)

    @rule(
        place=st.sampled_from(sorted(GUARDED)),
        pick=st.integers(0, 60),
        address=st.sampled_from(ADDRESSES),
        fitting=st.booleans(),
    )
    def use(self, place: str, pick: int, address: str, fitting: bool) -> None:
        """Any text at a call that asks who is there."""
        self._present(GUARDED[place], pick, address, fitting=fitting)

    @rule(
        place=st.sampled_from(sorted(ENDING)),
        pick=st.integers(0, 20),
        address=st.sampled_from(ADDRESSES),
    )
    def log_out(self, place: str, pick: int, address: str) -> None:
        ending = ENDING[place]
        fits = [token for token in reversed(self.tokens) if token.kind in ending.kinds]
        if not fits:
            return
        token = fits[pick % len(fits)]
        live = token.live
        tried = of(live.actor, **self._address(live.actor, address))
        earned = self._unearned(ending, tried, token) is None
        heard, _ = self.send(ending.sent(token.text, tried))
        if earned and heard.status == 200:
            self.happened["log-out"] += 1
            whole = "GlobalSignOut" in place
            for each in self.lives:
                same = each.actor is live.actor and each.contract == live.contract
                each.ended |= each is live or (whole and same)

    @rule(
        place=st.sampled_from(sorted(RENEW)),
        who=st.sampled_from(ACTORS),
        pause=st.sampled_from([0, 0, 11, 601, 3601]),
        times=st.integers(1, 3),
    )
    def log_in_and_renew(self, place: str, who: str, pause: int, times: int) -> None:
        """A whole login, and what it gave at the door that continues it, once or more often."""
        token = self._own_token(RENEW[place], self.actors[who])
        if token is None:
            return
        self.clock.forward(pause)
        for _ in range(times):
            self._presented(RENEW[place], token, token.text, of(token.live.actor))

    def _own_token(self, place: Place, actor: Actor) -> Token | None:
        """A token for this place out of a whole login; None where there was none to be had."""
        step = FIRST[DOORS[place.contract]]
        self.clock.forward(31)

        def code(step: Step) -> Any:
            return self._honest_code(actor, step, recovering=False)

        if not self._whole_login(actor, step, code):
            return None
        own = [each for each in self.tokens if each.live is self.lives[-1]]
        return next((each for each in own if self._kind(each) in place.kinds), None)

    def _present(self, place: Place, pick: int, address: str, *, fitting: bool) -> None:
        token, text = self._any_token(place, pick, fitting=fitting)
        actor = token.live.actor if token else self.actors[ACTORS[pick % len(ACTORS)]]
        if isinstance(text, str):
            self._presented(place, token, text, of(actor, **self._address(actor, address)))

    def _presented(self, place: Place, token: Token | None, text: str, tried: Try) -> None:
        reason = self._unearned(place, tried, token)
        heard, before = self.send(place.sent(text, tried))
        assert not self.opened(before)
        assert not self.moved(before), "a last login changed"
        given = tokens(place.contract, heard) if heard.loot else {}
        if place.door:
            assert not given or reason is None, f"{place} gave {sorted(given)}: {reason}"
            if token and given:
                self.happened[place.door] += 1
                self._renewed(token, given)
            elif token and not given:
                self._replayed(place, tried, token)
        else:
            assert not given, f"{place} gave {sorted(given)}"
            opened = place.opened(heard)
            assert not opened or reason is None, f"{place} opened: {reason}"
            if opened and token:
                token.live.seen = self.clock.now()
                self.happened["guarded"] += 1
        if reason is not None and not (place.opened(heard) and not place.door):
            told = {a.marker for a in self.actors.values() if a.marker in heard.text}
            assert not told, f"{place} told of {told}"

    def _any_token(self, place: Place, pick: int, *, fitting: bool) -> tuple[Token | None, Any]:
        fits = [token for token in reversed(self.tokens) if self._kind(token) in place.kinds]
        if fitting and fits:
            token = fits[pick % len(fits)]
            return token, token.text
        every: list[Token | None] = list(reversed(self.tokens))
        if pick < len(every):
            token_ = every[pick]
            assert token_ is not None
            return token_, token_.text
        texts = [each.token for each in reversed(self.open)] + ["x" * 43, "a.b.c"]
        return None, texts[pick % len(texts)]

    def _renewed(self, token: Token, given: Mapping[str, str]) -> None:
        live = token.live
        fresh = given.get("bytebase refresh")
        if fresh is not None and token.text == live.current:
            live.previous, live.rotated_at = token.text, self.clock.now()
        elif fresh is not None:
            assert fresh == live.current, "a second successor"
        self._keep(live, given)

    def _replayed(self, place: Place, tried: Try, token: Token) -> None:
        """A spent refresh token that comes back after the grace takes its session with it."""
        if token.kind != "bytebase refresh" or place.door != "v1/auth/refresh":
            return
        if self._replaced(token) and self._addressed_home(tried, token.live.actor, place):
            token.live.ended = True
            self.happened["replay"] += 1
