"""The calls of this face. What they mean is in the modules that the REST face uses as well."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.contracts.bytebase import changes, logins, people, workloads
from accounts.contracts.bytebase.changes import UserMessage, Wanted
from accounts.contracts.bytebase.connect import messages
from accounts.contracts.bytebase.connect.transport import Procedure
from accounts.contracts.bytebase.cookies import Reply
from accounts.contracts.bytebase.listing import email_of
from accounts.contracts.bytebase.protojson import Message, text, tracked_text
from accounts.contracts.bytebase.tokens import enroller, holder, presented
from accounts.contracts.bytebase.views import Empty
from accounts.contracts.bytebase.wording import objection
from accounts.wire.call import Call
from accounts.wire.contract import Faulted
from accounts.wire.fields import ExactBoolean


class Login(Procedure):
    """``AuthService/Login``."""

    shape, takes, gives = logins.LoginRequest, messages.LoginRequest, messages.LoginResponse

    def run(self, call: Call, body: dict[str, Any]) -> Reply:
        """As ``POST /v1/auth/login``."""
        return logins.login(call, body)


class Logout(Procedure):
    """``AuthService/Logout``."""

    shape, takes, gives = Empty, messages.LogoutRequest, messages.Empty

    def run(self, call: Call, body: dict[str, Any]) -> Reply:
        """As ``POST /v1/auth/logout``."""
        return logins.logout(call)


class ExchangeToken(Procedure):
    """``AuthService/ExchangeToken``."""

    shape = workloads.ExchangeTokenRequest
    takes, gives = messages.ExchangeTokenRequest, messages.ExchangeTokenResponse

    def run(self, call: Call, body: dict[str, Any]) -> Reply:
        """As ``POST /v1/auth:exchangeToken``."""
        return Reply(workloads.exchange_token(call, body))


class GetCurrentUser(Procedure):
    """``UserService/GetCurrentUser``."""

    shape, takes, gives = Empty, messages.Empty, messages.User

    def run(self, call: Call, body: dict[str, Any]) -> Reply:
        """As ``GET /v1/users/me``."""
        return Reply(people.current_user(call))


class GetUserRequest(Message):
    """``name`` is ``users/`` and an address."""

    name = text()


class GetUser(Procedure):
    """``UserService/GetUser``."""

    shape, takes, gives = GetUserRequest, messages.GetUserRequest, messages.User

    def run(self, call: Call, body: dict[str, Any]) -> Reply:
        """As ``GET /v1/users/{email}``."""
        try:
            email = email_of(body["name"])
        except Faulted:
            # Who may not ask at all is told so first.
            holder(call, presented(call))
            raise
        return Reply(people.get_user(call, email))


class Mask(serializers.Field[list[str], Any, list[str], Any]):
    """``google.protobuf.FieldMask`` as JSON has it: a comma list of names."""

    default_error_messages = {"type": "must be a comma list of names"}

    def to_internal_value(self, data: Any) -> list[str]:
        """The names. Raises ValidationError."""
        if not isinstance(data, str):
            self.fail("type")
        return [name.strip() for name in data.split(",") if name.strip()]


class UpdateUserRequest(Message):
    """The user's ``name`` says who is meant, the mask which of its fields."""

    user = UserMessage(required=False)
    update_mask = Mask(required=False)
    otp_code = tracked_text()
    regenerate_temp_mfa_secret: serializers.Field[Any, Any, Any, Any] = ExactBoolean(default=False)
    regenerate_recovery_codes: serializers.Field[Any, Any, Any, Any] = ExactBoolean(default=False)


class UpdateUser(Procedure):
    """``UserService/UpdateUser``."""

    shape, takes, gives = UpdateUserRequest, messages.UpdateUserRequest, messages.User

    def run(self, call: Call, body: dict[str, Any]) -> Reply:
        """As ``PATCH /v1/users/{email}``, whose query is here part of the message."""
        try:
            email, wanted = _update(body)
        except Faulted:
            enroller(call, presented(call))
            raise
        return Reply(people.update_user(call, email, wanted))


def _update(body: dict[str, Any]) -> tuple[str, Wanted]:
    """Whose record is to be changed, and how. Raises Faulted(INVALID)."""
    if "user" not in body:
        raise objection("user must be set")
    # The REST face takes the fields of its body for a mask; this one does not guess.
    if "update_mask" not in body:
        raise objection("update_mask must be set")
    user = dict(body["user"])
    wanted = changes.wanted(
        user,
        mask=body["update_mask"],
        new_secret=body["regenerate_temp_mfa_secret"],
        new_codes=body["regenerate_recovery_codes"],
        otp_code=body.get("otp_code"),
    )
    return email_of(user.get("name", "")), wanted
