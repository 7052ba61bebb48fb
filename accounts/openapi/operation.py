"""One action in the document: drf-spectacular's schema of a view, told what the contract says."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern
from django.urls.resolvers import RoutePattern
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from rest_framework import serializers

from accounts.openapi import refusals
from accounts.openapi.exchanges import Exchange
from accounts.openapi.refusals import Told
from accounts.wire.contract import Answer, Contract
from accounts.wire.description import Action, Description, Face, Field, Given, Named, Schema
from accounts.wire.fields import ExactBoolean, ExactText
from accounts.wire.views import ContractView

_CORE_FIELDS: Mapping[type[Field], Callable[[Any], Schema]] = {
    ExactText: lambda field: {
        "type": "string",
        **({} if field.allow_empty else {"minLength": 1}),
        "maxLength": field.max_length,
    },
    ExactBoolean: lambda _: {"type": "boolean"},
}
# What a header is for is told once, whatever gives it.
_HEADERS = {
    "Retry-After": "Seconds to wait before the next try (RFC 9110).",
    "Allow": "The methods that are served here (RFC 9110).",
    "WWW-Authenticate": "Repeats the message.",
}


@dataclass(frozen=True)
class Place:
    """A served path with its view."""

    contract: Contract
    description: Description
    view: type[ContractView]
    # As OpenAPI writes it, with what varies in braces.
    path: str
    exchanges: Sequence[Exchange] = ()

    @property
    def varying(self) -> list[str]:
        """The names of what varies in the path."""
        return re.findall(r"{(\w+)}", self.path)


def template(pattern: URLPattern) -> str:
    """The path of a URL pattern as OpenAPI writes it: ``/users/{number}``."""
    if isinstance(pattern.pattern, RoutePattern):
        return "/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(pattern.pattern))
    # A regular expression whose parts are literal but for the named groups.
    named = re.sub(r"\(\?P<(\w+)>[^()]*\)", r"{\1}", pattern.pattern.regex.pattern)
    return "/" + re.sub(r"\\[AZ]|[\^$\\]", "", named)


class ContractSchema(AutoSchema):
    """The operation of one action. All that is looked up is in the place and its contract."""

    def __init__(self, place: Place, action: Action) -> None:
        super().__init__()
        self.place = place
        self.action = action
        self.spoken = place.view().contract
        self.face: Face = place.description.face_of(place.view)

    @property
    def _prefix(self) -> str:
        return ".".join(filter(None, (self.place.contract.slug, self.face.name)))

    def get_operation_id(self) -> str:
        """The contract, the view and the method; one view at two paths has two."""
        words = re.sub(r"\W", "_", re.sub(r"[{}]", "", self.path.removeprefix("/")))
        return f"{self.place.contract.slug}_{words or 'root'}_{self.method.lower()}"

    def get_summary(self) -> str:
        """What the call does."""
        return self.action.summary

    def get_description(self) -> str:  # type: ignore[override]  # as its parent has it
        """More words, where there are any."""
        return self.action.about

    def get_tags(self) -> list[str]:
        """The product."""
        return [self.place.contract.title]

    def get_auth(self) -> list[dict[str, list[str]]]:
        """The keys of the call; one empty alternative where it is open."""
        slug = self.place.contract.slug
        keys: list[dict[str, list[str]]] = [
            {f"{slug}.{name}": [] for name in names} for names in self.action.opened_by
        ]
        for names in self.action.opened_by:
            for name in names:
                self._register(f"{slug}.{name}", "securitySchemes", self._key(name))
        return [*keys, {}] if self.action.key_optional or not keys else keys

    def _key(self, name: str) -> Schema:
        return self.place.description.keys[name]

    def _get_parameters(self) -> list[dict[str, Any]]:
        varying = self.place.description.varying
        paths = [
            {"name": name, "in": "path", "required": True, "schema": self._resolved(varying[name])}
            for name in self.place.varying
        ]
        return paths + [
            {
                "name": each.name,
                "in": each.place,
                "required": each.required,
                "description": each.about,
                "schema": self._resolved(each.schema),
            }
            for each in self.action.parameters
        ]

    def _get_request_body(self, direction: Any = "request") -> dict[str, Any] | None:
        takes = self.action.takes
        if takes is None:
            return None
        schema = self._body(takes) if isinstance(takes, type) else self._resolved(takes)
        examples = {
            each.name: {"value": each.shown_body, **_summary(each)}
            for each in self._exchanges()
            if each.body is not None
        }
        content = {media: {"schema": _in(media, schema)} for media in self.action.media}
        for media, each in content.items():
            if examples and "json" in media:
                each["examples"] = examples
        return {"content": content, "required": self.action.body_required}

    def _body(self, shape: type[serializers.Serializer[Any]]) -> dict[str, Any]:
        component = self.resolve_serializer(shape, "request")
        if component.name is None:
            return {"type": "object", **({"maxProperties": 0} if self.face.closed else {})}
        return dict(component.ref)

    def get_serializer_name(self, serializer: Any, direction: Any) -> str:
        """The shape's name with its contract's in front: two contracts may have a LoginShape."""
        return f"{self._prefix}.{type(serializer).__name__.removesuffix('Shape')}"

    def _get_serializer_name(self, serializer: Any, direction: Any, *_: Any) -> str:
        return self.get_serializer_name(serializer, direction)

    def _map_serializer_field(self, field: Any, direction: Any, *more: Any) -> Any:
        known = {**_CORE_FIELDS, **self.place.description.fields}
        for kind in type(field).__mro__:
            if kind in known:
                return self._with_meta(dict(self._resolved(known[kind](field))), field)
        return super()._map_serializer_field(field, direction, *more)

    def _with_meta(self, schema: dict[str, Any], field: Any) -> dict[str, Any]:
        if field.allow_null:
            schema = {"anyOf": [schema, {"type": "null"}]}
        return schema

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> Any:
        schema = super()._map_basic_serializer(serializer, direction)
        face = self.face
        properties = schema.get("properties", {})
        if face.nulls:
            properties = {
                name: {"anyOf": [each, {"type": "null"}]} for name, each in properties.items()
            }
        schema["properties"] = {face.spelled(name): each for name, each in properties.items()}
        if "required" in schema:
            schema["required"] = [face.spelled(name) for name in schema["required"]]
        if face.closed:
            schema["additionalProperties"] = False
        return schema

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        good = {"200": self._good(self.action.gives)}
        told = refusals.of_action(self.spoken, self.place.description, self.action)
        by_status: dict[int, list[Told]] = {}
        for each in told:
            by_status.setdefault(each.answer.status, []).append(each)
        return good | {
            str(status): self._refused(status, by_status[status]) for status in sorted(by_status)
        }

    def _good(self, given: Given) -> dict[str, Any]:
        response: dict[str, Any] = {"description": given.about}
        if given.headers:
            response["headers"] = {
                name: {"description": about, "schema": {"type": "string"}}
                for name, about in given.headers.items()
            }
        if given.schema is None:
            return response
        examples = {
            each.name: {"value": each.answer_body, **_summary(each)}
            for each in self._exchanges()
            if each.status == 200
        }
        response["content"] = {
            media: {"schema": _in(media, self._resolved(given.schema))} for media in given.media
        }
        for media, each in response["content"].items():
            if examples and ("json" in media or "text" in media):
                each["examples"] = examples
        return response

    def _refused(self, status: int, told: Sequence[Told]) -> dict[str, Any]:
        content: dict[str, dict[str, Any]] = {}
        headers: dict[str, str] = {}
        for each in told:
            headers |= each.answer.headers
            if each.answer.body is not None:
                media = content.setdefault(each.answer.content_type, {"examples": {}})
                media["examples"][each.why[0]] = _example(each)
        for media_type, media in content.items():
            media["schema"] = self._error(media_type)
        for real in (each for each in self._exchanges() if each.status == status):
            for media in content.values():
                media["examples"][real.name] = {"value": real.answer_body, **_summary(real)}
        response = {
            "description": refusals.phrase(status),
            "content": {
                name: {"schema": media["schema"], "examples": media["examples"]}
                for name, media in content.items()
            },
        }
        if headers:
            response["headers"] = {name: _header(name) for name in sorted(headers)}
        return self._shared(status, response)

    def _error(self, media_type: str) -> dict[str, Any]:
        name = f"{self._prefix}.Error"
        if not self._knows(name, "schemas"):
            actions = [
                action
                for view, methods in self.place.description.actions.items()
                if self.place.description.face_of(view) == self.face
                for action in methods.values()
            ]
            schemas = refusals.schema_of(self.spoken, self.place.description, actions)
            self._register(name, "schemas", schemas[media_type])
        return {"$ref": f"#/components/schemas/{name}"}

    def _shared(self, status: int, response: dict[str, Any]) -> dict[str, Any]:
        """The response as a component: most actions of a contract can refuse alike."""
        number = 1
        while True:
            name = f"{self._prefix}.{status}" + (f".{number}" if number > 1 else "")
            self._register(name, "responses", response)
            if self.registry[(name, "responses")].schema == response:
                return {"$ref": f"#/components/responses/{name}"}
            number += 1

    def _exchanges(self) -> list[Exchange]:
        action = f"{self.method} {self.place.path}"
        return [each for each in self.place.exchanges if each.action == action]

    def _resolved(self, schema: Any) -> Any:
        """The schema with its named parts as references."""
        if isinstance(schema, Named):
            name = f"{self.place.contract.slug}.{schema.name}"
            if not self._knows(name, "schemas"):
                self._register(name, "schemas", self._resolved(schema.schema))
            return {"$ref": f"#/components/schemas/{name}"}
        if isinstance(schema, Mapping):
            return {name: self._resolved(each) for name, each in schema.items()}
        if isinstance(schema, list):
            return [self._resolved(each) for each in schema]
        if isinstance(schema, type):
            return self._body(schema)
        return schema

    def _knows(self, name: str, kind: str) -> bool:
        return ResolvedComponent(name=name, type=kind, object=name) in self.registry

    def _register(self, name: str, kind: str, schema: Any) -> None:
        self.registry.register_on_missing(
            ResolvedComponent(name=name, type=kind, schema=schema, object=name)
        )


def _in(media: str, schema: Any) -> Any:
    """A schema tells of JSON, forms and text; what else there is holds the same in binary."""
    told = any(kind in media for kind in ("json", "form", "text"))
    return schema if told else {"description": "The same message in binary."}


def _summary(exchange: Exchange) -> dict[str, str]:
    return {"summary": exchange.about} if exchange.about else {}


def _example(told: Told) -> dict[str, Any]:
    shown = ", ".join(dict.fromkeys(why.replace("_", " ") for why in told.why))
    return {"summary": shown, "value": _plain(told.answer)}


def _plain(answer: Answer) -> Any:
    return answer.body


def _header(name: str) -> dict[str, Any]:
    about = {"description": _HEADERS[name]} if name in _HEADERS else {}
    return {**about, "schema": {"type": "string"}}
