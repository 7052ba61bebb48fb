"""Who a browser is: its cookie leads to a live session, in one statement, asked for only if needed.

Django's own session store is not used: a browser session is a row like every contract's, so that
whoever ends it there ends it here.
"""

from __future__ import annotations

from datetime import timedelta

from asgiref.sync import sync_to_async
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

from accounts.login import grants
from accounts.login.outcome import LoginRefused
from accounts.login.sessions import Found
from accounts.models import Grant, Session, User
from accounts.web.profile import BROWSER, LONGEST_PROVED, SLUG, cookie, cookie_name, secure
from accounts.wire import cookies
from accounts.wire.call import Call, read_call

# The last use is written this often at most; the idle end is late by no more than that.
SEEN_EVERY = timedelta(minutes=1)
_CALL = "_dragoman_call"
_FOUND = "_dragoman_found"


def call(request: HttpRequest) -> Call:
    """The request as the core sees it: one time, one id, however often it is asked for.

    Raises accounts.wire.contract.Faulted for a tenant's prefix that leads nowhere.
    """
    known: Call | None = vars(request).get(_CALL)
    if known is None:
        known = vars(request)[_CALL] = read_call(request, SLUG, tenant_slug(request))
    return known


def tenant_slug(request: HttpRequest) -> str | None:
    """The tenant's short name in the address's prefix, or None."""
    slug = request.resolver_match.kwargs.get("tenant_slug") if request.resolver_match else None
    return slug if isinstance(slug, str) else None


def signed_in(request: HttpRequest) -> Found | None:
    """The live browser session of the request's cookie, or None."""
    if _FOUND not in vars(request):
        vars(request)[_FOUND] = _find(request)
    found: Found | None = vars(request)[_FOUND]
    return found


def _find(request: HttpRequest) -> Found | None:
    token = request.COOKIES.get(cookie_name(), "")
    if not token:
        return None
    asked = call(request)
    try:
        found = grants.present(
            token, Grant.Kind.RESUME, BROWSER, asked.client(), asked.addressed
        ).found
    except LoginRefused:
        return None
    _mark_seen(found.session, asked)
    return found


def _mark_seen(session: Session, asked: Call) -> None:
    if asked.now - session.last_seen_at >= SEEN_EVERY:
        Session.objects.filter(pk=session.pk, ended_at=None).update(last_seen_at=asked.now)


def step_up(found: Found, answer: HttpResponse) -> HttpResponse:
    """Give the browser a new cookie with ``answer``, and the session the end of a proved one.

    Of a session in which a second factor was set up: whoever shares its old cookie must not rise
    with it (ASVS 5.0, 7.2.4).
    """
    session = found.session
    session.expires_at = min(session.expires_at, session.auth_time + LONGEST_PROVED)
    with transaction.atomic():
        Session.objects.filter(pk=session.pk).update(expires_at=session.expires_at)
        token = grants.renew(session, Grant.Kind.RESUME)
    cookies.put(answer, cookie(token, session))
    return answer


def _user(request: HttpRequest) -> User | AnonymousUser:
    found = signed_in(request)
    return found.subject.user if found else AnonymousUser()


class BrowserMiddleware(AuthenticationMiddleware):
    """Sets ``request.user`` from our own cookie; takes a cookie away that opens nothing."""

    def process_request(self, request: HttpRequest) -> None:
        """Nothing is read before a view asks who it is: contracts never do."""

        async def auser() -> User | AnonymousUser:
            return await sync_to_async(_user)(request)

        # It stands for the user as soon as anybody looks.
        request.user = SimpleLazyObject(lambda: _user(request))  # type: ignore[assignment]
        request.auser = auser

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """A dead cookie is looked up, and recorded, only once."""
        name = cookie_name()
        dead = name in request.COOKIES and vars(request).get(_FOUND, request) is None
        # At the address of one tenant the session of another opens nothing, and goes on elsewhere.
        if dead and tenant_slug(request) is None and name not in response.cookies:
            cookies.clear(response, name, secure=secure())
        return response
