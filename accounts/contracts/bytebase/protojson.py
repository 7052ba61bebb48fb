"""Proto-JSON, on the way in and out, as the product's REST face speaks it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp
from rest_framework import serializers

from accounts.wire.call import Call
from accounts.wire.contract import Fault, Faulted
from accounts.wire.fields import ExactText
from accounts.wire.parsers import json_value
from accounts.wire.shapes import checked

_BLANK = b" \t\r\n"
# What a message holds where nothing was set: such members are not written. A message that was set
# but is empty is written, as ``{}``.
_DEFAULTS: tuple[Any, ...] = ("", False, 0, None, [], ())
_MAX_QUOTED = 100

T = TypeVar("T")


def camel(name: str) -> str:
    """The JSON name of a proto field: ``mfa_temp_token`` is ``mfaTempToken``."""
    head, *rest = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


def quoted(text: str) -> str:
    """A client's text as a message shows it: in double quotes, escaped, not longer than a line."""
    return json.dumps(text[:_MAX_QUOTED], ensure_ascii=False)


def text() -> ExactText:
    """A string field; absent is the same as empty."""
    return ExactText(allow_empty=True, default="")


def tracked_text() -> ExactText:
    """A string field whose presence means something, even if it is empty."""
    return ExactText(allow_empty=True, required=False)


class Texts(serializers.Field[list[str], Any, list[str], Any]):
    """A repeated string field."""

    default_error_messages = {"type": "must be a list of strings"}

    def to_internal_value(self, data: Any) -> list[str]:
        """The texts themselves. Raises ValidationError."""
        if not isinstance(data, list) or not all(isinstance(item, str) for item in data):
            self.fail("type")
        return data


class Moment(serializers.Field[str, Any, str, Any]):
    """A ``google.protobuf.Timestamp``: a time of RFC 3339 in years 1 to 9999."""

    default_error_messages = {"type": "must be a time"}

    def to_internal_value(self, data: Any) -> str:
        """The text itself. Raises ValidationError."""
        try:
            Timestamp().FromJsonString(data if isinstance(data, str) else "")
        except ValueError:
            self.fail("type")
        return str(data)


class Enum(serializers.Field[Any, Any, Any, Any]):
    """An enum field: one of its names, or any number, as the third version of proto has it."""

    default_error_messages = {"unknown": "has an unknown value"}

    def __init__(self, names: Iterable[str], **kwargs: Any) -> None:
        self.names = frozenset(names)
        super().__init__(required=False, **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        """The name or number itself. Raises ValidationError."""
        known = data in self.names if isinstance(data, str) else is_int32(data)
        if not known:
            self.fail("unknown")
        return data


def is_int32(data: Any) -> bool:
    """Whether this is a number that an ``int32`` or an enum takes."""
    return type(data) is int and -(2**31) <= data < 2**31


class Message(serializers.Serializer[Any]):
    """One message of the product's interface; its fields bear their proto names."""

    def to_internal_value(self, data: Any) -> Any:
        """Read both spellings of every name. Raises Faulted(INVALID) or ValidationError."""
        if isinstance(data, dict):
            data = _by_proto_name(data, self.fields)
        return super().to_internal_value(data)


def _by_proto_name(members: dict[str, Any], fields: Iterable[str]) -> dict[str, Any]:
    names = {spelling: name for name in fields for spelling in (name, camel(name))}
    values: dict[str, Any] = {}
    for spelling, value in members.items():
        name = names.get(spelling)
        if name is None:
            raise Faulted(Fault.INVALID, f"unknown field {quoted(spelling)}")
        if name in values:
            raise Faulted(Fault.INVALID, f"duplicate field {quoted(spelling)}")
        values[name] = value
    # A null counts as absent, but takes the name.
    return {name: value for name, value in values.items() if value is not None}


def received(call: Call, shape: type[Message]) -> dict[str, Any]:
    """The message in the body, whatever its content type says; no body is an empty message.

    Only the first JSON value is read. Raises Faulted(MALFORMED) or Faulted(INVALID).
    """
    value = json_value(call.body, trailing=True) if call.body.strip(_BLANK) else {}
    return checked(shape, value)


def written(**fields: Any) -> dict[str, Any]:
    """A message as it is answered: JSON names, in the order given, without default values."""
    return {
        camel(name): value
        for name, value in fields.items()
        if not any(type(value) is type(default) and value == default for default in _DEFAULTS)
    }


def timestamp(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC with 0, 3 or 6 fraction digits."""
    if moment is None:
        return None
    digits = "seconds" if not moment.microsecond else "microseconds"
    if moment.microsecond and moment.microsecond % 1000 == 0:
        digits = "milliseconds"
    return moment.astimezone(UTC).isoformat(timespec=digits).replace("+00:00", "Z")
