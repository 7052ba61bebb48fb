"""One throw-away PostgreSQL for a whole test run, unless DATABASE_URL names another server."""

import atexit
import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
from django.db import connections
from django.db.backends.postgresql.base import DatabaseWrapper

from config import embedded_postgres, system_user

# Without our prefix: the product would report a setting that it does not know.
RUN_DIRECTORY = "TEST_RUN_DIRECTORY"
ADVISORY_LOCK = 0x647261676F


@contextlib.contextmanager
def empty_directory() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="dragoman-test-"))
    directory.chmod(0o711)  # the account that runs PostgreSQL for root must pass through
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def directory() -> Path:
    """The run's directory, made by its first process and known to the others by the environment."""
    if RUN_DIRECTORY not in os.environ:
        stack = contextlib.ExitStack()
        os.environ[RUN_DIRECTORY] = str(stack.enter_context(empty_directory()))
        atexit.register(stack.close)
    return Path(os.environ[RUN_DIRECTORY])


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
