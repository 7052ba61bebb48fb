"""Which passwords may be chosen: length and block list, no composition rules (ASVS 5.0, 6.2)."""

from __future__ import annotations

import re
from functools import cache

from django.contrib.auth.password_validation import CommonPasswordValidator
from django.utils.translation import gettext as _

from accounts.login.passwords import MAX_BYTES, MAX_CODE_POINTS
from accounts.models import User
from tenants.names import fold
from tenants.policy import Policy

_PRODUCT = "dragoman"
# A run of one or two characters, or a straight walk over a keyboard or the alphabet.
_WALKS = ("abcdefghijklmnopqrstuvwxyz", "01234567890123456789", "qwertyuiopasdfghjklzxcvbnm")


@cache
def _common() -> frozenset[str]:
    return frozenset(CommonPasswordValidator().passwords)


def objection(password: str, user: User, policy: Policy) -> str | None:
    """Why ``password`` may not become the user's, as a sentence to show; None if it may."""
    if len(password) < policy.password_min_length:
        return _("The password must have at least %(count)d characters.") % {
            "count": policy.password_min_length
        }
    if len(password) > MAX_CODE_POINTS or len(password.encode()) > MAX_BYTES:
        return _("The password must have at most %(count)d characters.") % {
            "count": MAX_CODE_POINTS
        }
    if _is_guessable(password, user):
        return _("This password is too easy to guess.")
    return None


def _is_guessable(password: str, user: User) -> bool:
    folded = fold(password)
    words = {user.username_key, user.email_key, fold(user.tenant.name), user.tenant.slug, _PRODUCT}
    bare = re.sub(r"[^a-z]+", "", folded)
    return (
        folded in _common()
        or bare in _common()
        or folded in words
        or bare in words
        or _is_walk(folded)
        or len(set(folded)) <= 2
    )


def _is_walk(folded: str) -> bool:
    """Whether the text only repeats or walks on.

    Say ``abcabcabcabcabc``, ``passwordpassword`` or ``1234567890123456``.
    """
    if re.fullmatch(r"(.{1,16})\1+.{0,3}", folded):
        return True
    return any(folded in walk * 2 or folded in walk[::-1] * 2 for walk in _WALKS)
