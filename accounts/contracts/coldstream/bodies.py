"""What clients send: the shapes of the bodies, and the odd content type around them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.wire.call import Call
from accounts.wire.contract import Fault, Faulted
from accounts.wire.fields import ExactText
from accounts.wire.parsers import json_value
from accounts.wire.shapes import checked


class LoginShape(serializers.Serializer[Any]):
    """The body of the login call."""

    email = ExactText()
    password = ExactText()


class CodeShape(serializers.Serializer[Any]):
    """The body of the one-time-code call."""

    otp = ExactText()
    mfaToken = ExactText()  # the product's key


class ProfileShape(serializers.Serializer[Any]):
    """The body that changes a user: the client leaves ``phone`` out where it stays as it is."""

    # As long as a display name, which may stand here; a new first name is shorter.
    firstName = ExactText(max_length=200)
    secondName = ExactText(max_length=100, allow_empty=True)
    phone = ExactText(max_length=32, allow_empty=True, allow_null=True, required=False)


def members(call: Call, shape: type[serializers.Serializer[Any]]) -> dict[str, Any]:
    """The members of a JSON body. Raises Faulted.

    The real client sends the literal media type ``application/*+json``.
    """
    media = call.media_type
    if media != "application/json" and not (
        media.startswith("application/") and media.endswith("+json")
    ):
        raise Faulted(Fault.UNSUPPORTED_MEDIA)
    return checked(shape, json_value(call.body))
