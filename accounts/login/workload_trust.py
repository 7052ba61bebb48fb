"""Whose tokens stand for a workload identity: issuer, audiences and the form of the subject."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from accounts.models import User
from tenants.federation import outbound

_MAX_ISSUER, _MAX_AUDIENCES, _MAX_TEXT = 512, 20, 512
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
# What a host of one's own machine or network ends in.
_OWN = frozenset({"localhost", "local", "internal"})


class Untrustworthy(ValueError):
    """What was given cannot be a trust; the text says why, ``part`` which part of it."""

    def __init__(self, part: str, text: str) -> None:
        super().__init__(text)
        self.part = part


@dataclass(frozen=True, slots=True)
class WorkloadTrust:
    """Tokens of ``issuer`` for one of ``audiences`` (any, if empty) and a fitting subject.

    ``subject`` is compared exactly, or up to a trailing ``*``; empty fits every subject.
    """

    issuer: str = ""
    audiences: tuple[str, ...] = ()
    subject: str = ""
    # Who runs the issuer, in the contract's own word; decides nothing.
    provider: str = ""

    def check(self) -> None:
        """Raise Untrustworthy where no token could ever be checked by this."""
        if len(self.issuer) > _MAX_ISSUER or not _is_https(self.issuer):
            text = "the issuer must be an https address without query or user"
            raise Untrustworthy("issuer", text)
        if not _may_be_asked(urlsplit(self.issuer).hostname or ""):
            text = "the issuer must be of the public net, or a host in DRAGOMAN_OUTBOUND_HOSTS"
            raise Untrustworthy("issuer", text)
        if len(self.audiences) > _MAX_AUDIENCES or not all(self.audiences):
            text = f"there may be at most {_MAX_AUDIENCES} audiences, none empty"
            raise Untrustworthy("audiences", text)
        for part, texts in (("audiences", self.audiences), ("subject", (self.subject,))):
            if any(len(text) > _MAX_TEXT or not text.isprintable() for text in texts):
                text = f"a text may have at most {_MAX_TEXT} printable characters"
                raise Untrustworthy(part, text)

    def stored(self) -> dict[str, Any]:
        """The form in which ``User.workload_trust`` holds it."""
        return asdict(self)


def trust_of(user: User) -> WorkloadTrust | None:
    """The trust of a workload identity; None where it has none."""
    row = user.workload_trust
    if not row:
        return None
    return WorkloadTrust(row["issuer"], tuple(row["audiences"]), row["subject"], row["provider"])


def _is_https(address: str) -> bool:
    if not (address.isascii() and address.isprintable()) or any(c in address for c in " \\?#"):
        return False
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return False
    named = parts.hostname and port != 0
    return parts.scheme == "https" and bool(named) and "@" not in parts.netloc


def _may_be_asked(host: str) -> bool:
    """Whether this is a name of the public net, or a host that the operator allows.

    Where a name leads to is looked at when it is asked.
    """
    return outbound.is_trusted_host(host) or _is_public(host)


def _is_public(host: str) -> bool:
    """Whether this is no number and no name of one's own machine.

    A number may be written in many ways (``127.1``, ``0x7f.1``); no name ends in one (RFC 3696, 2).
    """
    *names, last = host.removesuffix(".").split(".")
    if not (names and all(names) and last) or ":" in host:
        return False
    return not (_NUMBER.fullmatch(last) or last in _OWN)
