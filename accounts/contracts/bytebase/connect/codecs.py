"""The two spellings of a message, JSON and binary; both become what the REST face's calls take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError
from google.protobuf.message import Message as Binary

from accounts.contracts.bytebase.protojson import Enum, Message, camel
from accounts.wire.contract import Fault, Faulted
from accounts.wire.parsers import MAX_MEMBERS, json_value
from accounts.wire.shapes import checked

_TIMESTAMP, _FIELD_MASK = "google.protobuf.Timestamp", "google.protobuf.FieldMask"


class Codec(Protocol):
    """How a message travels."""

    def read(self, content: bytes, shape: type[Message], binary: type[Binary]) -> dict[str, Any]:
        """The members of a message, checked. Raises Faulted(MALFORMED) or Faulted(INVALID)."""

    def write(self, body: dict[str, Any], binary: type[Binary]) -> Any:
        """An answer's body; ``body`` has the members as the REST face writes them."""


class Json:
    """Proto-JSON; unlike the REST face it skips what it does not know, names of enums as well."""

    def read(self, content: bytes, shape: type[Message], binary: type[Binary]) -> dict[str, Any]:
        """The message that the whole content is; no content is no message."""
        return checked(shape, _known(json_value(content), shape()))

    def write(self, body: dict[str, Any], binary: type[Binary]) -> Any:
        """The same object as the REST face's."""
        return body


class Proto:
    """The binary form. No content is an empty message."""

    def read(self, content: bytes, shape: type[Message], binary: type[Binary]) -> dict[str, Any]:
        """The message; unknown fields, and known ones of another wire type, are skipped."""
        try:
            message = binary.FromString(content)
        except DecodeError as error:
            raise Faulted(Fault.MALFORMED, "cannot parse invalid wire-format data") from error
        return checked(shape, _members(message))

    def write(self, body: dict[str, Any], binary: type[Binary]) -> bytes:
        """The object of the REST face in binary."""
        message = json_format.ParseDict(body, binary(), ignore_unknown_fields=True)
        return message.SerializeToString(deterministic=True)


CODECS: Mapping[str, Codec] = {"application/json": Json(), "application/proto": Proto()}


def _known(value: Any, shape: object) -> Any:
    """The value without members that the message does not have; what is no message stays."""
    if not isinstance(value, dict) or not isinstance(shape, Message):
        return value
    fields = {spelling: field for name, field in shape.fields.items() for spelling in _both(name)}
    return {
        name: _known(item, fields[name])
        for name, item in value.items()
        if name in fields and not _is_unknown_name(item, fields[name])
    }


def _is_unknown_name(value: Any, field: object) -> bool:
    """Whether a newer release's name stands where an enum is known: the field counts as absent."""
    return isinstance(field, Enum) and isinstance(value, str) and value not in field.names


def _both(name: str) -> set[str]:
    return {name, camel(name)}


def _members(message: Binary) -> dict[str, Any]:
    """The fields that are set, by their names; what is tracked is set even if it is empty."""
    return {field.name: _value(field, value) for field, value in message.ListFields()}


def _value(field: FieldDescriptor, value: Any) -> Any:
    kind = field.message_type.full_name if field.message_type else ""
    if kind == _TIMESTAMP:
        return _moment(value)
    if kind == _FIELD_MASK:
        return ",".join(_texts(value.paths))
    if kind:
        return _members(value)
    if field.is_repeated:
        return _texts(value)
    return _text(value) if isinstance(value, str) else value


def _moment(value: Any) -> str:
    try:
        return str(value.ToJsonString())
    except ValueError as error:
        raise Faulted(Fault.INVALID, "invalid google.protobuf.Timestamp") from error


def _texts(values: Any) -> list[str]:
    if len(values) > MAX_MEMBERS:
        raise Faulted(Fault.MALFORMED, "a list has too many members")
    return [_text(value) for value in values]


def _text(value: str) -> str:
    """Refuse what the JSON form refuses as well: no database takes it."""
    if "\x00" in value:
        raise Faulted(Fault.MALFORMED, "a text contains NUL")
    return value
