"""Second factors that are set up, changed and taken away, by their owners and by thieves."""

from __future__ import annotations

import hashlib
from base64 import b32decode
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from mfa import totp
from tests.attack.bearers import DOORS, Bearers
from tests.attack.doors import FIRST
from tests.attack.factor_calls import (
    ASK,
    OTHER,
    PROVE,
    REMOVES,
    FactorCall,
    associate,
    codes_of,
    mail_again,
    secret_of,
    verify,
)
from tests.attack.ledger import LONGEST_CHALLENGE, WAITING, Factors, Open, Token, Waiting
from tests.attack.people import Actor
from tests.attack.places import ABSENT, Try, of
from tests.attack.story import ACTORS, ADDRESSES, CODES
from tests.attack.verdicts import BINDING
from tests.attack.wire import Heard

# The first code of a new app, or another one.
FIRST_CODES = ["right"] * 4 + ["previous", "older", "in use", "wrong", "", None, ABSENT]
STEP_UPS = ["fresh", "fresh", "used", "recovery", "mailed", "password", "wrong", ABSENT]
# What varies in every call with a token, whatever it is for.
CARRIED: dict[str, Any] = {
    "pick": st.integers(0, 20),
    "step_up": st.sampled_from(STEP_UPS),
    "address": st.sampled_from(ADDRESSES),
}


@dataclass(frozen=True)
class Carried:
    """What goes with a call: a token, whose it is if anybody's, and a proof beside it."""

    token: Token | None
    text: Any
    step_up: Any = ABSENT
    address: str = "own"

    @property
    def actor(self) -> Actor | None:
        return self.token.live.actor if self.token else None


@dataclass(frozen=True)
class Change:
    """What a call with a known token did to its owner's factors."""

    act: str
    token: Token
    tried: Try
    heard: Heard
    was: Factors
    now: Factors
    # Why it was not earned, or None.
    reason: str | None


def let_through(call: FactorCall, heard: Heard) -> bool:
    """Whether a call was refused for its own reasons, the proof beside it having been right."""
    guard = '"errorType":"totp-' in heard.text.replace(" ", "")
    return call.asks == "step-up" and heard.status == 400 and not guard


class Enrolments(Bearers):
    """A stolen token neither binds nor removes; a bound factor is asked for from then on."""

    @rule(way=st.sampled_from(sorted(ASK)), fitting=st.booleans(), **CARRIED)
    def ask_for_a_secret(
        self, way: str, pick: int, fitting: bool, step_up: Any, address: str
    ) -> None:
        token, text = self._any_token(ASK[way].place, pick, fitting=fitting)
        self._asked(way, Carried(token, text, step_up, address))

    @rule(
        way=st.sampled_from(sorted(PROVE)),
        own=st.booleans(),
        code=st.sampled_from(FIRST_CODES),
        **CARRIED,
    )
    def prove_the_secret(
        self, *, way: str, pick: int, own: bool, code: Any, step_up: Any, address: str
    ) -> None:
        """By the session that has asked, or by any other one."""
        waiting = list(self.waiting.values())
        fits = [
            token
            for token in self.tokens
            if own
            and any(token.live is each.live for each in waiting)
            and self._kind(token) in PROVE[way].place.kinds
        ]
        token, text = self._any_token(PROVE[way].place, pick, fitting=True)
        if fits:
            token = fits[pick % len(fits)]
            text = token.text
        self._proved(way, Carried(token, text, step_up, address), code)

    @rule(
        way=st.sampled_from(sorted(OTHER)),
        fitting=st.booleans(),
        code=st.sampled_from(CODES),
        **CARRIED,
    )
    def change_a_factor(
        self, *, way: str, pick: int, fitting: bool, code: Any, step_up: Any, address: str
    ) -> None:
        token, text = self._any_token(OTHER[way].place, pick, fitting=fitting)
        if token is not None:
            code = self._code(code, token.live.actor, self.actors[ACTORS[pick % len(ACTORS)]])
        self._sent(OTHER[way], way, Carried(token, text, step_up, address), code)

    @rule(
        way=st.sampled_from(sorted(ASK)),
        who=st.sampled_from(ACTORS),
        code=st.sampled_from(FIRST_CODES),
        pause=st.sampled_from([0, 0, 0, 301, 901, 1801]),
    )
    def enrol(self, way: str, who: str, code: Any, pause: int) -> None:
        """A login, a secret and its first code, with or without a pause on the way."""
        actor, door = self.actors[who], DOORS[way]
        honest = self._must_open(actor, FIRST[door], door) and actor.person
        token = self._own_token(ASK[way].place, actor)
        assert token or not honest, f"{who} got nothing at {door} to ask {way} with"
        if token is None:
            return
        self.clock.forward(pause)
        replaces = way == "rocketchat" and bool(actor.totp_secret)
        carried = Carried(token, token.text)
        asked = self._asked(way, carried)
        assert asked or pause or replaces or not honest, f"{who} was refused a secret by {way}"
        if asked:
            before = actor.authenticator
            self._proved(way, carried, code)
            bound = actor.authenticator != before
            assert bound or code != "right", f"{who} was not let bind by {way}"

    @rule(who=st.sampled_from(ACTORS), address=st.sampled_from(ADDRESSES))
    def ask_for_mail(self, who: str, address: str) -> None:
        actor = self.actors[who]
        heard, before = self.send(mail_again(of(actor, **self._address(actor, address))))
        assert not heard.loot
        assert not self.opened(before)

    @rule(
        way=st.sampled_from(sorted(OTHER)),
        who=st.sampled_from(ACTORS),
        code=st.sampled_from(CODES),
        step_up=st.sampled_from(STEP_UPS),
        pause=st.sampled_from([0, 0, 0, 301, 901, 1801]),
    )
    def log_in_and_change(self, *, way: str, who: str, code: Any, step_up: Any, pause: int) -> None:
        """A whole login, and a change by its session, with or without a pause on the way."""
        actor = self.actors[who]
        token = self._own_token(OTHER[way].place, actor)
        if token is not None:
            self.clock.forward(pause)
            typed = self._code(code, actor, self.actors["bob"])
            if OTHER[way].asks == "code":
                # As clients do: this has the code mailed, where it comes by mail.
                self._sent(OTHER[way], way, Carried(token, token.text), typed)
            self._sent(OTHER[way], way, Carried(token, token.text, step_up), typed)

    # In the middle of a login that owes a factor.

    @rule(
        pick=st.integers(0, 12),
        code=st.sampled_from(FIRST_CODES),
        ask=st.booleans(),
        prove=st.sampled_from([True, True, False]),
        finish=st.sampled_from([True, True, False]),
        address=st.sampled_from(ADDRESSES),
    )
    def bind_on_the_way(
        self, *, pick: int, code: Any, ask: bool, prove: bool, finish: bool, address: str
    ) -> None:
        """The three calls in order, or some of them, with the challenge of any login."""
        found = self._picked(pick, fitting=pick < 8)
        if found is None or pick < 4:
            self._step(FIRST["oloid InitiateAuth"], of(self.actors["judy"]))
            found = self.open[-1] if self.open else None
        if found is None:
            return
        tried = of(found.actor, **self._address(found.actor, address))
        if ask or pick < 4:
            found = self._associated(found, replace(tried, challenge=found.token))
        if prove:
            typed = self._first_code(code, found.secret, found.actor)
            found = self._verified(found, replace(tried, challenge=found.token, code=typed))
        if finish:
            following = self._fitting(found)
            if following is not None and found.step == BINDING:
                self._step(following, replace(tried, challenge=found.token))

    def _associated(self, found: Open, tried: Try) -> Open:
        heard, _ = self.send(associate(tried))
        text = secret_of(heard)
        if not text:
            assert not heard.challenge
            return found
        reason = self._not_binding(found, tried)
        assert reason is None, f"{found.actor.username} got a secret: {reason}"
        return self._moved_on(found, heard, secret=_secret(text))

    def _verified(self, found: Open, tried: Try) -> Open:
        heard, _ = self.send(verify(tried))
        if not heard.challenge:
            return found
        step = self._shown_step(found.secret, tried.code)
        reason = self._not_binding(found, tried)
        # One fact in two halves.
        assert reason is None and step is not None, f"{found.actor.username}: {reason}, {step}"  # noqa: PT018
        return self._moved_on(found, heard, secret=found.secret, proved_step=step)

    def _not_binding(self, found: Open, tried: Try) -> str | None:
        actor = found.actor
        faults = {
            "the account is disabled": not actor.enabled,
            "another contract's challenge": found.contract != "oloid",
            "a challenge for something else": found.step != BINDING,
            "a spent challenge": found.spent,
            "a challenge from before a change": found.epoch != actor.epoch,
            "an expired challenge": self.clock.now() - found.born >= LONGEST_CHALLENGE,
            "there is a factor": actor.has_factor or actor.unprovable,
            "another tenant's address": not self._at_home(tried, actor, FIRST["oloid Login"]),
        }
        return next((text for text, at_fault in faults.items() if at_fault), None)

    def _moved_on(self, found: Open, heard: Heard, **more: Any) -> Open:
        found.spent = True
        self.happened["on the way to a factor"] += 1
        following = replace(found, token=heard.challenge, spent=False, **more)
        self.open.append(following)
        return following

    # By a session.

    def _asked(self, way: str, carried: Carried) -> bool:
        heard, reason = self._sent(ASK[way], "ask", carried, ABSENT)
        secret = secret_of(heard) if heard else ""
        if heard is None or not secret:
            return False
        token = carried.token
        # One fact in two halves.
        assert reason is None and token is not None, f"{way} gave a secret: {reason}"  # noqa: PT018
        self.happened[f"secret {way}"] += 1
        self.waiting[token.live.actor.user_id] = Waiting(
            _secret(secret), codes_of(heard), token.live, self.clock.now()
        )
        return True

    def _proved(self, way: str, carried: Carried, code: Any) -> None:
        waiting = self.waiting.get(carried.actor.user_id) if carried.actor else None
        typed = self._first_code(code, waiting.secret if waiting else b"", carried.actor)
        self._sent(PROVE[way], f"prove {way}", carried, typed)

    def _first_code(self, choice: Any, secret: bytes, actor: Actor | None) -> Any:
        offset = {"right": 0, "previous": -1, "older": -2}
        if isinstance(choice, str) and choice in offset and secret:
            now = totp.step_at(self.clock.now())
            return totp.code_at(secret, now + offset[choice])
        if choice == "in use":
            return actor.code() if actor and actor.totp_secret else "000000"
        return "000000" if isinstance(choice, str) and choice else choice

    def _shown_step(self, secret: bytes, code: Any) -> int | None:
        now = totp.step_at(self.clock.now())
        fits = [s for s in (now, now - 1) if secret and totp.code_at(secret, s) == code]
        return fits[0] if fits else None

    def _sent(
        self, call: FactorCall, act: str, carried: Carried, code: Any
    ) -> tuple[Heard | None, str | None]:
        """Send a change and account for what it changed; the answer, and why it was not earned."""
        token = carried.token
        if not isinstance(carried.text, str):
            return None, None
        actor = carried.actor or self.actors["alice"]
        tried = of(actor, code=code, **self._address(actor, carried.address))
        tried = replace(tried, step_up=self._step_up_code(carried.step_up, actor))
        reason = self._unearned(call.place, tried, token)
        if reason is None and token is not None:
            reason = self._not_proved(call.asks, tried, token.live)
        beside = self._step_up(tried, actor)
        heard, before = self.send(call.sent(carried.text, tried))
        assert not self.opened(before)
        assert not self.moved(before), "a last login changed"
        was, now = before.factors(actor.user_id), self.sight.factors(actor.user_id)
        if token is not None:
            self._account(actor, tried, was, now)
            self._changed(Change(act, token, tried, heard, was, now, reason))
        if token is not None and beside and (heard.status == 200 or let_through(call, heard)):
            # It was looked at, or the session needed none: either way it proves its holder.
            token.live.proofs.append((beside[0], self.clock.now()))
        return heard, reason

    def _step_up_code(self, choice: Any, actor: Actor) -> Any:
        if choice == "password":
            return hashlib.sha256(actor.password.encode()).hexdigest()
        return self._code(choice, actor, self.actors["dave"])

    def _account(self, actor: Actor, tried: Try, was: Factors, now: Factors) -> None:
        """Codes that were used up were there to be used, and were presented."""
        typed = (tried.code, tried.step_up)
        # As people type them; the product takes the spaces away.
        presented = [each.strip() for each in typed if isinstance(each, str)]
        if now.authenticator == was.authenticator and now.step != was.step:
            # One fact in two halves.
            assert now.step is not None and now.step > actor.last_step  # noqa: PT018
            code = totp.code_at(actor.totp_secret, now.step)
            assert code in presented, "another code was spent"
            self._spend("totp", code, actor)
            self.happened["code inside"] += 1
        if now.authenticator == was.authenticator and now.saved == was.saved - 1:
            left = set(actor.recovery_codes) - actor.spent
            (code,) = left & set(presented)
            self._spend("recovery", code, actor)

    def _changed(self, change: Change) -> None:
        """What a call did to the account's factors must be what it is for, and earned."""
        act, was, now, actor = change.act, change.was, change.now, change.token.live.actor
        if now.mailed != was.mailed:
            self._earned(change)
            assert act == ("rocketchat mail" if now.mailed else "rocketchat no mail")
            actor.mailed = now.mailed
            assert not actor.owes_factor, "what the tenant demands was taken away"
            actor.mailbox.clear()
            if now.mailed:
                self._factor_came(actor, change.token.live)
        if now.authenticator != was.authenticator:
            self._earned(change)
            if now.authenticator is None:
                assert act in REMOVES
                actor.totp_secret, actor.recovery_codes, actor.last_step = b"", (), -1
                assert not actor.owes_factor, "what the tenant demands was taken away"
            else:
                self._bound(change)
            actor.authenticator = now.authenticator
            self.waiting.pop(actor.user_id, None)
        elif act == "rocketchat codes" and codes_of(change.heard):
            self._earned(change)
            actor.recovery_codes = codes_of(change.heard)

    def _earned(self, change: Change) -> None:
        assert change.reason is None, f"{change.act}: {change.reason}"
        self.happened[change.act] += 1

    def _bound(self, change: Change) -> None:
        token, step = change.token, change.now.step
        actor, waiting = token.live.actor, self.waiting.get(token.live.actor.user_id)
        assert change.act.startswith("prove"), change.act
        assert waiting is not None, "nothing waited"
        assert waiting.live is token.live, "what another session has asked for"
        assert self.clock.now() - waiting.born < WAITING, "it had run out"
        shown = self._shown_step(waiting.secret, change.tried.code)
        proved = change.act != "prove bytebase unproved"
        assert shown is not None or not proved, "without a code of it"
        assert step in {shown, waiting.last_step}
        actor.totp_secret, actor.last_step = waiting.secret, -1 if step is None else step
        actor.recovery_codes = waiting.codes or codes_of(change.heard) or actor.recovery_codes
        if proved:
            token.live.proofs.append(("totp", self.clock.now()))
            token.live.sets_up = False
        self._factor_came(actor, token.live)


def _secret(text: str) -> bytes:
    return b32decode(text + "=" * (-len(text) % 8))
