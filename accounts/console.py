"""The admin console's site: Django's admin behind the gate that every contract has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
)
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver
from django.utils.translation import gettext as _

from accounts.login import sessions
from accounts.login.custody import Act
from accounts.login.sessions import Found
from accounts.web import browser, pages
from accounts.web.profile import CONSOLE, fits_console, is_staff
from accounts.web.sign_in import destination, sign_out

# Nobody's password is changed here, and no row has a page elsewhere.
_UNUSED = {"password_change", "password_change_done", "view_on_site"}
# How a sign-in proves a second factor; a mailed code is the weakest.
_SECOND = sessions.SECOND | {sessions.EMAIL}
_MISSING = (404, "Nothing here", "There is no such page, or it is not yours to see.")
_FORBIDDEN = (403, "Not allowed", "Your account may not do this.")
_STRANGE = (400, "Not understood", "The request was not one that this page makes.")


class Console(AdminSite):
    """Django's admin under our own name."""

    site_header = "Dragoman"
    site_title = "Dragoman"
    index_title = "Console"
    index_template = "console/index.html"
    # What the overview tells beside the pages: the layer above, which knows the pages, sets it.
    overview: Callable[[HttpRequest], Mapping[str, Any]] = staticmethod(lambda _request: {})

    def has_permission(self, request: HttpRequest) -> bool:
        """Staff and superusers; asked at every request, so a lost right is lost at once."""
        found = browser.signed_in(request)
        return found is not None and _has_right(found) and _is_good_enough(found)

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The one sign-in page is elsewhere."""
        query = urlencode({"next": destination(request)}, safe="/")
        return HttpResponseRedirect(f"{pages.Places(request)['sign_in']}?{query}")

    def logout(  # type: ignore[override]  # narrower than Django's
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Ends the session."""
        return sign_out(request)

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Django's pages without those that have no meaning here."""
        return [url for url in super().get_urls() if getattr(url, "name", None) not in _UNUSED]

    # Django's signature.
    def admin_view(self, view: Any, cacheable: bool = False) -> Any:  # noqa: FBT001, FBT002
        """Every page is kept by nobody, and a refusal is a page as well."""
        del cacheable
        inner: Callable[..., HttpResponseBase] = super().admin_view(view)

        @wraps(inner)
        def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not self.has_permission(request):
                return _barred(request)
            try:
                return inner(request, *args, **kwargs)
            except (Http404, PermissionDenied, SuspiciousOperation) as error:
                return self._refused(request, error)

        return answered

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """The officer's tenant, from memory."""
        found = browser.signed_in(request)
        tenant = found.subject.tenant.name if found else ""
        return {**super().each_context(request), "officer_tenant": tenant}

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """The overview."""
        return super().index(request, {**self.overview(request), **(extra_context or {})})

    def _refused(self, request: HttpRequest, error: Exception) -> HttpResponse:
        known = _FORBIDDEN if isinstance(error, PermissionDenied) else _STRANGE
        status, title, text = _MISSING if isinstance(error, Http404) else known
        context = {**self.each_context(request), "title": title, "text": text}
        answer = render(request, "console/refused.html", context, status=status)
        answer["Cache-Control"] = "no-store"
        return answer


def _has_right(found: Found) -> bool:
    """Whether the account may work in the console, and its tenant has not closed it."""
    user = found.subject.user
    return user.is_active and is_staff(user) and found.subject.tenant.serves(CONSOLE)


def _is_good_enough(found: Found) -> bool:
    """Whether the sign-in was what the console asks for.

    Somebody may have become staff, or the rule have come, after he had signed in with less.
    """
    tenant = found.subject.tenant
    demanded = tenant.policy.demands_second_factor(staff=True) or bool(found.subject.factors)
    # Another provider's word, say, is not one.
    proved = any(record["method"] in _SECOND for record in found.session.amr)
    return (proved or not demanded) and fits_console(found.session, tenant)


def _barred(request: HttpRequest) -> HttpResponse:
    """What somebody gets to see in place of the console."""
    found = browser.signed_in(request)
    if found is None:
        return pages.to_sign_in(request)
    return pages.sign_in_again(request) if _has_right(found) else _no_right(request)


@pages.page
def _no_right(request: HttpRequest) -> HttpResponse:
    return pages.render(request, "web/no_console.html", {"title": _("No access")}, status=403)


def within(user: Any, rows: Any, tenant_path: str) -> Any:
    """Of ``rows`` those that an officer may see: his tenant's, or all for a superuser."""
    return rows if user.is_superuser else rows.filter(**{tenant_path: user.tenant_id})


def act(request: HttpRequest, note: str = "") -> Act:
    """What the signed-in officer is about to do, for the audit row."""
    found = browser.signed_in(request)
    if found is None:
        raise PermissionDenied
    client = browser.call(request).client()
    return Act(client, found.subject.user.username, found.session.pk, note)


console = Console(name="admin")
