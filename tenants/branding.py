"""How a tenant's pages look: a colour and a logo, both checked before they are kept."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
# In the page itself: nobody else is told who signs in where, and no other host is allowed.
_LOGO = re.compile(r"data:image/(?:png|jpeg|webp|svg\+xml);base64,([A-Za-z0-9+/]+={0,2})")
LARGEST_LOGO = 32 * 1024


@dataclass(frozen=True, slots=True)
class Branding:
    """``colour`` as ``#rrggbb``; ``logo`` as a ``data:`` address. Empty: the product's own."""

    colour: str = ""
    logo: str = ""

    @property
    def colour_code(self) -> str:
        """The colour's six digits alone, as they stand in an address."""
        return self.colour.removeprefix("#").lower()

    @classmethod
    def parse(cls, raw: Any) -> Branding:
        """Read the stored form. Raises ValueError that says what is wrong."""
        if not isinstance(raw, Mapping):
            # One kind of error for all slips.
            raise ValueError("branding is an object with colour and logo")  # noqa: TRY004
        unknown = set(raw) - {"colour", "logo"}
        if unknown:
            raise ValueError(f"unknown: {', '.join(sorted(map(str, unknown)))}")
        colour, logo = raw.get("colour", ""), raw.get("logo", "")
        if colour and not (isinstance(colour, str) and _COLOUR.fullmatch(colour)):
            raise ValueError("a colour is written like #1b636b")
        if logo:
            _check_logo(logo)
        return cls(colour or "", logo or "")

    @classmethod
    def of(cls, raw: Any) -> Branding:
        """Read the stored form; one that cannot be read looks like the product itself."""
        try:
            return cls.parse(raw)
        except ValueError:
            return cls()


def _check_logo(logo: Any) -> None:
    found = _LOGO.fullmatch(logo) if isinstance(logo, str) else None
    if found is None:
        raise ValueError("a logo is a data: address of a PNG, JPEG, WebP or SVG in base64")
    try:
        size = len(base64.b64decode(found[1], validate=True))
    except binascii.Error as error:
        raise ValueError("the logo is no base64") from error
    if size > LARGEST_LOGO:
        raise ValueError(f"a logo has at most {LARGEST_LOGO} bytes")
