import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.ops import throwaway
from tests.ops.demo import ROOT, clean_environment, manage, postgres_of

pytestmark = pytest.mark.slow


@dataclass
class Server:
    process: subprocess.Popen[bytes]
    port: int
    log: Path
    var_dir: Path

    def get(self, path: str, *, seconds: float = 40) -> dict[str, Any]:
        status, body = self.request("GET", path, seconds=seconds)
        assert status == 200, body
        answer: dict[str, Any] = json.loads(body)
        return answer

    def request(
        self, method: str, path: str, *, seconds: float = 40, **options: Any
    ) -> tuple[int, bytes]:
        with contextlib.closing(
            http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        ) as connection:
            connection.request(method, path, **options)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def workers(self) -> list[psutil.Process]:
        return [
            child
            for child in psutil.Process(self.process.pid).children()
            if child.status() != psutil.STATUS_ZOMBIE
        ]

    def wait_until(self, condition: Any, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)


def environment(var_dir: Path, **more: str) -> dict[str, str]:
    return clean_environment(
        var_dir,
        DRAGOMAN_MODE="demo",
        DRAGOMAN_ALLOWED_HOSTS="127.0.0.1",
        DJANGO_SETTINGS_MODULE="tests.ops.echo_settings",
        HTTP_X_FORWARDED_FOR="192.0.2.66",
        **more,
    )


@contextlib.contextmanager
def serving(var_dir: Path, *arguments: str, **more: str) -> Iterator[Server]:
    log = var_dir / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "serve", "--port", "0", "--workers", "2", *arguments],
            cwd=ROOT,
            env=environment(var_dir, **more),
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    server = Server(process, 0, log, var_dir)
    try:
        server.wait_until(lambda: b"listens on" in log.read_bytes() or process.poll() is not None)
        found = re.search(r"listens on http://127\.0\.0\.1:(\d+)", log.read_text())
        assert found, log.read_text()
        server.port = int(found.group(1))
        yield server
    finally:
        process.terminate()
        try:
            process.wait(40)
        finally:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with throwaway.empty_directory() as var_dir, serving(var_dir) as started:
        yield started


def chunks(size: int) -> Iterator[bytes]:
    for start in range(0, size, 1000):
        yield b"x" * min(1000, size - start)


def test_a_chunked_body_arrives_whole(server: Server) -> None:
    status, body = server.request("POST", "/echo", body=chunks(5500), encode_chunked=True)

    assert (status, json.loads(body)["length"]) == (200, 5500)


@pytest.mark.parametrize(("size", "status"), [(65536, 200), (65537, 400), (900_000, 400)])
def test_a_chunked_body_meets_the_same_limit_as_one_with_a_length(
    server: Server, size: int, status: int
) -> None:
    chunked, _ = server.request("POST", "/echo", body=chunks(size), encode_chunked=True)
    plain, _ = server.request("POST", "/echo", body=b"x" * size)

    assert (chunked, plain) == (status, status)


def test_a_request_sees_no_secret_and_no_header_from_the_servers_environment(
    server: Server,
) -> None:
    meta = server.get("/echo")["meta"]

    assert "DRAGOMAN_MODE" in meta, "the server hands its environment over, so the test means much"
    assert not {"DRAGOMAN_SECRET_KEY", "DRAGOMAN_SEALING_KEYS", "DATABASE_URL"} & set(meta)
    assert "HTTP_X_FORWARDED_FOR" not in meta


def test_statements_are_prepared_on_the_server_and_end_in_time(server: Server) -> None:
    answers = [server.get("/database") for _ in range(20)]

    assert max(answer["prepared"] for answer in answers) >= 2
    assert {answer["statement_timeout"] for answer in answers} == {"15s"}


def test_a_worker_needs_little_memory(server: Server) -> None:
    server.get("/database")

    assert all(w.memory_info().rss < 150 * 1024 * 1024 for w in server.workers())


def test_a_taken_port_is_named_and_nothing_else_happens(server: Server) -> None:
    refused = manage(
        "serve", "--port", str(server.port), environment=environment(server.var_dir), seconds=30
    )

    assert refused.returncode == 1
    assert refused.stderr.startswith(f"CommandError: Cannot listen on 127.0.0.1 port {server.port}")
    assert server.get("/database")["prepared"] >= 0, "the shared database still runs"


def test_a_worker_that_dies_is_replaced(server: Server) -> None:
    victim, *_ = server.workers()

    victim.kill()

    server.wait_until(lambda: not victim.is_running() and len(server.workers()) == 2)
    assert [server.get("/slow?seconds=0") for _ in range(8)]


def test_requests_in_work_are_finished_before_the_server_stops(var_dir: Path) -> None:
    with serving(var_dir) as server, ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(server.get, "/slow?seconds=1.5") for _ in range(4)]
        time.sleep(0.5)

        os.killpg(server.process.pid, signal.SIGINT)  # as a terminal does on Ctrl-C

        assert all(answer.result()["pid"] for answer in answers)
        assert server.process.wait(20) == 0
    assert postgres_of(var_dir) == []


def test_workers_leave_and_free_the_port_when_their_parent_is_killed(var_dir: Path) -> None:
    with serving(var_dir) as server:
        workers = server.workers()

        server.process.kill()
        server.process.wait()

        _, alive = psutil.wait_procs(workers, timeout=30)
        assert alive == []
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", server.port)) != 0
    with serving(var_dir) as server:
        assert server.get("/database")
    assert postgres_of(var_dir) == []


def test_only_requests_in_the_database_at_that_moment_can_fail_while_it_restarts(
    var_dir: Path,
) -> None:
    with serving(var_dir) as server:
        failed: list[Any] = []
        finished = threading.Event()

        def ask() -> None:
            while not finished.is_set():
                status, body = server.request("GET", "/database")
                if status != 200:
                    failed.append((status, body))

        with ThreadPoolExecutor(3) as pool:
            for _ in range(3):
                pool.submit(ask)
            time.sleep(0.5)
            throwaway.restart(var_dir / "postgres")
            time.sleep(1)
            finished.set()

        assert len(failed) <= 3, failed
        assert all(server.get("/database") for _ in range(8))


def test_serve_refuses_to_start_in_production_without_secrets(var_dir: Path) -> None:
    refused = manage("serve", environment=clean_environment(var_dir))

    assert refused.returncode == 1
    for identifier in ("accounts.E001", "accounts.E003", "accounts.E007", "accounts.E009"):
        assert identifier in refused.stderr
    assert "HINT" in refused.stderr
    assert postgres_of(var_dir) == []


def test_another_wsgi_server_cannot_load_the_application_without_secrets(var_dir: Path) -> None:
    refused = subprocess.run(
        [sys.executable, "-c", "import config.wsgi"],
        cwd=ROOT,
        env=clean_environment(var_dir),
        capture_output=True,
        text=True,
        check=False,
    )

    assert refused.returncode == 1
    assert "accounts.E001" in refused.stderr
    assert "Traceback" not in refused.stderr
