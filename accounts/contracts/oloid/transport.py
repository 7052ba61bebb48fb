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
from accounts.wire.call import Call
from accounts.wire.contract import Answer, Contract, Fault, Faulted
from accounts.wire.parsers import json_value
from accounts.wire.registry import contract
from accounts.wire.views import ContractView

_SERVICE = "AWSCognitoIdentityProviderService."
_MEDIA = frozenset({CONTENT_TYPE, "application/x-amz-json-1.0", "application/json"})


def _operation(call: Call) -> Operation | None:
    target = call.header("X-Amz-Target")
    if not target.startswith(_SERVICE):
        return None
    return OPERATIONS.get(target.removeprefix(_SERVICE))


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
        outcome = operation(call, json_value(call.body))
        if isinstance(outcome, Answer):
            return outcome
        return Answer(200, outcome, content_type=CONTENT_TYPE)

    def _answered(self, call: Call, **kwargs: Any) -> Answer | HttpResponseBase:
        self.request_id = request_id(call)
        return super()._answered(call, **kwargs)

    def _finished(self, request: HttpRequest, http: HttpResponseBase) -> HttpResponseBase:
        http["x-amzn-RequestId"] = self.request_id or str(uuid4())
        return super()._finished(request, http)
