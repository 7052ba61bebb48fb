"""Opening, continuing and ending a session: ``AuthService``, apart from how a message travels."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.contracts.bytebase import cookies, objects, public
from accounts.contracts.bytebase.cookies import Reply
from accounts.contracts.bytebase.protojson import Message, quoted, text, tracked_text
from accounts.contracts.bytebase.tokens import (
    BEARER,
    WEB,
    access_token,
    check_mfa_token,
    enroller,
    presented,
    web_lifetime,
)
from accounts.contracts.bytebase.wording import Code, objection, status, unauthenticated
from accounts.login import grants, identify, sessions
from accounts.login.attempt import (
    Assertion,
    Attempt,
    ChallengeToken,
    Credential,
    Identifier,
    NameForm,
    OneTimePassword,
    Password,
    ProviderCode,
    RecoveryCodeInput,
)
from accounts.login.grants import Refreshed
from accounts.login.outcome import Authenticated, LoginRefused, Reason, TokenSet
from accounts.login.pipeline import authenticate
from accounts.login.sessions import Found
from accounts.models import Grant
from accounts.wire.call import Call, site_url
from accounts.wire.contract import Answer, Fault, Faulted
from accounts.wire.fields import ExactBoolean
from tenants.federation import providers
from tenants.federation.settings import Kind


class CodeContext(Message):
    """What a provider's redirect brought back."""

    code = text()


class IdpContext(Message):
    """One of two contexts, never both."""

    oauth2_context = CodeContext(required=False)
    oidc_context = CodeContext(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Raises Faulted(INVALID) where both members of the oneof are set."""
        if len(attrs) > 1:
            raise Faulted(Fault.INVALID, "oneof bytebase.v1.IdentityProviderContext is already set")
        return attrs


class LoginRequest(Message):
    """The body of the login call; every field may be left out."""

    email = text()
    password = text()
    web: serializers.Field[Any, Any, Any, Any] = ExactBoolean(default=False)
    idp_name = text()
    idp_context = IdpContext(required=False)
    otp_code = tracked_text()
    recovery_code = tracked_text()
    mfa_temp_token = text()


def login(call: Call, message: dict[str, Any]) -> Reply:
    """The second step if there is a temp token, else a provider's login, else a password.

    ``message`` has the fields of :class:`LoginRequest`. Raises Faulted or LoginRefused.
    """
    # A bearer token is not needed and not looked at, but the header must have its form.
    presented(call)
    if message["web"] and call.header("Sec-Fetch-Site") == "cross-site":
        # Only a browser says so: a foreign page would log its visitor in as somebody else.
        return Reply(status(Code.PERMISSION_DENIED, "cross-site web login is refused"))
    if token := message["mfa_temp_token"]:
        if not check_mfa_token(call, token):
            return Reply(unauthenticated("invalid MFA temp token, audience mismatch"))
        return _logged_in(call, message, (ChallengeToken(token), *_code(message)), None)
    identifier = Identifier(NameForm.EMAIL, message["email"])
    if message["idp_name"]:
        assertion = _assertion(call, message, identifier)
        return _logged_in(call, message, (assertion,), identifier)
    return _logged_in(call, message, (Password(message["password"]),), identifier)


def _code(body: dict[str, Any]) -> tuple[Credential, ...]:
    """The code of the second step; an empty one counts as given."""
    if "otp_code" in body:
        return (OneTimePassword(body["otp_code"].strip()),)
    if "recovery_code" in body:
        return (RecoveryCodeInput(body["recovery_code"]),)
    return ()


def _logged_in(
    call: Call,
    message: dict[str, Any],
    credentials: tuple[Credential, ...],
    identifier: Identifier | None,
) -> Reply:
    web = message["web"]
    attempt = Attempt(credentials, call.hint, call.client(), identifier)
    outcome = authenticate(attempt, WEB if web else BEARER)
    first_step = identifier is not None
    answer = Answer(200, objects.login_response(outcome, web=web, first_step=first_step))
    if not web or not isinstance(outcome, Authenticated):
        return Reply(answer)
    live, subject = outcome.session, outcome.subject
    kept = cookies.of_tokens(call, live, subject, outcome.tokens)
    return Reply(answer, (*kept, cookies.of_user(call, live, subject)))


def _assertion(call: Call, message: dict[str, Any], identifier: Identifier) -> Assertion:
    """What is to be asked of the provider that a login names. Raises Faulted(INVALID)."""
    name = _provider_id(message["idp_name"])
    tenant = identify.tenant_of(Attempt((), call.hint, call.client(), identifier))
    provider = providers.named(tenant.id, name) if tenant else None
    if provider is None or provider.kind not in public.TYPES:
        raise objection("identity provider not found", Code.NOT_FOUND)
    if provider.kind is Kind.LDAP:
        return Assertion(name, Password(message["password"]))
    context = message.get("idp_context", {})
    kind, path = _FLOWS[provider.kind]
    if kind.lower() not in {member.removesuffix("_context") for member in context}:
        raise objection(f"missing {kind} context")
    (given,) = context.values()
    return Assertion(name, ProviderCode(given["code"], f"{site_url(call)}/{path}"))


# How the product calls a flow, and where a provider sends the browser back to.
_FLOWS = {Kind.OAUTH2: ("OAuth2", "oauth/callback"), Kind.OIDC: ("OIDC", "oidc/callback")}


def _provider_id(name: str) -> str:
    parts = name.split("/")
    failed = "failed to get identity provider ID: "
    if len(parts) != 2:
        raise objection(f"{failed}invalid request {quoted(name)}")
    if parts[0] != "idps":
        raise objection(f'{failed}invalid prefix "idps/" in request {quoted(name)}')
    return parts[1]


def refresh(call: Call) -> Reply:
    """Two new cookies; the session's end stays where it was. Raises Faulted or LoginRefused."""
    presented(call)
    token = call.cookie(cookies.REFRESH)
    if not token:
        return Reply(unauthenticated("refresh token not found"))
    refreshed = _rotated(call, token)
    live, subject = refreshed.found.session, refreshed.found.subject
    lifetime = web_lifetime(live, subject, call.now)
    tokens = TokenSet(access_token(live, subject, call.now, lifetime), refreshed.token)
    return Reply(Answer(200, {}), cookies.of_tokens(call, live, subject, tokens))


def _rotated(call: Call, token: str) -> Refreshed:
    try:
        return grants.rotate(token, WEB, call.client(), call.addressed)
    except LoginRefused as refused:
        if refused.reason is not Reason.CONTRACT_OFF:
            raise
        # At a login this reads as a wrong password; here it is a token that opens nothing.
        raise LoginRefused(Reason.GRANT_UNKNOWN) from refused


def logout(call: Call) -> Reply:
    """End every session that a presented token belongs to; to be nobody is fine.

    Raises Faulted(NO_TOKEN) for a header in another form.
    """
    client = call.client()
    access = {presented(call), call.cookie(cookies.ACCESS)}
    found = [_of_access_token(call, token) for token in access]
    found.append(_of_refresh_token(call, call.cookie(cookies.REFRESH)))
    for live in {one.session.pk: one.session for one in found if one}.values():
        sessions.end(live, "logout", client)
    return Reply(Answer(200, {}), cookies.none(call))


def _of_access_token(call: Call, token: str) -> Found | None:
    try:
        return enroller(call, token)[0]
    except Faulted:
        return None


def _of_refresh_token(call: Call, token: str) -> Found | None:
    if not token:
        return None
    try:
        return grants.present(token, Grant.Kind.REFRESH, WEB, call.client(), call.addressed).found
    except LoginRefused:
        return None
