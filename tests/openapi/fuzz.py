"""Calls made up from the document, with schemathesis, and what is wrong with their answers."""

from __future__ import annotations

import contextlib
import os
import traceback
from collections.abc import Iterator, Mapping
from typing import Any

import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from accounts.openapi.document import document

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# A few by default, always the same; `make fuzz` asks for more, and other ones each time.
EXAMPLES = int(os.environ.get("DRAGOMAN_FUZZ_EXAMPLES", "0"))
_SETTINGS = settings(
    max_examples=EXAMPLES or 6,
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def loaded(described: dict[str, Any] | None = None) -> Any:
    """The document as schemathesis reads it, with our server behind it."""
    schema = schemathesis.openapi.from_dict(described or document("http://testserver"))
    schema.app = get_wsgi_application()
    return schema


@contextlib.contextmanager
def _in_one_connection() -> Iterator[None]:
    """A server closes its connections around requests; here they are the test's."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    try:
        yield
    finally:
        for signal in (request_started, request_finished):
            signal.connect(close_old_connections)


def operations(schema: Any, tag: str) -> Iterator[Any]:
    """The actions of one contract."""
    for result in schema.get_all_operations():
        operation = result.ok()
        if tag in operation.definition.raw["tags"]:
            yield operation


def faults(operation: Any, headers: Mapping[str, str], known: Mapping[str, Any]) -> list[str]:
    """What is wrong with the answers to made-up calls of one action.

    ``headers`` come with each of them. A call has no value that somebody would really send
    (``known``, by name), all of them, or nothing else in its body.
    """
    cases = _strategy(operation, GenerationMode.POSITIVE)
    if operation.body or operation.query:
        cases |= _strategy(operation, GenerationMode.NEGATIVE)

    @_SETTINGS
    @given(case=cases, real=st.sampled_from(["nothing", "known", "only"]))
    def answers_are_documented(case: Any, real: str) -> None:
        if real != "nothing":
            _fill(case, known, only=real == "only")
        block = transaction.atomic()
        # As the test's own: what insists on being outermost may be within.
        block._from_testcase = True  # type: ignore[attr-defined]
        with _in_one_connection(), block:
            answer = case.call(headers=dict(headers))
            transaction.set_rollback(True)
        case.validate_response(answer, checks=CHECKS)

    try:
        answers_are_documented()
    except Unsatisfiable:
        return []
    except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001  # all is told in the end
        return [f"{operation.label}\n{''.join(traceback.format_exception(error, limit=-3))}"]
    return []


def _strategy(operation: Any, mode: GenerationMode) -> st.SearchStrategy[Any]:
    made: st.SearchStrategy[Any] = operation.as_strategy(generation_mode=mode)
    return made


def _fill(case: Any, known: Mapping[str, Any], *, only: bool) -> None:
    for part in (case.path_parameters, case.query, case.body):
        if isinstance(part, dict):
            given = {name: value for name, value in known.items() if name in part}
            if only and given and part is case.body:
                part.clear()
            part.update(given)
