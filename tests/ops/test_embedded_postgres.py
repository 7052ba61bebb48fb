import os
import re
import signal
import stat
import subprocess
import sys
import tempfile
import time
from contextlib import AbstractContextManager
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from config import embedded_postgres, system_user
from tests.ops.demo import ROOT, postgres_of

pytestmark = pytest.mark.slow

HOLD = """
import sys, time
from pathlib import Path
from config import embedded_postgres
with embedded_postgres.running(Path(sys.argv[1]), ephemeral=True) as url:
    print(url, flush=True)
    sys.stdin.read()
"""


def running(directory: Path) -> AbstractContextManager[str]:
    return embedded_postgres.running(directory / "postgres", ephemeral=True)


def ask(url: str, question: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(question).fetchone()
        assert row is not None
        return row[0]


def another_process(directory: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(directory / "postgres")],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("postgresql://")
    return process


def finish(process: subprocess.Popen[str]) -> None:
    process.communicate("", timeout=30)
    assert process.returncode == 0


def test_data_outlives_the_server_and_nothing_keeps_running(var_dir: Path) -> None:
    with running(var_dir) as url, psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    assert postgres_of(var_dir) == []

    with running(var_dir) as url:
        assert ask(url, "SELECT answer FROM kept") == 42
    assert postgres_of(var_dir) == []


def test_the_role_of_the_service_cannot_leave_its_database(var_dir: Path) -> None:
    with running(var_dir) as url:
        assert ask(url, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
        assert int(str(ask(url, "SHOW server_version_num"))) >= 180000
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            ask(url, "SELECT pg_read_file('/etc/passwd')")


def test_no_network_address_is_opened_and_only_the_owner_may_enter(var_dir: Path) -> None:
    with running(var_dir) as url:
        assert ask(url, "SHOW listen_addresses") == ""
        assert stat.S_IMODE((var_dir / "postgres").stat().st_mode) == 0o700


def test_the_last_of_several_processes_stops_the_server(var_dir: Path) -> None:
    with running(var_dir):
        other = another_process(var_dir)
    assert len(postgres_of(var_dir)) > 0

    finish(other)

    assert postgres_of(var_dir) == []


def test_a_killed_owner_leaves_a_server_that_the_next_one_takes_over(var_dir: Path) -> None:
    killed = another_process(var_dir)
    killed.kill()
    killed.communicate()
    left = {process.pid for process in postgres_of(var_dir)}
    assert left

    with running(var_dir) as url:
        assert ask(url, "SELECT 1") == 1
        assert {process.pid for process in postgres_of(var_dir)} & left

    assert postgres_of(var_dir) == []


def test_a_killed_server_recovers_with_its_data(var_dir: Path) -> None:
    data = var_dir / "postgres"
    with embedded_postgres.running(data) as url, psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        connection.commit()
        number = int((data / "postmaster.pid").read_text().split()[0])
        os.kill(number, signal.SIGKILL)
        time.sleep(0.5)

        with embedded_postgres.running(data) as again:
            assert ask(again, "SELECT answer FROM kept") == 42


def test_a_stale_process_id_of_somebody_else_is_seen_through(var_dir: Path) -> None:
    """As in a new container, where the old server's number belongs to another program."""
    with running(var_dir):
        pass
    stale = var_dir / "postgres" / "postmaster.pid"
    stale.write_text(f"{os.getpid()}\n{var_dir}/postgres\n1\n5432\n\n\n")

    with running(var_dir) as url:
        assert ask(url, "SELECT 1") == 1


def test_a_path_too_long_for_a_socket_gets_a_short_private_one(var_dir: Path) -> None:
    deep = var_dir / ("long-" * 20) / ("name " * 4)
    with running(deep) as url:
        directory = Path(str(conninfo_to_dict(url)["host"]))

        assert ask(url, "SELECT 1") == 1
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        assert len(str(directory)) < 60
    directory.rmdir()


def test_a_socket_directory_of_somebody_else_is_refused(
    var_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(var_dir))
    data = var_dir / ("long-" * 20)
    cluster = embedded_postgres.Cluster(data, ephemeral=True, account=None)
    cluster.sockets.mkdir(mode=0o777)
    cluster.sockets.chmod(0o777)

    with pytest.raises(embedded_postgres.EmbeddedPostgresError, match="belongs to somebody else"):
        embedded_postgres._ensure_sockets(cluster)


def test_data_of_another_major_version_is_refused_with_the_remedy(var_dir: Path) -> None:
    data = var_dir / "postgres"
    data.mkdir()
    (data / "PG_VERSION").write_text("15\n")

    with (
        pytest.raises(embedded_postgres.EmbeddedPostgresError, match=r"PostgreSQL 15.*dump"),
        running(var_dir),
    ):
        pass


def test_a_failed_start_shows_what_the_server_said(var_dir: Path) -> None:
    with running(var_dir):
        pass
    (var_dir / "postgres" / "postgresql.conf").write_text("no such setting = 1\n")

    with (
        pytest.raises(embedded_postgres.EmbeddedPostgresError, match=r"postgresql\.conf"),
        running(var_dir),
    ):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to run it as somebody else")
class TestAsRoot:
    def test_the_server_runs_as_its_own_account(self, var_dir: Path) -> None:
        with running(var_dir):
            owners = {process.username() for process in postgres_of(var_dir)}

        assert owners == {system_user.NAME}

    def test_a_closed_directory_lets_this_one_account_pass_and_nobody_else(
        self, var_dir: Path
    ) -> None:
        closed = var_dir / "closed"
        closed.mkdir(mode=0o700)

        with running(closed) as url:
            assert ask(url, "SELECT 1") == 1

        assert stat.S_IMODE(closed.stat().st_mode) & 0o007 == 0
        as_nobody = subprocess.run(
            ["ls", str(closed)], user=65534, check=False, capture_output=True
        )
        assert as_nobody.returncode != 0

    def test_letting_it_pass_twice_changes_nothing(self, var_dir: Path) -> None:
        account = system_user.account()
        assert account is not None
        closed = var_dir / "closed"
        closed.mkdir(mode=0o750)
        system_user._let_enter(account, closed)
        once = os.getxattr(closed, "system.posix_acl_access")

        system_user._let_enter(account, closed)

        assert os.getxattr(closed, "system.posix_acl_access") == once

    def test_a_file_system_without_access_lists_is_named_with_the_remedy(
        self, var_dir: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def unsupported(*arguments: object) -> bytes:
            raise OSError(95, "Operation not supported")

        closed = var_dir / "closed"
        closed.mkdir(mode=0o700)
        monkeypatch.setattr(os, "getxattr", unsupported)

        with pytest.raises(OSError, match=re.escape(str(closed))):
            system_user._let_enter(system_user.Account(12345, 12345), closed)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become an ordinary user")
def test_an_ordinary_user_runs_it_as_himself(var_dir: Path) -> None:
    home = var_dir / "home"
    home.mkdir()
    with running(var_dir):
        account = system_user.account()  # one that may enter this checkout by now
    assert account is not None
    os.chown(home, account.uid, account.gid)
    become = f"import os; os.setgroups([]); os.setgid({account.gid}); os.setuid({account.uid})"
    program = HOLD.replace("with embedded", f"{become}\nwith embedded")

    done = subprocess.run(
        [sys.executable, "-c", program, str(home / "postgres")],
        cwd=ROOT,
        input="",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert (home / "postgres").stat().st_uid == account.uid
    assert postgres_of(home) == []
