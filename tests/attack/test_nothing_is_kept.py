"""What the contracts have handed out and been told does not stand in the database."""

from __future__ import annotations

import hashlib
import re
from base64 import b32decode
from typing import Any

from django.core import mail

from mfa import totp
from tests.attack.clock import Clock
from tests.attack.doors import FIRST, SECOND
from tests.attack.factor_calls import ASK, PROVE, codes_of, secret_of
from tests.attack.ledger import posted
from tests.attack.people import Town
from tests.attack.places import RENEW, of, rocketchat_id, tokens
from tests.attack.test_every_endpoint import personal_token
from tests.attack.test_token_swaps import held
from tests.attack.wire import Heard, Sent, send
from tests.login.test_stored_secrets import dump, spellings

NONCE = "6f1d0c5b2a9e48d7a3b1c0de5f9871"
WRONG_CODE = "wrong-and-very-long-code"


class Witness:
    """Sends requests and remembers every secret that goes in or comes out."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.known: dict[str, bytes] = {"nonce": NONCE.encode(), "wrong": WRONG_CODE.encode()}
        for actor in town.actors.values():
            digest = hashlib.sha256(actor.password.encode()).hexdigest()
            self.learn(actor.marker, actor.password, digest, actor.secret, *actor.recovery_codes)
            if actor.totp_secret:
                self.known[f"{actor.marker} app"] = actor.totp_secret

    def learn(self, name: str, *secrets: str) -> None:
        for secret in filter(None, secrets):
            self.known[f"{name} {len(self.known)}"] = secret.encode()
            if secret.count(".") == 2:
                self.known[f"{name} signature"] = secret.rpartition(".")[2].encode()

    def send(self, name: str, sent: Sent) -> Heard:
        heard = send(sent)
        self.learn(name, heard.challenge, *heard.loot.values(), *codes_of(heard))
        if secret := secret_of(heard):
            self.known[f"{name} app"] = b32decode(secret + "=" * (-len(secret) % 8))
        return heard

    def logins(self) -> None:
        """Tokens, cookies and challenges of every contract, and what renewing them gives."""
        erin = self.town["erin"]
        have = held(erin, self.town["frank"])
        have.append(personal_token(have, rocketchat_id(of(erin))))
        for each in have:
            self.learn(each.kind, each.text)
            for name, place in RENEW.items():
                if each.kind in place.kinds:
                    assert self.send(name, place.sent(each.text, of(erin))).loot
        for name in ("bob", "svc"):
            who = self.town[name]
            assert self.send(name, FIRST["datarhei"].sent(of(who, password=who.secret))).loot

    def second_steps(self) -> None:
        frank = self.town["frank"]
        for first, second, code in (
            ("coldstream", "coldstream otp", frank.code()),
            ("bytebase", "bytebase recovery", frank.recovery_codes[0]),
        ):
            challenge = self.send(first, FIRST[first].sent(of(frank, nonce=NONCE))).challenge
            for typed, right in ((WRONG_CODE, False), (code, True)):
                tried = of(frank, nonce=NONCE, challenge=challenge, code=typed)
                assert bool(self.send(second, SECOND[second].sent(tried)).loot) == right

    def authenticators(self, clock: Clock) -> None:
        """New ones: bound by two contracts, waiting at the third."""
        for way, door, name in (
            ("oloid", "oloid InitiateAuth", "alice"),
            ("rocketchat", "rocketchat plain", "alice of beta"),
            ("bytebase", "bytebase", "dave"),
        ):
            who = self.town[name]
            given = tokens(way, self.send(way, FIRST[door].sent(of(who))))
            token = next(text for kind, text in given.items() if kind in ASK[way].place.kinds)
            asked = self.send(way, ASK[way].sent(token, of(who)))
            secret = secret_of(asked)
            assert secret, asked
            if way != "bytebase":
                code = totp.code_at(b32decode(secret), totp.step_at(clock.now()))
                assert self.send(way, PROVE[way].sent(token, of(who, code=code))).status == 200

    def machines(self) -> None:
        """Keys that an officer is shown once."""
        erin = self.town["erin"]
        made = tokens("bytebase", self.send("erin", FIRST["bytebase"].sent(of(erin))))
        headers = {"Authorization": f"Bearer {made['bytebase access']}"}
        body = {"email": "ci@service.bytebase.com", "title": "CI", "userType": "SERVICE_ACCOUNT"}
        heard = self.send("key", Sent("/v1/users", body, headers=headers, prefix="/t/alpha"))
        self.learn("service key", heard.json()["serviceKey"])
        made = tokens("oloid", self.send("erin", FIRST["oloid Login"].sent(of(erin))))
        headers = {"Authorization": f"Bearer {made['oloid access']}"}
        wanted = {"Role": "admin", "TokenName": "Door", "Scopes": ["read"]}
        path = "/tenant-settings/credentials/cognito"
        heard = self.send("secret", Sent(path, wanted, headers=headers, prefix="/t/alpha"))
        self.learn("machine", *(t for t in _texts(heard.json()) if re.fullmatch(r"\w{40}", t)))
        assert sum(name.startswith("machine ") for name in self.known) == 1, heard


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for each in inner for text in _texts(each)]


def test_no_secret_of_any_contract_stands_in_the_database(
    town: Town,
    clock: Clock,
    django_capture_on_commit_callbacks: Any,
) -> None:
    witness = Witness(town)
    witness.logins()
    witness.second_steps()
    witness.authenticators(clock)
    witness.machines()
    # A code by mail, and a link.
    ivan = town["ivan"]
    witness.send("ivan", FIRST["rocketchat plain"].sent(of(ivan)))
    ((_, mailed),) = [each for each in posted() if each[0] == ivan.email]
    with django_capture_on_commit_callbacks(execute=True):
        heard = send(Sent("/forgot/", {"identifier": "frank"}, media="form", prefix="/t/alpha"))
    assert heard.status == 200
    (link,) = re.findall(r"/password/([\w-]{43})/", str(mail.outbox[-1].body))
    witness.learn("link", link)
    assert len(witness.known) > 80
    stored = dump()
    assert ivan.email in stored
    lower = stored.lower()
    found = {
        name
        for name, secret in witness.known.items()
        if any(spelling.lower() in lower for spelling in spellings(secret))
    }
    assert not found
    assert not re.search(rf"[\t\"]{mailed}[\t\"]", stored)
