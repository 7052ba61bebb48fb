"""Django's error handlers: inside a contract's territory they speak that contract.

Django's own check demands the signatures, so an argument stays unused.
"""

from __future__ import annotations

import re

from django.core.exceptions import DisallowedHost
from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import Resolver404, resolve
from psycopg_pool import PoolTimeout

from accounts.wire.call import host_of
from accounts.wire.contract import Contract, Fault
from accounts.wire.registry import owner_of, root_view
from accounts.wire.views import ContractView, fault_response
from tenants.hint import TenantHint
from tenants.policy import TenantRecord
from tenants.resolve import directory, explicit

_PREFIX = re.compile(r"^/t/[^/]+(?=/)")
# The bare address, also a tenant's.
_ROOT = re.compile(r"/(t/[^/]+/?)?")
_FAULT_OF = {
    400: Fault.MALFORMED,
    403: Fault.FORBIDDEN,
    404: Fault.NOT_FOUND,
    500: Fault.INTERNAL,
}
_TITLE_OF = {400: "Bad Request", 403: "Forbidden", 404: "Not Found", 500: "Internal Server Error"}


def _answer(request: HttpRequest, status: int, fault: Fault | None = None) -> HttpResponse:
    owner = _spoken(request)
    if owner is not None:
        return fault_response(owner, fault or _FAULT_OF[status], request, _tenant(request))
    # Nobody's path: a neutral problem document (RFC 9457).
    body = {"type": "about:blank", "title": _TITLE_OF[status], "status": status}
    answer = JsonResponse(body, status=status, content_type="application/problem+json")
    answer["Cache-Control"] = "no-store"
    return answer


def _spoken(request: HttpRequest) -> Contract | None:
    """Whose words are spoken at this path; where a view has it, those of the view's own face."""
    try:
        called: object = resolve(request.path_info).func
    except Resolver404:
        called = None
    if request.method not in {"GET", "HEAD"} and _ROOT.fullmatch(request.path_info):
        # Not the page for people.
        called = root_view()
    view = getattr(called, "view_class", None)
    if view is not None and issubclass(view, ContractView):
        spoken: Contract = view().contract
        return spoken
    return owner_of(_PREFIX.sub("", request.path_info))


def _tenant(request: HttpRequest) -> TenantRecord | None:
    """The tenant that the address means; None also while the database is away."""
    prefix = _PREFIX.match(request.path_info)
    slug = prefix[0].removeprefix("/t/") if prefix else None
    try:
        addressed = explicit(TenantHint(slug=slug, host=host_of(request)))
        return addressed or (directory().default if slug is None else None)
    except (DisallowedHost, DatabaseError, PoolTimeout):
        return None


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler400: a suspicious request, such as one for an unknown host."""
    return _answer(request, 400, Fault.BAD_HOST if isinstance(exception, DisallowedHost) else None)


# Django's signature.
def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    """handler403."""
    return _answer(request, 403)


# Django's signature.
def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    """handler404: no view has this path."""
    return _answer(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """handler500: an error outside of every view's own handling."""
    return _answer(request, 500)
