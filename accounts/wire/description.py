"""What a contract says of its calls for the OpenAPI document: one small declaration per action.

Paths, methods, shapes of bodies and every refusal are read off the contract itself; declared is
only what no code says: what a call is for, what opens it, and what a good answer looks like.
Whatever a table of refusals gives is documented without being listed here. No OpenAPI library is
needed for it: ``accounts.openapi`` makes the document.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from rest_framework import serializers

from accounts.login.outcome import Reason
from accounts.wire.contract import OF_A_TOKEN, Answer, Fault

# A JSON Schema of draft 2020-12, as OpenAPI 3.1 has it.
Schema = Mapping[str, Any]
Field = serializers.Field[Any, Any, Any, Any]
JSON = "application/json"

# What a login may be refused for: the gate knows no smaller set.
ANY_REASON = frozenset(Reason)
_ANYWHERE = frozenset(
    {Fault.BAD_HOST, Fault.NOT_FOUND, Fault.MALFORMED, Fault.INTERNAL, Fault.UNAVAILABLE}
)
_OF_A_BODY = frozenset({Fault.INVALID, Fault.UNSUPPORTED_MEDIA, Fault.TOO_LARGE})


@dataclass(frozen=True, slots=True)
class Named:
    """A schema with a name of its own in the document; other schemas may hold it."""

    name: str
    schema: Schema


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the query or a header."""

    name: str
    schema: Schema
    about: str
    place: Literal["query", "header", "cookie"] = "query"
    required: bool = False


@dataclass(frozen=True, slots=True)
class Given:
    """A good answer."""

    # None: no body.
    schema: Schema | Named | None
    media: Sequence[str] = (JSON,)
    # The headers that carry a meaning here, with what they mean.
    headers: Mapping[str, str] = field(default_factory=dict)
    about: str = "Served."


@dataclass(frozen=True, slots=True)
class Action:
    """One method of one view."""

    summary: str
    gives: Given
    # The shape of the body, as it is checked; or a schema, where the body has more than one form.
    takes: type[serializers.Serializer[Any]] | Schema | None = None
    media: Sequence[str] = (JSON,)
    body_required: bool = True
    parameters: Sequence[Parameter] = ()
    # Each alternative names the keys that open the call together; none: it is open to everybody.
    opened_by: Sequence[Sequence[str]] = ()
    # A key is looked at, but the call is served without one.
    key_optional: bool = False
    reasons: Collection[Reason] = ()
    faults: Collection[Fault] = ()
    # Refusals that are in no table.
    answers: Sequence[Answer] = ()
    about: str = ""

    def all_faults(self) -> list[Fault]:
        """What can be wrong with this call, in the order of the enumeration."""
        due = {*_ANYWHERE, *self.faults}
        if self.takes is not None:
            due |= _OF_A_BODY
        if self.opened_by and not self.key_optional:
            due.update(OF_A_TOKEN)
        return [fault for fault in Fault if fault in due]


@dataclass(frozen=True, slots=True)
class Face:
    """How the bodies of some views are read; a contract may speak more than one protocol."""

    # Empty: the contract's own. It is part of the names of schemas.
    name: str = ""
    # From a shape's names to those on the wire.
    spelled: Callable[[str], str] = str
    # Members that no shape has are refused.
    closed: bool = False
    # A null counts as absent.
    nulls: bool = False


@dataclass(frozen=True, slots=True)
class Description:
    """All that a contract says of itself."""

    about: str
    # By view and method, in capitals. HEAD follows from GET and is not described.
    actions: Mapping[type[Any], Mapping[str, Action]]
    # OpenAPI security schemes by name.
    keys: Mapping[str, Schema] = field(default_factory=dict)
    # Schemas of what varies in paths, by its name.
    varying: Mapping[str, Schema] = field(default_factory=dict)
    # Schemas of fields that are this contract's own, by their classes.
    fields: Mapping[type[Field], Callable[[Any], Schema]] = field(default_factory=dict)
    # By the base of the views.
    faces: Mapping[type[Any], Face] = field(default_factory=dict)
    # What the refusals and faults of this contract may carry, where its tables look at it.
    details: Mapping[Reason | Fault, Sequence[Mapping[str, Any]]] = field(default_factory=dict)

    def face_of(self, view: type[Any]) -> Face:
        """How this view's bodies are read."""
        return next((face for base, face in self.faces.items() if issubclass(view, base)), Face())

    def action(self, view: type[Any], method: str) -> Action | None:
        """What is said of this method; a view without a word of its own speaks as its parent."""
        for each in view.__mro__:
            if each in self.actions:
                return self.actions[each].get(method)
        return None


# A short hand for schemas.

TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
NUMBER: Schema = {"type": "integer", "minimum": 0}
TEXTS: Schema = {"type": "array", "items": TEXT}
ANYTHING: Schema = {}


def told(example: Any = None, **schema: Any) -> Schema:
    """A text."""
    shown = {} if example is None else {"examples": [example]}
    return {**TEXT, **schema, **shown}


def constant(value: Any) -> Schema:
    """This value and no other."""
    return {"const": value}


def one_of(*values: Any) -> Schema:
    """One of these values."""
    return {"enum": list(values)}


def listed(item: Schema | Named) -> Schema:
    """A list of these."""
    return {"type": "array", "items": item}


def nullable(schema: Schema) -> Schema:
    """The same or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def either(*schemas: Schema | Named) -> Schema:
    """One of these."""
    return {"anyOf": list(schemas)}


def record(
    always: Mapping[str, Schema | Named],
    sometimes: Mapping[str, Schema | Named] | None = None,
    *,
    closed: bool = True,
) -> Schema:
    """An object with these members; ``closed``: and no others."""
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {**always, **(sometimes or {})},
    }
    if always:
        schema["required"] = list(always)
    if closed:
        schema["additionalProperties"] = False
    return schema


def bearer_key(about: str) -> Schema:
    """A token in the ``Authorization`` header (RFC 6750)."""
    return {"type": "http", "scheme": "bearer", "description": about}


def key_in(place: Literal["header", "cookie"], name: str, about: str) -> Schema:
    """A token in a header or cookie of its own."""
    return {"type": "apiKey", "in": place, "name": name, "description": about}
