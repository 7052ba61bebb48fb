"""ColdStream: ``POST /account/login``, the one-time-code step, ``GET /users/me``.

Source: the page "Login user" of the product's API reference; docs/contracts/coldstream.md has the
details.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, assert_never
from uuid import UUID

from django.db.models import Q
from django.urls import path
from rest_framework import serializers

from accounts.login.attempt import (
    Attempt,
    ChallengeToken,
    Identifier,
    NameForm,
    OneTimePassword,
    Password,
)
from accounts.login.outcome import (
    Authenticated,
    ChallengeRequired,
    Factor,
    LoginRefused,
    Reason,
    TokenSet,
)
from accounts.login.pipeline import authenticate
from accounts.login.profile import ChallengeForm, Issued, LoginProfile
from accounts.login.sessions import Found
from accounts.login.subject import Subject
from accounts.models import Session
from accounts.tokens import jwt
from accounts.tokens.claims import times
from accounts.tokens.profile import TokenProfile
from accounts.wire.authentication import bearer, session, verified
from accounts.wire.call import Call
from accounts.wire.contract import Answer, Contract, Fault, Faulted, always
from accounts.wire.fields import ExactText
from accounts.wire.parsers import json_value
from accounts.wire.shapes import checked
from accounts.wire.views import ContractView
from accounts.wire.waiting import retry_after
from tenants.conf import conf
from tenants.models import new_number

SLUG = "coldstream"
ACCESS = TokenProfile("coldstream.access", lifetime=timedelta(hours=8))


class LoginShape(serializers.Serializer[Any]):
    """The body of the login call."""

    email = ExactText()
    password = ExactText()


class CodeShape(serializers.Serializer[Any]):
    """The body of the one-time-code call."""

    otp = ExactText()
    mfaToken = ExactText()  # the product's key


def _lifetime(subject: Subject) -> timedelta:
    return subject.tenant.contract(SLUG).lifetime("access", ACCESS.lifetime)


def _issue(live: Session, subject: Subject) -> Issued:
    """One access token for the session's whole life: the product has no refresh call."""
    claims = {
        "iss": f"{conf().base_url}/t/{subject.tenant.slug}",
        "aud": SLUG,
        "sub": subject.identifier,
        "email": subject.user.email,
        **times(live.auth_time, live.expires_at - live.auth_time),
        "jti": str(live.id),
    }
    return Issued(TokenSet(access=jwt.sign(ACCESS, subject.tenant.id, claims, live.auth_time)))


LOGIN = LoginProfile(
    contract=SLUG,
    issue=_issue,
    lifetime=_lifetime,
    challenge=ChallengeForm.TOKEN,
    # A security key does not work through this API; saved codes have no field.
    factors=frozenset({Factor.OTP}),
    challenge_attempts=5,
    sector=SLUG,
    new_identifier=lambda: str(new_number()),
)


def render_user(found: Subject) -> dict[str, Any]:
    """The user object; an organization is what the other contracts call a tenant."""
    user = found.user
    return {
        "id": int(found.identifier),
        "email": user.email,
        "firstName": user.given_name or user.display_name,
        "secondName": user.family_name,
        "phone": user.phone or None,
        "organizations": [{"id": found.tenant.number, "name": found.tenant.name}],
    }


def _problem(
    status: int, title: str, detail: str = "", headers: dict[str, str] | None = None
) -> Answer:
    body = {"type": "about:blank", "title": title, "status": status}
    if detail:
        body["detail"] = detail
    return Answer(status, body, headers or {}, "application/problem+json")


_UNAUTHORIZED = _problem(401, "Unauthorized")
_BAD_REQUEST = _problem(400, "Bad Request")
_NOT_FOUND = _problem(404, "Not Found")
_UNAVAILABLE = _problem(503, "Service Unavailable", headers={"Retry-After": "1"})
_NO_APP = "API login needs an authenticator app: set one up, or ask your administrator."
_CHANGE_FIRST = "The password must be changed before it works here: ask your administrator."
_BIND_FIRST = "Your organization requires a second factor: set up an authenticator app first."


def _too_many(refused: LoginRefused) -> Answer:
    return _problem(429, "Too Many Requests", headers=retry_after(refused))


def _invalid(faulted: Faulted) -> Answer:
    return _problem(400, "Bad Request", faulted.message)


def _method(faulted: Faulted) -> Answer:
    allow = str(faulted.detail.get("allow", ""))
    return _problem(405, "Method Not Allowed", headers={"Allow": allow})


_SPECIAL = {
    Reason.THROTTLED_SUBJECT: _too_many,
    Reason.THROTTLED_ADDRESS: _too_many,
    Reason.THROTTLED_FACTOR: _too_many,
    Reason.OVERLOADED: always(_UNAVAILABLE),
    Reason.FACTOR_UNSUPPORTED: always(_problem(403, "Forbidden", _NO_APP)),
    Reason.MUST_CHANGE_PASSWORD: always(_problem(403, "Forbidden", _CHANGE_FIRST)),
    Reason.MUST_BIND_FACTOR: always(_problem(403, "Forbidden", _BIND_FIRST)),
    Reason.NOTHING_PRESENTED: always(_BAD_REQUEST),
    Reason.FACTOR_MISSING: always(_BAD_REQUEST),
}
REFUSALS = {reason: _SPECIAL.get(reason, always(_UNAUTHORIZED)) for reason in Reason}

FAULTS = {
    Fault.MALFORMED: _invalid,
    Fault.INVALID: _invalid,
    Fault.UNSUPPORTED_MEDIA: always(_problem(415, "Unsupported Media Type")),
    Fault.TOO_LARGE: always(_problem(413, "Content Too Large")),
    Fault.NOT_FOUND: always(_NOT_FOUND),
    Fault.METHOD_NOT_ALLOWED: _method,
    Fault.NO_TOKEN: always(_UNAUTHORIZED),
    Fault.BAD_TOKEN: always(_UNAUTHORIZED),
    Fault.EXPIRED_TOKEN: always(_UNAUTHORIZED),
    Fault.WRONG_KIND: always(_UNAUTHORIZED),
    Fault.ENDED: always(_UNAUTHORIZED),
    Fault.SUBJECT_GONE: always(_UNAUTHORIZED),
    Fault.SUBJECT_DISABLED: always(_UNAUTHORIZED),
    Fault.FORBIDDEN: always(_problem(403, "Forbidden")),
    Fault.BAD_HOST: always(_BAD_REQUEST),
    Fault.INTERNAL: always(_problem(500, "Internal Server Error")),
    Fault.UNAVAILABLE: always(_UNAVAILABLE),
}


def _body(call: Call) -> Any:
    # The real client sends the literal media type "application/*+json".
    media = call.media_type
    if media != "application/json" and not (
        media.startswith("application/") and media.endswith("+json")
    ):
        raise Faulted(Fault.UNSUPPORTED_MEDIA)
    return json_value(call.body)


def _nonce(call: Call) -> str | None:
    """The identityToken: whatever the Authorization header holds; never a credential here."""
    return call.header("Authorization") or None


def _outcome(outcome: Authenticated | ChallengeRequired) -> Answer:
    """The key that does not apply is left out: clients go by its presence."""
    match outcome:
        case Authenticated():
            return Answer(200, {"accessToken": outcome.tokens.access})
        case ChallengeRequired():
            return Answer(200, {"mfaToken": outcome.token})
        case _:
            assert_never(outcome)


class Login(ContractView):
    """``POST /account/login``."""

    slug = SLUG

    def post(self, call: Call) -> Answer:
        """Password login."""
        body = checked(LoginShape, _body(call))
        attempt = Attempt(
            (Password(body["password"]),),
            call.hint,
            call.client(nonce=_nonce(call)),
            Identifier(NameForm.EMAIL, body["email"]),
        )
        return _outcome(authenticate(attempt, LOGIN))


class OneTimeCode(ContractView):
    """``POST /account/login/otp``."""

    slug = SLUG

    def post(self, call: Call) -> Answer:
        """The second step, bound to the first one's nonce."""
        body = checked(CodeShape, _body(call))
        nonce = _nonce(call)
        attempt = Attempt(
            # A person typed the code; blanks around it are no part of it.
            (ChallengeToken(body["mfaToken"], nonce), OneTimePassword(body["otp"].strip())),
            call.hint,
            call.client(nonce=nonce),
        )
        return _outcome(authenticate(attempt, LOGIN))


def authenticated(call: Call) -> Found:
    """The live session of the call's bearer token. Raises Faulted."""
    token = bearer(call)
    if token is None:
        raise Faulted(Fault.NO_TOKEN)
    read = verified(call, token)
    if read.expired:
        raise Faulted(Fault.EXPIRED_TOKEN)
    if read.purpose != ACCESS.purpose or read.claims.get("aud") != SLUG:
        raise Faulted(Fault.WRONG_KIND)
    return session(call, Q(pk=UUID(read.claims["jti"])), read, LOGIN)


class Me(ContractView):
    """``GET /users/me``."""

    slug = SLUG

    def get(self, call: Call) -> Answer:
        """Who the bearer is: clients ask right after the login and fail without an answer."""
        return Answer(200, render_user(authenticated(call).subject))


CONTRACT = Contract(
    slug=SLUG,
    title="ColdStream",
    urlpatterns=[
        path("account/login", Login.as_view()),
        path("account/login/otp", OneTimeCode.as_view()),
        path("users/me", Me.as_view()),
    ],
    refusals=REFUSALS,
    faults=FAULTS,
    tokens=(ACCESS,),
    territory=("account/login", "users/", "organizations/"),
    example=(
        "curl -s {base}/account/login -H 'Content-Type: application/json' "
        """-d '{{"email":"{email}","password":"{password}"}}'"""
    ),
    follow_up="curl -s {base}/users/me -H 'Authorization: Bearer {answer[accessToken]}'",
)
