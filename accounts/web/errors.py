"""Pages for what went wrong before a view could answer."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.web import browser, language
from accounts.web.pages import refused
from accounts.web.sign_in import destination
from accounts.wire.contract import Faulted


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form was not one of ours, or it is too old. ``reason`` is Django's, for nobody's eyes."""
    del reason
    if _is_signed_in_meanwhile(request):
        return HttpResponseRedirect(destination(request))
    with translation.override(language.of(request)):
        text = _(
            "It did not come from this site, or it was open for too long. "
            "Go back, load the page again and repeat what you did."
        )
        answer = refused(request, 403, _("This form cannot be used"), text)
        answer["Cache-Control"] = "no-store"
        return answer


def _is_signed_in_meanwhile(request: HttpRequest) -> bool:
    """Whether this is a sign-in that another tab was first with: it has nothing left to ask."""
    asked = request.resolver_match
    if asked is None or asked.url_name != "sign-in":
        return False
    try:
        return browser.signed_in(request) is not None
    except Faulted:
        return False
