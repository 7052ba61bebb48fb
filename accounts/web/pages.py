"""What every page for people has in common: language, tenant, colours, and who may see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Concatenate
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render as rendered
from django.urls import NoReverseMatch, reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from accounts.login import enrolment
from accounts.login.sessions import Found
from accounts.web import browser, language
from accounts.wire.contract import Fault, Faulted

View = Callable[..., HttpResponse]


class Places:
    """The addresses of our pages, below the tenant's prefix where the request came by one.

    In a template: ``{{ to.sign_in }}`` is the page whose URL is named ``sign-in``.
    """

    def __init__(self, request: HttpRequest) -> None:
        slug = browser.tenant_slug(request)
        self._prefix = {} if slug is None else {"tenant_slug": slug}

    def __getitem__(self, name: str) -> str:
        return self.at(name)

    def at(self, name: str, **parts: Any) -> str:
        """The page of this name; ``parts`` are what else its address holds."""
        try:
            return reverse(name.replace("_", "-"), kwargs={**self._prefix, **parts})
        except NoReverseMatch as error:
            # Templates would swallow it and leave a link without an address.
            raise RuntimeError(f"no page is called {name!r}") from error


def page(view: View) -> View:
    """Make a view a page: never kept, in the reader's language, with no trace of what he typed.

    The view is not told the tenant's prefix: ``browser.call(request)`` knows it.
    """

    @never_cache
    @sensitive_post_parameters()
    @wraps(view)
    def answered(request: HttpRequest, tenant_slug: str = "", **parts: Any) -> HttpResponse:
        del tenant_slug
        with translation.override(language.of(request)):
            try:
                browser.call(request)
                answer = view(request, **parts)
            except Faulted as fault:
                answer = _faulted(request, fault)
            answer.headers.setdefault("Content-Language", translation.get_language() or "en")
        return answer

    return answered


def signed_in_page(view: Callable[Concatenate[HttpRequest, Found, ...], HttpResponse]) -> View:
    """A page for whoever is signed in; the view is given his session and account."""

    @wraps(view)
    def asked(request: HttpRequest, **parts: Any) -> HttpResponse:
        found = browser.signed_in(request)
        if found is None:
            return to_sign_in(request)
        return view(request, found, **parts)

    return page(asked)


def fresh_page(view: Callable[Concatenate[HttpRequest, Found, ...], HttpResponse]) -> View:
    """A page for a sensitive act: it wants a sign-in of a few minutes ago, at the full level."""

    @wraps(view)
    def asked(request: HttpRequest, found: Found, **parts: Any) -> HttpResponse:
        if not enrolment.is_fresh(found, browser.call(request).now):
            return sign_in_again(request)
        return view(request, found, **parts)

    return signed_in_page(asked)


def to_sign_in(request: HttpRequest, **query: str) -> HttpResponse:
    """To the sign-in page, and from there back to this one."""
    back = {"next": request.get_full_path()} if request.method in {"GET", "HEAD"} else {}
    words = urlencode({**query, **back}, safe="/")
    address = Places(request)["sign_in"]
    return HttpResponseRedirect(f"{address}?{words}" if words else address)


def sign_in_again(request: HttpRequest) -> HttpResponse:
    """As :func:`to_sign_in`, for somebody signed in whose step wants a fresh proof."""
    return to_sign_in(request, again="1")


# Django's signature.
def with_slash(request: HttpRequest, tenant_slug: str = "") -> HttpResponse:  # noqa: ARG001
    """To the same address with a slash; no form is ever sent to the one without."""
    return HttpResponseRedirect(f"{request.path}/")


def render(
    request: HttpRequest,
    template: str,
    context: Mapping[str, Any] | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    """A page made of ``template``, with what the base of all pages needs."""
    return rendered(request, template, {**_common(request), **(context or {})}, status=status)


def refused(
    request: HttpRequest, status: int, title: str, text: str, *, begin_again: bool = False
) -> HttpResponse:
    """A page that says why there is nothing else to see, and shows the way to what is next."""
    context = {"title": title, "text": text, "begin_again": begin_again}
    return render(request, "web/refused.html", context, status=status)


def _common(request: HttpRequest) -> dict[str, Any]:
    try:
        tenant = browser.call(request).tenant
    except Faulted:
        tenant = None
    back = request.get_full_path() if request.method in {"GET", "HEAD"} else ""
    return {
        "to": Places(request) if tenant else Places(HttpRequest()),
        "tenant": tenant,
        "languages": language.names(),
        "spoken": translation.get_language(),
        "back": back,
    }


def _faulted(request: HttpRequest, fault: Faulted) -> HttpResponse:
    if fault.fault is Fault.NOT_FOUND:
        text = _("There is no organization at this address. Please check how it is written.")
        return refused(request, 404, _("Nothing here"), text)
    text = _("The request was not one that this page makes.")
    return refused(request, 400, _("Not understood"), text)
