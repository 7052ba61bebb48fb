"""LDAP and Active Directory: find the entry, then bind as it with the password that was typed.

The library is an install extra. A bind with an empty password is no login (RFC 4513 5.1.2), though
many directories answer it with success; it never leaves here.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from tenants.federation import outbound
from tenants.federation.identity import (
    ExternalIdentity,
    ProviderRefused,
    ProviderUnavailable,
    identity,
)
from tenants.federation.outbound import SECONDS, Deadline, Unreachable
from tenants.federation.provider import Provider
from tenants.federation.settings import LdapSettings, Security

try:
    import ldap3
    from ldap3.core.exceptions import LDAPException
    from ldap3.utils.conv import escape_filter_chars
    from ldap3.utils.dn import parse_dn
except ImportError:
    ldap3 = None

MISSING = "LDAP support is not installed"
_MAX_NAME = 256
_MAX_PASSWORD = 1024
_WRONG = "the directory does not take this name with this password"
_MAIL = "mail"


def is_installed() -> bool:
    """Whether the install extra is there."""
    return ldap3 is not None


def authenticate(provider: Provider, name: str, password: str) -> ExternalIdentity:
    """Whose name and password these are. Raises :class:`ProviderRefused`."""
    if not 0 < len(name) <= _MAX_NAME or not 0 < len(password) <= _MAX_PASSWORD:
        raise ProviderRefused(_WRONG)
    if "\0" in name or "\0" in password:
        raise ProviderRefused(_WRONG)
    with _directory(provider) as bound:
        entry = _entry(bound, provider, name)
        if not bound.bind(entry["dn"], password):
            raise ProviderRefused(_WRONG)
    return _identity(provider, entry)


def check(provider: Provider) -> str:
    """Bind and look at the base, for the console's test. Raises :class:`ProviderRefused`."""
    with _directory(provider) as bound:
        found = bound.search(
            provider.ldap.base_dn, "(objectClass=*)", ldap3.BASE, [ldap3.NO_ATTRIBUTES]
        )
    if not found:
        raise ProviderRefused("the base DN does not exist, or may not be read")
    return "The directory answers, and the base DN exists."


class _Bound:
    """A connection bound as the service account; all its steps share one deadline."""

    def __init__(self, connection: Any, deadline: Deadline) -> None:
        self._connection = connection
        self._deadline = deadline

    def bind(self, dn: str, password: str) -> bool:
        """Whether the directory takes this name with this password, which is not empty."""
        self._hurry()
        return bool(
            dn
            and password
            and self._connection.rebind(user=dn, password=password, authentication=ldap3.SIMPLE)
        )

    def search(self, base: str, query: str, scope: str, attributes: list[str]) -> list[Any]:
        """The entries, two at most. Referrals are none."""
        self._hurry()
        self._connection.search(base, query, scope, attributes=attributes, size_limit=2)
        found = self._connection.response or []
        return [each for each in found if each.get("type") == "searchResEntry"]

    def said(self) -> str:
        """The directory's word for how the last step went."""
        return str(self._connection.result.get("description", ""))

    def close(self) -> None:
        """Say goodbye, if anybody still listens."""
        with suppress(LDAPException, OSError, Unreachable):
            self._connection.unbind()

    def _hurry(self) -> None:
        self._connection.socket.settimeout(self._deadline.left())


@contextmanager
def _directory(provider: Provider) -> Iterator[_Bound]:
    """A connection bound as the service account, to the first server that answers."""
    if ldap3 is None:
        raise ProviderUnavailable(MISSING)
    settings, deadline = provider.ldap, Deadline(SECONDS)
    failure = "no server is configured"
    for server in settings.servers:
        try:
            with outbound.isolated(f"ldap://{server}:{settings.port}").request():
                bound = _Bound(_connected(server, settings, deadline), deadline)
                _bind_as_service(bound, provider)
        except Unreachable as error:
            failure = f"{server}: {error}"
            continue
        try:
            yield bound
        except (LDAPException, OSError, Unreachable) as error:
            raise ProviderUnavailable(f"{server}: {_said(error)}") from error
        finally:
            bound.close()
        return
    raise ProviderUnavailable(failure)


def _connected(server: str, settings: LdapSettings, deadline: Deadline) -> Any:
    """A protected connection to a checked address of ``server``. Raises :class:`Unreachable`."""
    failure = "no address"
    for address in outbound.addresses(server, settings.port, deadline):
        try:
            return _opened(server, address, settings, deadline)
        except (LDAPException, OSError, ssl.SSLError) as error:
            failure = _said(error)
    raise Unreachable(failure)


def _opened(server: str, address: str, settings: LdapSettings, deadline: Deadline) -> Any:
    tls = ldap3.Tls(
        validate=ssl.CERT_REQUIRED,
        version=ssl.PROTOCOL_TLS_CLIENT,
        # The address was checked; the certificate has to name the host.
        valid_names=[server],
        sni=server,
    )
    host = ldap3.Server(
        address,
        port=settings.port,
        use_ssl=settings.security is Security.LDAPS,
        tls=tls,
        get_info=ldap3.NONE,
        connect_timeout=_whole_seconds(deadline),
        allowed_referral_hosts=[],
    )
    connection = ldap3.Connection(
        host,
        receive_timeout=_whole_seconds(deadline),
        auto_referrals=False,
        raise_exceptions=False,
        read_only=True,
    )
    connection.open()
    if settings.security is Security.START_TLS and not connection.start_tls():
        connection.strategy.close()
        raise Unreachable("it does not offer StartTLS")
    return connection


def _whole_seconds(deadline: Deadline) -> int:
    """The library knows whole seconds only; two of them leave time for another server."""
    return max(1, min(2, int(deadline.left())))


def _said(error: Exception) -> str:
    certificate = isinstance(error, ssl.SSLError) or "certificate" in str(error).lower()
    return (
        "its certificate is not trusted"
        if certificate
        else f"no connection: {type(error).__name__}"
    )


def _bind_as_service(bound: _Bound, provider: Provider) -> None:
    """Raises :class:`Unreachable` if it breaks off, :class:`ProviderUnavailable` if refused."""
    secret = provider.secret
    if not secret:
        bound.close()
        raise ProviderUnavailable("the password of the bind DN is missing")
    try:
        taken = bound.bind(provider.ldap.bind_dn, secret)
    except (LDAPException, OSError) as error:
        raise Unreachable(_said(error)) from error
    if not taken:
        bound.close()
        raise ProviderUnavailable(f"the bind DN was refused: {bound.said()}")


def _entry(bound: _Bound, provider: Provider, name: str) -> Mapping[str, Any]:
    """The one entry of this name; none and several are the same to the person."""
    settings = provider.ldap
    wanted = {
        settings.mapping.identifier,
        settings.mapping.display_name,
        settings.mapping.phone,
        settings.mapping.groups,
        settings.unique_attribute,
        _MAIL,
    }
    query = settings.user_filter.replace("%s", escape_filter_chars(name))
    found = bound.search(settings.base_dn, query, ldap3.SUBTREE, sorted(wanted - {""}))
    if len(found) != 1:
        raise ProviderRefused(_WRONG)
    entry: Mapping[str, Any] = found[0]
    return entry


def _identity(provider: Provider, entry: Mapping[str, Any]) -> ExternalIdentity:
    settings = provider.ldap
    attributes = {name: _texts(values) for name, values in entry["raw_attributes"].items()}
    claims: dict[str, Any] = {name: values[0] for name, values in attributes.items() if values}
    groups = settings.mapping.groups
    if groups:
        claims[groups] = [_group_name(value) for value in attributes.get(groups, [])]
    claims["email"] = claims.get(_MAIL, "")
    return identity(_subject(settings, entry), claims, settings.mapping, provider.domain)


def _subject(settings: LdapSettings, entry: Mapping[str, Any]) -> str:
    """What never changes: an id of the entry, else its name."""
    if not settings.unique_attribute:
        return str(entry["dn"]).lower()[:255]
    values: Sequence[bytes] = entry["raw_attributes"].get(settings.unique_attribute) or []
    if len(values) != 1:
        raise ProviderUnavailable(f"the entry has no {settings.unique_attribute}")
    try:
        return values[0].decode("ascii")[:255]
    except UnicodeDecodeError:
        # Active Directory's objectGUID is binary.
        return values[0].hex()[:255]


def _texts(values: Sequence[bytes]) -> list[str]:
    texts = []
    for value in values:
        try:
            texts.append(value.decode())
        except UnicodeDecodeError:
            continue
    return texts


def _group_name(value: str) -> str:
    """A group's own name out of its distinguished name."""
    try:
        parts = parse_dn(value)
    except LDAPException:
        return value
    return str(parts[0][1]) if parts else value
