"""One protected connection to one server of a directory: bounded in time and size, used once.

The library speaks the protocol. The socket beneath it is ours: addresses are checked, the
certificate has to name the host, no step outlasts the deadline, and a connection that is gone is
never opened anew, for the second one would be without protection.
"""

from __future__ import annotations

import re
import secrets
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn, TypeVar

from tenants.federation import outbound
from tenants.federation.identity import ProviderUnavailable
from tenants.federation.outbound import Deadline, Unreachable
from tenants.federation.settings import LdapSettings, Security

try:
    import ldap3
    from ldap3.core.exceptions import (
        LDAPException,
        LDAPInvalidFilterError,
        LDAPSessionTerminatedByServerError,
    )
    from ldap3.utils.dn import parse_dn
except ImportError:
    ldap3 = None

T = TypeVar("T")
INSTALLED = ldap3 is not None
# A person's entry has some kilobytes; one that is in a thousand groups has a hundred.
MAX_BYTES = 1024 * 1024
_START_TLS = "1.3.6.1.4.1.1466.20037"
# Result codes of RFC 4511, 4.1.9.
_SUCCESS, _SIZE_LIMIT, _REFERRAL, _NO_SUCH_OBJECT = 0, 4, 10, 32
_AWAY = frozenset({51, 52})
# A bind that the directory judged, whatever its objection: wrong, locked, expired, not allowed.
_NO_LOGIN = frozenset({_REFERRAL, 19, _NO_SUCH_OBJECT, 34, 48, 49, 50, 53})


@dataclass(frozen=True, slots=True)
class Entry:
    """What was found: its name, and its attributes' values as they came."""

    dn: str
    # By the attribute's name in lower case.
    attributes: Mapping[str, Sequence[bytes]]


class Connection:
    """A protected connection; all its steps share one deadline.

    Every method raises :class:`Unreachable` where the server is away, and
    :class:`ProviderUnavailable` where it answers what cannot be used.
    """

    def __init__(self, spoken: Any) -> None:
        self._spoken = spoken

    def bind(self, dn: str, password: str) -> bool:
        """Whether the directory takes this name with this password.

        Neither is ever sent empty: many directories call that a success, and it proves nothing
        (RFC 4513, 5.1.2).
        """
        if not dn or not password:
            return False
        # As octets: the library's preparation would take some passwords for empty ones.
        secret = password.encode()
        _called(self._spoken.rebind, dn, secret, ldap3.SIMPLE, read_server_info=False)
        code = self._code
        if code in _NO_LOGIN:
            return False
        if code != _SUCCESS:
            self._objects("the bind")
        return True

    def bind_nobody(self, base: str) -> None:
        """What a bind with a wrong password costs, where there is no entry to bind as."""
        self.bind(f"cn=nobody,{base}", secrets.token_hex(8))

    def search(self, base: str, query: str, attributes: Sequence[str]) -> list[Entry]:
        """The entries below ``base``, two at most. Referrals are none, aliases are not followed."""
        return self._found(base, query, ldap3.SUBTREE, attributes)

    def has(self, dn: str) -> bool:
        """Whether this entry is there."""
        return bool(self._found(dn, "(objectClass=*)", ldap3.BASE, [ldap3.NO_ATTRIBUTES]))

    def said(self) -> str:
        """The directory's word for how the last step went."""
        return str(self._spoken.result.get("description", ""))

    def close(self) -> None:
        """Say goodbye, if anybody still listens."""
        wire = self._spoken.socket
        with suppress(Unreachable, ProviderUnavailable):
            _called(self._spoken.unbind)
        if wire is not None:
            wire.close()

    @property
    def _code(self) -> int:
        return int(self._spoken.result["result"])

    def _found(self, base: str, query: str, scope: str, attributes: Sequence[str]) -> list[Entry]:
        _called(
            self._spoken.search,
            base,
            query,
            scope,
            dereference_aliases=ldap3.DEREF_NEVER,
            attributes=list(attributes),
            size_limit=2,
        )
        if self._code == _NO_SUCH_OBJECT:
            raise ProviderUnavailable("the base DN does not exist, or may not be read")
        if self._code == _REFERRAL:
            raise ProviderUnavailable("it refers to another server, and referrals are not followed")
        if self._code not in (_SUCCESS, _SIZE_LIMIT):
            self._objects("the search")
        found = self._spoken.response or []
        return [_entry(each) for each in found if each.get("type") == "searchResEntry"]

    def _objects(self, step: str) -> NoReturn:
        if self._code in _AWAY:
            raise Unreachable(f"it is {self.said()}")
        raise ProviderUnavailable(f"{step} was refused: {self.said()}")


def _entry(found: Mapping[str, Any]) -> Entry:
    raw = found["raw_attributes"].items()
    return Entry(found["dn"], {name.lower(): tuple(values) for name, values in raw})


def _called(step: Callable[..., T], *args: Any, **named: Any) -> T:
    """One step of the protocol. What a stranger's bytes do to the library's reader is no error."""
    try:
        return step(*args, **named)
    except (Unreachable, ProviderUnavailable):
        raise
    except LDAPInvalidFilterError as error:
        raise ProviderUnavailable("userFilter is no filter") from error
    except LDAPSessionTerminatedByServerError as error:
        raise Unreachable("it ended the connection") from error
    except Exception as error:
        kind = type(error).__name__
        raise ProviderUnavailable(f"its answer cannot be read: {kind}") from error


def connected(server: str, settings: LdapSettings, deadline: Deadline) -> Connection:
    """A protected connection to a checked address of ``server``. Raises :class:`Unreachable`."""
    plain = _tcp(server, settings.port, deadline)
    try:
        if settings.security is Security.LDAPS:
            return Connection(_spoken(_protected(plain, server, settings, deadline), deadline))
        spoken = _spoken(plain, deadline)
        _demand_start_tls(spoken)
        spoken.socket = _Wire(_protected(plain, server, settings, deadline), deadline)
        return Connection(spoken)
    except BaseException:
        plain.close()
        raise


def _demand_start_tls(spoken: Any) -> None:
    _called(spoken.extended, _START_TLS)
    if spoken.result["result"] != _SUCCESS:
        raise Unreachable("it does not offer StartTLS")


def _tcp(server: str, port: int, deadline: Deadline) -> socket.socket:
    failure = "it has no address"
    found = outbound.addresses(server, port, deadline)
    for number, address in enumerate(found):
        # An address that does not answer leaves time for the next one.
        share = deadline.left() / (len(found) - number)
        try:
            return socket.create_connection((address, port), timeout=share)
        except OSError as error:
            failure = f"no connection: {type(error).__name__}"
    raise Unreachable(failure)


def _protected(
    plain: socket.socket, server: str, settings: LdapSettings, deadline: Deadline
) -> ssl.SSLSocket:
    plain.settimeout(deadline.left())
    try:
        return _context(settings.ca_certificate).wrap_socket(plain, server_hostname=server)
    except ssl.SSLCertVerificationError as error:
        raise Unreachable(_objection(error)) from error
    except TimeoutError as error:
        raise Unreachable("no answer to TLS in time") from error
    except (OSError, ValueError) as error:
        raise Unreachable("it does not speak TLS here") from error


@lru_cache(maxsize=64)
def _context(ca_certificate: str) -> ssl.SSLContext:
    """How certificates are checked: against the officer's authority, else the system's."""
    if not ca_certificate:
        return outbound.tls()
    context = ssl.create_default_context(cadata=ca_certificate)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Officers may name the server's own certificate, or the one between.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


# OpenSSL's numbers for what is wrong with a certificate.
_EXPIRED, _HOST, _ADDRESS = 10, 62, 64


def _objection(error: ssl.SSLCertVerificationError) -> str:
    if error.verify_code == _EXPIRED:
        return "its certificate has expired"
    if error.verify_code in (_HOST, _ADDRESS):
        return "its certificate is for another host"
    return f"its certificate is not trusted: {error.verify_message}"


class _Wire:
    """The socket as the library uses it: every step within the deadline, and so many bytes."""

    def __init__(self, socket_: socket.socket, deadline: Deadline) -> None:
        self._socket = socket_
        self._deadline = deadline
        self._received = 0

    def sendall(self, data: bytes) -> None:
        """Raises :class:`Unreachable`."""
        self._within(self._socket.sendall, data)

    def recv(self, size: int) -> bytes:
        """Raises :class:`Unreachable`, and :class:`ProviderUnavailable` where there is no end."""
        data = self._within(self._socket.recv, size)
        if not data:
            raise Unreachable("it ended the connection")
        self._received += len(data)
        if self._received > MAX_BYTES:
            raise ProviderUnavailable("its answer is longer than 1 MiB")
        return data

    def shutdown(self, how: int) -> None:
        """End both directions."""
        self._socket.shutdown(how)

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()

    def _within(self, step: Callable[[Any], T], argument: Any) -> T:
        self._socket.settimeout(self._deadline.left())
        try:
            return step(argument)
        except TimeoutError as error:
            raise Unreachable("no answer in time") from error
        except OSError as error:
            raise Unreachable(f"the connection failed: {type(error).__name__}") from error


def _spoken(socket_: socket.socket, deadline: Deadline) -> Any:
    """The library's connection over a socket that is open already."""
    server = ldap3.Server("directory", get_info=ldap3.NONE, allowed_referral_hosts=[])
    spoken = ldap3.Connection(
        server,
        auto_referrals=False,
        auto_range=False,
        auto_escape=False,
        check_names=False,
        read_only=True,
    )
    spoken.socket = _Wire(socket_, deadline)
    spoken.closed, spoken.listening = False, True
    spoken.strategy._outstanding = {}  # noqa: SLF001  # what its own open() does
    spoken.open = _never_again
    return spoken


def _never_again(*_args: Any, **_named: Any) -> NoReturn:
    """The library opens a lost connection anew, without TLS."""
    raise Unreachable("the connection is gone")


_ESCAPED = re.compile(rb"\\([0-9A-Fa-f]{2}|.)", re.DOTALL)


def own_name(dn: str) -> str:
    """The first value of a distinguished name, unescaped (RFC 4514); other text as it is."""
    try:
        parts = parse_dn(dn)
    except (LDAPException, IndexError):
        return dn
    if not parts:
        return dn
    value = _ESCAPED.sub(_unescaped, str(parts[0][1]).encode())
    return value.decode(errors="replace")


def _unescaped(found: re.Match[bytes]) -> bytes:
    text = found[1]
    return bytes.fromhex(text.decode()) if len(text) == 2 else text
