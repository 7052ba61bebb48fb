"""The bodies of Cognito's operations, as far as they are read; other members are ignored."""

from __future__ import annotations

import re
from typing import Any

from rest_framework import serializers

from accounts.wire.contract import Fault, Faulted
from accounts.wire.fields import ExactText
from accounts.wire.shapes import checked
from mfa.totp import is_code

_CLIENT_ID = re.compile(r"[A-Za-z0-9_+]{1,128}")


class ClientId(ExactText):
    """An app client's id: 1 to 128 letters, digits, ``_`` or ``+``."""

    default_error_messages = {"form": "must be 1 to 128 letters, digits, _ or +"}

    def to_internal_value(self, data: Any) -> str:
        """The id itself. Raises ValidationError."""
        text = super().to_internal_value(data)
        # It goes into an error's header, so nothing but these characters may pass.
        if not _CLIENT_ID.fullmatch(text):
            self.fail("form")
        return text


class SessionToken(ExactText):
    """A challenge's session: 20 to 4096 characters."""

    default_error_messages = {"length": "must have 20 to 4096 characters"}

    def to_internal_value(self, data: Any) -> str:
        """The token itself. Raises ValidationError."""
        text = super().to_internal_value(data)
        if not 20 <= len(text) <= 4096:
            self.fail("length")
        return text


class UserCode(ExactText):
    """A code as an authenticator app shows it."""

    default_error_messages = {"form": "must be six digits"}

    def to_internal_value(self, data: Any) -> str:
        """The code itself. Raises ValidationError."""
        code = super().to_internal_value(data)
        if not is_code(code):
            self.fail("form")
        return code


class MfaSettings(serializers.Field[dict[str, bool], Any, dict[str, bool], Any]):
    """``Enabled`` and ``PreferredMfa`` of one kind of second factor; null counts as absent."""

    default_error_messages = {"type": "must hold Enabled and PreferredMfa as true or false"}

    def to_internal_value(self, data: Any) -> dict[str, bool]:
        """The switches that were sent. Raises ValidationError."""
        if not isinstance(data, dict):
            self.fail("type")
        given = {name: data.get(name) for name in ("Enabled", "PreferredMfa")}
        sent = {name: value for name, value in given.items() if value is not None}
        if not all(isinstance(value, bool) for value in sent.values()):
            self.fail("type")
        return sent


class Texts(serializers.Field[dict[str, str], Any, dict[str, str], Any]):
    """An object whose values are all texts; null counts as absent.

    Browsers' clients send ``DEVICE_KEY`` as null with every refresh where they know no device.
    """

    default_error_messages = {"type": "must map names to strings"}

    def to_internal_value(self, data: Any) -> dict[str, str]:
        """The members that were sent. Raises ValidationError."""
        if not isinstance(data, dict):
            self.fail("type")
        sent = {name: text for name, text in data.items() if text is not None}
        if not all(isinstance(text, str) for text in sent.values()):
            self.fail("type")
        return sent


class InitiateAuthShape(serializers.Serializer[Any]):
    """``InitiateAuth``."""

    ClientId = ClientId()
    AuthFlow = ExactText()
    AuthParameters = Texts(default=dict)


class RespondToAuthChallengeShape(serializers.Serializer[Any]):
    """``RespondToAuthChallenge``."""

    ClientId = ClientId()
    ChallengeName = ExactText()
    Session = SessionToken()
    ChallengeResponses = Texts(default=dict)


class AccessTokenShape(serializers.Serializer[Any]):
    """``GetUser`` and ``GlobalSignOut``."""

    AccessToken = ExactText()


class AssociateSoftwareTokenShape(serializers.Serializer[Any]):
    """``AssociateSoftwareToken``: one of the two."""

    AccessToken = ExactText(required=False)
    Session = SessionToken(required=False)


class VerifySoftwareTokenShape(AssociateSoftwareTokenShape):
    """``VerifySoftwareToken``."""

    UserCode = UserCode()
    FriendlyDeviceName = ExactText(default="", allow_empty=True)


class SetUserMFAPreferenceShape(serializers.Serializer[Any]):
    """``SetUserMFAPreference``."""

    AccessToken = ExactText()
    SoftwareTokenMfaSettings = MfaSettings(default=dict)
    SMSMfaSettings = MfaSettings(default=dict)
    EmailMfaSettings = MfaSettings(default=dict)
    WebAuthnMfaSettings = MfaSettings(default=dict)


class RevokeTokenShape(serializers.Serializer[Any]):
    """``RevokeToken``."""

    Token = ExactText()
    ClientId = ClientId()
    ClientSecret = ExactText(default="", allow_empty=True)


class GetTokensFromRefreshTokenShape(serializers.Serializer[Any]):
    """``GetTokensFromRefreshToken``."""

    RefreshToken = ExactText()
    ClientId = ClientId()
    ClientSecret = ExactText(default="", allow_empty=True)


def members(shape: type[serializers.Serializer[Any]], body: Any) -> dict[str, Any]:
    """The members that an operation reads; null counts as absent. Raises Faulted(INVALID)."""
    if isinstance(body, dict):
        body = {name: value for name, value in body.items() if value is not None}
    return checked(shape, body)


def parameter(given: dict[str, str], name: str) -> str:
    """A member of ``AuthParameters`` or ``ChallengeResponses``. Raises Faulted(INVALID)."""
    if not given.get(name):
        raise Faulted(Fault.INVALID, f"Missing required parameter {name}")
    return given[name]
