"""The base of every contract view: whatever happens, the contract's own words come out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from django.core.exceptions import SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from psycopg_pool import PoolTimeout
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.login.outcome import LoginRefused, Reason
from accounts.wire.call import Call, read_call
from accounts.wire.contract import Answer, Contract, Fault, Faulted
from accounts.wire.registry import contract
from accounts.wire.renderers import response
from accounts.wire.sunset import announce
from tenants.hashing import Overloaded
from tenants.policy import TenantRecord
from tenants.sealing import SealBroken

_log = logging.getLogger("dragoman.wire")
_Http = TypeVar("_Http", bound=HttpResponseBase)
# A sealing key that is lost or not yet deployed is an outage like a database that is away: closed.
_UNAVAILABLE = (OperationalError, InterfaceError, PoolTimeout, SealBroken)


class _NoNegotiation(BaseContentNegotiation):
    """Products ignore ``Accept``; so no 406 can happen."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return None

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> Any:
        return JSONRenderer(), "application/json"


class ContractView(APIView):
    """A DRF view whose every answer, error or not, is in its contract's shape.

    Handlers take the :class:`Call` and return an :class:`Answer` or an HttpResponse. DRF's
    authentication, permissions, throttles and parsers are off: the core and ``wire`` do that work.
    """

    slug: ClassVar[str]
    # The request itself names the tenant, so the default one has no say in whether it is served.
    names_tenant: ClassVar[bool] = False
    # Whose settings the answer announces: the tenant that the address means. A view whose request
    # names another way may set what it has found.
    tenant: TenantRecord | None = None
    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()
    parser_classes = ()
    renderer_classes = (JSONRenderer,)
    content_negotiation_class = _NoNegotiation
    schema = None

    @property
    def contract(self) -> Contract:
        """The contract that this view belongs to."""
        return contract(self.slug)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Read the call, run the handler, turn whatever comes out into the contract's answer."""
        self.args, self.kwargs = args, kwargs
        self.headers = self.default_response_headers
        try:
            call = read_call(request, self.slug, kwargs.pop("tenant_slug", None))
            self.tenant = call.addressed if self.names_tenant else call.tenant
            outcome = self._answered(call, **kwargs)
        # Nothing may escape: what Django would answer is not the product's.
        except Exception as error:  # noqa: BLE001
            outcome = self._failed(request, error)
        http = response(outcome) if isinstance(outcome, Answer) else outcome
        return self._finished(request, http)

    def _answered(self, call: Call, **kwargs: Any) -> Answer | HttpResponseBase:
        if "\x00" in call.request.path_info:
            # No database takes it, so nothing can be called so.
            raise Faulted(Fault.NOT_FOUND, "no such path")
        if self.tenant is not None and not self.tenant.serves(self.slug):
            raise Faulted(Fault.NOT_FOUND, "not served")
        method = (call.request.method or "").lower()
        if method == "options" and self.contract.cors is not None:
            cors = self.contract.cors
            return Answer(cors.preflight_status, headers=cors.preflight)
        handler: Callable[..., Answer | HttpResponseBase] | None = None
        if method in self.http_method_names and method not in {"options", "trace"}:
            handler = getattr(self, method, None)
        if handler is None:
            raise Faulted(
                Fault.METHOD_NOT_ALLOWED, allow=", ".join(self.served_methods()), call=call
            )
        return handler(call, **kwargs)

    def served_methods(self) -> list[str]:
        """The methods that have a handler here."""
        names = (name for name in self.http_method_names if name not in {"options", "trace"})
        return sorted(name.upper() for name in names if hasattr(self, name))

    def _failed(self, request: HttpRequest, error: Exception) -> Answer:
        if isinstance(error, Faulted):
            error.request = request
        try:
            return _worded(self.contract, error)
        except Exception:  # noqa: BLE001  # a fault in a table is logged and still answered
            _log.exception("an error table failed", extra={"contract": self.slug})
            return self.contract.fault(Faulted(Fault.INTERNAL))

    def _finished(self, request: HttpRequest, http: HttpResponseBase) -> HttpResponseBase:
        # A preflight's headers are its own and whole already.
        preflight = request.method == "OPTIONS" and http.status_code < 400
        return _shared(self.contract, http, self.tenant, preflight=preflight)


def _worded(spoken: Contract, error: Exception) -> Answer:
    """The contract's answer to whatever was raised."""
    if isinstance(error, LoginRefused):
        return spoken.refuse(error)
    if isinstance(error, Overloaded):
        return spoken.refuse(LoginRefused(Reason.OVERLOADED))
    return spoken.fault(error if isinstance(error, Faulted) else _fault_of(spoken, error))


def _fault_of(spoken: Contract, error: Exception) -> Faulted:
    if isinstance(error, SuspiciousOperation):
        return Faulted(Fault.MALFORMED, "the request cannot be read")
    if isinstance(error, _UNAVAILABLE):
        _log.error("what a login needs is away", exc_info=error, extra={"contract": spoken.slug})
        return Faulted(Fault.UNAVAILABLE)
    _log.error("unhandled error", exc_info=error, extra={"contract": spoken.slug})
    return Faulted(Fault.INTERNAL)


def _shared(
    spoken: Contract, http: _Http, tenant: TenantRecord | None, *, preflight: bool = False
) -> _Http:
    """What all answers of a contract have in common, errors or not.

    Pages of other origins may read them where the contract says so; a tenant may have announced
    the end of the contract.
    """
    if spoken.cors is not None and not preflight:
        for name, value in spoken.cors.actual.items():
            http[name] = value
    announce(http, tenant, spoken.slug)
    return http


def fault_response(
    spoken: Contract, fault: Fault, request: HttpRequest, tenant: TenantRecord | None = None
) -> HttpResponse:
    """The contract's answer to a fault that was found before any of its views ran."""
    faulted = Faulted(fault)
    faulted.request = request
    return _shared(spoken, response(spoken.fault(faulted)), tenant)
