"""Pages for what went wrong before a view could answer."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.web import language
from accounts.web.pages import refused


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form was not one of ours, or it is too old. ``reason`` is Django's, for nobody's eyes."""
    del reason
    with translation.override(language.of(request)):
        text = _(
            "It did not come from this site, or it was open for too long. "
            "Go back, load the page again and repeat what you did."
        )
        answer = refused(request, 403, _("This form cannot be used"), text)
        answer["Cache-Control"] = "no-store"
        return answer
