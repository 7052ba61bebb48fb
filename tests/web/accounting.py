"""The account pages as a browser uses them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings

from accounts.models import LoginEvent, Session
from tests.fixtures import Persona
from tests.web.browsing import Browser

PROFILE, ADDRESS, PASSWORD = "/account/profile/", "/account/address/", "/account/password/"
APP, CODES, CODES_FILE = (
    "/account/authenticator/",
    "/account/recovery-codes/",
    "/account/recovery-codes/file/",
)
MAILED, APP_PASSWORDS, TOKENS = (
    "/account/mailed-codes/",
    "/account/app-passwords/",
    "/account/tokens/",
)
SESSIONS, LINKED, ACTIVITY = "/account/sessions/", "/account/linked/", "/account/activity/"
Mailed = Callable[[], Any]


def send(browser: Browser, path: str, **fields: Any) -> Any:
    """Send a form to ``path``, with the token that the pages' forms carry."""
    token = browser.cookies[settings.CSRF_COOKIE_NAME].value
    return browser.post(path, {"csrfmiddlewaretoken": token, **fields})


def text(page: Any) -> str:
    """A page as one line of text."""
    return " ".join(page.content.decode().split())


def proved(who: Persona) -> Browser:
    """A browser of somebody who has signed in with a password and the app's code."""
    browser = Browser()
    page = browser.sign_in(who)
    answer = browser.submit(page, step="second_factor", code=who.code())
    assert answer.status_code == 302, answer.content.decode()
    return browser


def grow_old(who: Persona, by: timedelta = timedelta(minutes=16)) -> None:
    """The account's sessions have proved what they have proved some time ago."""
    for session in Session.objects.filter(user=who.user):
        amr = [{**each, "at": each["at"] - int(by.total_seconds())} for each in session.amr]
        Session.objects.filter(pk=session.pk).update(amr=amr)


def events(who: Persona, *names: str) -> list[tuple[str, str]]:
    """The account's events of these names, in their order, each with its reason."""
    rows = LoginEvent.objects.filter(user=who.user, event__in=names).order_by("at", "id")
    return list(rows.values_list("event", "reason"))


def shown_once(page: Any) -> list[str]:
    """The secrets of a page that shows them this once."""
    return re.findall(r'<code class="secret">([^<]+)</code>', page.content.decode())
