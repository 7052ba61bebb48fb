"""Where identity providers send browsers back to."""

from __future__ import annotations

from typing import NoReturn
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from accounts.login import external, external_login, visits
from accounts.login.attempt import Assertion, Attempt, ProviderCode
from accounts.login.external import NotAdmitted
from accounts.login.journey import Journey
from accounts.login.outcome import LoginRefused, Reason
from accounts.login.pipeline import authenticate
from accounts.login.visits import Visit
from accounts.web import browser, sign_in
from accounts.web.federation import cookie_name_of, provider_of, said
from accounts.web.pages import page
from accounts.web.profile import BROWSER, secure
from accounts.wire import cookies
from tenants.federation import oauth2, oidc, outbound
from tenants.federation.identity import ProviderRefused, ProviderUnavailable
from tenants.federation.settings import Kind


@page
@require_GET
def oauth_callback(request: HttpRequest) -> HttpResponse:
    """Where OAuth 2 providers send the browser back to."""
    return _arrived(request, Kind.OAUTH2)


@page
@require_GET
def oidc_callback(request: HttpRequest) -> HttpResponse:
    """Where OpenID providers send the browser back to."""
    return _arrived(request, Kind.OIDC)


def _arrived(request: HttpRequest, kind: Kind) -> HttpResponse:
    query, call = request.GET, browser.call(request)
    state = query.get("state", "")
    name = cookie_name_of(visits.name_of(state))
    journey = Journey(call.client(), BROWSER, call.tenant)
    try:
        visit = visits.finish(state, request.COOKIES.get(name, ""), journey)
        with outbound.one_deadline():
            assertion = _assertion(visit, kind, query, journey)
            # The pages that follow are not to repeat what came back.
            _go_on_at(request, visit.destination)
            if visit.user_id:
                answer = _link(request, visit, assertion, journey)
            else:
                attempt = Attempt((assertion,), call.hint, call.client())
                answer = sign_in.go_on(request, authenticate(attempt, BROWSER))
    except LoginRefused as refusal:
        answer = said(request, refusal)
    cookies.clear(answer, name, secure=secure())
    return answer


def _assertion(visit: Visit, kind: Kind, query: QueryDict, journey: Journey) -> Assertion:
    """What came back, if it belongs to the visit. Raises LoginRefused after it was recorded."""
    tenant = journey.tenant
    provider = provider_of(tenant, visit.provider)
    if tenant is None or provider is None or str(tenant.id) != visit.tenant_id:
        journey.refuse(Reason.CHALLENGE_FOREIGN)
    if provider.kind is not kind:
        journey.refuse(Reason.CHALLENGE_FOREIGN)
    try:
        oauth2.check_answer(query.get("error"))
        if kind is Kind.OIDC:
            oidc.check_answer(provider, query.get("iss"))
    except ProviderRefused as error:
        _refuse(error, journey)
    code = ProviderCode(query.get("code", ""), visit.redirect_uri, visit.verifier, visit.nonce)
    return Assertion(provider.name, code)


def _refuse(error: ProviderRefused, journey: Journey) -> NoReturn:
    journey.note("provider said", str(error))
    away = isinstance(error, ProviderUnavailable)
    journey.refuse(Reason.EXTERNAL_UNAVAILABLE if away else Reason.EXTERNAL_REFUSED)


def _go_on_at(request: HttpRequest, destination: str) -> None:
    text = urlencode({"next": destination})
    request.META["QUERY_STRING"] = text
    request.GET = QueryDict(text)


def _link(
    request: HttpRequest, visit: Visit, assertion: Assertion, journey: Journey
) -> HttpResponse:
    """Link what the provider vouches for with the account of whoever set out for it."""
    journey.note("linking", visit.provider)
    found, provider = browser.signed_in(request), provider_of(journey.tenant, visit.provider)
    if found is None or provider is None or str(found.subject.user.pk) != visit.user_id:
        journey.refuse(Reason.CHALLENGE_FOREIGN)
    journey.subject = found.subject
    attempt = Attempt((assertion,), browser.call(request).hint, journey.client)
    try:
        identity = external_login.ask(provider, assertion, attempt)
    except ProviderRefused as error:
        _refuse(error, journey)
    try:
        external.link(provider, identity, found.subject.user, journey.client)
    except NotAdmitted as error:
        journey.note("named there", identity.identifier)
        journey.refuse(error.reason)
    text = _("You can sign in with %(service)s from now on.")
    messages.success(request, text % {"service": provider.title})
    return HttpResponseRedirect(visit.destination)
