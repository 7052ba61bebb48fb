"""Running a serializer over a body: its errors become the contract's INVALID fault."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.wire.contract import Fault, Faulted


def checked(shape: type[serializers.Serializer[Any]], value: Any) -> dict[str, Any]:
    """The members that ``shape`` declares, exact. Raises Faulted(INVALID) naming the first wrong.

    ``field`` and ``problem`` are in the fault's detail. Unknown members never get further.
    """
    if not isinstance(value, dict):
        raise Faulted(Fault.INVALID, "the body must be a JSON object")
    bound = shape(data=value)
    if bound.is_valid():
        return dict(bound.validated_data)
    field, problems = next(iter(bound.errors.items()))
    problem = str(problems[0]) if isinstance(problems, list) and problems else str(problems)
    raise Faulted(Fault.INVALID, f"{field} {problem}", field=field, problem=problem)
