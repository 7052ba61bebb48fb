"""The real demo as a subprocess, for tests that need a whole running service."""

import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60
STOP_SECONDS = 45
_names = (f"newcomer-{n}" for n in itertools.count())


@dataclass(frozen=True, slots=True)
class Demo:
    base_url: str
    tenants: list[dict[str, Any]]
    users: list[dict[str, Any]]
    var_dir: Path

    def persona(self, name: str, tenant: str | None = None) -> dict[str, Any]:
        """A user of `demo.json` by name; of the first tenant that has one, unless it is named."""
        for user in self.users:
            if user["persona"] == name and tenant in (None, user["tenant"]):
                return user
        raise LookupError(f"the demo has no {name} in {tenant or 'any tenant'}")

    def newcomers(self, count: int) -> list[dict[str, Any]]:
        """New people of the tenant Acme, each with an authenticator app, see `newcomers.py`."""
        names = list(itertools.islice(_names, count))
        program = f"from tests.ops import newcomers; newcomers.make({names})"
        made = self.manage("shell", "-c", program, seconds=60 + 5 * count)
        assert made.returncode == 0, made.stderr
        told: list[dict[str, Any]] = json.loads(made.stdout.splitlines()[-1])
        return told

    def manage(self, *arguments: str, seconds: int = 60) -> subprocess.CompletedProcess[str]:
        """Run `manage.py` as somebody would who types it beside the running demo."""
        return manage(*arguments, environment=clean_environment(self.var_dir), seconds=seconds)


def clean_environment(var_dir: Path, **more: str) -> dict[str, str]:
    """This process's environment without what it says about Dragoman and its database."""
    ours = ("DRAGOMAN_", "DATABASE_URL", "DJANGO_", "PYTEST_", "COV_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, "DRAGOMAN_VAR_DIR": str(var_dir), **more}


def manage(
    *arguments: str, environment: Mapping[str, str], seconds: int = 60
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


@contextlib.contextmanager
def running_demo(var_dir: Path) -> Iterator[Demo]:
    """Start it, yield it, stop it as Ctrl-C does, and see that it left nothing behind."""
    log, started = var_dir / "demo.log", time.time()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "run_demo", "--port", "0"],
            cwd=ROOT,
            # Twenty refreshes at once take a busy machine longer than the usual three seconds.
            env=clean_environment(var_dir, DRAGOMAN_REFRESH_GRACE_SECONDS="10"),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        described = _wait_for(process, var_dir / "demo.json", log, started)
        yield Demo(
            base_url=described["base_url"].rstrip("/"),
            tenants=described["tenants"],
            users=described["users"],
            var_dir=var_dir,
        )
    finally:
        stop(process, var_dir)


def _wait_for(
    process: subprocess.Popen[bytes], file: Path, log: Path, started: float
) -> dict[str, Any]:
    """The description, once this start has written it: its server answers then."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError, ValueError):
            if file.stat().st_mtime >= started:
                described: dict[str, Any] = json.loads(file.read_text())
                return described
        time.sleep(0.05)
    raise AssertionError(f"the demo did not start:\n{log.read_text(errors='replace')}")


def stop(process: subprocess.Popen[bytes], var_dir: Path) -> None:
    children = psutil.Process(process.pid).children(recursive=True) if alive(process.pid) else []
    process.send_signal(signal.SIGINT)
    try:
        process.wait(STOP_SECONDS)
    finally:
        process.kill()
        process.wait()
    left = [child for child in children if child.is_running()] + postgres_of(var_dir)
    assert not left, f"left behind: {left}"


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def postgres_of(var_dir: Path) -> list[psutil.Process]:
    """Database servers whose data lies in this directory."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        arguments = process.info["cmdline"] or []
        if any(argument.startswith(f"{var_dir}/") for argument in arguments):
            found.append(process)
    return found
