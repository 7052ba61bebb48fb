"""Tokens that a session's token gets: of one's own for programs, and an officer's of others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from accounts.models import Session
from tests.attack.enrolments import CARRIED, Carried, Enrolments, let_through
from tests.attack.factor_calls import FactorCall
from tests.attack.ledger import Live, Token
from tests.attack.people import DEPLOYMENT, Actor
from tests.attack.places import ABSENT, Place, Try, auth_token, members, of
from tests.attack.story import ACTORS
from tests.attack.wire import Heard, Sent

_KINDS = frozenset({"rocketchat token"})
NAMES = ["one", "two"]
SECRETS = [DEPLOYMENT, DEPLOYMENT, DEPLOYMENT, "another", "", None, ABSENT]


def _making(name: str) -> Callable[[str, Try], Sent]:
    def sent(token: str, tried: Try) -> Sent:
        plain = auth_token(f"/api/v1/users.{name}", "POST")(token, tried)
        code = tried.step_up if isinstance(tried.step_up, str) else ""
        return replace(plain, headers={**plain.headers, "X-2FA-Code": code})

    return sent


def _call(name: str) -> FactorCall:
    door = f"api/v1/users.{name}"
    return FactorCall(Place("rocketchat", _KINDS, _making(name), door), "step-up")


MAKE: Mapping[str, FactorCall] = {
    "new": _call("generatePersonalAccessToken"),
    "again": _call("regeneratePersonalAccessToken"),
}
FOR_OTHERS = Place("rocketchat", _KINDS, _making("createToken"), "api/v1/users.createToken")


class Programs(Enrolments):
    """A stolen old token makes no token; nobody but an officer gets one of somebody else."""

    @rule(
        way=st.sampled_from(sorted(MAKE)),
        name=st.sampled_from(NAMES),
        fitting=st.booleans(),
        **CARRIED,
    )
    def make_a_token(
        self, *, way: str, name: str, pick: int, fitting: bool, step_up: Any, address: str
    ) -> None:
        token, text = self._any_token(MAKE[way].place, pick, fitting=fitting)
        self._made(way, name, Carried(token, text, step_up, address))

    @rule(
        who=st.sampled_from(ACTORS),
        name=st.sampled_from(NAMES),
        again=st.booleans(),
        pause=st.sampled_from([0, 0, 901, 1801]),
    )
    def log_in_and_make_tokens(self, *, who: str, name: str, again: bool, pause: int) -> None:
        """A whole login, a token of this name, and perhaps another text for it."""
        actor = self.actors[who]
        token = self._own_token(MAKE["new"].place, actor)
        if token is None:
            return
        self.clock.forward(pause)
        had = self.named.get((actor.user_id, name))
        made = self._made("new", name, Carried(token, token.text))
        taken = had is not None and not had.ended and had.epoch == actor.epoch
        assert made or pause or taken or not actor.person, f"{who} was refused a token"
        if again:
            self._made("again", name, Carried(token, token.text))

    @rule(
        who=st.sampled_from(["erin", "erin", "frank", "alice", "dave"]),
        other=st.sampled_from(ACTORS),
        secret=st.sampled_from(SECRETS),
        pick=st.integers(0, 20),
        own=st.booleans(),
    )
    def get_a_token_of_another(
        self, *, who: str, other: str, secret: Any, pick: int, own: bool
    ) -> None:
        token, text = self._any_token(FOR_OTHERS, pick, fitting=True)
        if own:
            token = self._own_token(FOR_OTHERS, self.actors[who])
            text = token.text if token else None
        if not isinstance(text, str):
            return
        actor = token.live.actor if token else self.actors[who]
        tried = of(actor)
        body = members(username=self.actors[other].username, secret=secret)
        reason = self._unearned(FOR_OTHERS, tried, token)
        heard, opened = self._opening(replace(FOR_OTHERS.sent(text, tried), body=body))
        if opened is None:
            return
        subject = self.by_id[opened.user_id]
        faults = {
            "no officer": not actor.staff,
            "another tenant's": subject.tenant != actor.tenant,
            "another officer's": subject.staff,
            "the account is disabled": not subject.enabled,
            "the secret was not known": secret != DEPLOYMENT,
        }
        reason = reason or next((why for why, at_fault in faults.items() if at_fault), None)
        assert reason is None, f"{actor.username} got a token of {subject.username}: {reason}"
        self._new_life(FOR_OTHERS, subject, opened, heard.loot[".data.authToken"])

    def _made(self, way: str, name: str, carried: Carried) -> bool:
        """Send the call and judge what came of it; whether it gave a token."""
        call, token = MAKE[way], carried.token
        if not isinstance(carried.text, str):
            return False
        actor = carried.actor or self.actors["alice"]
        tried = of(actor, **self._address(actor, carried.address))
        tried = replace(tried, step_up=self._step_up_code(carried.step_up, actor))
        reason = self._unearned(call.place, tried, token)
        if reason is None and token is not None:
            reason = self._not_proved(call.asks, tried, token.live)
        beside, was = self._step_up(tried, actor), self.sight.factors(actor.user_id)
        sent = replace(call.sent(carried.text, tried), body={"tokenName": name})
        heard, opened = self._opening(sent)
        if token is not None:
            self._account(actor, tried, was, self.sight.factors(actor.user_id))
            if beside and (heard.status == 200 or let_through(call, heard)):
                token.live.proofs.append((beside[0], self.clock.now()))
        if opened is None:
            return False
        assert reason is None, f"{actor.username} got a token: {reason}"
        assert opened.user_id == actor.user_id
        assert actor.person, "a machine"
        before = self.named.get((actor.user_id, name))
        if before is not None:
            before.ended = True
        live = self._new_life(call.place, actor, opened, heard.loot[".token"])
        live.personal = True
        self.named[actor.user_id, name] = live
        return True

    def _opening(self, sent: Sent) -> tuple[Heard, Session | None]:
        """The answer, and the session that it opened: never more than it tells of."""
        heard, before = self.send(sent)
        opened = self.opened(before)
        assert bool(heard.loot) == bool(opened), heard
        assert not self.moved(before), "a last login changed"
        return heard, opened[0] if opened else None

    def _new_life(self, place: Place, actor: Actor, opened: Session, text: str) -> Live:
        """Nothing was proved in it."""
        self.happened[place.door] += 1
        now = self.clock.now()
        live = Live(opened.pk, actor, "rocketchat", actor.epoch, opened.expires_at, now)
        self.lives.append(live)
        self.tokens.append(Token(text, "rocketchat token", live, live.ends))
        return live
