"""What a provider vouches for, and how its words become ours."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from tenants.names import fold

# Longer texts for people are cut: they come from elsewhere and must fit their columns. Names and
# addresses are not: the beginning of one may be somebody else's.
_LONGEST = 200
_MAX_NAME, _MAX_GROUP, _MAX_SUBJECT = 254, 100, 255
_MOST_GROUPS = 200


class ProviderRefused(Exception):
    """The provider answered, and the answer is no login: bad code, token, password.

    ``stage`` is what was being done: ``token`` (a code for a token), ``identity`` (who it is) or
    ``identifier`` (under which name).
    The text is for the audit trail and for products that pass it on; it holds no secret.
    """

    def __init__(self, message: str, stage: str = "identity") -> None:
        super().__init__(message)
        self.stage = stage


class ProviderUnavailable(ProviderRefused):
    """The provider gave no usable answer: away, slow, or configured wrongly."""


@dataclass(frozen=True, slots=True)
class FieldMapping:
    """Under which names a provider tells what we need; the identifier alone is indispensable."""

    identifier: str
    display_name: str = ""
    phone: str = ""
    groups: str = ""

    @classmethod
    def parse(cls, raw: Any, identifier: str) -> FieldMapping:
        """Read the stored form. Raises ValueError."""
        if not isinstance(raw, Mapping):
            # An officer's slip like every other: one kind of error for all.
            raise ValueError("fieldMapping is a table of names")  # noqa: TRY004
        names = {"identifier": identifier, "displayName": "", "phone": "", "groups": ""}
        if unknown := set(raw) - set(names):
            raise ValueError(f"fieldMapping has no member {min(unknown)}")
        found = {name: raw.get(name, default) for name, default in names.items()}
        if not all(isinstance(value, str) and len(value) <= 128 for value in found.values()):
            raise ValueError("the members of fieldMapping are names")
        if not found["identifier"]:
            raise ValueError("fieldMapping names the identifier")
        return cls(found["identifier"], found["displayName"], found["phone"], found["groups"])


@dataclass(frozen=True, slots=True)
class ExternalIdentity:
    """Somebody as a provider knows him.

    ``subject`` never changes at the provider; (provider, subject) is the key of a link. The address
    counts only where the provider says in so many words that it is verified.
    """

    subject: str
    # The mapped identifier: a user name or an address, lower-cased.
    identifier: str
    email: str = ""
    email_verified: bool = False
    display_name: str = ""
    phone: str = ""
    # None: the provider says nothing about groups, so none are changed.
    groups: tuple[str, ...] | None = None
    # What was read, for the console's test of a connection; never stored.
    claims: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


def identity(
    subject: str, claims: Mapping[str, Any], mapping: FieldMapping, domain: str = ""
) -> ExternalIdentity:
    """Read a provider's claims by its mapping. Raises :class:`ProviderRefused`.

    An identifier that is no address gets the provider's domain, as Bytebase documents it.
    """
    identifier = _name(claims, mapping.identifier)
    if not identifier:
        raise ProviderRefused("missing identifier", "identifier")
    if "@" not in identifier and domain:
        identifier = f"{identifier}@{domain.lower()}"
    email = _name(claims, "email")
    return ExternalIdentity(
        subject=subject,
        identifier=identifier,
        email=email,
        # The texts "true" and "false" are no statement (a known hole of other products).
        email_verified=bool(email) and claims.get("email_verified") is True,
        display_name=_text(claims, mapping.display_name)[:_LONGEST],
        phone=_text(claims, mapping.phone)[:_LONGEST],
        groups=_groups(claims, mapping.groups),
        claims=claims,
    )


def is_trusted(address: str, domains: Collection[str]) -> bool:
    """Whether an address, in lower case, is in one of these domains, which are folded.

    One that only folds to such a domain is another domain: ``straße`` is not ``strasse``.
    """
    domain = address.rpartition("@")[2]
    return "@" in address and domain in domains and fold(domain) == domain


def is_subject(value: Any) -> bool:
    """Whether this can identify an account at a provider: a text that a column holds."""
    return isinstance(value, str) and 0 < len(value) <= _MAX_SUBJECT and value.isprintable()


def _name(claims: Mapping[str, Any], name: str) -> str:
    text = _text(claims, name).strip().lower()
    return text if len(text) <= _MAX_NAME else ""


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = _at(claims, name) if name else ""
    if isinstance(value, int) and not isinstance(value, bool):
        # Providers number their users.
        value = str(value)
    if not isinstance(value, str) or not value.isprintable():
        return ""
    return value


def _at(claims: Mapping[str, Any], name: str) -> Any:
    """The member of this name, or of this path with dots."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _groups(claims: Mapping[str, Any], name: str) -> tuple[str, ...] | None:
    if not name:
        return None
    value = _at(claims, name)
    if not isinstance(value, list | tuple):
        return None
    texts = (item for item in value if isinstance(item, str) and item.isprintable())
    return tuple(dict.fromkeys(each for each in texts if 0 < len(each) <= _MAX_GROUP))[
        :_MOST_GROUPS
    ]
