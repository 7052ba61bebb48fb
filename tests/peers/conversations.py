"""Starts the drivers in `clients/`, each with a persona of the demo and the new address."""

import base64
import hashlib
import hmac
import json
import struct
import subprocess
import time
from pathlib import Path
from typing import Any, Protocol

from tests.peers.own_address import own_address

CLIENTS = Path(__file__).parent / "clients"
INSTALLED = Path(__file__).resolve().parents[2] / "var" / "peers"
REFUSED = 3

Person = dict[str, Any]
Told = dict[str, Any]


class Demo(Protocol):
    """A really running server with its seeded users."""

    base_url: str
    tenants: list[dict[str, Any]]
    var_dir: Path

    def persona(self, name: str, tenant: str | None = None) -> Person: ...

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]: ...


class Conversations:
    """Starts a driver for a persona and hands back what it told."""

    def __init__(self, demo: Demo) -> None:
        self.demo = demo

    def tenant_of(self, person: Person) -> dict[str, Any]:
        return next(t for t in self.demo.tenants if t["slug"] == person["tenant"])

    def hold(self, driver: str, person: Person, **more: Any) -> tuple[int, Told]:
        if not driver.startswith("rocketchat_"):
            return self._hold(driver, person, base_url=self.demo.base_url, **more)
        with own_address(self.demo.base_url) as base_url:
            return self._hold(driver, person, base_url=base_url, **more)

    def _hold(self, driver: str, person: Person, **more: Any) -> tuple[int, Told]:
        tenant = self.tenant_of(person)
        asked = {
            "username": person["username"],
            "login": person["username"],
            "email": person["email"],
            "password": person["password"],
            "tenant": tenant["name"],
            "pool_id": tenant["pool_id"],
            "client_id": tenant["client_id"],
            **more,
        }
        python = str(INSTALLED / "venv/bin/python")
        done = subprocess.run(
            [python if driver.endswith(".py") else "node", str(CLIENTS / driver)],
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode in {0, REFUSED}, done.stderr
        assert asked["password"] not in done.stdout
        return done.returncode, json.loads(done.stdout)

    def log_in(self, driver: str, person: Person, **more: Any) -> Told:
        status, told = self.hold(driver, person, **more)
        assert status == 0, told
        return told


def app_code(person: Person) -> str:
    """What the person's authenticator app shows now."""
    digest = hmac.digest(
        base64.b32decode(person["totp_secret"]),
        struct.pack(">Q", int(time.time()) // 30),
        hashlib.sha1,
    )
    number = struct.unpack_from(">I", digest, digest[-1] & 15)[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06}"
