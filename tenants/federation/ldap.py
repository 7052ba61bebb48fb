"""LDAP and Active Directory: find the entry, then bind as it with the password that was typed.

The library is an install extra. A bind with an empty password is no login (RFC 4513, 5.1.2), though
many directories answer it with success; it never leaves here.
"""

from __future__ import annotations

import re
import time
import unicodedata
from collections.abc import Callable, Sequence
from hashlib import sha256
from stringprep import in_table_b1
from typing import Any, TypeVar

from django.views.decorators.debug import sensitive_variables

from tenants.federation import outbound
from tenants.federation.identity import (
    ExternalIdentity,
    ProviderRefused,
    ProviderUnavailable,
    identity,
)
from tenants.federation.ldap_connection import (
    INSTALLED,
    Connection,
    Entry,
    connected,
    own_name,
)
from tenants.federation.outbound import Deadline, Unreachable
from tenants.federation.provider import Provider
from tenants.federation.settings import LdapSettings

T = TypeVar("T")
# Called with the identifier and the subject of the entry that was found, before its password is
# tried: one entry answers to many spellings of its name, and all of them are guesses at it.
Meet = Callable[[str, str], None]

MISSING = "LDAP support is not installed"
# What a column holds.
_MAX_SUBJECT = 255
_MAX_NAME = 256
_MAX_PASSWORD = 1024
_WRONG = "the directory does not take this name with this password"
_MAIL = "mail"
# A refused bind DN is not tried again for this long, in seconds: directories lock accounts.
_REST = 60.0


def is_installed() -> bool:
    """Whether the install extra is there."""
    return INSTALLED


def _nobody_counts(_identifier: str, _subject: str) -> None:
    pass


@sensitive_variables("password")
def authenticate(
    provider: Provider, name: str, password: str, meet: Meet = _nobody_counts
) -> ExternalIdentity:
    """Whose name and password these are. Raises :class:`ProviderRefused`, and what ``meet`` does.

    It is one refusal whatever was wrong.
    """
    password = unicodedata.normalize("NFC", password)
    if not _is_sendable(name, password):
        raise ProviderRefused(_WRONG)
    entry = _asked(provider, lambda bound: _proved(bound, provider, name, password, meet))
    if entry is None:
        raise ProviderRefused(_WRONG)
    return _identity(provider, entry)


def check(provider: Provider) -> list[str]:
    """What an officer has to mend, for the console's test; empty where nothing is wrong.

    Every server is tried: one that is wrong is not to show when the others are away.
    """
    if not is_installed():
        return [MISSING]
    settings, deadline = provider.ldap, outbound.deadline()
    _RESTING.clear()
    wrong = []
    for number, server in enumerate(settings.servers):
        try:
            share = Deadline(deadline.left() / (len(settings.servers) - number))
            objection = _asked_at(server, provider, share, lambda bound: _looked(bound, provider))
        except (Unreachable, ProviderRefused) as error:
            objection = str(error)
        if objection:
            wrong.append(f"{server}: {objection}")
    return wrong


def _looked(bound: Connection, provider: Provider) -> str:
    """What is wrong with base, filter or attributes, by what the service account may see."""
    settings = provider.ldap
    bound.search(settings.base_dn, _query(settings, "nobody"), [settings.mapping.identifier])
    if not bound.has(settings.base_dn):
        return "the base DN does not exist, or may not be read"
    try:
        anybody = settings.user_filter.replace("%s", "*")
        found = bound.search(settings.base_dn, anybody, _wanted(settings))
    except (ProviderUnavailable, Unreachable):
        # So wide a question is refused by some directories, and takes others too long.
        return ""
    if not found:
        return "nobody is found: look at the base DN, the filter, and what the bind DN may read"
    # An odd one among them is no mistake of the settings.
    objections = [_unusable(provider, entry) for entry in found]
    return objections[0] if all(objections) else ""


def _unusable(provider: Provider, entry: Entry) -> str:
    try:
        _identity(provider, entry)
    except ProviderRefused as error:
        return f"somebody is found whose login would fail: {error}"
    return ""


def _is_sendable(name: str, password: str) -> bool:
    """Whether a directory is asked at all.

    A password without one visible character is an empty one to directories that prepare it
    (RFC 4013): soft hyphens alone, say, or marks without a letter.
    """
    if not 0 < len(name) <= _MAX_NAME or not 0 < len(password) <= _MAX_PASSWORD:
        return False
    if not name.strip() or not name.isprintable():
        return False
    surrogate = any("\ud800" <= character <= "\udfff" for character in password)
    visible = any(_is_visible(character) for character in password)
    return visible and not surrogate and "\0" not in password


def _is_visible(character: str) -> bool:
    """Whether it is more than a mark on its neighbour, or a hint about how to show it."""
    mark = unicodedata.category(character) in {"Mn", "Me"}
    return character.isprintable() and not mark and not in_table_b1(character)


def _asked(provider: Provider, question: Callable[[Connection], T]) -> T:
    """The answer of the first server that gives one, over a connection of the service account."""
    if not is_installed():
        raise ProviderUnavailable(MISSING)
    settings, deadline = provider.ldap, outbound.deadline()
    failures = []
    for number, server in enumerate(settings.servers):
        try:
            # A server that hangs leaves time for the next one.
            share = Deadline(deadline.left() / (len(settings.servers) - number))
            return _asked_at(server, provider, share, question)
        except Unreachable as error:
            failures.append(f"{server}: {error}")
        except ProviderUnavailable as error:
            raise ProviderUnavailable(f"{server}: {error}") from error
    raise ProviderUnavailable("; ".join(failures))


def _asked_at(
    server: str, provider: Provider, deadline: Deadline, question: Callable[[Connection], T]
) -> T:
    # Of this provider alone: another tenant's mistake at the same server is its own.
    with outbound.isolated(f"ldap://{server}:{provider.ldap.port}/{provider.id}").request():
        bound = connected(server, provider.ldap, deadline)
        try:
            _bind_as_service(bound, provider)
            return question(bound)
        finally:
            bound.close()


# Bind DNs that were refused a moment ago: until when each is left alone.
_RESTING: dict[bytes, float] = {}


def _bind_as_service(bound: Connection, provider: Provider) -> None:
    secret = provider.secret
    if not secret:
        raise ProviderUnavailable("the password of the bind DN is missing")
    # With the password, so that a new one is tried at once.
    which = sha256(f"{provider.id} {provider.ldap.bind_dn} {secret}".encode()).digest()
    if time.monotonic() < _RESTING.get(which, 0.0):
        raise ProviderUnavailable("the bind DN was refused; it is tried again in a minute")
    if not bound.bind(provider.ldap.bind_dn, secret):
        _RESTING[which] = time.monotonic() + _REST
        raise ProviderUnavailable(f"the bind DN was refused: {bound.said()}")


@sensitive_variables("password")
def _proved(
    bound: Connection, provider: Provider, name: str, password: str, meet: Meet
) -> Entry | None:
    """The entry of this name, if the password is its own."""
    settings = provider.ldap
    entry = _found(bound, settings, name)
    if entry is None:
        # As long as for a wrong password.
        bound.bind_nobody(settings.base_dn)
        return None
    meet(*_known_as(provider, entry))
    return entry if bound.bind(entry.dn, password) else None


def _found(bound: Connection, settings: LdapSettings, name: str) -> Entry | None:
    """The one entry of this name; none and several are the same to the person.

    The service account logs nobody in: who guesses at it would lock it out for all.
    """
    found = bound.search(settings.base_dn, _query(settings, name), _wanted(settings))
    if len(found) != 1 or _folded(found[0].dn) in ("", _folded(settings.bind_dn)):
        return None
    return found[0]


def _wanted(settings: LdapSettings) -> list[str]:
    mapping = settings.mapping
    told = {mapping.identifier, mapping.display_name, mapping.phone, mapping.groups}
    return sorted({*told, settings.unique_attribute, _MAIL} - {""})


def _query(settings: LdapSettings, name: str) -> str:
    return settings.user_filter.replace("%s", escaped(name))


def escaped(name: str) -> str:
    """A name as it stands in a filter: every octet that could mean something is written in hex."""
    return "".join(
        character if character.isalnum() and character.isascii() else _hex(character)
        for character in name
    )


def _hex(character: str) -> str:
    return "".join(f"\\{octet:02x}" for octet in character.encode())


def _folded(dn: str) -> str:
    return re.sub(r"\s*([,=+])\s*", r"\1", dn.strip()).casefold()


def _known_as(provider: Provider, entry: Entry) -> tuple[str, str]:
    """Identifier and subject; the entry's own name where it has none that can be used."""
    try:
        known = _identity(provider, entry)
    except ProviderRefused:
        return entry.dn, ""
    return known.identifier, known.subject


def _identity(provider: Provider, entry: Entry) -> ExternalIdentity:
    settings = provider.ldap
    mapping = settings.mapping
    names = {mapping.identifier, mapping.display_name, mapping.phone, _MAIL}
    claims: dict[str, Any] = {}
    for name in names:
        if texts := _texts(entry, name):
            claims[name] = texts[0]
    if mapping.groups:
        claims[mapping.groups] = [own_name(text) for text in _texts(entry, mapping.groups)]
    claims["email"] = claims.get(_MAIL, "")
    return identity(_subject(settings, entry), claims, mapping, provider.domain)


def _subject(settings: LdapSettings, entry: Entry) -> str:
    """What never changes: an id of the entry, else its name."""
    name = settings.unique_attribute
    values: Sequence[bytes] = (entry.dn.lower().encode(),)
    if name:
        values = entry.attributes.get(name.lower(), ())
    if len(values) != 1 or not values[0]:
        raise ProviderUnavailable(f"the entry has no {name}")
    text = _text(values[0])
    if text is None or not text.isprintable():
        # Active Directory's objectGUID is binary.
        text = values[0].hex()
    if len(text) > _MAX_SUBJECT:
        raise ProviderUnavailable(f"the entry's {name or 'name'} is too long")
    return text


def _texts(entry: Entry, name: str) -> list[str]:
    texts = (_text(value) for value in entry.attributes.get(name.lower(), ()))
    return [text for text in texts if text]


def _text(value: bytes) -> str | None:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None
