"""Steps of logins: random ones, and whole ones as their owners do them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from accounts.models import Session
from mfa import challenges as challenge_table
from tests.attack.doors import FIRST, SECOND, Step
from tests.attack.ledger import Live, Open, Token, end_of
from tests.attack.people import Actor
from tests.attack.places import ABSENT, SET_UP, Try, of, tokens
from tests.attack.story import ACTORS, ADDRESSES, CODES, GARBAGE, NONCES, PASSWORDS
from tests.attack.verdicts import BINDING, Verdicts
from tests.attack.wire import Heard

# What the records of a session call a proof.
METHODS = {"totp": "otp", "recovery": "recovery", "mail": "email"}


class Logins(Verdicts):
    """Whatever is sent to a door of a login is judged by what came of it."""

    @rule(
        door=st.sampled_from(sorted(FIRST)),
        who=st.sampled_from(ACTORS),
        other=st.sampled_from(ACTORS),
        password=st.sampled_from(PASSWORDS),
        code=st.sampled_from(CODES),
        address=st.sampled_from(ADDRESSES),
        nonce=st.sampled_from(NONCES),
        named=st.sampled_from(["himself"] * 5 + ["other", "email as name"]),
    )
    def begin(
        self,
        *,
        door: str,
        who: str,
        other: str,
        password: Any,
        code: Any,
        address: str,
        nonce: str,
        named: str,
    ) -> None:
        actor, stranger = self.actors[who], self.actors[other]
        shown = stranger if named == "other" else actor
        tried = of(
            shown,
            password=self._password(password, actor, stranger),
            code=self._code(code, actor, stranger),
            nonce=nonce,
            **self._address(actor, address),
        )
        if named == "email as name":
            tried = replace(tried, name=tried.email)
        self._step(FIRST[door], tried)

    @rule(
        door=st.sampled_from(sorted(SECOND)),
        way=st.sampled_from(["fits", "fits", "crossed", "any"]),
        pick=st.integers(0, 40),
        other=st.sampled_from(ACTORS),
        code=st.sampled_from(CODES),
        address=st.sampled_from(ADDRESSES),
        nonce=st.sampled_from(["same", "same", "same", *NONCES]),
        named=st.sampled_from(["himself"] * 5 + ["other"]),
        tenant=st.sampled_from(["own"] * 6 + ["alpha", "beta"]),
    )
    def go_on(
        self,
        *,
        door: str,
        way: str,
        pick: int,
        other: str,
        code: Any,
        address: str,
        nonce: str,
        named: str,
        tenant: str,
    ) -> None:
        """The next step, with a challenge of any login, or with any other text in its place."""
        stranger = self.actors[other]
        found = self._picked(pick, fitting=way != "any")
        actor = found.actor if found else stranger
        step = self._fitting(found, crossed=way == "crossed") if found else None
        if step is None or way == "any":
            step = SECOND[door]
        text: Any = found.token if found else self._text(pick)
        tried = of(
            stranger if named == "other" else actor,
            challenge=text,
            code=self._code(code, actor, stranger),
            new_password=self._fresh_password(actor),
            nonce=found.nonce if found and nonce == "same" else nonce.replace("same", ""),
            **self._address(actor, address),
        )
        if tenant != "own":
            tried = replace(tried, tenant=self._tenant(tenant))
        self._step(step, tried)

    def _picked(self, pick: int, *, fitting: bool) -> Open | None:
        """One of the open logins, the newest first; beyond them it is any text."""
        if fitting:
            waiting = [each for each in self.open if not each.spent] or self.open
            return waiting[-1 - pick % len(waiting)] if waiting else None
        return self.open[-1 - pick] if pick < len(self.open) else None

    def _text(self, pick: int) -> Any:
        every = [*GARBAGE, *(token.text for token in reversed(self.tokens))]
        return every[pick % len(every)]

    def _fitting(self, waiting: Open, *, crossed: bool = False) -> Step | None:
        """A step that answers this challenge, or that of another contract would."""
        # Who has an app is not asked for a mailed code.
        has_app = bool(waiting.actor.totp_secret)
        fits = [
            step
            for step in SECOND.values()
            if step.answers == waiting.step
            and (step.contract == waiting.contract) != crossed
            and not (has_app and step.codes == {"mail"})
        ]
        return fits[len(self.open) % len(fits)] if fits else None

    @rule(
        door=st.sampled_from(sorted(FIRST)),
        who=st.sampled_from(ACTORS),
        recovering=st.booleans(),
        again=st.sampled_from([None, *sorted(FIRST)]),
    )
    def log_in(self, door: str, who: str, recovering: bool, again: str | None) -> None:
        """A whole login as its owner does it: the gate lets him in, or has a good reason.

        Then perhaps a second one, at any door, with what the first one used.
        """
        actor, step = self.actors[who], FIRST[door]
        self.clock.forward(31)
        expected, before = self._must_open(actor, step, door), set(actor.spent)

        def code(step: Step) -> Any:
            return self._honest_code(actor, step, recovering=recovering)

        opened = self._whole_login(actor, step, code)
        assert opened or not expected, f"{who} proved everything at {door} and was refused"
        used = actor.spent - before
        if again and used:
            self._whole_login(actor, FIRST[again], lambda _: next(iter(used)))

    @rule(
        door=st.sampled_from(["coldstream", "bytebase", "oloid Login", "browser"]),
        who=st.sampled_from(["bob", "frank", "grace", "bob of beta"]),
        nonce=st.sampled_from(NONCES),
    )
    def prove_the_password(self, door: str, who: str, nonce: str) -> None:
        """A right first step: what comes after it is most of what can be attacked."""
        self._step(FIRST[door], of(self.actors[who], nonce=nonce))

    def _whole_login(self, actor: Actor, step: Step, code: Callable[[Step], Any]) -> bool:
        tried = of(actor, password=self._own_password(actor, step))
        if actor.has_factor:
            tried = replace(tried, code=code(step))
        opened = self._step(step, tried)
        if not opened and actor.mailbox and not actor.totp_secret and "mail" in step.codes:
            opened = self._step(step, replace(tried, code=code(step)))
        for _ in range(2):
            waiting = self.open[-1] if self.open and not self.open[-1].spent else None
            if opened or waiting is None or waiting.actor is not actor:
                break
            if waiting.contract != step.contract:
                # Of an earlier login at another door.
                break
            following = self._fitting(waiting)
            if following is None:
                break
            tried = of(
                actor,
                challenge=waiting.token,
                code=code(following),
                new_password=self._fresh_password(actor),
                nonce=waiting.nonce,
            )
            opened = self._step(following, tried)
        return opened

    def _own_password(self, actor: Actor, step: Step) -> str:
        by_secret = actor.secret and actor.secret_at in {"", step.contract}
        return actor.secret if by_secret else actor.password

    def _honest_code(self, actor: Actor, step: Step, *, recovering: bool) -> Any:
        left = [code for code in actor.recovery_codes if code not in actor.spent]
        if "recovery" in step.codes and left and (recovering or "totp" not in step.codes):
            return left[0]
        if actor.totp_secret:
            return actor.code() if "totp" in step.codes else ABSENT
        return actor.mailbox[-1][0] if actor.mailbox and "mail" in step.codes else ABSENT

    def _must_open(self, actor: Actor, step: Step, door: str) -> bool:
        """Whether a right and whole login has to succeed here."""
        # The newest time step is unused unless a test's clock jumped back; saved codes run out.
        if not actor.enabled or actor.owes_factor or actor.unprovable:
            return False
        if not actor.person:
            return step.contract in {"datarhei", "oloid"} or door == "bytebase"
        if actor.mailed and not actor.totp_secret:
            # The code is in the mail, if there is a code, once somebody was asked for it.
            return False
        if step.contract == "oloid" and actor.mailed:
            # Which of two kinds it is to be has to be chosen first.
            return False
        if door == "rocketchat totp" and not actor.totp_secret:
            # This form is nothing without a code.
            return False
        if step.contract == "datarhei":
            return not actor.owes_password and (not actor.totp_secret or bool(actor.secret))
        if step.contract == "coldstream" and actor.owes_password:
            return False
        if door.startswith("bytebase") and actor.totp_secret:
            # Which of its two second steps comes next is left to chance; the codes may be gone.
            return bool(set(actor.recovery_codes) - actor.spent)
        return True

    def _step(self, step: Step, tried: Try) -> bool:
        """Send a step and judge what came of it; whether it opened a session."""
        heard, before = self.send(step.sent(tried))
        opened = self.opened(before)
        given = tokens(step.contract, heard)
        assert bool(given) == bool(opened), f"{heard} with sessions {opened}"
        subject = self.by_id[opened[0].user_id] if opened else None
        allowed = {str(subject.user_id)} if subject else set()
        assert self.moved(before) <= allowed, "a last login changed"
        if subject is not None:
            # A token for binding what is owed is none for anything else.
            sets_up = subject.owes_factor and set(given) == {SET_UP}
            assert sets_up or SET_UP not in given
            reason = self._objection(step, tried, subject, final=not sets_up)
            assert reason is None, f"{subject.username} got {sorted(given)}: {reason}"
            self._succeeded(step, tried, opened[0], given)
        if heard.challenge:
            self._challenged(step, tried, heard)
        self._nobody_else(heard, subject, tried)
        return subject is not None

    def _nobody_else(self, heard: Heard, subject: Actor | None, tried: Try) -> None:
        """Whose user object may be in this answer."""
        allowed = {subject.marker} if subject else set()
        if heard.challenge and '"NEW_PASSWORD_REQUIRED"' in heard.text:
            # Cognito shows the attributes to who knows the password.
            allowed.add(self.open[-1].actor.marker)
        told = {a.marker for a in self.actors.values() if a.marker in heard.text}
        assert told <= allowed, f"{tried} was told of {told - allowed}"

    def _succeeded(self, step: Step, tried: Try, opened: Session, given: Mapping[str, str]) -> None:
        self.happened[step.door] += 1
        self.happened[f"{step.door} {step.answers or 'password'}"] += 1
        actor, now = self.by_id[opened.user_id], self.clock.now()
        waiting = self._waiting(tried.challenge) if step.answers else None
        assert (opened.contract, opened.tenant_id) == (step.contract, actor.tenant.pk)
        methods = {record["method"] for record in opened.amr}
        proofs = [("secret" if "secret" in methods else "password", now)]
        binds = step.answers == BINDING and waiting is not None
        if actor.has_factor and "secret" not in methods:
            key = self._code_key(step.codes, tried.code, actor)
            assert key is not None
            assert METHODS[key[0]] in methods, methods
            self._spend(*key, actor)
            proofs.append((key[0], now))
        if waiting is not None:
            waiting.spent = True
            if binds:
                self._bound_on_the_way(waiting)
                proofs.append(("totp", now))
        self._chosen(step, tried, waiting, actor)
        live = Live(opened.pk, actor, step.contract, actor.epoch, opened.expires_at, now)
        live.proofs, live.sets_up = proofs, SET_UP in given
        self.lives.append(live)
        self._keep(live, given)

    def _bound_on_the_way(self, waiting: Open) -> None:
        """The login ends with a new authenticator; what was opened without it ends with it."""
        actor = waiting.actor
        self.happened["bound on the way"] += 1
        actor.totp_secret, actor.last_step = waiting.secret, int(waiting.proved_step or 0)
        actor.authenticator = self.sight.factors(actor.user_id).authenticator
        self._factor_came(actor)

    def _factor_came(self, actor: Actor, kept: Live | None = None) -> None:
        """What was opened without it ends, but for this session and the tokens of programs."""
        before, actor.epoch = actor.epoch, actor.epoch + 1
        for each in self.lives:
            if each is kept or (each.actor is actor and each.personal and each.epoch == before):
                each.epoch = actor.epoch
            else:
                each.ended |= each.actor is actor

    def _chosen(self, step: Step, tried: Try, waiting: Open | None, actor: Actor) -> None:
        """A new password takes effect with the login that it was chosen in."""
        chosen = tried.new_password if step.answers == "new_password" else ""
        chosen = chosen or (waiting.new_password if waiting else "")
        if chosen:
            actor.password, actor.owes_password = chosen, False
            actor.epoch += 1
            self.happened["new password"] += 1

    def _keep(self, live: Live, given: Mapping[str, str]) -> None:
        for kind, text in given.items():
            if kind == "bytebase refresh":
                live.current = text
            self.tokens.append(Token(text, kind, live, end_of(text, live.ends)))

    def _challenged(self, step: Step, tried: Try, heard: Heard) -> None:
        row = challenge_table.find(heard.challenge)
        if row is None or self._waiting(heard.challenge) is not None:
            # A page that asks again shows the challenge that was sent to it.
            sent = tried.challenge
            shown = sent if isinstance(sent, str) else json.dumps(sent)
            assert heard.challenge == shown, "a challenge that nobody keeps"
            return
        actor = self.by_id[row.user_id]
        reason = self._objection(step, tried, actor, final=False)
        assert reason is None, f"{actor.username} was challenged: {reason}"
        before = self._waiting(tried.challenge) if step.answers else None
        chosen = tried.new_password if step.answers == "new_password" else ""
        if before is not None:
            before.spent = True
            chosen = chosen or before.new_password
        self.happened[f"challenge {step.contract} {row.step}"] += 1
        self.open.append(
            Open(
                heard.challenge,
                step.contract,
                actor,
                row.step,
                tried.nonce if step.contract == "coldstream" else "",
                self.clock.now(),
                actor.epoch,
                chosen,
            )
        )
