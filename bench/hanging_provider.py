"""Measures password logins while another tenant's identity provider hangs, and without that.

The real server with its usual threads; the provider accepts connections and never answers, and
several clients keep logging in by it. Start it as ``python -m bench.hanging_provider``.
"""

import json
import socket
import statistics
import subprocess
import sys
import threading
import time
from http.client import HTTPConnection

import psutil

from bench.report import keep
from bench.surroundings import ROOT, installation

LOGINS, WAITING = 60, 12
PASSWORD = "correct horse battery staple"  # noqa: S105  # of this run
SET_UP = """
from accounts import provisioning
from tenants.models import IdentityProvider
for slug in ("home", "other"):
    provisioning.create_tenant(slug, slug, is_default=slug == "home")
from tenants.models import Tenant
home, other = (Tenant.objects.get(slug=slug) for slug in ("home", "other"))
for n in range(10):
    provisioning.create_user(home, f"user{n}", email=f"user{n}@home.example", password="%s")
IdentityProvider.objects.create(tenant=other, name="dead", kind="OIDC",
    settings={"issuer": "http://127.0.0.1:%d", "clientId": "x"})
"""


def post(base: str, path: str, body: dict[str, object]) -> int:
    connection = HTTPConnection(base, timeout=30)
    try:
        headers = {"Content-Type": "application/json"}
        connection.request("POST", path, json.dumps(body), headers)
        return connection.getresponse().status
    finally:
        connection.close()


def logins(base: str) -> list[float]:
    taken = []
    for n in range(LOGINS):
        begun = time.monotonic()
        body: dict[str, object] = {"email": f"user{n % 10}@home.example", "password": PASSWORD}
        status = post(base, "/t/home/v1/auth/login", body)
        assert status == 200, status
        taken.append(time.monotonic() - begun)
    return taken


def hang(base: str, stop: threading.Event, refusals: list[float]) -> None:
    """Somebody whose provider hangs, and who tries again and again."""
    body: dict[str, object] = {"idpName": "idps/dead", "idpContext": {"oidcContext": {"code": "x"}}}
    while not stop.is_set():
        begun = time.monotonic()
        assert post(base, "/t/other/v1/auth/login", body) == 500
        refusals.append(time.monotonic() - begun)
        # People read what they are told.
        stop.wait(0.5)


def measured(base: str) -> dict[str, float]:
    logins(base)
    alone = logins(base)
    stop, refusals = threading.Event(), list[float]()
    threads = [threading.Thread(target=hang, args=(base, stop, refusals)) for _ in range(WAITING)]
    for each in threads:
        each.start()
    time.sleep(0.3)
    beside = logins(base)
    stop.set()
    for each in threads:
        each.join()
    return {
        "login_median_alone": statistics.median(alone),
        "login_median_beside": statistics.median(beside),
        "login_worst_alone": max(alone),
        "login_worst_beside": max(beside),
        "refusal_worst": max(refusals),
        "refusals": len(refusals),
    }


def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    with installation(
        DRAGOMAN_OUTBOUND_HOSTS="127.0.0.1",
        DRAGOMAN_WORKERS="1",
        DRAGOMAN_ADDRESS_FAILURES="10000",
    ) as variables:
        command = [sys.executable, "manage.py", "serve", "--migrate", "--port", "0"]
        server = subprocess.Popen(
            command, cwd=ROOT, env=variables, stderr=subprocess.PIPE, text=True
        )
        try:
            assert server.stderr is not None
            line = next(line for line in server.stderr if "listens on" in line)
            base = line.split("http://", 1)[1].split()[0].strip('"/.,')
            set_up = SET_UP % (PASSWORD, listener.getsockname()[1])
            done = [sys.executable, "manage.py", "shell", "-c", set_up]
            subprocess.run(done, cwd=ROOT, env=variables, check=True, capture_output=True)
            time.sleep(6)
            found = measured(base)
        finally:
            psutil.Process(server.pid).terminate()
            server.wait(40)
    ratio = found["login_median_beside"] / found["login_median_alone"]
    keep("hanging_provider", {**found, "ratio": ratio})


if __name__ == "__main__":
    main()
