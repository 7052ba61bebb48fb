"""The root of all URLs: the contracts at the root and below a tenant's prefix, the pages for
people likewise, and the console.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import URLPattern, URLResolver, include, path, re_path, reverse
from django.views.decorators.csrf import csrf_exempt

from accounts.console import console
from accounts.web.colours import stylesheet
from accounts.web.home import home
from accounts.web.pages import with_slash
from accounts.web.urls import urlpatterns as page_urlpatterns
from accounts.wire.key_sets import tenant_key_set
from accounts.wire.registry import root_view
from accounts.wire.registry import urlpatterns as contract_urlpatterns
from tenants.conf import conf


@csrf_exempt
def root(request: HttpRequest, **kwargs: str) -> HttpResponseBase:
    """The bare address: a page for people, and Cognito's one URL for programs."""
    served = root_view()
    if served is None or request.method in {"GET", "HEAD"}:
        return home(request, **kwargs)
    return served(request, **kwargs)


@csrf_exempt
def unslashed_root(request: HttpRequest, tenant_slug: str) -> HttpResponseBase:
    """A tenant's bare address without its slash: programs call the address that they were given.

    Of Cognito's, some put a slash behind it and some do not; people are led on.
    """
    if request.method in {"GET", "HEAD"}:
        return with_slash(request)
    return root(request, tenant_slug=tenant_slug)


# Django's signature.
def to_console(request: HttpRequest, tenant_slug: str = "") -> HttpResponseBase:  # noqa: ARG001
    """People leave the slash out, or come by their tenant's address; the console has one place.

    The sign-in page of the tenant is the way to it for whoever is not signed in.
    """
    if not tenant_slug:
        return HttpResponseRedirect(reverse("admin:index"))
    to_sign_in = reverse("sign-in", kwargs={"tenant_slug": tenant_slug})
    return HttpResponseRedirect(f"{to_sign_in}?next={reverse('admin:index')}")


_everywhere: list[URLPattern | URLResolver] = [
    path("", root, name="home"),
    *page_urlpatterns,
    path(".well-known/jwks.json", tenant_key_set),
    *contract_urlpatterns(),
]

urlpatterns: list[URLPattern | URLResolver] = [
    # Not even loaded where it is off.
    *([path("", include("accounts.openapi.urls"))] if conf().api_docs else []),
    path("admin", to_console),
    path("admin/", console.urls),
    path("t/<slug:tenant_slug>/admin/", to_console),
    re_path(r"^brand/(?P<code>[0-9a-f]{6})\.css$", stylesheet, name="brand"),
    path("t/<slug:tenant_slug>", unslashed_root),
    path("t/<slug:tenant_slug>/", include(_everywhere)),
    *_everywhere,
]

handler400 = "accounts.wire.errors.bad_request"
handler403 = "accounts.wire.errors.forbidden"
handler404 = "accounts.wire.errors.not_found"
handler500 = "accounts.wire.errors.server_error"
