"""A JSON Schema that fits all given values: refusals are described by what the tables give."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

_TYPES: Sequence[tuple[type, str]] = (
    # In Python true is a number.
    (bool, "boolean"),
    (str, "string"),
    (int, "integer"),
    (float, "number"),
    (list, "array"),
    (tuple, "array"),
    (dict, "object"),
    (type(None), "null"),
)


def fitting(values: Iterable[Any], *, closed: bool = True) -> dict[str, Any]:
    """The schema; ``closed``: an object has no members but those seen. Inner ones may have more.

    Required is what every object has.
    """
    found = list(values)
    types = sorted({_type(value) for value in found})
    schema: dict[str, Any] = {"type": types[0] if len(types) == 1 else types}
    objects = [value for value in found if isinstance(value, dict)]
    if objects:
        schema |= _object(objects, closed=closed)
    items = [item for value in found if isinstance(value, list | tuple) for item in value]
    if items:
        schema["items"] = fitting(items, closed=False)
    return schema


def _object(objects: Sequence[dict[str, Any]], *, closed: bool) -> dict[str, Any]:
    names = list(dict.fromkeys(name for each in objects for name in each))
    required = [name for name in names if all(name in each for each in objects)]
    schema: dict[str, Any] = {
        "properties": {
            name: fitting((each[name] for each in objects if name in each), closed=False)
            for name in names
        }
    }
    if closed:
        schema["additionalProperties"] = False
    if closed and required:
        schema["required"] = required
    return schema


def _type(value: Any) -> str:
    return next(name for kind, name in _TYPES if isinstance(value, kind))
