"""What the account pages have in common: their list, who may look, and who may act."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_http_methods

from accounts.login import enrolment
from accounts.login.outcome import LoginRefused, Reason
from accounts.login.sessions import Found
from accounts.web import browser
from accounts.web.pages import Places, View, refused, render, signed_in_page
from accounts.web.wording import words
from accounts.wire.registry import contracts
from tenants.hashing import Overloaded

Shown = Callable[Concatenate[HttpRequest, Found, ...], HttpResponse]
Act = Callable[[HttpRequest, Found], HttpResponse]

# The pages, in the order of their list: the name of the URL, and what people call it.
PAGES: Mapping[str, str] = {
    "account": gettext_noop("Overview"),
    "profile": gettext_noop("Profile"),
    "own-password": gettext_noop("Password"),
    "authenticator": gettext_noop("Authenticator app"),
    "recovery-codes": gettext_noop("Recovery codes"),
    "passkeys": gettext_noop("Passkeys"),
    "mailed-codes": gettext_noop("Codes by mail"),
    "app-passwords": gettext_noop("App passwords"),
    "personal-tokens": gettext_noop("Personal access tokens"),
    "own-sessions": gettext_noop("Sessions"),
    "linked-accounts": gettext_noop("Linked accounts"),
    "activity": gettext_noop("Recent activity"),
}


@dataclass(frozen=True, slots=True)
class Place:
    """One entry of the list of pages."""

    name: str
    title: str
    address: str


def open_page(view: Shown) -> View:
    """A page to look at; whatever changes something wants a fresh sign-in first."""

    @wraps(view)
    def asked(request: HttpRequest, found: Found, **parts: Any) -> HttpResponse:
        if request.method == "POST" and not is_fresh(request, found):
            return prove_first(request)
        return view(request, found, **parts)

    return signed_in_page(require_http_methods(["GET", "HEAD", "POST"])(asked))


def form_page(view: Shown) -> View:
    """A page with something to fill in: the fresh sign-in comes before it, so nothing is lost."""

    @wraps(view)
    def asked(request: HttpRequest, found: Found, **parts: Any) -> HttpResponse:
        if not is_fresh(request, found):
            return prove_first(request)
        return view(request, found, **parts)

    return signed_in_page(require_http_methods(["GET", "HEAD", "POST"])(asked))


def is_fresh(request: HttpRequest, found: Found) -> bool:
    """Whether the session proves the account's full level, a short time ago."""
    return enrolment.is_fresh(found, browser.call(request).now)


def prove_first(request: HttpRequest) -> HttpResponse:
    """To the sign-in page, and back to the page on which the act is offered."""
    query = urlencode({"again": "1", "next": request.path}, safe="/")
    return HttpResponseRedirect(f"{Places(request)['sign_in']}?{query}")


def show(
    request: HttpRequest,
    found: Found,
    name: str,
    context: Mapping[str, Any] | None = None,
    *,
    template: str = "",
    status: int = 200,
) -> HttpResponse:
    """The page of this name, in the looks of the account's own tenant."""
    to = Places(request)
    common = {
        "title": _(PAGES[name]),
        "tenant": found.subject.tenant,
        "user": found.subject.user,
        "here": name,
        "pages": [Place(each, _(title), to[each]) for each, title in PAGES.items()],
        "now": browser.call(request).now,
    }
    file = f"web/account/{template or name.replace('-', '_')}.html"
    return render(request, file, {**common, **(context or {})}, status=status)


def back_to(request: HttpRequest, name: str) -> HttpResponse:
    """The page of this name is asked for anew: reloading it repeats nothing."""
    return HttpResponseRedirect(Places(request)[name])


def acted(request: HttpRequest, found: Found, acts: Mapping[str, Act]) -> HttpResponse:
    """Do what the form of a page asks for."""
    act = acts.get(request.POST.get("act", ""))
    if act is None:
        return refused(
            request, 400, _("Not understood"), _("The request was not one that this page makes.")
        )
    try:
        return act(request, found)
    except LoginRefused as refused_now:
        # The session has ended a moment ago, or too much was asked for.
        refusal = refused_now
    except Overloaded:
        refusal = LoginRefused(Reason.OVERLOADED)
    said = words(refusal)
    answer = refused(request, said.status, _("Nothing was changed"), said.text)
    return waiting(answer, refusal)


def demanded(request: HttpRequest) -> HttpResponse:
    """The tenant does not let a user's last second factor go."""
    text = _("Your organization asks for a second factor, and you have no other one.")
    return refused(request, 403, _("Nothing was changed"), text)


def waiting(answer: HttpResponse, refusal: LoginRefused) -> HttpResponse:
    """The answer with the time to wait, where there is one."""
    if wait := refusal.detail.get("retry_after"):
        answer["Retry-After"] = str(max(1, int(wait.total_seconds())))
    return answer


def missing(request: HttpRequest) -> HttpResponse:
    """One answer for what is not there and for what is another's."""
    return refused(request, 404, _("Nothing here"), _("There is no such entry among yours."))


def chosen_id(request: HttpRequest) -> UUID | None:
    """The row that a form names."""
    try:
        return UUID(request.POST.get("id", ""))
    except ValueError:
        return None


def title_of(contract: str) -> str:
    """What people call a contract."""
    known = contracts().get(contract)
    return known.title if known else _("Browser")
