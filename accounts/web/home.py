"""The page at the bare address."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.wire.registry import contracts


@require_safe
def home(request: HttpRequest, **_tenant: str) -> HttpResponse:
    """What this server is, and which contracts it speaks."""
    return render(request, "web/home.html", {"contracts": contracts().values()})
