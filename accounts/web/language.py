"""Which language a page speaks: the one that was chosen, else what the browser asks for.

Django's own middleware would mark every answer with a language, a contract's JSON among them.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation

from accounts.models import User

_A_YEAR = 365 * 86400


def names() -> Mapping[str, str]:
    """Every language by its code, each in its own words."""
    return dict(settings.LANGUAGES)


def of(request: HttpRequest) -> str:
    """The code of the language for this request."""
    return translation.get_language_from_request(request)


def learn(user: User, code: str | None) -> None:
    """Mail to this account speaks the language from now on."""
    if code in names() and code != user.language:
        User.objects.filter(pk=user.pk).update(language=code)


def remember(answer: HttpResponse, code: str) -> None:
    """Keep a choice in a cookie; an unknown language changes nothing."""
    if code in names():
        answer.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            code,
            max_age=_A_YEAR,
            secure=settings.LANGUAGE_COOKIE_SECURE,
            httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
            samesite="Lax",
        )
