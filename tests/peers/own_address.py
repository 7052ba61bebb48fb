"""Lets a client come from a loopback address of its own, as if it ran on another machine.

Rocket.Chat allows ten calls a minute for each address and path. One address for all the clients
that are tested here would run into that, and waiting it out would take minutes.
"""

import itertools
import shutil
import socket
import socketserver
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager

_hosts = itertools.count(1)


class _Relay(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, target: tuple[str, int], source: str) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.target = target
        self.source = source


class _Connection(socketserver.BaseRequestHandler):
    server: _Relay
    request: socket.socket

    def handle(self) -> None:
        onward = socket.create_connection(
            self.server.target, timeout=60, source_address=(self.server.source, 0)
        )
        with onward:
            back = threading.Thread(target=_copy, args=(onward, self.request), daemon=True)
            back.start()
            _copy(self.request, onward)
            back.join(60)


def _copy(source: socket.socket, sink: socket.socket) -> None:
    try:
        with source.makefile("rb", buffering=0) as reader, sink.makefile("wb", 0) as writer:
            shutil.copyfileobj(reader, writer)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        # Either side went away; the other copy ends the same way.
        return


def _usable(address: str) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


@contextmanager
def own_address(base_url: str) -> Iterator[str]:
    """The server's address by way of a relay whose requests come from an address not used yet."""
    number = next(_hosts)
    source = f"127.77.{number // 250}.{number % 250 + 1}"
    target = urllib.parse.urlsplit(base_url)
    # Not every system answers on all of 127.0.0.0/8, and TLS would see another host's name.
    if (
        target.hostname not in {"127.0.0.1", "localhost"}
        or target.scheme != "http"
        or not _usable(source)
    ):
        yield base_url
        return
    with _Relay(("127.0.0.1", target.port or 80), source) as relay:
        threading.Thread(target=relay.serve_forever, daemon=True).start()
        yield target._replace(netloc=f"{target.hostname}:{relay.server_address[1]}").geturl()
        relay.shutdown()
