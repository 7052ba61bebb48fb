"""Input fields that check shape and change nothing."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

# Long enough for anything a product takes in one text; the body limit bounds the rest.
MAX_TEXT = 65536


class ExactText(serializers.Field[str, Any, str, Any]):
    """A JSON text, taken to the byte: no trimming, no numbers turned into texts.

    DRF's CharField does both, so that a password with outer blanks could never be right.
    """

    default_error_messages = {
        "required": "is missing",
        "null": "must be a string",
        "type": "must be a string",
        "blank": "must not be empty",
        "long": "is too long",
    }

    def __init__(
        self, *, allow_empty: bool = False, max_length: int = MAX_TEXT, **kwargs: Any
    ) -> None:
        self.allow_empty = allow_empty
        self.max_length = max_length
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> str:
        """The text itself. Raises ValidationError."""
        if not isinstance(data, str):
            self.fail("type")
        if not data and not self.allow_empty:
            self.fail("blank")
        if len(data) > self.max_length:
            self.fail("long")
        return data

    def to_representation(self, value: str) -> str:
        """The text itself."""
        return value


class ExactBoolean(serializers.Field[bool, Any, bool, Any]):
    """``true`` or ``false``, and nothing that merely looks like it."""

    default_error_messages = {
        "required": "is missing",
        "null": "must be true or false",
        "type": "must be true or false",
    }

    def to_internal_value(self, data: Any) -> bool:
        """The value itself. Raises ValidationError."""
        if not isinstance(data, bool):
            self.fail("type")
        return data

    def to_representation(self, value: bool) -> bool:  # noqa: FBT001  # DRF's interface
        """The value itself."""
        return value
