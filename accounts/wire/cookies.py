"""Cookies, written out attribute by attribute as a contract documents them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from django.http import HttpResponse
from django.utils.http import http_date

# RFC 6265 section 4.1.1: what a value may hold without quotes.
_OCTETS = re.compile(r"[!#-+\--:<-\[\]-~]*")


@dataclass(frozen=True, slots=True)
class Cookie:
    """One ``Set-Cookie`` header. Never a ``Domain``: the cookie stays with this host."""

    name: str
    value: str
    http_only: bool = True
    secure: bool = False
    same_site: Literal["Lax", "Strict"] = "Strict"
    expires: datetime | None = None
    max_age: int | None = None


EPOCH = "Thu, 01 Jan 1970 00:00:00 GMT"


def put(http: HttpResponse, cookie: Cookie) -> None:
    """Add the cookie to an answer."""
    http.set_cookie(
        cookie.name,
        cookie.value,
        path="/",
        httponly=cookie.http_only,
        secure=cookie.secure,
        samesite=cookie.same_site,
    )
    # Python would put quotes around "users/a@b.c" and around nothing at all; products do not.
    if _OCTETS.fullmatch(cookie.value):
        http.cookies[cookie.name].set(cookie.name, cookie.value, cookie.value)
    # Django turns an Expires into a Max-Age as well; products set one of them.
    morsel = http.cookies[cookie.name]
    if cookie.expires is not None:
        morsel["expires"] = http_date(cookie.expires.timestamp())
    if cookie.max_age is not None:
        morsel["max-age"] = cookie.max_age


def clear(http: HttpResponse, name: str, *, secure: bool) -> None:
    """Make the browser forget a cookie."""
    put(http, Cookie(name, "", secure=secure))
    http.cookies[name]["expires"] = EPOCH
