"""datarhei Core: ``GET /api``, ``POST /api/login``, ``GET /api/login/refresh``, the API's guard.

Source: datarhei Core's documentation, page "Login", as Core 16.16.0 keeps it on the wire;
docs/contracts/datarhei.md has the details.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponseBase
from django.urls import path, re_path
from rest_framework import serializers

from accounts.contracts.datarhei import auth0
from accounts.contracts.datarhei.tokens import (
    ACCESS,
    LOGIN,
    PROFILES,
    REFRESH,
    SLUG,
    access_token,
    authenticated,
)
from accounts.contracts.datarhei.wording import FAULTS, REFUSALS, render_about, render_public
from accounts.login.attempt import Attempt, Identifier, NameForm, Password
from accounts.login.outcome import Authenticated, LoginRefused, Reason
from accounts.login.pipeline import authenticate
from accounts.wire.call import Call
from accounts.wire.contract import Answer, Contract, Cors, Fault, Faulted, Option
from accounts.wire.fields import ExactText
from accounts.wire.parsers import json_value
from accounts.wire.shapes import checked
from accounts.wire.views import ContractView


class LoginShape(serializers.Serializer[Any]):
    """The body of the login call."""

    username = ExactText()
    password = ExactText()


def _credentials(call: Call) -> Mapping[str, str] | None:
    """The user name and password of the body; Core takes whatever is no such body for none."""
    if call.media_type != "application/json":
        return None
    body = call.body
    try:
        return checked(LoginShape, json_value(body))
    except Faulted:
        return None


def _attempt(call: Call) -> Attempt:
    """A password in the body decides alone; without one it is the header's turn."""
    body = _credentials(call)
    if body is None:
        return auth0.attempt(call)
    return Attempt(
        (Password(body["password"]),),
        call.hint,
        call.client(),
        Identifier(NameForm.ANY, body["username"]),
    )


class CoreView(ContractView):
    """In Core all of the API that has no handler lies behind the access token, in any method."""

    slug = SLUG

    def _answered(self, call: Call, **kwargs: Any) -> Answer | HttpResponseBase:
        try:
            return super()._answered(call, **kwargs)
        except Faulted as faulted:
            if faulted.fault is not Fault.METHOD_NOT_ALLOWED:
                raise
        authenticated(call, ACCESS)
        raise Faulted(Fault.NOT_FOUND)


class About(CoreView):
    """``GET /api``: clients call it before and after the login."""

    def get(self, call: Call) -> Answer:
        """The whole document for a good access token; any other token is no error."""
        try:
            found = authenticated(call, ACCESS)
        except Faulted:
            return Answer(200, render_public(call.tenant))
        return Answer(200, render_about(found.subject.tenant, call.now))


class Login(CoreView):
    """``POST /api/login``."""

    def post(self, call: Call) -> Answer:
        """Password login."""
        outcome = authenticate(_attempt(call), LOGIN)
        if not isinstance(outcome, Authenticated):  # pragma: no cover  # nothing challenges here
            raise LoginRefused(Reason.FACTOR_UNSUPPORTED)
        tokens = outcome.tokens
        return Answer(200, {"access_token": tokens.access, "refresh_token": tokens.refresh})


class Refresh(CoreView):
    """``GET /api/login/refresh``."""

    def get(self, call: Call) -> Answer:
        """A new access token; the refresh token stays, clients use it all day."""
        found = authenticated(call, REFRESH)
        return Answer(200, {"access_token": access_token(found.session, found.subject, call.now)})


class Ping(ContractView):
    """``GET /ping``."""

    slug = SLUG

    def get(self, call: Call) -> Answer:
        """A sign of life."""
        return Answer(200, b"pong", content_type="text/plain; charset=UTF-8")


_ANY_ORIGIN = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Credentials": "true",
    "Vary": "Origin",
}

CONTRACT = Contract(
    slug=SLUG,
    title="datarhei Core",
    urlpatterns=[
        path("api", About.as_view()),
        path("api/", About.as_view()),
        path("api/login", Login.as_view()),
        path("api/login/refresh", Refresh.as_view()),
        re_path(r"^api/login/", CoreView.as_view()),
        path("api/v3", CoreView.as_view()),
        re_path(r"^api/v3/", CoreView.as_view()),
        path("ping", Ping.as_view()),
    ],
    refusals=REFUSALS,
    faults=FAULTS,
    lifetimes={
        "access": "life of an access token, above 60: 600",
        "refresh": "life of the refresh token and of the session: 86400",
        "session": "ends the session, and the refresh token with it: as refresh",
    },
    options=(
        Option(
            "algorithm",
            "What signs; the public half of ES256 is published",
            "HS256",
            ("HS256", "ES256"),
        ),
    ),
    tokens=PROFILES,
    name_of=lambda user: user.username,
    territory=("api/", "ping/"),
    app_passwords=LOGIN.app_passwords,
    cors=Cors(
        actual={**_ANY_ORIGIN, "Access-Control-Expose-Headers": "Content-Length"},
        preflight={
            **_ANY_ORIGIN,
            "Access-Control-Allow-Methods": "GET,HEAD,PUT,POST,DELETE,PATCH",
            "Access-Control-Allow-Headers": "Origin,Content-Length,Content-Type,Authorization",
            "Access-Control-Max-Age": "86400",
        },
    ),
    example=(
        "curl -s {base}/api/login -H 'Content-Type: application/json' "
        """-d '{{"username":"{username}","password":"{password}"}}'"""
    ),
    follow_up=(
        "curl -s {base}/api/login/refresh -H 'Authorization: Bearer {answer[refresh_token]}'"
    ),
    # Core's documentation calls it so.
    slashed=("api/",),
)
