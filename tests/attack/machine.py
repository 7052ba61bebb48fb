"""Random people at random doors, and a model that keeps what each of them has proved.

The model knows nothing of the core. It sees what was sent and what came back, looks into the
tables for what was opened, and asks of everything that came out: was it earned?
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from accounts.client import ClientContext
from accounts.login import custody, passwords
from accounts.models import Session, ThrottleBucket, User
from mfa import challenges as challenge_table
from mfa import totp
from mfa.models import TotpAuthenticator
from tests.attack.conftest import Clock
from tests.attack.doors import (
    ABSENT,
    ENDING,
    FIRST,
    GUARDED,
    RENEW,
    SECOND,
    SET_UP,
    Place,
    Step,
    Try,
    claims,
    of,
    tokens,
)
from tests.attack.people import WRONG, Actor, Town
from tests.attack.wire import Heard, send

GRACE = timedelta(seconds=10)
CONSOLE_IDLE = timedelta(hours=1)
CHALLENGE_LIFE = {"oloid": timedelta(minutes=3)}
LONGEST_CHALLENGE = timedelta(minutes=5)
# Those who have more to prove come more often.
ACTORS = [
    *("alice", "bob", "bob", "bob", "carol", "erin", "frank", "frank", "grace", "grace"),
    *("henry", "dave", "alice of beta", "bob of beta", "ivan", "kim", "judy", "svc"),
]
PASSWORDS = ["right"] * 6 + ["wrong", "other's", "old", "", None, [], ABSENT, 1]
CODES = (
    ["fresh"] * 6
    + ["now"] * 3
    + ["previous", "next", "older", "other's", "used", "recovery", "recovery", "recovery other's"]
    + ["wrong", "", None, [], ABSENT, "spaced", "other step of other"]
)
ADDRESSES = ["own"] * 5 + ["bare", "bare", "/t/alpha", "/t/beta", "/t/gamma", "beta.example.com"]
NONCES = ["", "", "", "nonce one", "nonce two"]
GARBAGE: list[Any] = ["", None, [], "x", "x" * 43, "a.b.c", {"$ne": None}]


@dataclass
class Open:
    """A login that waits for its next step, with what was proved in it."""

    token: str
    contract: str
    actor: Actor
    step: str
    nonce: str
    born: datetime
    epoch: int
    new_password: str = ""
    spent: bool = False


@dataclass
class Live:
    """A session that was opened, as far as the test knows."""

    id: Any
    actor: Actor
    contract: str
    epoch: int
    ends: datetime
    seen: datetime
    ended: bool = False
    # Of a rotating refresh token: the present one, the one before and when it was replaced.
    current: str = ""
    previous: str = ""
    rotated_at: datetime | None = None


@dataclass
class Token:
    text: str
    kind: str
    live: Live
    ends: datetime


def _end_of(token: str, otherwise: datetime) -> datetime:
    expires = claims(token).get("exp")
    if expires is None:
        return otherwise
    return min(otherwise, datetime.fromtimestamp(expires, tz=otherwise.tzinfo))


class Attack(RuleBasedStateMachine):
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
        self.actors = {
            name: replace(actor, spent=set()) for name, actor in self.town.actors.items()
        }
        self.by_id = {actor.user_id: actor for actor in self.actors.values()}
        self.open: list[Open] = []
        self.tokens: list[Token] = []
        self.lives: list[Live] = []
        self.seen: set[Any] = set(Session.objects.values_list("pk", flat=True))
        self.logins = self._logins()
        self.changes = 0

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self._block.__exit__(None, None, None)

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
        if choice.startswith("other"):
            steps = -1 if "step" in choice else 0
            return other.code(steps=steps) if other.totp_secret else "000000"
        if choice.startswith("recovery"):
            owner = other if choice.endswith("other's") else actor
            left = [code for code in owner.recovery_codes if code not in owner.spent]
            return left[0] if left else next(iter(owner.recovery_codes), "0000-0000-0000-0000")
        return {"wrong": "000000"}.get(choice, choice)

    # Steps of logins.

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

    def _fresh_password(self, actor: Actor) -> str:
        self.changes += 1
        return f"a new and long secret {actor.tenant.slug} {actor.username} {self.changes}"

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
        fits = [
            step
            for step in SECOND.values()
            if step.answers == waiting.step and (step.contract == waiting.contract) != crossed
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
        door=st.sampled_from(["coldstream", "bytebase", "oloid Login", "console"]),
        who=st.sampled_from(["bob", "frank", "grace", "bob of beta"]),
        nonce=st.sampled_from(NONCES),
    )
    def prove_the_password(self, door: str, who: str, nonce: str) -> None:
        """A right first step: what comes after it is most of what can be attacked."""
        self._step(FIRST[door], of(self.actors[who], nonce=nonce))

    def _whole_login(self, actor: Actor, step: Step, code: Callable[[Step], Any]) -> bool:
        tried = of(actor, password=self._own_password(actor, step))
        if actor.totp_secret:
            tried = replace(tried, code=code(step))
        opened = self._step(step, tried)
        for _ in range(2):
            waiting = self.open[-1] if self.open and not self.open[-1].spent else None
            if opened or waiting is None or waiting.actor is not actor:
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
        return actor.code() if actor.totp_secret and "totp" in step.codes else ABSENT

    def _must_open(self, actor: Actor, step: Step, door: str) -> bool:
        """Whether a right and whole login has to succeed here."""
        # The newest time step is unused unless a test's clock jumped back; saved codes run out.
        if not actor.enabled or actor.owes_factor or actor.unprovable:
            return False
        if not actor.person:
            return step.contract in {"datarhei", "oloid"} or door == "bytebase"
        if door == "rocketchat totp" and not actor.totp_secret:
            # This form is nothing without a code.
            return False
        if step.contract == "datarhei":
            return not actor.owes_password and (not actor.totp_secret or bool(actor.secret))
        if step.contract == "coldstream" and actor.owes_password:
            return False
        if door in {"bytebase", "bytebase web"} and actor.totp_secret:
            # Which of its two second steps comes next is left to chance; the codes may be gone.
            return len(actor.spent & set(actor.recovery_codes)) < len(actor.recovery_codes)
        return step.contract != "console" or actor.staff

    def _step(self, step: Step, tried: Try) -> bool:
        """Send a step and judge what came of it; whether it opened a session."""
        heard = send(step.sent(tried))
        opened = self._opened()
        given = tokens(step.contract, heard)
        assert bool(given) == bool(opened), f"{heard} with sessions {opened}"
        moved = self._moved()
        subject = self.by_id[opened[0].user_id] if opened else None
        assert moved <= ({subject.user_id} if subject else set()), "a last login changed"
        if subject is not None:
            # A token for binding what is owed is none for anything else.
            sets_up = subject.owes_factor and set(given) == {SET_UP}
            assert sets_up or SET_UP not in given
            reason = self._objection(step, tried, subject, final=not sets_up)
            assert reason is None, f"{subject.username} got {sorted(given)}: {reason}"
            self._succeeded(step, tried, subject, opened[0], given)
        if heard.challenge:
            self._challenged(step, tried, heard)
        self._nobody_else(heard, subject, tried)
        ThrottleBucket.objects.all().delete()
        return subject is not None

    def _nobody_else(self, heard: Heard, subject: Actor | None, tried: Try) -> None:
        """Whose user object may be in this answer."""
        allowed = {subject.marker} if subject else set()
        if heard.challenge and '"NEW_PASSWORD_REQUIRED"' in heard.text:
            # Cognito shows the attributes to who knows the password.
            allowed.add(self.open[-1].actor.marker)
        told = {a.marker for a in self.actors.values() if a.marker in heard.text}
        assert told <= allowed, f"{tried} was told of {told - allowed}"

    def _opened(self) -> list[Session]:
        fresh = [row for row in Session.objects.all() if row.pk not in self.seen]
        assert len(fresh) <= 1, "one request opened two sessions"
        self.seen |= {row.pk for row in fresh}
        return fresh

    def _logins(self) -> Mapping[Any, datetime | None]:
        return dict(User.objects.values_list("pk", "last_login"))

    def _moved(self) -> set[Any]:
        now = self._logins()
        moved = {pk for pk, at in now.items() if at != self.logins.get(pk)}
        self.logins = now
        return moved

    # What the model says.

    def _objection(self, step: Step, tried: Try, actor: Actor, *, final: bool) -> str | None:
        """Why this step has not earned what it got, or None."""
        if not actor.enabled:
            return "the account is disabled"
        if not self._at_home(tried, actor, step):
            return "another tenant's address"
        if step.contract == "console" and not (actor.staff and actor.person):
            return "no staff"
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
        if actor.owes_factor or actor.unprovable:
            return "a second factor was due"
        chosen = tried.new_password if step.answers == "new_password" else ""
        chosen = chosen or (waiting.new_password if waiting else "")
        if actor.owes_password and not step.forgives_password and not chosen:
            return "a new password was due"
        if actor.totp_secret and self._code_key(step, tried.code, actor) is None:
            return "the second factor was not proved, or its code was used before"
        return None

    def _at_home(self, tried: Try, actor: Actor, step: Step) -> bool:
        if tried.host:
            return actor.tenant.slug == "beta"
        if step.contract == "console":
            return True
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

    def _code_key(self, step: Step, code: Any, actor: Actor) -> str | None:
        """What a presented code uses up, if it is good here."""
        if not isinstance(code, str):
            return None
        typed = code.strip()
        if "totp" in step.codes:
            now = totp.step_at(self.clock.now())
            for each in (now, now - 1):
                if each > actor.last_step and typed == totp.code_at(actor.totp_secret, each):
                    return typed
        if "recovery" in step.codes and typed in actor.recovery_codes and typed not in actor.spent:
            return typed
        return None

    def _succeeded(
        self, step: Step, tried: Try, actor: Actor, opened: Session, given: Mapping[str, str]
    ) -> None:
        self.happened[step.door] += 1
        self.happened[f"{step.door} {step.answers or 'password'}"] += 1
        waiting = self._waiting(tried.challenge) if step.answers else None
        assert (opened.contract, opened.tenant_id) == (step.contract, actor.tenant.pk)
        methods = {record["method"] for record in opened.amr}
        by_secret = "secret" in methods
        if actor.totp_secret and not by_secret:
            key = self._code_key(step, tried.code, actor)
            assert key is not None
            assert methods & {"otp", "recovery"}, methods
            actor.spent.add(key)
            if key not in actor.recovery_codes:
                now = totp.step_at(self.clock.now())
                fits = [s for s in (now, now - 1) if totp.code_at(actor.totp_secret, s) == key]
                actor.last_step = max(actor.last_step, *fits)
                self.happened["code"] += 1
            else:
                self.happened["recovery code"] += 1
        if waiting is not None:
            waiting.spent = True
        chosen = tried.new_password if step.answers == "new_password" else ""
        chosen = chosen or (waiting.new_password if waiting else "")
        if chosen:
            actor.password, actor.owes_password = chosen, False
            actor.epoch += 1
            self.happened["new password"] += 1
        now_at = self.clock.now()
        live = Live(opened.pk, actor, step.contract, actor.epoch, opened.expires_at, now_at)
        self.lives.append(live)
        self._keep(live, given)

    def _keep(self, live: Live, given: Mapping[str, str]) -> None:
        for kind, text in given.items():
            if kind == "bytebase refresh":
                live.current = text
            self.tokens.append(Token(text, kind, live, _end_of(text, live.ends)))

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

    # Tokens.

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
        heard = send(ending.sent(token.text, tried))
        if earned and heard.status == 200:
            self.happened["log-out"] += 1
            whole = "GlobalSignOut" in place
            for each in self.lives:
                same = each.actor is live.actor and each.contract == live.contract
                each.ended |= each is live or (whole and same)

    def _present(self, place: Place, pick: int, address: str, *, fitting: bool) -> None:
        token, text = self._any_token(place, pick, fitting=fitting)
        actor = token.live.actor if token else self.actors[ACTORS[pick % len(ACTORS)]]
        tried = of(actor, **self._address(actor, address))
        if not isinstance(text, str):
            return
        reason = self._unearned(place, tried, token)
        heard = send(place.sent(text, tried))
        assert not self._opened()
        assert not self._moved(), "a last login changed"
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
        fits = [token for token in reversed(self.tokens) if token.kind in place.kinds]
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

    def _unearned(self, place: Place, tried: Try, token: Token | None) -> str | None:
        """Why this token opens nothing here, or None."""
        if token is None:
            return "no token"
        live, now = token.live, self.clock.now()
        actor = live.actor
        home = self._addressed_home(tried, actor, place)
        faults = {
            "a token of another kind": token.kind not in place.kinds,
            "the account is disabled": not actor.enabled,
            "from before a change": live.epoch != actor.epoch,
            "its session was ended": live.ended,
            "expired": now >= token.ends or now >= live.ends,
            "idle": live.contract == "console" and now - live.seen > CONSOLE_IDLE,
            "another tenant's address": not home,
            "replaced": token.kind == "bytebase refresh" and self._replaced(token),
        }
        return next((text for text, at_fault in faults.items() if at_fault), None)

    def _addressed_home(self, tried: Try, actor: Actor, place: Place) -> bool:
        if tried.host:
            return actor.tenant.slug == "beta"
        return place.contract == "console" or tried.prefix in {"", f"/t/{actor.tenant.slug}"}

    def _replaced(self, token: Token) -> bool:
        live = token.live
        if token.text == live.current:
            return False
        within = live.rotated_at is not None and self.clock.now() - live.rotated_at <= GRACE
        return token.text != live.previous or not within

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

    # The world.

    @rule(seconds=st.sampled_from([1, 5, 11, 29, 31, 61, 121, 181, 301, 601, 3601, 90_000]))
    def wait(self, seconds: int) -> None:
        self.clock.forward(seconds)

    @rule(who=st.sampled_from(ACTORS))
    def change_password(self, who: str) -> None:
        actor = self.actors[who]
        if not actor.person:
            return
        actor.password = self._fresh_password(actor)
        actor.epoch += 1
        User.objects.filter(pk=actor.user_id).update(
            password=passwords.encode(actor.password), security_epoch=F("security_epoch") + 1
        )

    @rule(who=st.sampled_from(ACTORS), off=st.booleans())
    def disable_or_enable(self, who: str, off: bool) -> None:
        actor = self.actors[who]
        act = custody.Act(ClientContext("", timezone.now()), "tests")
        if off:
            custody.disable(actor.row(), act)
            actor.epoch += 1
        else:
            custody.enable(actor.row(), act)
        actor.enabled = not off

    @rule(who=st.sampled_from(ACTORS))
    def end_all_sessions(self, who: str) -> None:
        actor = self.actors[who]
        custody.end_sessions(actor.row(), custody.Act(ClientContext("", timezone.now()), "tests"))
        actor.epoch += 1

    @initialize()
    def nothing_is_open(self) -> None:
        assert not self.seen

    @invariant()
    def every_spent_step_was_seen(self) -> None:
        """No code was used up that the test did not see succeed, and none came back."""
        for user_id, step in TotpAuthenticator.objects.values_list("user_id", "last_step"):
            assert step == self.by_id[user_id].last_step
