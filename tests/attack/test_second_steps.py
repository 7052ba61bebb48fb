"""What the second step refuses, in every contract's own words, and that a refusal gives nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from accounts.models import Grant, Session, User
from tests.attack.clock import Clock
from tests.attack.doors import FIRST, SECOND, Step
from tests.attack.people import Actor, Town
from tests.attack.places import ABSENT, Try, of, tokens
from tests.attack.undone import undone
from tests.attack.wire import Heard, Sent, send

Told = tuple[int, str]
NOTHING = "x" * 43
COLDSTREAM = (401, '"Unauthorized"')
UNSHAPED = (400, '"Bad Request"')
FORGED = (401, '"failed to parse claim"')
WRONG_OTP, WRONG_SAVED = (401, '"invalid MFA code"'), (401, '"invalid recovery code"')
NO_CODE = (401, '"OTP or recovery code is required for MFA"')
MISMATCH = (401, "audience mismatch")
BAD_FIELD = (400, '"proto: ')
SESSION = (400, '"Invalid session for the user')
PARAMETER = (400, '"InvalidParameterException"')
WRONG_CODE, USED_CODE = (400, '"CodeMismatchException"'), (400, '"ExpiredCodeException"')
NOT_RIGHT, OVER, FORM = (403, "The code is not right"), (403, "Please begin again."), (400, "")
# A form has no lists: the field is there once or twice.
FORMLESS = frozenset({("browser code", "list")})

# Case by case: no code, wrong, used, null, empty, a list; then what comes in the challenge's place.
CASES = (
    *("absent", "wrong", "used", "null", "empty", "list"),
    *("expired", "spent", "another user's", "another tenant's", "another contract's"),
    *("an access token", "no challenge", "null challenge", "empty challenge", "list challenge"),
)


def _expected(
    *,
    unusable: Told,
    wrong: Told,
    used: Told,
    no_challenge: Told,
) -> Mapping[str, Told]:
    table = dict.fromkeys(CASES[:6], unusable) | dict.fromkeys(CASES[6:], no_challenge)
    return table | {"wrong": wrong, "used": used, "another user's": wrong}


# The whole bodies are compared beside each contract; here every contract answers every case.
EXPECTED: Mapping[str, Mapping[str, Told]] = {
    "coldstream otp": {
        **_expected(unusable=UNSHAPED, wrong=COLDSTREAM, used=COLDSTREAM, no_challenge=COLDSTREAM),
        **dict.fromkeys(("no challenge", "null challenge", "empty challenge"), UNSHAPED),
        "list challenge": UNSHAPED,
    },
    "bytebase otp": {
        **_expected(unusable=NO_CODE, wrong=WRONG_OTP, used=WRONG_OTP, no_challenge=FORGED),
        "empty": WRONG_OTP,
        "list": BAD_FIELD,
        "an access token": MISMATCH,
        # Without a temp token it is a login without a name.
        **dict.fromkeys(
            ("no challenge", "null challenge", "empty challenge"), (401, '"invalid email or pass')
        ),
        "list challenge": BAD_FIELD,
    },
    "bytebase recovery": {
        **_expected(unusable=NO_CODE, wrong=WRONG_SAVED, used=WRONG_SAVED, no_challenge=FORGED),
        "empty": WRONG_SAVED,
        "list": BAD_FIELD,
        "an access token": MISMATCH,
        **dict.fromkeys(
            ("no challenge", "null challenge", "empty challenge"), (401, '"invalid email or pass')
        ),
        "list challenge": BAD_FIELD,
    },
    "oloid code": {
        **_expected(unusable=PARAMETER, wrong=WRONG_CODE, used=USED_CODE, no_challenge=SESSION),
        **dict.fromkeys(("no challenge", "null challenge", "empty challenge"), PARAMETER),
        "list challenge": PARAMETER,
    },
    "browser code": {
        **_expected(unusable=FORM, wrong=NOT_RIGHT, used=NOT_RIGHT, no_challenge=OVER),
        **dict.fromkeys(("no challenge", "null challenge", "empty challenge"), FORM),
        # Longer than the form takes.
        "an access token": FORM,
    },
    "rocketchat plain": {
        **dict.fromkeys(("absent", "null", "empty"), (401, '"totp-required"')),
        **dict.fromkeys(("wrong", "used", "another user's"), (401, '"totp-invalid"')),
        "list": (401, '"Unauthorized"'),
    },
}
FIRST_OF = {
    "coldstream otp": "coldstream",
    "bytebase otp": "bytebase",
    "bytebase recovery": "bytebase web",
    "oloid code": "oloid Login",
    "browser code": "browser",
    "rocketchat plain": "rocketchat plain",
}


@dataclass
class Scene:
    """Frank is about to prove his second factor at one contract."""

    town: Town
    clock: Clock
    way: str

    @property
    def first(self) -> Step:
        return FIRST[FIRST_OF[self.way]]

    @property
    def second(self) -> Step:
        return SECOND.get(self.way, self.first)

    def code(self, who: Actor, turn: int = 0) -> str:
        return who.recovery_codes[turn] if self.way == "bytebase recovery" else who.code()

    def challenge(self, who: Actor, first: Step | None = None) -> Any:
        if self.second is self.first:
            return ABSENT
        return send((first or self.first).sent(of(who))).challenge

    def tried(self, who: Actor, **changes: Any) -> Try:
        right = {"code": self.code(who), "challenge": changes.get("challenge", ABSENT)}
        return of(who, **{**right, **changes})

    def prepared(self, case: str) -> Try:
        frank, bob = self.town["frank"], self.town["bob"]
        codes: Mapping[str, Callable[[], Any]] = {
            "absent": lambda: ABSENT,
            "wrong": lambda: "000000",
            "used": lambda: self.code(frank),
            "null": lambda: None,
            "empty": lambda: "",
            "list": lambda: [self.code(frank)],
        }
        if case == "used":
            done = send(self.second.sent(self.tried(frank, challenge=self.challenge(frank))))
            assert done.loot, done
        if case in codes:
            return self.tried(frank, challenge=self.challenge(frank), code=codes[case]())
        if case == "another user's":
            # Bob's login, Frank's code: the login stays Bob's.
            return self.tried(bob, challenge=self.challenge(bob), code=self.code(frank))
        return self.tried(frank, challenge=self.in_place(case), code=self.fresh(case))

    def fresh(self, case: str) -> str:
        return self.code(self.town["frank"], 1 if case == "spent" else 0)

    def in_place(self, case: str) -> Any:
        """What is sent in place of the challenge."""
        frank, elsewhere = self.town["frank"], self.town["bob of beta"]
        if case == "expired":
            challenge = self.challenge(frank)
            self.clock.forward(301)
            return challenge
        if case == "spent":
            challenge = self.challenge(frank)
            assert send(self.second.sent(self.tried(frank, challenge=challenge))).loot
            self.clock.forward(30)
            return challenge
        if case == "another tenant's":
            # Of the namesake; with Frank's code and, where one is sent, Frank's name.
            return self.challenge(elsewhere)
        if case == "another contract's":
            other = "coldstream" if self.first.contract != "coldstream" else "oloid Login"
            return self.challenge(frank, FIRST[other])
        if case == "an access token":
            step = self.first if self.first.contract != "browser" else FIRST["bytebase"]
            given = tokens(step.contract, send(step.sent(of(self.town["erin"]))))
            return next(text for kind, text in given.items() if kind.endswith("access"))
        return {"no": ABSENT, "null": None, "empty": "", "list": [NOTHING]}[case.partition(" ")[0]]


def _world() -> tuple[Any, ...]:
    return (
        list(Session.objects.values_list("pk", flat=True).order_by("pk")),
        [
            (pk, bytes(token))
            for pk, token in Grant.objects.values_list("pk", "token_hash").order_by("pk")
        ],
        list(User.objects.values_list("pk", "last_login").order_by("pk")),
    )


@pytest.mark.parametrize("way", EXPECTED)
def test_it_is_refused_in_the_contracts_words_and_gives_nothing(
    town: Town, clock: Clock, way: str
) -> None:
    for case, told in EXPECTED[way].items():
        if (way, case) not in FORMLESS:
            with undone():
                _refused(Scene(town, clock, way), case, told)
            clock.rewind()


def _refused(scene: Scene, case: str, told: Told) -> None:
    tried = scene.prepared(case)
    before = _world()
    heard: Heard = send(scene.second.sent(tried))
    status, text = told
    assert (heard.status, text in heard.text) == (status, True), (case, heard)
    assert not heard.loot, case
    assert not any(actor.marker in heard.text for actor in scene.town.actors.values()), case
    assert _world() == before, case
    # A page that asks for the code again shows the challenge that it was sent, and no other.
    assert heard.challenge in ["", tried.challenge], case


@pytest.mark.parametrize("way", EXPECTED)
def test_the_same_try_with_everything_right_is_accepted(town: Town, clock: Clock, way: str) -> None:
    scene, frank = Scene(town, clock, way), town["frank"]
    tried = scene.tried(frank, challenge=scene.challenge(frank))
    assert send(scene.second.sent(tried)).loot


@pytest.mark.parametrize("way", sorted(set(EXPECTED) - {"bytebase recovery"}))
def test_a_code_is_six_ascii_digits_and_nothing_that_counts_as_such_elsewhere(
    town: Town, clock: Clock, way: str
) -> None:
    scene, frank = Scene(town, clock, way), town["frank"]
    code = frank.code()
    wide, arabic = ("".join(chr(int(d) + zero) for d in code) for zero in (0xFF10, 0x660))
    signed = (f"+{code}", f"{code}.0", f"0{code}", f"{code}0", f"0x{int(code):x}")
    # A form holds texts only.
    number = () if way == "browser code" else (int(code),)
    for typed in (wide, arabic, *signed, f"{code[:2]}_{code[2:]}", f"{code}\0", *number):
        with undone():
            tried = scene.tried(frank, challenge=scene.challenge(frank), code=typed)
            assert not send(scene.second.sent(tried)).loot, typed


@pytest.mark.parametrize("way", EXPECTED)
def test_a_right_code_is_accepted_at_once_after_four_wrong_ones(
    town: Town, clock: Clock, way: str
) -> None:
    scene, frank = Scene(town, clock, way), town["frank"]
    challenge = scene.challenge(frank)
    for _ in range(4):
        wrong = send(scene.second.sent(scene.tried(frank, challenge=challenge, code="000000")))
        status, text = EXPECTED[way]["wrong"]
        assert (wrong.status, text in wrong.text) == (status, True), wrong
    assert send(scene.second.sent(scene.tried(frank, challenge=challenge))).loot


@pytest.mark.parametrize("way", EXPECTED)
def test_a_stranger_does_not_lock_the_owners_second_factor(
    town: Town, clock: Clock, way: str
) -> None:
    """Whoever knows all names but no password of theirs; one account he has himself."""
    scene, frank, bob = Scene(town, clock, way), town["frank"], town["bob"]
    own = scene.challenge(bob)
    for name in EXPECTED:
        for _ in range(2):
            guess = of(frank, password="guessed", challenge=NOTHING, code="000000")
            assert not send(SECOND.get(name, FIRST[FIRST_OF[name]]).sent(guess)).loot
    for _ in range(8):
        if own is not ABSENT:
            assert not send(scene.second.sent(of(frank, challenge=own, code="000000"))).loot
    body = {"emailOrUsername": frank.username}
    send(Sent("/api/v1/users.2fa.sendEmailCode", body, prefix="/t/alpha"))
    assert send(scene.second.sent(scene.tried(frank, challenge=scene.challenge(frank)))).loot


def test_a_page_of_a_step_without_its_challenge_begins_again(town: Town) -> None:
    for name in ("browser set-up", "browser new password", "browser code"):
        for challenge in (ABSENT, "", NOTHING):
            tried = of(town["frank"], challenge=challenge, code="000000", new_password="short")
            heard = send(SECOND[name].sent(tried))
            assert heard.status in {400, 403}
            assert not heard.loot
