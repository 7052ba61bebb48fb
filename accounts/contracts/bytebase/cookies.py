"""The three cookies of a browser login."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from django.http import HttpResponse

from accounts.contracts.bytebase.objects import user_name
from accounts.contracts.bytebase.tokens import web_lifetime
from accounts.login.outcome import TokenSet
from accounts.login.subject import Subject
from accounts.models import Session
from accounts.wire.call import Call
from accounts.wire.contract import Answer
from accounts.wire.cookies import Cookie, put
from accounts.wire.renderers import response

ACCESS, REFRESH, USER = "access-token", "refresh-token", "user"
# What may stand in a cookie as it is (RFC 6265 section 4.1.1), as far as names of users go.
_VERBATIM = "!#$&'()*+-./:<=>?@[]^_`{|}~"
_LONG_AGO = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer with the cookies that go with it."""

    answer: Answer
    cookies: tuple[Cookie, ...] = ()

    def http(self) -> HttpResponse:
        """The answer as REST clients get it."""
        http = response(self.answer)
        for cookie in self.cookies:
            put(http, cookie)
        return http


def _secure(call: Call) -> bool:
    # The product goes by the page's origin: TLS may end in front of the server.
    return call.header("Origin").startswith("https")


def of_tokens(
    call: Call, live: Session, subject: Subject, tokens: TokenSet
) -> tuple[Cookie, Cookie]:
    """The access token, for a second less than it works, and the refresh token if any.

    One of an earlier login does not stay beside the token of another.
    """
    expires = call.now + web_lifetime(live, subject, call.now) - timedelta(seconds=1)
    access = Cookie(ACCESS, tokens.access, secure=_secure(call), expires=expires)
    if not tokens.refresh:
        return access, _unset(REFRESH, call)
    remaining = int((live.expires_at - call.now).total_seconds())
    return access, Cookie(REFRESH, tokens.refresh, secure=_secure(call), max_age=remaining)


def of_user(call: Call, live: Session, subject: Subject) -> Cookie:
    """Who is logged in, for the page's scripts; it is no secret and opens nothing."""
    name = quote(user_name(subject), safe=_VERBATIM)
    remaining = int((live.expires_at - call.now).total_seconds())
    return Cookie(USER, name, http_only=False, secure=_secure(call), max_age=remaining)


def none(call: Call) -> tuple[Cookie, ...]:
    """What makes the browser forget the login."""
    return tuple(_unset(name, call) for name in (ACCESS, REFRESH, USER))


def _unset(name: str, call: Call) -> Cookie:
    return Cookie(name, "", secure=_secure(call), expires=_LONG_AGO)
