"""What stands before a directory, or in its place, and misbehaves."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from select import select
from typing import Protocol

from tests.federation.certificates import Certificate


class _Handler(Protocol):
    def __call__(self, client: socket.socket, /) -> None: ...


class Door:
    """A listener on a free port that counts who comes in."""

    def __init__(self, handle: _Handler) -> None:
        self._handle = handle
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(client)
            threading.Thread(target=self._handled, args=(client,), daemon=True).start()

    def _handled(self, client: socket.socket) -> None:
        with suppress(OSError):
            self._handle(client)

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)
        for client in self._open:
            client.close()


@contextmanager
def door(handle: _Handler) -> Iterator[Door]:
    """A listener that is closed at the end."""
    opened = Door(handle)
    try:
        yield opened
    finally:
        opened.close()


def silent(_client: socket.socket) -> None:
    """Takes the connection and says nothing."""


def garbage(client: socket.socket) -> None:
    """Answers in another language."""
    client.recv(4096)
    client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    client.close()


def server_context(shown: Certificate, folder: Path) -> ssl.SSLContext:
    """The server's side of TLS."""
    chain = folder / f"{abs(hash(shown.pem))}.pem"
    chain.write_text(shown.pem + shown.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return context


class Relay:
    """LDAPS before a server's plain port: passes so many requests on, then says nothing more.

    ``replaced`` has bytes that are sent in place of the answer to a request, by its number, and
    after which it may close the connection.
    """

    def __init__(
        self,
        port: int,
        context: ssl.SSLContext,
        *,
        most: int = 100,
        replaced: Mapping[int, bytes] | None = None,
        closes: bool = False,
    ) -> None:
        self._port = port
        self._context = context
        self._most = most
        self._replaced = replaced or {}
        self._closes = closes
        self.requests: list[bytes] = []

    def __call__(self, client: socket.socket, /) -> None:
        upstream, number = socket.create_connection(("127.0.0.1", self._port)), 0
        with upstream, self._context.wrap_socket(client, server_side=True) as secured:
            while True:
                # What is decrypted already makes no socket readable.
                ready = [secured] if secured.pending() else select([secured, upstream], [], [])[0]
                if upstream in ready:
                    # An answer may come in pieces.
                    secured.sendall(_heard(upstream))
                if secured in ready:
                    number += 1
                    self._take(_heard(secured), number, secured, upstream)

    def _take(
        self, request: bytes, number: int, secured: ssl.SSLSocket, upstream: socket.socket
    ) -> None:
        if number > self._most:
            return
        self.requests.append(request)
        if number not in self._replaced:
            upstream.sendall(request)
            return
        secured.sendall(self._replaced[number])
        if self._closes:
            raise ConnectionAbortedError


def _heard(connection: socket.socket) -> bytes:
    """What came. Raises ConnectionAbortedError where nothing comes any more: the door closes."""
    if not (said := connection.recv(65536)):
        raise ConnectionAbortedError
    return said
