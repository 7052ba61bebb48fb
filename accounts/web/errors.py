"""Pages for what went wrong before a view could answer."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form was not one of ours, or it is too old. ``reason`` is Django's, for nobody's eyes."""
    del reason
    words = {
        "title": "This form cannot be used",
        "text": "It did not come from this site, or it was open for too long. "
        "Go back, load the page again and repeat what you did.",
    }
    return render(request, "web/refused.html", words, status=403)
