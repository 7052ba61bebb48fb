"""Signing in with another identity provider: its buttons, and the way there.

A button is a form, so that nobody is sent off by a foreign page. Its answer is a page that goes on
by itself: browsers hold a form's redirects to the policy ``form-action``, and a provider may send
people on to wherever it likes.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.login import visits
from accounts.login.journey import Journey
from accounts.login.outcome import LoginRefused, Reason
from accounts.login.sessions import Found
from accounts.login.visits import Departure
from accounts.web import browser, destinations
from accounts.web.pages import Places, fresh_page, page, refused, render
from accounts.web.profile import BROWSER, cookie_name, secure
from accounts.web.wording import REFUSALS as WORDS
from accounts.web.wording import words
from accounts.wire import cookies
from accounts.wire.cookies import Cookie
from tenants.federation import oauth2, oidc, providers
from tenants.federation.identity import ProviderUnavailable
from tenants.federation.provider import Provider
from tenants.federation.settings import Kind
from tenants.policy import TenantRecord

_CALLBACKS = {Kind.OAUTH2: "oauth-callback", Kind.OIDC: "oidc-callback"}
# So many visits may be under way in one browser; one more forgets the others.
_MOST = 4


@dataclass(frozen=True, slots=True)
class Upstream:
    """A button on the sign-in page."""

    title: str
    address: str


def upstream(request: HttpRequest, tenant: TenantRecord | None) -> list[Upstream]:
    """The providers of a tenant that people can sign in with, in the order of their buttons."""
    found = providers.of_tenant(tenant.id, *_CALLBACKS) if tenant else ()
    to = Places(request)
    return [Upstream(each.title, to.at("sign-in-with", provider=each.name)) for each in found]


@page
@require_POST
def sign_in_with(request: HttpRequest, provider: str) -> HttpResponse:
    """Send the browser to a provider."""
    wanted = destinations.page_within(request.POST.get("next", ""))
    return _depart(request, provider, wanted or Places(request)["account"])


@fresh_page
@require_POST
def link_with(request: HttpRequest, found: Found, provider: str) -> HttpResponse:
    """Send somebody signed in to a provider, to link his account there with the one here."""
    back = destinations.page_within(request.POST.get("next", ""))
    user_id = str(found.subject.user.pk)
    return _depart(request, provider, back or Places(request)["account"], user_id)


def _depart(request: HttpRequest, name: str, destination: str, user_id: str = "") -> HttpResponse:
    call = browser.call(request)
    provider = provider_of(call.tenant, name)
    if provider is None:
        text = _("There is no such service to sign in with.")
        return refused(request, 404, _("Nothing here"), text)
    scheme = "https" if secure() else request.scheme
    path = Places(request)[_CALLBACKS[provider.kind]]
    departure = visits.begin(
        tenant_id=str(provider.tenant_id),
        provider=provider.name,
        # The cookie stays with the host that was called, so this is where to come back to.
        redirect_uri=f"{scheme}://{request.get_host()}{path}",
        destination=destination,
        now=call.now,
        user_id=user_id,
    )
    try:
        address = _address(provider, departure)
    except ProviderUnavailable as error:
        return said(request, _unavailable(request, provider, error))
    context = {"title": provider.title, "address": address}
    answer = render(request, "web/departure.html", context)
    _keep(request, answer, departure)
    return answer


def provider_of(tenant: TenantRecord | None, name: str) -> Provider | None:
    """The tenant's provider of this name, if people can sign in with it in a browser."""
    found = providers.named(tenant.id, name) if tenant else None
    return found if found and found.kind in _CALLBACKS else None


def _address(provider: Provider, departure: Departure) -> str:
    visit = departure.visit
    more = {"state": departure.state, "verifier": visit.verifier}
    if provider.kind is Kind.OIDC:
        return oidc.authorization_url(
            provider, redirect_uri=visit.redirect_uri, nonce=visit.nonce, **more
        )
    return oauth2.authorization_url(provider, redirect_uri=visit.redirect_uri, **more)


def _unavailable(
    request: HttpRequest, provider: Provider, error: ProviderUnavailable
) -> LoginRefused:
    """The refusal of a sign-in that cannot even begin, recorded."""
    call = browser.call(request)
    journey = Journey(call.client(), BROWSER, call.tenant)
    journey.note("provider", provider.name)
    journey.note("provider said", str(error))
    try:
        journey.refuse(Reason.EXTERNAL_UNAVAILABLE)
    except LoginRefused as refusal:
        return refusal


def _keep(request: HttpRequest, answer: HttpResponse, departure: Departure) -> None:
    under_way = [name for name in request.COOKIES if name.startswith(cookie_name_of(""))]
    for name in under_way if len(under_way) >= _MOST else ():
        cookies.clear(answer, name, secure=secure())
    kept = Cookie(
        cookie_name_of(visits.name_of(departure.state)),
        departure.kept,
        secure=secure(),
        # The way back begins at the provider's site.
        same_site="Lax",
        max_age=int(visits.LIFETIME.total_seconds()),
    )
    cookies.put(answer, kept)


def cookie_name_of(visit: str) -> str:
    """The cookie that keeps a visit."""
    return f"{cookie_name()}-visit-{visit}"


def said(request: HttpRequest, refusal: LoginRefused) -> HttpResponse:
    """The page of a sign-in that has come to nothing."""
    # Nobody has typed a name or a password here.
    typed = WORDS[refusal.reason] is WORDS[Reason.UNKNOWN_SUBJECT]
    told = words(LoginRefused(Reason.EXTERNAL_UNKNOWN) if typed else refusal)
    return refused(request, told.status, _("That did not work"), told.text, begin_again=True)
