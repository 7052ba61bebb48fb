"""Tokens besides those of a login: personal access tokens, and those that an officer makes."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.db import transaction

from accounts.contracts.rocketchat import bodies, officers, people, tokens, wording
from accounts.contracts.rocketchat.tokens import LOGIN
from accounts.contracts.rocketchat.views import RocketChatView, guarded, stepped_up
from accounts.login import custody, personal_tokens, sessions
from accounts.login.personal_tokens import NameTaken, TooManyTokens, UnknownToken
from accounts.login.sessions import Found
from accounts.wire.call import Call
from accounts.wire.contract import Answer

Named = Callable[[Any, Call, Found, str], Answer]


def _named(method: str) -> Callable[[Named], Callable[[Any, Call, Found], Answer]]:
    """A handler that is given ``tokenName``; ``method`` is what the product's errors call it."""

    def wrap(handler: Named) -> Callable[[Any, Call, Found], Answer]:
        @wraps(handler)
        def read(view: Any, call: Call, found: Found) -> Answer:
            name = bodies.token_name(bodies.read_body(call))
            if isinstance(name, Answer):
                return name
            try:
                return handler(view, call, found, name)
            except NameTaken:
                return wording.token_exists(method)
            except UnknownToken:
                return wording.token_unknown(method)
            except TooManyTokens:
                return wording.too_many_tokens(method)

        return read

    return wrap


class GeneratePersonalToken(RocketChatView):
    """``POST /api/v1/users.generatePersonalAccessToken``."""

    @stepped_up()
    @_named("personalAccessTokens:generateToken")
    def post(self, call: Call, found: Found, name: str) -> Answer:
        """A token of this name, shown this once."""
        # Nothing but `true` switches a second factor off.
        bypass = bodies.read_body(call).get("bypassTwoFactor") is True
        token = personal_tokens.make(found, name, LOGIN, call.client(), bypass_second_factor=bypass)
        return wording.succeeded(token=token)


class RegeneratePersonalToken(RocketChatView):
    """``POST /api/v1/users.regeneratePersonalAccessToken``."""

    @stepped_up()
    @_named("personalAccessTokens:regenerateToken")
    def post(self, call: Call, found: Found, name: str) -> Answer:
        """Another text for the token of this name."""
        return wording.succeeded(token=personal_tokens.renew(found, name, LOGIN, call.client()))


class RemovePersonalToken(RocketChatView):
    """``POST /api/v1/users.removePersonalAccessToken``."""

    @stepped_up()
    @_named("personalAccessTokens:removeToken")
    def post(self, call: Call, found: Found, name: str) -> Answer:
        """The token opens nothing any more."""
        personal_tokens.remove(found, name, call.client())
        return wording.succeeded()


class PersonalTokens(RocketChatView):
    """``GET /api/v1/users.getPersonalAccessTokens``."""

    @guarded
    def get(self, call: Call, found: Found) -> Answer:
        """One's own tokens, without their texts."""
        mine = personal_tokens.listed(found.subject.user, call.now)
        return wording.succeeded(tokens=[people.personal_token(token) for token in mine])


class CreateToken(RocketChatView):
    """``POST /api/v1/users.createToken``."""

    @guarded
    def post(self, call: Call, found: Found) -> Answer:
        """A token in another's name, for an officer who knows the tenant's deployment secret."""
        body = bodies.read_body(call)
        who, secret = officers.named(body), bodies.text(body, "secret")
        if who is None:
            return wording.missing("userId", given=False)
        if not isinstance(secret, str):
            return secret
        subject = officers.impersonated(who, secret, call, found)
        if subject is None:
            return wording.NOT_AUTHORIZED
        with transaction.atomic():
            sessions.hold(found.session, call.now)
            token = custody.open_session(subject, LOGIN, officers.act(call, found))
        tokens.keep_newest(subject, call.client())
        return wording.succeeded(data={"userId": subject.identifier, "authToken": token})
