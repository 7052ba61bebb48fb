"""A real OpenLDAP server on free ports, with people in it, and what makes one misbehave.

It allows unauthenticated binds (a name with an empty password), as some directories do: there an
empty password that reaches the directory is a login.
"""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import IPv4Address
from pathlib import Path
from select import select
from typing import Any, Protocol

import ldap3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SUFFIX = "dc=corp,dc=example"
ROOT, ROOT_PASSWORD = f"cn=root,{SUFFIX}", "root of the tests"
SERVICE, SERVICE_PASSWORD = f"cn=dragoman,ou=services,{SUFFIX}", "the service's own password"
SECRET = "a password of the directory"
SCHEMAS = Path("/etc/ldap/schema")
MODULES = Path("/usr/lib/ldap")


def program() -> str | None:
    """Where the server is; Debian keeps it off a user's path."""
    return shutil.which("slapd") or shutil.which("slapd", path="/usr/sbin:/usr/lib/openldap")


# --- Certificates -----------------------------------------------------------


@dataclass(frozen=True)
class Certificate:
    """A certificate with its key, in PEM."""

    pem: str
    key: str = field(repr=False)


_Key = ec.EllipticCurvePrivateKey


@cache
def _authority() -> tuple[x509.Certificate, _Key]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Corp's own authority")])
    now = datetime.now(UTC)
    made = (
        _built(name, name, key, now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    return made, key


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _built(
    subject: x509.Name, issuer: x509.Name, key: _Key, until: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(until - timedelta(days=3))
        .not_valid_after(until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def authority() -> str:
    """The company's own authority, which no system knows."""
    return _pem(_authority()[0])


@cache
def certificate(host: str = "localhost", *, expired: bool = False) -> Certificate:
    """A certificate of that authority for one host, which may be an address."""
    issuer, signer = _authority()
    key = ec.generate_private_key(ec.SECP256R1())
    until = datetime.now(UTC) + timedelta(days=-1 if expired else 1)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    alternative: x509.GeneralName = x509.DNSName(host)
    with suppress(ValueError):
        alternative = x509.IPAddress(IPv4Address(host))
    made = (
        _built(name, issuer.subject, key, until)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
        .sign(signer, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return Certificate(_pem(made), private.decode())


def _pem(made: x509.Certificate) -> str:
    return made.public_bytes(serialization.Encoding.PEM).decode()


# --- The server -------------------------------------------------------------


def _configuration(folder: Path, *, tls: bool) -> str:
    lines = [
        *(f"include {SCHEMAS / name}.schema" for name in ("core", "cosine", "inetorgperson")),
        f"modulepath {MODULES}",
        "moduleload back_mdb",
        "moduleload memberof",
        f"pidfile {folder / 'slapd.pid'}",
        # As some directories do: a name with an empty password is "success".
        "allow bind_anon_dn bind_anon_cred",
    ]
    if tls:
        lines += [
            f"TLSCertificateFile {folder / 'server.pem'}",
            f"TLSCertificateKeyFile {folder / 'server.key'}",
        ]
    lines += [
        "database mdb",
        "maxsize 10485760",
        f'suffix "{SUFFIX}"',
        f'rootdn "{ROOT}"',
        f'rootpw "{ROOT_PASSWORD}"',
        f"directory {folder / 'data'}",
        "dbnosync",
        "overlay memberof",
        # The service account alone may look around; everybody may bind.
        "access to attrs=userPassword by anonymous auth by * none",
        f'access to * by dn.exact="{SERVICE}" read by * none',
        "",
    ]
    return "\n".join(lines)


@dataclass
class Slapd:
    """A running server, and the hands of its administrator."""

    process: subprocess.Popen[bytes]
    port: int
    ldaps_port: int
    folder: Path
    added: list[str] = field(default_factory=list)

    def add(self, dn: str, classes: Sequence[str], **attributes: Any) -> str:
        """An entry; :meth:`forget` takes it away again."""
        with self.administrator() as root:
            done = root.add(dn, list(classes), attributes)
        assert done, root.result
        self.added.append(dn)
        return dn

    def person(self, uid: str, password: str | bytes = SECRET, **attributes: Any) -> str:
        """An entry ``uid=…,ou=people``; its name in the tree may be another one."""
        dn = attributes.pop("dn", f"uid={uid},ou=people,{SUFFIX}")
        named = {"uid": uid, "cn": uid, "sn": uid, "userPassword": password}
        return self.add(dn, ["inetOrgPerson"], **{**named, **attributes})

    def group(self, name: str, *members: str) -> str:
        """A group whose members have it in their ``memberOf``."""
        return self.add(name, ["groupOfNames"], member=list(members))

    def change(self, dn: str, **attributes: Sequence[Any]) -> None:
        """Give attributes new values; none takes the attribute away."""
        changes = {name: [("MODIFY_REPLACE", list(values))] for name, values in attributes.items()}
        with self.administrator() as root:
            done = root.modify(dn, changes)
        assert done, root.result

    def rename(self, dn: str, rdn: str) -> str:
        """Give an entry another name in the tree."""
        with self.administrator() as root:
            assert root.modify_dn(dn, rdn), root.result
        self.added.remove(dn)
        self.added.append(f"{rdn},{dn.partition(',')[2]}")
        return self.added[-1]

    def forget(self) -> None:
        """Take away what tests have added."""
        if not self.added:
            return
        with self.administrator() as root:
            for dn in reversed(self.added):
                root.delete(dn, controls=[("2.16.840.1.113730.3.4.2", True, None)])
        self.added.clear()

    @contextmanager
    def administrator(self) -> Iterator[Any]:
        """A connection that may do everything, without the product's own code."""
        server = ldap3.Server("127.0.0.1", self.port, get_info=ldap3.NONE)
        made = ldap3.Connection(server, ROOT, ROOT_PASSWORD, check_names=False)
        assert made.bind(), made.result
        try:
            yield made
        finally:
            made.unbind()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def slapd(folder: Path, *, tls: bool = True) -> Iterator[Slapd]:
    """A server with a service account and a place for people and groups."""
    (folder / "data").mkdir()
    made = certificate()
    (folder / "server.pem").write_text(made.pem)
    (folder / "server.key").write_text(made.key)
    (folder / "slapd.conf").write_text(_configuration(folder, tls=tls))
    port, ldaps_port = _free_port(), _free_port()
    urls = [f"ldap://127.0.0.1:{port}", *([f"ldaps://127.0.0.1:{ldaps_port}"] if tls else [])]
    with (folder / "slapd.log").open("wb") as log:
        command = [str(program()), "-f", str(folder / "slapd.conf"), "-h", " ".join(urls), "-d0"]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _wait_for(process, port, folder / "slapd.log")
        running = Slapd(process, port, ldaps_port, folder)
        running.add(SUFFIX, ["organization", "dcObject"], o="Corp", dc="corp")
        for unit in ("people", "groups", "services"):
            running.add(f"ou={unit},{SUFFIX}", ["organizationalUnit"], ou=unit)
        running.add(
            SERVICE,
            ["applicationProcess", "simpleSecurityObject"],
            cn="dragoman",
            userPassword=SERVICE_PASSWORD,
        )
        running.added.clear()
        yield running
    finally:
        process.kill()
        process.wait()


def _wait_for(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    raise AssertionError(log.read_text())


# --- What stands before it, or in its place ---------------------------------


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
