"""What the model says: was it earned? It knows nothing of the core."""

from __future__ import annotations

import hashlib
from typing import Any

from mfa import totp
from tests.attack.doors import Step
from tests.attack.ledger import (
    BROWSER_IDLE,
    CHALLENGE_LIFE,
    FRESH,
    GRACE,
    LONGEST_CHALLENGE,
    MAILED_LIFE,
    REMEMBERED,
    Live,
    Open,
    Token,
)
from tests.attack.people import Actor
from tests.attack.places import SET_UP, Place, Try
from tests.attack.story import Story

EVERY_CODE = frozenset({"totp", "recovery", "mail"})
BINDING = "bind_factor"


class Verdicts(Story):
    """The reasons why something was not earned."""

    def _objection(self, step: Step, tried: Try, actor: Actor, *, final: bool) -> str | None:
        """Why this step has not earned what it got, or None."""
        if not actor.enabled:
            return "the account is disabled"
        if not self._at_home(tried, actor, step):
            return "another tenant's address"
        if step.contract == "browser" and not actor.person:
            return "no person"
        waiting = self._waiting(tried.challenge) if step.answers else None
        by_secret = False
        if step.answers:
            if reason := self._not_answered(step, tried, actor, waiting):
                return reason
        else:
            by_secret = self._is_secret(step, tried, actor)
            if not by_secret and (not actor.person or tried.password != actor.password):
                return "the password was not proved"
            name = tried.email if step.by_email else tried.name
            if name not in {actor.username, actor.email}:
                return "named somebody else"
        if not final or by_secret:
            return None
        return self._owed(step, tried, actor, waiting)

    def _owed(self, step: Step, tried: Try, actor: Actor, waiting: Open | None) -> str | None:
        binds = waiting is not None and waiting.proved_step is not None
        if actor.unprovable or (actor.owes_factor and not (binds and step.answers == BINDING)):
            return "a second factor was due"
        chosen = tried.new_password if step.answers == "new_password" else ""
        chosen = chosen or (waiting.new_password if waiting else "")
        if actor.owes_password and not step.forgives_password and not chosen:
            return "a new password was due"
        if actor.has_factor and self._code_key(step.codes, tried.code, actor) is None:
            return "the second factor was not proved, or its code was used before"
        return None

    def _at_home(self, tried: Try, actor: Actor, step: Step) -> bool:
        if tried.host:
            return actor.tenant.slug == "beta"
        return tried.prefix in {"", f"/t/{actor.tenant.slug}"}

    def _is_secret(self, step: Step, tried: Try, actor: Actor) -> bool:
        named = actor.secret_at in {"", step.contract}
        return bool(actor.secret) and named and tried.password == actor.secret

    def _waiting(self, token: Any) -> Open | None:
        return next((each for each in self.open if each.token == token), None)

    def _not_answered(
        self, step: Step, tried: Try, actor: Actor, waiting: Open | None
    ) -> str | None:
        if waiting is None:
            return "no challenge was answered"
        life = CHALLENGE_LIFE.get(step.contract, LONGEST_CHALLENGE)
        faults = {
            "another's challenge": waiting.actor is not actor,
            "another contract's challenge": waiting.contract != step.contract,
            "a challenge for something else": waiting.step != step.answers,
            "a spent challenge": waiting.spent,
            "a challenge from before a change": waiting.epoch != actor.epoch,
            "an expired challenge": self.clock.now() - waiting.born >= life,
            # Only a login that began with a nonce is bound to one.
            "another nonce": waiting.nonce not in {"", tried.nonce},
            "another user was named": step.contract == "oloid"
            and tried.name not in {actor.username, actor.email},
            "another pool": step.contract == "oloid" and tried.tenant != actor.tenant,
        }
        return next((text for text, at_fault in faults.items() if at_fault), None)

    def _code_key(self, codes: frozenset[str], code: Any, actor: Actor) -> tuple[str, str] | None:
        """What a presented code uses up, if it is good here: its kind, and the code itself."""
        if not isinstance(code, str):
            return None
        typed, now = code.strip(), self.clock.now()
        if "totp" in codes and actor.totp_secret:
            step = totp.step_at(now)
            for each in (step, step - 1):
                if each > actor.last_step and typed == totp.code_at(actor.totp_secret, each):
                    return "totp", typed
        if "recovery" in codes and typed in actor.recovery_codes and typed not in actor.spent:
            return "recovery", typed
        if "mail" in codes and actor.mailed and actor.mailbox:
            newest, at = actor.mailbox[-1]
            if typed == newest and now - at < MAILED_LIFE:
                return "mail", typed
        return None

    def _spend(self, kind: str, code: str, actor: Actor) -> None:
        """The product took this code: nobody may ever take it again."""
        self.happened[f"{kind} code"] += 1
        if kind == "mail":
            actor.mailbox.clear()
            return
        actor.spent.add(code)
        if kind == "totp":
            now = totp.step_at(self.clock.now())
            fits = [s for s in (now, now - 1) if totp.code_at(actor.totp_secret, s) == code]
            actor.last_step = max(actor.last_step, *fits)

    def _unearned(self, place: Place, tried: Try, token: Token | None) -> str | None:
        """Why this token opens nothing here, or None."""
        if token is None:
            return "no token"
        live, now = token.live, self.clock.now()
        actor = live.actor
        home = self._addressed_home(tried, actor, place)
        faults = {
            "a token of another kind": self._kind(token) not in place.kinds,
            "the account is disabled": not actor.enabled,
            "from before a change": live.epoch != actor.epoch,
            "its session was ended": live.ended,
            "expired": now >= token.ends or now >= live.ends,
            "idle": live.contract == "browser" and now - live.seen > BROWSER_IDLE,
            "another tenant's address": not home,
            "replaced": token.kind == "bytebase refresh" and self._replaced(token),
        }
        return next((text for text, at_fault in faults.items() if at_fault), None)

    def _kind(self, token: Token) -> str:
        """A session that has bound what it owed may do everything."""
        grown = token.kind == SET_UP and not token.live.sets_up
        return "bytebase access" if grown else token.kind

    def _addressed_home(self, tried: Try, actor: Actor, place: Place) -> bool:
        if tried.host:
            return actor.tenant.slug == "beta"
        return tried.prefix in {"", f"/t/{actor.tenant.slug}"}

    def _replaced(self, token: Token) -> bool:
        live = token.live
        if token.text == live.current:
            return False
        within = live.rotated_at is not None and self.clock.now() - live.rotated_at <= GRACE
        return token.text != live.previous or not within

    # Changes of one's factors.

    def _not_proved(self, asks: str, tried: Try, live: Live) -> str | None:
        """Why this session may not change the account's factors with this call, or None."""
        actor, now = live.actor, self.clock.now()
        if asks == "fresh":
            proved = live.proved(now, FRESH)
            if "secret" in proved:
                return "a machine"
            wanted = {"totp", "recovery"} if actor.totp_secret else {"mail"}
            enough = proved & wanted if actor.has_factor else proved
            return None if enough and not actor.unprovable else "no fresh login of the full level"
        if asks == "own code":
            kinds = frozenset({"totp", "recovery"})
            return None if self._code_key(kinds, tried.code, actor) else "no code of one's own"
        if asks == "step-up" and self._remembered(live):
            return None
        return None if self._step_up(tried, actor) else "no proof beside the call"

    def _remembered(self, live: Live) -> bool:
        proved = live.proved(self.clock.now(), REMEMBERED)
        return bool(proved & EVERY_CODE or (proved and not live.actor.has_factor))

    def _step_up(self, tried: Try, actor: Actor) -> tuple[str, str] | None:
        """What proves the account's level beside a call: a code, or the password without one."""
        if not actor.has_factor and not actor.unprovable:
            digest = hashlib.sha256(actor.password.encode()).hexdigest()
            return ("password", digest) if tried.step_up == digest else None
        return self._code_key(EVERY_CODE, tried.step_up, actor)
