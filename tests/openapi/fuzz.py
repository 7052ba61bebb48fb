"""Calls made up from the document, with schemathesis, and what is wrong with their answers."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterator, Mapping
from typing import Any

import schemathesis
from django.core.wsgi import get_wsgi_application
from django.db import transaction
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
    max_examples=EXAMPLES or 8,
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def loaded() -> Any:
    """The document as schemathesis reads it, with our server behind it."""
    schema = schemathesis.openapi.from_dict(document("http://testserver"))
    schema.app = get_wsgi_application()
    return schema


def operations(schema: Any, tag: str) -> Iterator[Any]:
    """The actions of one contract."""
    for result in schema.get_all_operations():
        operation = result.ok()
        if tag in operation.definition.raw["tags"]:
            yield operation


def faults(operation: Any, headers: Mapping[str, str], known: Mapping[str, Any]) -> list[str]:
    """What is wrong with the answers to made-up calls of one action.

    ``headers`` come with each of them. Of the values that somebody would really send (``known``,
    by name) each call has all or none.
    """
    cases = _strategy(operation, GenerationMode.POSITIVE)
    if operation.body or operation.query:
        cases |= _strategy(operation, GenerationMode.NEGATIVE)

    @_SETTINGS
    @given(case=cases, real=st.booleans())
    def answers_are_documented(case: Any, real: bool) -> None:
        if real:
            _fill(case, known)
        block = transaction.atomic()
        # As the test's own: what insists on being outermost may be within.
        block._from_testcase = True  # type: ignore[attr-defined]
        with block:
            answer = case.call(headers=dict(headers))
            transaction.set_rollback(True)
        case.validate_response(answer, checks=CHECKS)

    try:
        answers_are_documented()
    except Unsatisfiable:
        return []
    except Exception:  # noqa: BLE001  # every kind of failure is told in the end
        return [f"{operation.label}\n{traceback.format_exc(limit=-3)}"]
    return []


def _strategy(operation: Any, mode: GenerationMode) -> st.SearchStrategy[Any]:
    made: st.SearchStrategy[Any] = operation.as_strategy(generation_mode=mode)
    return made


def _fill(case: Any, known: Mapping[str, Any]) -> None:
    for part in (case.path_parameters, case.query, case.body):
        if isinstance(part, dict):
            part.update({name: value for name, value in known.items() if name in part})
