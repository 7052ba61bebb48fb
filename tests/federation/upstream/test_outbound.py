"""What is asked of other systems, and above all what is not."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import httpcore
import pytest

from tenants.federation import outbound
from tenants.federation.outbound import MAX_BYTES, Unreachable, fetch
from tests.federation.upstream.issuer import Issuer


class Listener:
    """Accepts connections on loopback, counts them, and never answers."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.seen: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                self.seen.append(self.socket.accept()[0])
            except OSError:
                return

    def close(self) -> None:
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        for each in self.seen:
            each.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    listening = Listener()
    yield listening
    listening.close()


def refusal(url: str) -> str:
    with pytest.raises(Unreachable) as refused:
        fetch(url)
    return str(refused.value)


# What leads to this machine or its network, or is no address at all; {} is the listener's port.
FORBIDDEN = [
    "http://127.0.0.1:{}/",
    "http://example.com/",
    "https://127.0.0.1:{}/",
    "https://127.1:{}/",
    "https://0177.0.0.1:{}/",
    "https://0x7f.0.0.1:{}/",
    "https://2130706433:{}/",
    "https://0:{}/",
    "https://0.0.0.0:{}/",
    "https://localhost:{}/",
    "https://LOCALHOST.:{}/",
    "https://[::1]:{}/",
    "https://[::]:{}/",
    "https://[::127.0.0.1]:{}/",
    "https://[::ffff:127.0.0.1]:{}/",
    "https://[::ffff:7f00:1]:{}/",
    "https://[64:ff9b::7f00:1]:{}/",
    "https://[2002:7f00:1::]:{}/",
    "https://[fe80::1%25lo]:{}/",
    "https://[fc00::1]:{}/",
    "https://[fec0::1]:{}/",
    "https://[ff02::1]:{}/",
    "https://10.0.0.1:{}/",
    "https://172.16.0.1:{}/",
    "https://192.168.0.1:{}/",
    "https://169.254.169.254/latest/meta-data/",
    "https://100.64.0.1/",
    "https://224.0.0.1/",
    "https://255.255.255.255/",
    "https://example.com@127.0.0.1:{}/",
    "https://127.0.0.1:{}#@example.com/",
    "https://127.0.0.1:{}\\@example.com/",
    "https://127.0.0.1:{}\t/",
    "https://127.0.0.1:{}/\r\nHost: example.com",
    "https://１２７.0.0.1:{}/",
    "https://:{}/",
    "https://127.0.0.1:0/",
    "https://127.0.0.1:99999/",
    "https://[::1:{}/",
    "//127.0.0.1:{}/",
    "ftp://127.0.0.1:{}/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{}/",
    "https://example.com/" + "a" * 2048,
    "",
]


def test_no_variant_of_an_address_leads_to_this_network(listener: Listener) -> None:
    for url in FORBIDDEN:
        assert refusal(url.format(listener.port)), url
        # Each on its own: a host that fails is left alone after a while.
        outbound.forget()
    assert listener.seen == []


def test_a_name_is_resolved_once_and_every_address_of_it_is_judged(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = [["93.184.216.34", "127.0.0.1"], ["127.0.0.1"]]
    monkeypatch.setattr(outbound, "_resolved", lambda *_: told.pop(0))
    url = f"https://rebound.example:{listener.port}/"
    assert refusal(url) == "the host is at a private address, and not in DRAGOMAN_OUTBOUND_HOSTS"
    assert len(told) == 1
    assert listener.seen == []


def test_the_connection_goes_to_the_very_address_that_was_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name may lead elsewhere a moment later: nobody may look it up a second time."""
    asked: list[tuple[str, int]] = []

    def connect(_: Any, host: str, port: int, **__: Any) -> None:
        asked.append((host, port))
        raise httpcore.ConnectError

    monkeypatch.setattr(outbound, "_resolved", lambda *_: ["93.184.216.34", "2606:2800:21f::1"])
    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect)
    assert refusal("https://rebound.example/") == "the connection failed: ConnectError"
    assert asked == [("93.184.216.34", 443), ("2606:2800:21f::1", 443)]


def test_a_trusted_name_is_that_name_alone(loopback: None, listener: Listener) -> None:
    said = refusal(f"https://localhost:{listener.port}/")
    assert said.startswith("the host is at a private address")
    assert outbound.check_url("http://127.0.0.1/").hostname == "127.0.0.1"
    assert listener.seen == []


def test_a_redirect_is_an_answer_and_is_not_followed(issuer: Issuer, listener: Listener) -> None:
    def redirect(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", f"http://127.0.0.1:{listener.port}/")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    issuer.answers["/here"] = redirect
    assert fetch(f"{issuer.url}/here").status == 302
    assert listener.seen == []


def test_a_certificate_of_nobody_known_is_refused(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    outbound.tls.cache_clear()
    assert refusal(issuer.url) == "the connection failed: ConnectError"
    outbound.tls.cache_clear()
    assert issuer.asked == []


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> float:
    """The limit in seconds, shortened: it is the same code that keeps it."""
    assert 4 <= outbound.SECONDS < 5
    monkeypatch.setattr(outbound, "SECONDS", 0.4)
    return 0.4


def timed_refusal(url: str, limit: float) -> str:
    before = time.monotonic()
    told = refusal(url)
    assert limit <= time.monotonic() - before < limit + 0.5
    return told


LATE = "no answer within 5 seconds"


def test_neither_silence_nor_single_bytes_gain_time(
    issuer: Issuer, listener: Listener, hurried: float
) -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        for _ in range(100):
            handler.wfile.write(b"H")
            handler.wfile.flush()
            time.sleep(0.05)

    def slow_body(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(100):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.05)

    issuer.answers |= {"/drip": drip, "/body": slow_body}
    silent = f"127.0.0.1:{listener.port}/"
    for url in (f"http://{silent}", f"https://{silent}", f"{issuer.url}/drip"):
        assert timed_refusal(url, hurried) == LATE
    assert timed_refusal(f"{issuer.url}/body", hurried) == LATE


@pytest.mark.usefixtures("loopback")
def test_several_requests_can_share_the_time_of_one(listener: Listener, hurried: float) -> None:
    before = time.monotonic()
    with outbound.one_deadline():
        for _ in range(2):
            assert refusal(f"http://127.0.0.1:{listener.port}/") in {LATE, DENIED}
    assert time.monotonic() - before < hurried + 0.3


DENIED = "it did not answer before; it is asked again in a few seconds"


def test_an_answer_may_have_64_kib_and_no_more(issuer: Issuer) -> None:
    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b" " * 4096)

    issuer.answers |= {
        "/most": (200, b" " * MAX_BYTES),
        "/more": (200, b" " * (MAX_BYTES + 1)),
        "/endless": endless,
    }
    assert len(fetch(f"{issuer.url}/most").body) == MAX_BYTES
    for path in ("/more", "/endless"):
        assert refusal(f"{issuer.url}{path}") == "the answer is longer than 64 KiB"


def test_who_does_not_answer_is_left_alone_and_others_are_asked(
    issuer: Issuer, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Longer than a busy machine takes to start all who ask: none may come when others are done.
    monkeypatch.setattr(outbound, "SECONDS", 2.5)
    dead = f"http://127.0.0.1:{listener.port}/"
    issuer.answers["/"] = {}
    told: list[str] = []
    all_there = threading.Barrier(8, timeout=30)

    def ask() -> None:
        all_there.wait()
        told.append(refusal(dead))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for each in threads:
        each.start()
    # While they wait, another host answers as ever.
    assert fetch(f"{issuer.url}/").ok
    for each in threads:
        each.join()
    waited = "too many requests are waiting for its answer"
    assert sorted(told) == sorted([LATE] * 3 + [waited] * 5)
    assert len(listener.seen) == outbound.PER_HOST == 3
    before = time.monotonic()
    assert refusal(dead) == DENIED
    assert time.monotonic() - before < 0.1
    assert fetch(f"{issuer.url}/").ok


def test_a_host_that_has_failed_is_tried_by_one_request_at_a_time(
    issuer: Issuer, listener: Listener, hurried: float
) -> None:
    dead = f"http://127.0.0.1:{listener.port}/"
    assert refusal(dead) == LATE
    told: list[Any] = []
    threads = [threading.Thread(target=lambda: told.append(refusal(dead))) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert told.count(LATE) == 1
