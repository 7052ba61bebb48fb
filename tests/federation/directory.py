"""A real OpenLDAP server on free ports, with people in it.

It allows unauthenticated binds (a name with an empty password), as some directories do: there an
empty password that reaches the directory is a login.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ldap3

from tests.federation.certificates import certificate

SUFFIX = "dc=corp,dc=example"
ROOT, ROOT_PASSWORD = f"cn=root,{SUFFIX}", "root of the tests"
SERVICE, SERVICE_PASSWORD = f"cn=dragoman,ou=services,{SUFFIX}", "the service's own password"
SECRET = "a password of the directory"
SCHEMAS = Path("/etc/ldap/schema")
MODULES = Path("/usr/lib/ldap")


def program() -> str | None:
    """Where the server is; Debian keeps it off a user's path."""
    return shutil.which("slapd") or shutil.which("slapd", path="/usr/sbin:/usr/lib/openldap")


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
