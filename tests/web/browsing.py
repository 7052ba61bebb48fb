"""A browser for tests: Django's client with the real forms, so a page that loses a field fails."""

from __future__ import annotations

import re
from typing import Any

from django.http import HttpResponse
from django.test import Client

from tests.fixtures import Persona

LOGIN = "/sign-in/"
_SIGN_IN = re.compile(r'action="((?:/t/[-\w]+)?/sign-in/)"')
_FIELD = re.compile(r'<input[^>]*type="hidden"[^>]*>')


def hidden(page: HttpResponse) -> dict[str, str]:
    """The hidden fields of a page's first form, as a browser would send them."""
    fields: dict[str, str] = {}
    for tag in _FIELD.findall(page.content.decode()):
        name = re.search(r'name="([^"]*)"', tag)
        value = re.search(r'value="([^"]*)"', tag)
        if name:
            # The first form is the main one; others repeat its names.
            fields.setdefault(name[1], value[1] if value else "")
    return fields


def said(page: Any) -> str:
    """What a page says aloud, empty if it says nothing."""
    found = re.search(r'role="alert"[^>]*>([^<]*)<', page.content.decode())
    return found[1] if found else ""


class Browser(Client):
    """Checks CSRF as a real browser would meet it."""

    def __init__(self, **defaults: Any) -> None:
        super().__init__(enforce_csrf_checks=True, **defaults)

    def submit(self, page: Any, path: str = "", **fields: str) -> Any:
        """Fill in the form of ``page`` and send it where the form says, or to ``path``."""
        found = _SIGN_IN.search(page.content.decode())
        return self.post(path or (found[1] if found else LOGIN), {**hidden(page), **fields})

    def sign_in(self, who: Persona, *, name: str = "", path: str = LOGIN, **fields: str) -> Any:
        """The first page of the sign-in; for a plain account the last one as well."""
        page = self.get(path)
        values = {"identifier": name or who.username, "password": who.password}
        return self.submit(page, **values, **fields)


def signed_in(who: Persona) -> Browser:
    """A browser of somebody who has signed in with a password alone."""
    browser = Browser()
    answer = browser.sign_in(who)
    assert answer.status_code == 302, answer.content.decode()
    return browser
