"""One throw-away PostgreSQL for a whole test run, unless DATABASE_URL names another server."""

import atexit
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
from django.db import connections
from django.db.backends.postgresql.base import DatabaseWrapper

from config import embedded_postgres, system_user
from tests.ops import reaper

ADVISORY_LOCK = 0x647261676F
_kept = contextlib.ExitStack()
atexit.register(_kept.close)


def directory() -> Path:
    """The run's directory, made by its first process and known to the others by the environment."""
    if reaper.VARIABLE not in os.environ:
        os.environ[reaper.VARIABLE] = _new_directory(None)
        # Its standard input ends when this process does, even by SIGKILL.
        cleaner = subprocess.Popen(
            [sys.executable, str(Path(reaper.__file__)), os.environ[reaper.VARIABLE]],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        _kept.callback(cleaner.poll)  # a pipe that nobody refers to is closed
    return Path(os.environ[reaper.VARIABLE])


def _new_directory(parent: Path | None) -> str:
    made = tempfile.mkdtemp(prefix="" if parent else "dragoman-test-", dir=parent)
    # The account that runs PostgreSQL for root must pass through.
    Path(made).chmod(0o711)
    return made


@contextlib.contextmanager
def empty_directory() -> Iterator[Path]:
    made = _new_directory(directory())
    try:
        yield Path(made)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def ensure_postgres() -> None:
    if os.environ.get("DATABASE_URL"):
        return
    data = directory() / "postgres"
    os.environ["DATABASE_URL"] = _kept.enter_context(
        embedded_postgres.running(data, ephemeral=True)
    )


def use_template_database() -> None:
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return
    connection = connections["default"]
    assert isinstance(connection, DatabaseWrapper)
    template = f"test_{directory().name.replace('-', '_').lower()}"
    settings = connection.settings_dict
    own = settings["TEST"].get("NAME")
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as gate:
        gate.execute("SELECT pg_advisory_lock(%s)", [ADVISORY_LOCK])
        if not gate.execute("SELECT 1 FROM pg_database WHERE datname = %s", [template]).fetchone():
            _migrate_once(connection, template)
    settings["TEST"]["NAME"] = own
    settings["TEST"]["TEMPLATE"] = template


def _migrate_once(connection: DatabaseWrapper, name: str) -> None:
    settings = connection.settings_dict
    normal = settings["NAME"]
    settings["TEST"]["NAME"] = name
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    connection.close()
    connection.close_pool()
    settings["NAME"] = normal


def restart(data: Path) -> None:
    """Restart the server of this directory at once."""
    arguments = ("pg_ctl", "-D", str(data), "-m", "fast", "-w", "restart")
    embedded_postgres.Cluster(data, ephemeral=True, account=system_user.account()).run(*arguments)
