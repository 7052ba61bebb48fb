"""A sixth contract is found because it lies in a folder, and held to what all the others owe."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from accounts.wire.registry import contracts

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "tests" / "contracts" / "sixth"
SUITE = "tests/contracts/test_every_contract.py"


def _pytest(*arguments: str) -> str:
    """Run pytest in a process of its own that knows one contract more."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST_", "COV_", "TEST_RUN"))
    }
    # The same server, but a database of its own name: this process's tests go on meanwhile.
    server = urlsplit(os.environ["DATABASE_URL"])
    database = urlunsplit(server._replace(path=f"/sixth_{os.getpid()}"))
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-n0", "-p", "no:cacheprovider", *arguments],
        cwd=ROOT,
        env={**kept, "DATABASE_URL": database, "DRAGOMAN_CONTRACTS": str(FOLDER)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.mark.slow
def test_the_suite_over_every_contract_runs_over_six_and_the_sixth_passes_it() -> None:
    """Of the other five one test runs, the one that shows that they are there."""
    ran = _pytest(SUITE, "-k", "lantern or test_its_printed_login_works", "-v")
    spoken = re.findall(r"::test_its_printed_login_works\w*\[(\w+)\]", ran)
    assert sorted(spoken) == sorted([*contracts(), "lantern"])
    for action in ("POST /lantern/light", "GET /lantern/who"):
        assert f"[lantern {action}]" in ran
    # All that is asked of a contract, of its two paths, and of its one action with a body.
    assert len(re.findall(r"\[lantern\b.*PASSED", ran)) >= 20
