"""``POST /Login``: user name, tenant name and password; a machine sends ClientID and Secret."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.contracts.oloid.answers import render, render_account, request_id
from accounts.contracts.oloid.tokens import LOGIN, SLUG
from accounts.login.attempt import Attempt, Identifier, NameForm, Password
from accounts.login.outcome import Authenticated, ChallengeRequired
from accounts.login.pipeline import authenticate
from accounts.wire.call import Call
from accounts.wire.contract import Answer, Fault, Faulted
from accounts.wire.fields import ExactText
from accounts.wire.parsers import json_value
from accounts.wire.shapes import checked
from accounts.wire.views import ContractView
from tenants.hint import TenantHint
from tenants.resolve import resolve

# The order of the product's document; Cognito's own answers have another one.
_ORDER = ("IdToken", "TokenType", "ExpiresIn", "RefreshToken", "AccessToken")


class TenantNameText(ExactText):
    """A tenant's name: two characters at least, as the product's OpenAPI document has it."""

    default_error_messages = {"short": "is too short"}

    def to_internal_value(self, data: Any) -> str:
        """The name itself. Raises ValidationError."""
        name = super().to_internal_value(data)
        if len(name) < 2:
            self.fail("short")
        return name


class LoginShape(serializers.Serializer[Any]):
    """The body of the login call; other keys are ignored."""

    UserName = ExactText()
    TenantName = TenantNameText()
    Password = ExactText()


def json_body(call: Call) -> Any:
    """The JSON of a request to the product's own paths. Raises Faulted."""
    media = call.media_type
    is_json = media == "application/json" or (
        media.startswith("application/") and media.endswith("+json")
    )
    if media and not is_json:
        raise Faulted(Fault.UNSUPPORTED_MEDIA)
    return json_value(call.body)


def _answer(outcome: Authenticated | ChallengeRequired, call: Call) -> dict[str, Any]:
    # What the AWS SDK for JavaScript leaves in its answers, and the product passes on.
    metadata = {
        "httpStatusCode": 200,
        "requestId": request_id(call),
        "attempts": 1,
        "totalRetryDelay": 0,
    }
    token = {"$metadata": metadata, **render(outcome, call.now)}
    if isinstance(outcome, ChallengeRequired):
        return {"cognitoToken": token}
    result = token["AuthenticationResult"]
    token["AuthenticationResult"] = {name: result[name] for name in _ORDER}
    return {"cognitoToken": token, "user": render_account(outcome.subject)}


class Login(ContractView):
    """``POST /Login`` and ``POST /login``."""

    slug = SLUG
    names_tenant = True

    def post(self, call: Call) -> Answer:
        """Log in; a second factor is answered with ``RespondToAuthChallenge``."""
        body = checked(LoginShape, json_body(call))
        hint = TenantHint(body["TenantName"], call.hint.slug, call.hint.host)
        tenant = resolve(hint)
        attempt = Attempt(
            (Password(body["Password"]),),
            hint,
            # Tokens of this call belong to the tenant's one client, as if that had asked.
            call.client(client_id=tenant.client_id if tenant else ""),
            Identifier(NameForm.ANY, body["UserName"]),
        )
        outcome = authenticate(attempt, LOGIN)
        # The end of the contract is announced to whoever has proved to belong there. A stranger
        # would learn from the header that there is a tenant of this name.
        self.tenant = outcome.subject.tenant
        return Answer(200, _answer(outcome, call))
