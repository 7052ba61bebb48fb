"""The production server: granian, a few processes with a few threads each, over `config.wsgi`."""

import importlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.db import connections
from django.db.backends.postgresql.base import DatabaseWrapper
from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels

from config import env, logs
from config.stop_signals import StopSignals

DRAIN_SECONDS = 30
HEADER_SECONDS = 10
LONGEST_HEADERS = 64 * 1024
OPEN_SECONDS = 30


def serve(
    host: str,
    port: int,
    workers: int,
    threads: int,
    *,
    on_open: Callable[[int], None] = lambda _: None,
) -> None:
    """Serve until SIGINT or SIGTERM; `on_open` hears the port as soon as it answers.

    Port 0 takes a free one. Requests in work at the end get DRAIN_SECONDS to finish.
    """
    port = claim(host, port)
    # The workers are forked: a connection must belong to one process.
    for connection in connections.all(initialized_only=True):
        connection.close()
        if isinstance(connection, DatabaseWrapper):
            connection.close_pool()
    server = Granian(
        "config.wsgi:application",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=threads,
        # One protocol, spoken by every proxy: less to attack than HTTP/2 in clear text.
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(
            header_read_timeout=HEADER_SECONDS * 1000, max_buffer_size=LONGEST_HEADERS
        ),
        websockets=False,
        respawn_failed_workers=True,
        respawn_interval=0.5,
        workers_kill_timeout=DRAIN_SECONDS,
        log_level=LogLevels.error,
        log_dictconfig=_logging(),
    )
    server.on_startup(lambda: _announce(host, port, on_open))
    with StopSignals():
        server.serve(target_loader=_Loader(os.getpid()))


def claim(host: str, port: int) -> int:
    """The port that will be used. The server shares ports, so it would not notice a taken one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CommandError(
                f"Cannot listen on {host} port {port}: {error.strerror}. "
                "Stop what listens there or choose another port."
            ) from error
        return int(probe.getsockname()[1])


def _logging() -> dict[str, Any]:
    configuration = logs.configuration(settings.ENVIRONMENT.log_level)
    configuration["loggers"]["_granian"] = {"level": "ERROR"}
    return configuration


def _announce(host: str, port: int, on_open: Callable[[int], None]) -> None:
    def wait() -> None:
        deadline = time.monotonic() + OPEN_SECONDS
        # Told from the others here, bound nowhere.
        address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
        while time.monotonic() < deadline:
            try:
                socket.create_connection((address, port), timeout=1).close()
            except OSError:
                time.sleep(0.02)
            else:
                on_open(port)
                return

    threading.Thread(target=wait, daemon=True, name="announce").start()


class _Loader:
    """Loads the application in a worker, and ties the worker's life to its parent's."""

    def __init__(self, parent: int) -> None:
        self._parent = parent

    def __call__(self, target: str) -> Callable[..., Any]:
        del target
        threading.Thread(target=self._leave_with_parent, daemon=True, name="orphan").start()
        application: Callable[..., Any] = importlib.import_module("config.wsgi").application
        _clean_environment()
        return application

    def _leave_with_parent(self) -> None:
        """A parent that was killed cannot stop its workers; they would hold the port."""
        while os.getppid() == self._parent:
            time.sleep(1)
        os.kill(os.getpid(), signal.SIGTERM)


def _clean_environment() -> None:
    """The server copies the environment into every request's own: secrets have no business there,
    and HTTP_PROXY would look like a header that the client sent.
    """
    secret = {variable.name for variable in env.VARIABLES if variable.secret}
    for name in list(os.environ):
        if name in secret or name.startswith("HTTP_"):
            del os.environ[name]
