"""How names are compared: one folding for user names, e-mails, tenants and hosts."""

from __future__ import annotations

import unicodedata

# Letters of one script per name; digits, marks and punctuation are "common" and go with any.
_SCRIPTS = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "HEBREW", "ARABIC", "GEORGIAN")


def fold(name: str) -> str:
    """The form under which a name is unique and looked up: NFKC, case-folded, outer blanks off.

    Full-width ``ａｄｍｉｎ`` and ``Admin`` fold to the same text (ASVS 5.0, names).
    """
    if name.isascii():
        return name.strip().lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()).strip()


def fold_domain(domain: str) -> str:
    """The folded form of a domain. Raises ValueError where that is another domain: of ``straße``,
    ``strasse``.
    """
    folded = fold(domain)
    if folded != domain.strip().lower():
        raise ValueError(f"Write {domain} in its ASCII form, which begins with xn--.")
    return folded


def _script(character: str) -> str | None:
    name = unicodedata.name(character, "")
    return next((script for script in _SCRIPTS if name.startswith(script)), None)


def deceptive(name: str) -> str | None:
    """Why ``name`` may not be given to a new account, or None.

    Refused are control, invisible and unassigned characters, and letters of two look-alike scripts
    in one name (Unicode TR 39, "single script").
    """
    folded = fold(name)
    if any(unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} for c in name):
        return "contains control or invisible characters"
    scripts = {script for c in folded if c.isalpha() and (script := _script(c))}
    if len(scripts) > 1:
        return "mixes letters of several scripts"
    return None
