"""The root of all URLs: the contracts at the root and below a tenant's prefix, and the console."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import URLPattern, URLResolver, include, path, reverse
from django.utils.http import urlencode
from django.views.decorators.csrf import csrf_exempt

from accounts.console import console
from accounts.web.home import home
from accounts.wire.key_sets import tenant_key_set
from accounts.wire.registry import contracts
from accounts.wire.registry import urlpatterns as contract_urlpatterns


@csrf_exempt
def root(request: HttpRequest, **kwargs: str) -> HttpResponseBase:
    """The bare address: a page for people, and Cognito's one URL for programs."""
    served = next((each.root for each in contracts().values() if each.root), None)
    if served is None or request.method in {"GET", "HEAD"}:
        return home(request, **kwargs)
    return served(request, **kwargs)


def to_console(request: HttpRequest, tenant_slug: str = "") -> HttpResponseBase:  # noqa: ARG001
    """People leave the slash out, or come by their tenant's address; the console has one place."""
    if not tenant_slug:
        return HttpResponseRedirect(reverse("admin:index"))
    return HttpResponseRedirect(f"{reverse('admin:login')}?{urlencode({'tenant': tenant_slug})}")


_everywhere: list[URLPattern | URLResolver] = [
    path("", root),
    path(".well-known/jwks.json", tenant_key_set),
    *contract_urlpatterns(),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin", to_console),
    path("admin/", console.urls),
    path("t/<slug:tenant_slug>/admin/", to_console),
    path("t/<slug:tenant_slug>/", include(_everywhere)),
    *_everywhere,
]

handler400 = "accounts.wire.errors.bad_request"
handler403 = "accounts.wire.errors.forbidden"
handler404 = "accounts.wire.errors.not_found"
handler500 = "accounts.wire.errors.server_error"
