"""The page at the bare address."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.wire.registry import contracts
from tenants.resolve import directory


@require_safe
def home(request: HttpRequest, tenant_slug: str | None = None) -> HttpResponse:
    """What this server is, and which contracts it speaks."""
    if tenant_slug is not None and tenant_slug not in directory().by_slug:
        raise Http404
    return render(request, "web/home.html", {"contracts": contracts().values()})
