"""Requests to other systems: https, no redirects, no private address, 5 seconds, 64 KiB.

The address of a provider comes from a tenant's officer, so it must lead nowhere that only this
server can reach (ASVS 5.0, 1.3.6 and 15.3.2). A host name is resolved once and the connection goes
to the very address that was checked.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from urllib.parse import SplitResult, urlsplit

import httpcore

from tenants.conf import conf

# For everything that one login asks of a provider, so that its refusal is told within five seconds.
SECONDS = 4.5
MAX_BYTES = 64 * 1024
# So many requests of one process may be under way at one host, and at all of them: a provider that
# hangs must not take the threads that other people's logins need. A process has eight by default.
PER_HOST, OVERALL = 3, 6
# A place is waited for this long, in seconds.
PLACE = 0.3
# After so many failures in a row a host is left alone for a while.
_PATIENCE = 3
_PAUSE = 15.0
_MAX_URL = 2048
_AGENT = b"Dragoman"


class Unreachable(Exception):
    """The other system gave no usable answer; the text says why and holds no secret."""


class _Useless(Unreachable):
    """It answered in time, and what it answered cannot be used."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer: its status and whole body."""

    status: int
    body: bytes = field(repr=False)

    @property
    def ok(self) -> bool:
        """Whether the status is 200."""
        return self.status == 200


class Deadline:
    """A point in time that every step of one exchange shares."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds that are left. Raises :class:`Unreachable` when there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise Unreachable("no answer within 5 seconds")
        return left


_shared: ContextVar[Deadline | None] = ContextVar("deadline", default=None)


@contextmanager
def one_deadline() -> Iterator[None]:
    """Let all requests in this block share the time that a single one has.

    A block within such a block gains no time.
    """
    before = _shared.set(deadline())
    try:
        yield
    finally:
        _shared.reset(before)


def deadline() -> Deadline:
    """Until when a request that begins now must be answered."""
    return _shared.get() or Deadline(SECONDS)


def patience() -> float:
    """How many seconds a place is waited for, never beyond the request's own end.

    Raises :class:`Unreachable` where that has come.
    """
    return min(PLACE, deadline().left())


def is_trusted_host(host: str) -> bool:
    """Whether the operator allows this very host without TLS and at a private address."""
    return host.lower() in conf().outbound_hosts


def check_url(url: str) -> SplitResult:
    """The parts of an address that may be asked. Raises ValueError with the objection."""
    if len(url) > _MAX_URL or any(not "!" <= c <= "~" or c == "\\" for c in url):
        raise ValueError("an address is at most 2048 visible ASCII characters")
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise ValueError("an address holds no user name and no fragment")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_trusted_host(host)):
        raise ValueError("an address begins with https://")
    if not host or parts.port == 0:
        raise ValueError("an address names a host")
    if not is_trusted_host(host) and _is_literal(host) and not _is_public(host):
        raise ValueError("an address does not lead to this network")
    return parts


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_public(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or _nat64(ip)
        if inner is not None:
            ip = inner
    if isinstance(ip, ipaddress.IPv6Address) and ip not in _UNICAST:
        return False
    return ip.is_global and not ip.is_multicast


# All that was ever given out (RFC 4291, 2.4); what lies beside it leads to one's own network.
_UNICAST = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def _nat64(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else None


# The system's resolver knows no time-out of its own.
_RESOLVER = ThreadPoolExecutor(max_workers=16, thread_name_prefix="resolve")


def addresses(host: str, port: int, deadline: Deadline) -> list[str]:
    """The addresses of ``host``, each checked. Raises :class:`Unreachable`."""
    asked: Future[list[str]] = _RESOLVER.submit(_resolved, host, port)
    try:
        found = asked.result(deadline.left())
    except TimeoutError as error:
        asked.cancel()
        raise Unreachable("the host name could not be resolved in time") from error
    except (OSError, UnicodeError) as error:
        raise Unreachable("the host name is unknown") from error
    if not is_trusted_host(host) and not all(_is_public(address) for address in found):
        raise Unreachable("the host is at a private address, and not in DRAGOMAN_OUTBOUND_HOSTS")
    return found


def _resolved(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class _Checked(httpcore.NetworkBackend):
    """Connects to checked addresses only, and lets no step outlast the deadline."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        failure: Exception | None = None
        found = addresses(host, port, self._deadline)
        for number, address in enumerate(found):
            # An address that does not answer leaves time for the next one.
            share = self._deadline.left() / (len(found) - number)
            try:
                stream = self._plain.connect_tcp(address, port, timeout=share)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
                continue
            return _Bounded(stream, self._deadline)
        raise failure or httpcore.ConnectError("no address")


class _Bounded(httpcore.NetworkStream):
    """A stream whose reads and writes share one deadline: drip-feeding gains no time."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.left())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        inner = self._stream.start_tls(ssl_context, server_hostname, self._deadline.left())
        return _Bounded(inner, self._deadline)

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)


@cache
def tls() -> ssl.SSLContext:
    """Certificates are checked against the system's authorities, or ``SSL_CERT_FILE``."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


_OVERALL = threading.BoundedSemaphore(OVERALL)


@contextmanager
def _place(places: threading.Semaphore) -> Iterator[None]:
    if not places.acquire(timeout=patience()):
        raise Unreachable("too many requests are waiting for its answer")
    try:
        yield
    finally:
        places.release()


class _Host:
    """What this process knows about one host: requests under way, failures in a row."""

    def __init__(self) -> None:
        self._places = threading.BoundedSemaphore(PER_HOST)
        # Who has failed is tried by one request at a time.
        self._probe = threading.BoundedSemaphore(1)
        self._failures = 0
        self._quiet_until = 0.0

    @contextmanager
    def request(self) -> Iterator[None]:
        """Hold one of the host's places. Raises :class:`Unreachable` if none becomes free."""
        if time.monotonic() < self._quiet_until:
            raise Unreachable("it did not answer before; it is asked again in a few seconds")
        with _place(self._probe if self._failures else self._places), _place(_OVERALL):
            try:
                yield
            except _Useless:
                # That of one address; the host has others, and other tenants may use them.
                raise
            except Unreachable:
                self._failures += 1
                if self._failures >= _PATIENCE:
                    self._quiet_until = time.monotonic() + _PAUSE
                raise
            self._failures = 0


_HOSTS: dict[str, _Host] = {}


def isolated(origin: str) -> _Host:
    """The guard of one system, for other protocols than HTTP as well."""
    # Officers name the systems, so there are only so many.
    return _HOSTS.setdefault(origin, _Host())


def forget() -> None:
    """Forget which hosts did not answer."""
    _HOSTS.clear()


def fetch(
    url: str, *, method: str = "GET", headers: Mapping[str, str] | None = None, body: bytes = b""
) -> Fetched:
    """Ask another system. A redirect is an answer like any other. Raises :class:`Unreachable`."""
    try:
        parts = check_url(url)
    except ValueError as error:
        raise Unreachable(str(error)) from error
    with isolated(f"{parts.scheme}://{parts.netloc}".lower()).request():
        return _exchange(url, method, headers or {}, body)


def _exchange(url: str, method: str, headers: Mapping[str, str], body: bytes) -> Fetched:
    until = deadline()
    sent = [(name.encode(), value.encode()) for name, value in headers.items()]
    sent += [(b"User-Agent", _AGENT), (b"Connection", b"close")]
    try:
        with (
            httpcore.ConnectionPool(ssl_context=tls(), network_backend=_Checked(until)) as pool,
            pool.stream(method, url, headers=_with_host(url, sent), content=body) as answer,
        ):
            return Fetched(answer.status, _whole(answer.iter_stream()))
    except (httpcore.TimeoutException, TimeoutError) as error:
        raise Unreachable("no answer within 5 seconds") from error
    except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
        raise Unreachable(f"the connection failed: {type(error).__name__}") from error


def _with_host(url: str, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [(b"Host", urlsplit(url).netloc.encode()), *headers]


def _whole(parts: Iterable[bytes]) -> bytes:
    body = bytearray()
    for part in parts:
        body += part
        if len(body) > MAX_BYTES:
            raise _Useless("the answer is longer than 64 KiB")
    return bytes(body)
