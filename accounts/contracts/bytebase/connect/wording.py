"""The product's refusals as Connect tells them: the REST face's tables, put into other words once.

Source: the Connect protocol's public reference, "Error codes" and "Error".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from accounts.contracts.bytebase import wording
from accounts.contracts.bytebase.protojson import quoted
from accounts.contracts.bytebase.wording import Code
from accounts.wire.contract import Answer, Fault, Faulted

MEDIA_TYPES = ("application/json", "application/proto")
ENCODINGS = ("gzip",)
# It repeats the message for those that came over the product's gateway; this face is not behind it.
_OF_THE_GATEWAY = "WWW-Authenticate"


def error(code: str, message: str, http: int, headers: Mapping[str, str] | None = None) -> Answer:
    """An error is JSON, whatever the call was."""
    return Answer(http, {"code": code, "message": message}, dict(headers or {}))


def retold(answer: Answer) -> Answer:
    """A refusal of the REST face in Connect's form: the code by its name, the same HTTP status."""
    headers = {name: text for name, text in answer.headers.items() if name != _OF_THE_GATEWAY}
    name = Code(answer.body["code"]).name.lower()
    return error(name, answer.body["message"], answer.status, headers)


def _retelling(told: Callable[[Any], Answer]) -> Callable[[Any], Answer]:
    return lambda why: retold(told(why))


def _unknown(faulted: Faulted) -> Answer:
    """Clients take a 404 without a body for ``unimplemented``; the body says the same."""
    path = quoted(faulted.request.path) if faulted.request else "it"
    return error("unimplemented", f"{path} is not implemented", 404)


def _wrong_method(_: Faulted) -> Answer:
    return error("unknown", "a procedure is called with POST", 405, {"Allow": "POST"})


def _unsupported(faulted: Faulted) -> Answer:
    if encoding := str(faulted.detail.get("encoding", "")):
        known = ", ".join(ENCODINGS)
        message = f"unknown compression {quoted(encoding)}: supported encodings are {known}"
        return error("unimplemented", message, 501)
    accepted = ", ".join(MEDIA_TYPES)
    return error("unknown", f"send one of {accepted}", 415, {"Accept-Post": accepted})


REFUSALS = {reason: _retelling(told) for reason, told in wording.REFUSALS.items()}
FAULTS: Mapping[Fault, Callable[[Faulted], Answer]] = {
    **{fault: _retelling(told) for fault, told in wording.FAULTS.items()},
    Fault.NOT_FOUND: _unknown,
    Fault.METHOD_NOT_ALLOWED: _wrong_method,
    Fault.UNSUPPORTED_MEDIA: _unsupported,
}
