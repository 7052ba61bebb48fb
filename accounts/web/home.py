"""The page at the bare address."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from accounts.web import browser
from accounts.web.pages import page, render
from accounts.wire.registry import contracts


@page
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What this server is, which contracts it speaks, and the way to one's account."""
    tenant = browser.call(request).tenant
    served = [each for each in contracts().values() if tenant is None or tenant.serves(each.slug)]
    context = {"contracts": served, "found": browser.signed_in(request)}
    return render(request, "web/home.html", context)
