"""A user's attributes under their OpenID Connect names, as tokens and ``GetUser`` give them."""

from __future__ import annotations

from typing import Any

from accounts.models import User


def attributes(user: User) -> dict[str, Any]:
    """What is known of the user besides ``sub``; what is not known is left out."""
    known = {
        "name": user.display_name,
        "given_name": user.given_name,
        "family_name": user.family_name,
        "phone_number": user.phone,
        "email": user.email,
    }
    found: dict[str, Any] = {name: value for name, value in known.items() if value}
    # In a token it is a boolean, and a claim about an address that must be there.
    return {"email_verified": user.email_verified, **found} if user.email else found


def as_texts(user: User) -> dict[str, str]:
    """The same outside of tokens, where every value is a text, ``sub`` among them."""
    texts = {"sub": str(user.pk)}
    for name, value in attributes(user).items():
        texts[name] = str(value).lower() if isinstance(value, bool) else value
    return texts
