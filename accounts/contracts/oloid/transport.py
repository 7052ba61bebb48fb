"""Cognito's transport: JSON 1.1 at ``POST /``, the operation named by ``X-Amz-Target``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

from django.http import HttpRequest, HttpResponseBase

from accounts.contracts.oloid import exceptions
from accounts.contracts.oloid.answers import request_id
from accounts.contracts.oloid.exceptions import CONTENT_TYPE, UNKNOWN_OPERATION, exception
from accounts.contracts.oloid.operations import OPERATIONS, Operation
from accounts.contracts.oloid.tokens import SLUG
from accounts.wire.authentication import verified
from accounts.wire.call import Call
from accounts.wire.contract import Answer, Contract, Fault, Faulted
from accounts.wire.parsers import json_value
from accounts.wire.registry import contract
from accounts.wire.views import ContractView
from tenants.policy import TenantRecord
from tenants.resolve import directory

_SERVICE = "AWSCognitoIdentityProviderService."
_MEDIA = frozenset({CONTENT_TYPE, "application/x-amz-json-1.0", "application/json"})


def _operation(call: Call) -> Operation | None:
    target = call.header("X-Amz-Target")
    if not target.startswith(_SERVICE):
        return None
    return OPERATIONS.get(target.removeprefix(_SERVICE))


def _named(call: Call, body: Any) -> TenantRecord | None:
    """The tenant whose client or access token the body names; None where it names neither."""
    told = body if isinstance(body, dict) else {}
    client_id, token = told.get("ClientId"), told.get("AccessToken")
    if isinstance(client_id, str):
        return directory().by_client.get(client_id)
    if not isinstance(token, str):
        return None
    try:
        return directory().by_id.get(verified(call, token).tenant_id)
    except Faulted:
        return None


class Operations(ContractView):
    """``POST /``: every operation, with Cognito's errors in place of the product's own."""

    slug = SLUG
    names_tenant = True
    request_id = ""

    @property
    def contract(self) -> Contract:
        """The contract with the other face's error tables."""
        return replace(contract(SLUG), refusals=exceptions.REFUSALS, faults=exceptions.FAULTS)

    def post(self, call: Call) -> Answer:
        """Run the operation that the header names."""
        operation = _operation(call)
        if operation is None:
            return exception(UNKNOWN_OPERATION)
        if call.media_type not in _MEDIA:
            raise Faulted(Fault.UNSUPPORTED_MEDIA)
        body = json_value(call.body)
        # The end of the contract is announced to whoever names the tenant's client, or has a token.
        self.tenant = self.tenant or _named(call, body)
        outcome = operation(call, body)
        if isinstance(outcome, Answer):
            return outcome
        return Answer(200, outcome, content_type=CONTENT_TYPE)

    def _answered(self, call: Call, **kwargs: Any) -> Answer | HttpResponseBase:
        self.request_id = request_id(call)
        return super()._answered(call, **kwargs)

    def _finished(self, request: HttpRequest, http: HttpResponseBase) -> HttpResponseBase:
        http["x-amzn-RequestId"] = self.request_id or str(uuid4())
        return super()._finished(request, http)
