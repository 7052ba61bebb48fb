"""Short messages to the next page, in a signed cookie of their own: no session holds them."""

from __future__ import annotations

from django.contrib.messages.storage.cookie import CookieStorage
from django.http import HttpRequest

from accounts.web.profile import cookie_name


class Messages(CookieStorage):
    """Django's cookie storage under a name that other hosts cannot set."""

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request)
        self.cookie_name = f"{cookie_name()}-messages"
