"""Races over HTTP against the real server: twenty at once, one succeeds, nobody sees an error."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import threading
from base64 import b32decode
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import pytest

from mfa import totp
from tests.attack.wire import Heard, heard_of
from tests.ops.demo import Demo

pytestmark = pytest.mark.slow
Person = dict[str, Any]
ROUNDS = int(os.environ.get("DRAGOMAN_RACE_ROUNDS", "2"))
WIDTH = 20
# Each round comes from an address of its own: its failures are nobody else's.
_ADDRESSES = (f"127.7.{a}.{b}" for a, b in itertools.product(range(1, 255), range(1, 255)))
_LATE = """
from datetime import timedelta
from django.db.models import F
from accounts.models import Grant
Grant.objects.exclude(rotated_at=None).update(rotated_at=F("rotated_at") - timedelta(minutes=1))
"""


@dataclass(frozen=True)
class Line:
    """Connections to the demo from one source address."""

    netloc: str
    source: str

    def post(self, path: str, body: Any, cookies: Mapping[str, str] | None = None) -> Heard:
        connection = http.client.HTTPConnection(
            self.netloc, timeout=60, source_address=(self.source, 0)
        )
        headers = {"Content-Type": "application/json"}
        if cookies:
            headers["Cookie"] = "; ".join(f"{name}={text}" for name, text in cookies.items())
        if path == "/":
            headers |= {"Content-Type": "application/x-amz-json-1.1"}
            headers["X-Amz-Target"] = f"AWSCognitoIdentityProviderService.{body.pop('operation')}"
        try:
            connection.request("POST", path, json.dumps(body), headers)
            answer = connection.getresponse()
            set_cookies = answer.headers.get_all("Set-Cookie") or []
            return heard_of(answer.status, answer.read().decode(), set_cookies)
        finally:
            connection.close()


@pytest.fixture
def line(demo: Demo) -> Callable[[], Line]:
    return lambda: Line(urlsplit(demo.base_url).netloc, next(_ADDRESSES))


@pytest.fixture
def racers(demo: Demo) -> list[Person]:
    """A person for each round."""
    return demo.newcomers(ROUNDS)


def code_of(racer: Person) -> str:
    return totp.code_at(b32decode(racer["totp_secret"]), totp.step_at(datetime.now(UTC)))


def race(runners: Sequence[Callable[[], Heard]]) -> list[Heard]:
    barrier = threading.Barrier(len(runners), timeout=60)
    results: list[Any] = [None] * len(runners)

    def run(n: int) -> None:
        try:
            barrier.wait()
            results[n] = runners[n]()
        except Exception as error:  # noqa: BLE001  # handed to the test
            results[n] = error

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(runners))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert all(isinstance(each, Heard) for each in results), results
    return results


def once(results: list[Heard]) -> None:
    statuses = Counter(each.status for each in results)
    assert not any(status >= 500 for status in statuses), statuses
    assert sum(bool(each.loot) for each in results) == 1, statuses


def bytebase_challenge(line: Line, racer: Person) -> str:
    body = {"email": racer["email"], "password": racer["password"]}
    heard = line.post("/v1/auth/login", body)
    assert heard.challenge, heard
    return heard.challenge


def coldstream_challenge(line: Line, racer: Person) -> str:
    body = {"email": racer["email"], "password": racer["password"]}
    return line.post("/account/login", body).challenge


def spent_once(here: Line, racer: Person, tries: Sequence[tuple[str, Any]]) -> None:
    """All these at once, with the first saved code: one logs in, and the code is used up."""
    saved, *_ = racer["recovery_codes"]
    once(race([partial(here.post, path, dict(body)) for path, body in tries]))
    again = {"mfaTempToken": bytebase_challenge(here, racer), "recoveryCode": saved}
    assert not here.post("/v1/auth/login", again).loot


def bytebase_recoveries(here: Line, racer: Person, width: int) -> list[tuple[str, Any]]:
    tokens = [bytebase_challenge(here, racer) for _ in range(2)] * (width // 2)
    saved = racer["recovery_codes"][0]
    return [("/v1/auth/login", {"mfaTempToken": token, "recoveryCode": saved}) for token in tokens]


def test_one_recovery_code_on_one_contract(line: Callable[[], Line], racers: list[Person]) -> None:
    for racer in racers:
        here = line()
        spent_once(here, racer, bytebase_recoveries(here, racer, WIDTH))


def test_one_recovery_code_on_two_contracts(line: Callable[[], Line], racers: list[Person]) -> None:
    for racer in racers:
        here = line()
        whole = {"user": racer["username"], "password": racer["password"]}
        whole["code"] = racer["recovery_codes"][0]
        # Each of these hashes a password first: more at once would be told to wait.
        others = [("/api/v1/login", whole)] * 2
        tries = bytebase_recoveries(here, racer, WIDTH - len(others))
        spent_once(here, racer, [*others, *tries])


def test_one_code_of_the_app_on_one_contract(
    line: Callable[[], Line], racers: list[Person]
) -> None:
    for racer in racers:
        here = line()
        tokens = [coldstream_challenge(here, racer) for _ in range(2)] * (WIDTH // 2)
        code = code_of(racer)
        bodies = [{"mfaToken": token, "otp": code} for token in tokens]
        once(race([partial(here.post, "/account/login/otp", body) for body in bodies]))


def test_one_code_of_the_app_on_three_contracts(
    line: Callable[[], Line], racers: list[Person]
) -> None:
    for racer in racers:
        here = line()
        temp = [bytebase_challenge(here, racer) for _ in range(2)] * 5
        other = [coldstream_challenge(here, racer) for _ in range(2)] * 4
        code = code_of(racer)
        tries = [("/v1/auth/login", {"mfaTempToken": token, "otpCode": code}) for token in temp]
        tries += [("/account/login/otp", {"mfaToken": token, "otp": code}) for token in other]
        whole = {"user": racer["username"], "password": racer["password"], "code": code}
        tries += [("/api/v1/login", whole)] * 2
        once(race([partial(here.post, path, body) for path, body in tries]))


def oloid_session(here: Line, racer: Person, acme: Mapping[str, Any]) -> dict[str, Any]:
    """The whole body that answers a challenge of Cognito's with the code of now."""
    name, given = racer["username"], {"Password": racer["password"]}
    session = here.post("/Login", {"UserName": name, "TenantName": acme["name"], **given}).challenge
    assert session
    return {
        "operation": "RespondToAuthChallenge",
        "ClientId": acme["client_id"],
        "ChallengeName": "SOFTWARE_TOKEN_MFA",
        "Session": session,
        "ChallengeResponses": {"USERNAME": name, "SOFTWARE_TOKEN_MFA_CODE": code_of(racer)},
    }


@pytest.mark.parametrize("elsewhere", [0, WIDTH // 2], ids=["one contract", "three contracts"])
def test_one_challenge(
    demo: Demo, line: Callable[[], Line], racers: list[Person], elsewhere: int
) -> None:
    """The same text at other contracts opens nothing there and does its owner no harm."""
    acme = next(tenant for tenant in demo.tenants if tenant["slug"] == "acme")
    for racer in racers:
        here = line()
        body = oloid_session(here, racer, acme)
        session, code = body["Session"], code_of(racer)
        foreign = [
            ("/account/login/otp", {"mfaToken": session, "otp": code}),
            ("/v1/auth/login", {"mfaTempToken": session, "otpCode": code}),
        ] * (elsewhere // 2)
        tries = [*foreign, *[("/", body)] * (WIDTH - elsewhere)]
        results = race([partial(here.post, path, dict(sent)) for path, sent in tries])
        once(results)
        assert not any(each.loot for each in results[:elsewhere])


def web_cookies(line: Line, demo: Demo) -> dict[str, str]:
    alice = demo.persona("alice", "acme")
    body = {"email": alice["email"], "password": alice["password"], "web": True}
    return cookies_of(line.post("/v1/auth/login", body))


def cookies_of(heard: Heard) -> dict[str, str]:
    names = ("access-token", "refresh-token")
    return {name: heard.loot[f"cookie {name}"] for name in names if f"cookie {name}" in heard.loot}


def refresh(line: Line, token: str) -> Heard:
    return line.post("/v1/auth/refresh", {}, {"refresh-token": token})


@pytest.mark.parametrize("width", [2, WIDTH])
def test_parallel_refreshes_have_one_live_successor(
    demo: Demo, line: Callable[[], Line], width: int
) -> None:
    for _ in range(ROUNDS):
        here = line()
        first = web_cookies(here, demo)["refresh-token"]
        results = race([partial(refresh, here, first)] * width)
        assert not any(each.status >= 500 for each in results)
        successors = {cookies_of(each).get("refresh-token") for each in results} - {None}
        assert len(successors) == 1, successors
        (successor,) = successors
        assert cookies_of(refresh(here, str(successor)))


def test_a_replay_after_the_grace_ends_the_session(demo: Demo, line: Callable[[], Line]) -> None:
    here = line()
    first = web_cookies(here, demo)["refresh-token"]
    second = cookies_of(refresh(here, first))["refresh-token"]
    assert demo.manage("shell", "-c", _LATE).returncode == 0
    assert not refresh(here, first).loot
    assert not refresh(here, second).loot
