"""The product's calls: login, session, who am I, and what is asked before a login."""

from __future__ import annotations

from typing import Any, NoReturn

from django.http import HttpResponse
from rest_framework import serializers

from accounts.contracts.bytebase import changes, cookies, objects, workloads
from accounts.contracts.bytebase.protojson import Message, quoted, received, text, tracked_text
from accounts.contracts.bytebase.tokens import (
    BEARER,
    SLUG,
    WEB,
    access_token,
    check_mfa_token,
    enroller,
    holder,
    presented,
    web_lifetime,
)
from accounts.contracts.bytebase.wording import BIND_FIRST, Code, invalid, status, unauthenticated
from accounts.login import grants, sessions
from accounts.login.attempt import (
    Attempt,
    ChallengeToken,
    Credential,
    Identifier,
    NameForm,
    OneTimePassword,
    Password,
    RecoveryCodeInput,
)
from accounts.login.grants import Refreshed
from accounts.login.outcome import Authenticated, LoginRefused, Reason, TokenSet
from accounts.login.pipeline import authenticate
from accounts.login.sessions import Found
from accounts.models import Grant
from accounts.wire.call import Call, base_url
from accounts.wire.contract import Answer, Fault, Faulted
from accounts.wire.fields import ExactBoolean
from accounts.wire.renderers import response
from accounts.wire.views import ContractView
from tenants.names import fold


class Empty(Message):
    """``google.protobuf.Empty`` and requests without fields."""


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


class Login(ContractView):
    """``POST /v1/auth/login``."""

    slug = SLUG

    def post(self, call: Call) -> Answer | HttpResponse:
        """The second step if there is a temp token, else a provider's login, else a password."""
        body = received(call, LoginRequest)
        # A bearer token is not needed and not looked at, but the header must have its form.
        presented(call)
        if body["web"] and call.header("Sec-Fetch-Site") == "cross-site":
            # Only a browser says so: a foreign page would log its visitor in as somebody else.
            return status(Code.PERMISSION_DENIED, "cross-site web login is refused")
        if token := body["mfa_temp_token"]:
            if not check_mfa_token(call, token):
                return unauthenticated("invalid MFA temp token, audience mismatch")
            return _logged_in(call, body, (ChallengeToken(token), *_code(body)), None)
        if body["idp_name"]:
            return _provider_refusal(body["idp_name"])
        identifier = Identifier(NameForm.EMAIL, body["email"])
        return _logged_in(call, body, (Password(body["password"]),), identifier)


def _code(body: dict[str, Any]) -> tuple[Credential, ...]:
    """The code of the second step; an empty one counts as given."""
    if "otp_code" in body:
        return (OneTimePassword(body["otp_code"].strip()),)
    if "recovery_code" in body:
        return (RecoveryCodeInput(body["recovery_code"]),)
    return ()


def _logged_in(
    call: Call,
    body: dict[str, Any],
    credentials: tuple[Credential, ...],
    identifier: Identifier | None,
) -> Answer | HttpResponse:
    web = body["web"]
    attempt = Attempt(credentials, call.hint, call.client(), identifier)
    outcome = authenticate(attempt, WEB if web else BEARER)
    first_step = identifier is not None
    answer = Answer(200, objects.login_response(outcome, web=web, first_step=first_step))
    if not web or not isinstance(outcome, Authenticated):
        return answer
    http = response(answer)
    cookies.put_tokens(http, call, outcome.session, outcome.subject, outcome.tokens)
    cookies.put_user(http, call, outcome.session, outcome.subject)
    return http


def _provider_refusal(name: str) -> Answer:
    """A login with ``idpName``: no tenant has an identity provider yet."""
    parts = name.split("/")
    failed = "failed to get identity provider ID: "
    if len(parts) != 2:
        return invalid(f"{failed}invalid request {quoted(name)}")
    if parts[0] != "idps":
        return invalid(f'{failed}invalid prefix "idps/" in request {quoted(name)}')
    return status(Code.NOT_FOUND, "identity provider not found")


class Refresh(ContractView):
    """``POST /v1/auth/refresh``."""

    slug = SLUG

    def post(self, call: Call) -> Answer | HttpResponse:
        """Two new cookies; the session's end stays where it was."""
        received(call, Empty)
        presented(call)
        token = call.cookie(cookies.REFRESH)
        if not token:
            return unauthenticated("refresh token not found")
        refreshed = _rotated(call, token)
        live, subject = refreshed.found.session, refreshed.found.subject
        lifetime = web_lifetime(live, subject, call.now)
        tokens = TokenSet(access_token(live, subject, call.now, lifetime), refreshed.token)
        http = response(Answer(200, {}))
        cookies.put_tokens(http, call, live, subject, tokens)
        return http


def _rotated(call: Call, token: str) -> Refreshed:
    try:
        return grants.rotate(token, WEB, call.client(), call.addressed)
    except LoginRefused as refused:
        if refused.reason is not Reason.CONTRACT_OFF:
            raise
        # At a login this reads as a wrong password; here it is a token that opens nothing.
        raise LoginRefused(Reason.GRANT_UNKNOWN) from refused


class Logout(ContractView):
    """``POST /v1/auth/logout``."""

    slug = SLUG

    def post(self, call: Call) -> HttpResponse:
        """End every session that a presented token belongs to; to be nobody is fine."""
        received(call, Empty)
        client = call.client()
        access = {presented(call), call.cookie(cookies.ACCESS)}
        found = [_of_access_token(call, token) for token in access]
        found.append(_of_refresh_token(call, call.cookie(cookies.REFRESH)))
        for live in {one.session.pk: one.session for one in found if one}.values():
            sessions.end(live, "logout", client)
        http = response(Answer(200, {}))
        cookies.clear_all(http, call)
        return http


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


class ExchangeToken(ContractView):
    """``POST /v1/auth:exchangeToken``."""

    slug = SLUG

    def post(self, call: Call) -> Answer:
        """A workload's own token for one of ours."""
        body = received(call, workloads.ExchangeTokenRequest)
        presented(call)
        return workloads.exchanged(call, body["token"], body["email"])


class Me(ContractView):
    """``GET /v1/users/me``."""

    slug = SLUG

    def get(self, call: Call) -> Answer:
        """Who the token's holder is. The method is public, so it has one text for all refusals."""
        token = presented(call)
        try:
            found, _ = enroller(call, token)
        except Faulted:
            return unauthenticated("authenticated user not found")
        return _user(call, found)


class OneUser(ContractView):
    """``GET`` and ``PATCH /v1/users/{email}``."""

    slug = SLUG

    def get(self, call: Call, email: str) -> Answer:
        """An account by its address: one's own."""
        found = holder(call, presented(call))
        if fold(email) != found.subject.user.email_key:
            raise Faulted(
                Fault.FORBIDDEN,
                method="/bytebase.v1.UserService/GetUser",
                permission="bb.users.get",
            )
        return _user(call, found)

    def patch(self, call: Call, email: str) -> Answer:
        """Change one's own account, above all its second factor."""
        wanted = changes.read(call)
        token = presented(call)
        found, only_enrols = enroller(call, token)
        own = fold(email) == found.subject.user.email_key
        if only_enrols and not (own and wanted.is_of_factors):
            raise Faulted(Fault.FORBIDDEN, BIND_FIRST)
        if not own:
            return changes.refused_for(email, found)
        changes.make(call, found, wanted)
        return _user(call, enroller(call, token)[0])


def _user(call: Call, found: Found) -> Answer:
    pending = changes.shown_secret(call, found)
    return Answer(200, objects.user(found.subject, found.subject.user.last_login, pending))


class ActuatorInfo(ContractView):
    """``GET /v1/actuator/info``."""

    slug = SLUG

    def get(self, call: Call) -> Answer:
        """What a login page asks first."""
        presented(call)
        prefix = f"/t/{call.hint.slug}" if call.hint.slug else ""
        tenant = call.tenant
        if tenant is None:
            return Answer(200, {"version": objects.VERSION})
        return Answer(200, objects.actuator_info(tenant, f"{base_url(call.request)}{prefix}"))


class IdentityProviders(ContractView):
    """``GET /v1/idps``."""

    slug = SLUG

    def get(self, call: Call) -> Answer:
        """The buttons of a login page: no tenant has an identity provider yet."""
        presented(call)
        return Answer(200, {})


class UnknownPath(ContractView):
    """Every other path of the product, with any method."""

    slug = SLUG

    def _answered(self, call: Call, **kwargs: Any) -> NoReturn:
        raise Faulted(Fault.NOT_FOUND)
