"""One throw-away PostgreSQL for a whole test run, unless DATABASE_URL names another server."""

import atexit
import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from config import embedded_postgres

VARIABLE = "DRAGOMAN_TEST_DIR"


def directory() -> Path:
    """The run's directory, made by its first process and known to the others by the environment."""
    if VARIABLE not in os.environ:
        made = Path(tempfile.mkdtemp(prefix="dragoman-test-"))
        made.chmod(0o711)  # the account that runs PostgreSQL for root must pass through
        os.environ[VARIABLE] = str(made)
        atexit.register(shutil.rmtree, made, ignore_errors=True)
    return Path(os.environ[VARIABLE])


def ensure_postgres() -> None:
    if os.environ.get("DATABASE_URL"):
        return
    stack = contextlib.ExitStack()
    data = directory() / "postgres"
    os.environ["DATABASE_URL"] = stack.enter_context(
        embedded_postgres.running(data, ephemeral=True)
    )
    # Registered after the directory's removal, so it runs before it.
    atexit.register(stack.close)
