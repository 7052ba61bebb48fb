"""The three cookies of a browser login."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote

from django.http import HttpResponse

from accounts.contracts.bytebase.objects import user_name
from accounts.contracts.bytebase.tokens import web_lifetime
from accounts.login.outcome import TokenSet
from accounts.login.subject import Subject
from accounts.models import Session
from accounts.wire.call import Call
from accounts.wire.cookies import Cookie, clear, put

ACCESS, REFRESH, USER = "access-token", "refresh-token", "user"
# What may stand in a cookie as it is (RFC 6265 section 4.1.1), as far as names of users go.
_VERBATIM = "!#$&'()*+-./:<=>?@[]^_`{|}~"


def _secure(call: Call) -> bool:
    # The product goes by the page's origin: TLS may end in front of the server.
    return call.header("Origin").startswith("https")


def put_tokens(
    http: HttpResponse, call: Call, live: Session, subject: Subject, tokens: TokenSet
) -> None:
    """Set the access token, for a second less than it works, and the refresh token if any.

    One of an earlier login does not stay beside the token of another.
    """
    expires = call.now + web_lifetime(live, subject, call.now) - timedelta(seconds=1)
    put(http, Cookie(ACCESS, tokens.access, secure=_secure(call), expires=expires))
    if not tokens.refresh:
        clear(http, REFRESH, secure=_secure(call))
        return
    remaining = int((live.expires_at - call.now).total_seconds())
    put(http, Cookie(REFRESH, tokens.refresh, secure=_secure(call), max_age=remaining))


def put_user(http: HttpResponse, call: Call, live: Session, subject: Subject) -> None:
    """Tell the page's scripts who is logged in; it is no secret and opens nothing."""
    name = quote(user_name(subject), safe=_VERBATIM)
    remaining = int((live.expires_at - call.now).total_seconds())
    put(http, Cookie(USER, name, http_only=False, secure=_secure(call), max_age=remaining))


def clear_all(http: HttpResponse, call: Call) -> None:
    """Make the browser forget the login."""
    for name in (ACCESS, REFRESH, USER):
        clear(http, name, secure=_secure(call))
