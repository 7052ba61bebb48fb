"""Runs every command of docs/operations.md, in the page's order."""

import base64
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from config import embedded_postgres
from tests.ops.demo import ROOT, clean_environment

pytestmark = pytest.mark.slow
PAGE = ROOT / "docs" / "operations.md"


def commands() -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


@pytest.fixture
def operator(var_dir: Path) -> Iterator[dict[str, str]]:
    """The environment of an operator who has followed the page so far."""
    with embedded_postgres.running(var_dir / "server", ephemeral=True) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE restored")
        yield clean_environment(
            var_dir,
            PATH=f"{Path(sys.executable).parent}:{embedded_postgres.binaries()}:{os.environ['PATH']}",
            DATABASE_URL=url,
            RESTORED_URL=url.replace("@/dragoman", "@/restored"),
            DRAGOMAN_SECRET_KEY=secrets.token_urlsafe(64),
            DRAGOMAN_SEALING_KEYS=base64.b64encode(secrets.token_bytes(32)).decode(),
            DRAGOMAN_BASE_URL="https://id.example.com",
            DRAGOMAN_ALLOWED_HOSTS="id.example.com",
        )


def start_and_stop(command: str, environment: dict[str, str], log: Path) -> None:
    with log.open("wb") as output:
        server = subprocess.Popen(
            command.replace("--port 8000", "--port 0").split(),
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=output,
            executable=sys.executable,
        )
    deadline = time.monotonic() + 60
    while b"listens on" not in log.read_bytes():
        assert server.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
    server.send_signal(signal.SIGTERM)
    assert server.wait(40) == 0


def test_every_command_on_the_page_works(operator: dict[str, str], var_dir: Path) -> None:
    bash = shutil.which("bash")
    assert bash is not None
    assert len(commands()) > 8
    for command in commands():
        if " serve" in command:
            start_and_stop(command, operator, var_dir / "serve.log")
            continue
        # Files that a command writes belong into the test's directory, not into the checkout.
        line = command.replace("dragoman.dump", f"{var_dir}/dragoman.dump")
        done = subprocess.run(
            [bash, "-euc", line],
            cwd=ROOT,
            env=operator,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
