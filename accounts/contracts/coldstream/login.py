"""``POST /account/login`` and the one-time-code step that may follow."""

from __future__ import annotations

from typing import assert_never

from accounts.contracts.coldstream.bodies import CodeShape, LoginShape, members
from accounts.contracts.coldstream.tokens import LOGIN, SLUG
from accounts.login.attempt import (
    Attempt,
    ChallengeToken,
    Identifier,
    NameForm,
    OneTimePassword,
    Password,
)
from accounts.login.outcome import Authenticated, ChallengeRequired
from accounts.login.pipeline import authenticate
from accounts.wire.call import Call
from accounts.wire.contract import Answer
from accounts.wire.views import ContractView


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
        body = members(call, LoginShape)
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
        body = members(call, CodeShape)
        nonce = _nonce(call)
        attempt = Attempt(
            # A person typed the code; blanks around it are no part of it.
            (ChallengeToken(body["mfaToken"], nonce), OneTimePassword(body["otp"].strip())),
            call.hint,
            call.client(nonce=nonce),
        )
        return _outcome(authenticate(attempt, LOGIN))
