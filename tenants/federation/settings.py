"""What an officer configures for each kind of provider, read strictly.

The names are those of the products' own configuration: Bytebase's for OAuth 2, OpenID Connect and
LDAP, datarhei Core's for Auth0. Secrets are no settings: they are sealed in a column.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tenants.federation import outbound
from tenants.federation.identity import FieldMapping


class Kind(StrEnum):
    """The kinds of provider."""

    LDAP = "LDAP"
    OAUTH2 = "OAUTH2"
    OIDC = "OIDC"
    AUTH0 = "AUTH0"


class AuthStyle(StrEnum):
    """Where the token endpoint expects the client's secret."""

    IN_PARAMS = "IN_PARAMS"
    IN_HEADER = "IN_HEADER"


class Security(StrEnum):
    """How the connection to a directory is protected; there is no unprotected one."""

    START_TLS = "START_TLS"
    LDAPS = "LDAPS"


class _Fields:
    """A stored table, taken apart member by member; what is left over is a mistake."""

    def __init__(self, raw: Any) -> None:
        if not isinstance(raw, Mapping):
            raise ValueError("the settings are a table")  # noqa: TRY004  # one kind for all
        self._rest = dict(raw)

    def take(self, name: str, default: Any) -> Any:
        return self._rest.pop(name, default)

    def text(self, name: str, *, default: str | None = None) -> str:
        value = self.take(name, default)
        if not isinstance(value, str) or len(value) > 1000 or not value.isprintable():
            raise ValueError(f"{name} is a text")
        if not value and default is None:
            raise ValueError(f"{name} is missing")
        return value

    def url(self, name: str) -> str:
        value = self.text(name)
        try:
            outbound.check_url(value)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
        return value

    def texts(self, name: str, *, default: Collection[str] | None = None) -> tuple[str, ...]:
        value = self.take(name, default)
        listed = isinstance(value, list | tuple) and len(value) <= 1000
        if not listed or not all(map(_is_item, value)):
            raise ValueError(f"{name} is a list of texts")
        if not value and default is None:
            raise ValueError(f"{name} is missing")
        return tuple(value)

    def finish(self) -> None:
        if self._rest:
            raise ValueError(f"there is no setting {min(self._rest)}")


def _is_item(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 500 and value.isprintable()


@dataclass(frozen=True, slots=True)
class OAuth2Settings:
    """A provider of plain OAuth 2 with a resource that tells who the user is."""

    auth_url: str
    token_url: str
    user_info_url: str
    client_id: str
    scopes: tuple[str, ...]
    mapping: FieldMapping
    auth_style: AuthStyle

    @classmethod
    def parse(cls, raw: Any) -> OAuth2Settings:
        """Read the stored form. Raises ValueError."""
        fields = _Fields(raw)
        settings = cls(
            fields.url("authUrl"),
            fields.url("tokenUrl"),
            fields.url("userInfoUrl"),
            fields.text("clientId"),
            _scopes(fields),
            FieldMapping.parse(fields.take("fieldMapping", {}), "email"),
            AuthStyle(fields.take("authStyle", AuthStyle.IN_PARAMS)),
        )
        fields.finish()
        return settings


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """An OpenID provider, found by its issuer."""

    issuer: str
    client_id: str
    scopes: tuple[str, ...]
    mapping: FieldMapping
    auth_style: AuthStyle

    @classmethod
    def parse(cls, raw: Any) -> OidcSettings:
        """Read the stored form. Raises ValueError."""
        fields = _Fields(raw)
        settings = cls(
            fields.url("issuer"),
            fields.text("clientId"),
            _scopes(fields, ("openid", "profile", "email")),
            FieldMapping.parse(fields.take("fieldMapping", {}), "preferred_username"),
            AuthStyle(fields.take("authStyle", AuthStyle.IN_HEADER)),
        )
        fields.finish()
        if "openid" not in settings.scopes:
            raise ValueError("the scopes of OpenID Connect contain openid")
        return settings


def _scopes(fields: _Fields, default: Collection[str] = ()) -> tuple[str, ...]:
    scopes = fields.texts("scopes", default=default)
    if any(not scope.isascii() or " " in scope for scope in scopes):
        raise ValueError("a scope is one ASCII word")
    return scopes


@dataclass(frozen=True, slots=True)
class LdapSettings:
    """A directory: servers of the same data, tried in order."""

    servers: tuple[str, ...]
    port: int
    security: Security
    bind_dn: str
    base_dn: str
    # With %s for the escaped name, once or several times.
    user_filter: str
    mapping: FieldMapping
    # The attribute that never changes; empty: the entry's own name (DN).
    unique_attribute: str
    # PEM: who signs the servers' certificates; empty: the system's authorities.
    ca_certificate: str = ""

    @classmethod
    def parse(cls, raw: Any) -> LdapSettings:
        """Read the stored form. Raises ValueError."""
        fields = _Fields(raw)
        security = Security(fields.take("securityProtocol", Security.START_TLS))
        settings = cls(
            _servers(fields),
            _port(fields.take("port", 636 if security is Security.LDAPS else 389)),
            security,
            fields.text("bindDn"),
            fields.text("baseDn"),
            _user_filter(fields.text("userFilter", default="(uid=%s)")),
            FieldMapping.parse(fields.take("fieldMapping", {}), "uid"),
            fields.text("uniqueAttribute", default="entryUUID"),
            _certificates(fields.take("caCertificate", "")),
        )
        fields.finish()
        return settings


def _certificates(pem: Any) -> str:
    """One certificate or several. A private key that was pasted along is refused, not stored."""
    if not isinstance(pem, str) or len(pem) > 100_000 or "PRIVATE KEY" in pem:
        raise ValueError("caCertificate holds certificates in PEM form and nothing else")
    if pem:
        try:
            ssl.create_default_context(cadata=pem)
        except (ssl.SSLError, ValueError) as error:
            raise ValueError("caCertificate holds no certificate in PEM form") from error
    return pem


def _servers(fields: _Fields) -> tuple[str, ...]:
    """One host, as the products' own settings have it, or several."""
    value = fields.take("host", None)
    listed = value if isinstance(value, list) else []
    servers = (value,) if isinstance(value, str) else tuple(listed)
    named = all(
        isinstance(server, str) and re.fullmatch(r"[A-Za-z0-9.:-]{1,253}", server)
        for server in servers
    )
    if not servers or not named:
        raise ValueError("host names the directory's server, or several as a list")
    return servers


def _port(value: Any) -> int:
    if type(value) is not int or not 0 < value < 65536:
        raise ValueError("port is a number from 1 to 65535")
    return value


def _user_filter(text: str) -> str:
    inner = f"({text})" if not text.startswith("(") else text
    if "%s" not in inner or "%" in inner.replace("%s", ""):
        raise ValueError("userFilter contains %s where the name goes")
    if inner.count("(") != inner.count(")"):
        raise ValueError("userFilter is no filter: its brackets do not match")
    return inner


@dataclass(frozen=True, slots=True)
class Auth0Settings:
    """An Auth0 tenant as datarhei Core knows one."""

    domain: str
    audience: str
    client_id: str
    users: tuple[str, ...]

    @property
    def issuer(self) -> str:
        """What ``iss`` must be, with its slash."""
        return f"https://{self.domain}/"

    @classmethod
    def parse(cls, raw: Any) -> Auth0Settings:
        """Read the stored form. Raises ValueError.

        No value may hold a blank or an equals sign: clients take the line apart at them.
        """
        fields = _Fields(raw)
        settings = cls(
            fields.text("domain"),
            fields.text("audience"),
            fields.text("clientid"),
            fields.texts("users", default=()),
        )
        fields.finish()
        if not re.fullmatch(r"[A-Za-z0-9.-]{1,253}(:\d{1,5})?", settings.domain):
            raise ValueError("domain is a host name")
        for name in ("audience", "client_id"):
            if re.search(r"[\s=]", getattr(settings, name)):
                raise ValueError(f"{name.replace('_', '')} holds no blank and no equals sign")
        return settings


Settings = OAuth2Settings | OidcSettings | LdapSettings | Auth0Settings
_PARSERS: Mapping[Kind, Callable[[Any], Settings]] = {
    Kind.OAUTH2: OAuth2Settings.parse,
    Kind.OIDC: OidcSettings.parse,
    Kind.LDAP: LdapSettings.parse,
    Kind.AUTH0: Auth0Settings.parse,
}


def parse(kind: Kind, raw: Any) -> Settings:
    """The settings of a provider of this kind. Raises ValueError with the objection."""
    return _PARSERS[kind](raw)
