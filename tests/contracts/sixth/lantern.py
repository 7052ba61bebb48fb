"""Lantern, a made-up product: ``POST /lantern/light`` and ``GET /lantern/who``.

Source: lantern.md beside this file. It shows how little a contract is when its product is simple.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.urls import path
from rest_framework import serializers

from accounts.login.attempt import Attempt, Identifier, NameForm, Password
from accounts.login.outcome import Authenticated, LoginRefused, Reason, TokenSet
from accounts.login.pipeline import authenticate
from accounts.login.profile import Issued, LoginProfile
from accounts.login.subject import Subject
from accounts.models import Session
from accounts.tokens import jwt
from accounts.tokens.claims import times
from accounts.tokens.profile import TokenProfile
from accounts.wire.authentication import bearer, session, verified
from accounts.wire.call import Call
from accounts.wire.contract import OF_A_TOKEN, Answer, Contract, Fault, Faulted, always
from accounts.wire.description import (
    ANY_REASON,
    TEXT,
    Action,
    Description,
    Given,
    bearer_key,
    constant,
    record,
)
from accounts.wire.fields import ExactText
from accounts.wire.parsers import json_value
from accounts.wire.shapes import checked
from accounts.wire.views import ContractView

SLUG = "lantern"
FLAME = TokenProfile("lantern.flame", lifetime=timedelta(hours=1))


class LightShape(serializers.Serializer[Any]):
    """The body of the login call."""

    name = ExactText()
    word = ExactText()


def _issue(live: Session, subject: Subject) -> Issued:
    claims = {
        "name": subject.user.username,
        **times(live.auth_time, live.expires_at - live.auth_time),
        "jti": str(live.id),
    }
    return Issued(TokenSet(access=jwt.sign(FLAME, subject.tenant.id, claims, live.auth_time)))


LOGIN = LoginProfile(contract=SLUG, issue=_issue, lifetime=lambda _subject: FLAME.lifetime)


def _dark(status: int, because: str) -> Answer:
    return Answer(status, {"lit": False, "because": because})


_NOBODY = always(_dark(401, "no such name and word"))
_LATER = always(_dark(503, "too dark, try later"))
_WAIT = always(_dark(429, "too many tries"))
REFUSALS = {
    **dict.fromkeys(Reason, _NOBODY),
    Reason.OVERLOADED: _LATER,
    Reason.THROTTLED_SUBJECT: _WAIT,
    Reason.THROTTLED_ADDRESS: _WAIT,
    Reason.THROTTLED_FACTOR: _WAIT,
}
FAULTS = {
    **dict.fromkeys(Fault, always(_dark(400, "not understood"))),
    **dict.fromkeys(OF_A_TOKEN, always(_dark(401, "no flame"))),
    Fault.NOT_FOUND: always(_dark(404, "nothing there")),
    Fault.METHOD_NOT_ALLOWED: always(_dark(405, "not that way")),
    Fault.INTERNAL: always(_dark(500, "out of oil")),
    Fault.UNAVAILABLE: _LATER,
}


class Light(ContractView):
    """``POST /lantern/light``."""

    slug = SLUG

    def post(self, call: Call) -> Answer:
        """Password login."""
        body = checked(LightShape, json_value(call.body))
        attempt = Attempt(
            (Password(body["word"]),),
            call.hint,
            call.client(),
            Identifier(NameForm.USERNAME, body["name"]),
        )
        outcome = authenticate(attempt, LOGIN)
        if not isinstance(outcome, Authenticated):
            raise LoginRefused(Reason.FACTOR_UNSUPPORTED)
        return Answer(200, {"lit": True, "flame": outcome.tokens.access})


class Who(ContractView):
    """``GET /lantern/who``."""

    slug = SLUG

    def get(self, call: Call) -> Answer:
        """Whose flame it is."""
        token = bearer(call)
        if token is None:
            raise Faulted(Fault.NO_TOKEN)
        read = verified(call, token)
        if read.expired:
            raise Faulted(Fault.EXPIRED_TOKEN)
        found = session(call, read, LOGIN, pk=UUID(read.claims["jti"]))
        return Answer(200, {"lit": True, "name": found.subject.user.username})


CONTRACT = Contract(
    slug=SLUG,
    title="Lantern",
    urlpatterns=[path("lantern/light", Light.as_view()), path("lantern/who", Who.as_view())],
    refusals=REFUSALS,
    faults=FAULTS,
    tokens=(FLAME,),
    territory=("lantern/",),
    example="""curl -s {base}/lantern/light -d '{{"name":"{username}","word":"{password}"}}'""",
    follow_up="curl -s {base}/lantern/who -H 'Authorization: Bearer {answer[flame]}'",
)

DESCRIPTION = Description(
    about="A made-up product.",
    keys={"flame": bearer_key("The flame that was lit")},
    actions={
        Light: {
            "POST": Action(
                "Log in",
                Given(record({"lit": constant(value=True), "flame": TEXT})),
                takes=LightShape,
                reasons=ANY_REASON,
            )
        },
        Who: {
            "GET": Action(
                "Whose flame it is",
                Given(record({"lit": constant(value=True), "name": TEXT})),
                opened_by=[["flame"]],
            )
        },
    },
)
