"""Rocket.Chat's endpoints, a few lines each."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from django.http import HttpRequest, HttpResponseBase

from accounts.contracts.rocketchat import (
    bodies,
    officers,
    people,
    request_limit,
    second_factor,
    tokens,
    wording,
    workspace,
)
from accounts.contracts.rocketchat.request_limit import Budget
from accounts.contracts.rocketchat.tokens import LOGIN, SLUG
from accounts.login import identify, personal_tokens, sessions
from accounts.login.attempt import Attempt, Identifier, NameForm, SessionToken
from accounts.login.enrolment import LastFactor
from accounts.login.outcome import ChallengeRequired
from accounts.login.pipeline import authenticate
from accounts.login.sessions import Found
from accounts.login.subject import Subject, identified
from accounts.wire.authentication import ends_meanwhile
from accounts.wire.call import Call, site_url
from accounts.wire.contract import Answer
from accounts.wire.views import ContractView


class RocketChatView(ContractView):
    """A view whose answers tell what is left of the request limit, where there is one."""

    slug = SLUG
    # The product's own bound of this endpoint, where it has one.
    most_calls = request_limit.UNLIMITED
    budget: Budget | None = None

    def _finished(self, request: HttpRequest, http: HttpResponseBase) -> HttpResponseBase:
        for name, value in self.budget.headers().items() if self.budget else ():
            http[name] = value
        return super()._finished(request, http)

    def overdrawn(self, call: Call) -> Answer | None:
        """Count the call; the refusal if it is one too many."""
        self.budget = request_limit.spend(call, self.most_calls)
        wait = self.budget.wait if self.budget else None
        return wording.too_many(wait) if wait else None


V = TypeVar("V", bound=RocketChatView)
Signed = Callable[[V, Call, Found], Answer]


def limited(handler: Callable[[V, Call], Answer]) -> Callable[[V, Call], Answer]:
    """A handler for everybody: the call is counted before it is looked at."""

    @wraps(handler)
    def counted(view: V, call: Call) -> Answer:
        return view.overdrawn(call) or handler(view, call)

    return counted


def guarded(handler: Signed[V]) -> Callable[[V, Call], Answer]:
    """A handler for who is signed in: a call without a good token is refused uncounted."""

    @wraps(handler)
    def checked(view: V, call: Call) -> Answer:
        found = tokens.signed_in(call)
        refusal = None if request_limit.spares(found.subject.user) else view.overdrawn(call)
        try:
            with ends_meanwhile():
                return refusal or handler(view, call, found)
        except LastFactor:
            return wording.LAST_FACTOR

    return checked


def stepped_up(
    *, remembers: bool = True, bypassed: bool = True, mailed: bool = True
) -> Callable[[Signed[V]], Callable[[V, Call], Answer]]:
    """A handler that asks for a second factor.

    ``remembers``: not again for a while. ``bypassed``: not of tokens that were made to bypass it.
    ``mailed``: a mailed code is enough, whatever else the user has.
    """

    def wrap(handler: Signed[V]) -> Callable[[V, Call], Answer]:
        @guarded
        @wraps(handler)
        def asked(view: V, call: Call, found: Found) -> Answer:
            refusal = second_factor.refusal(
                call, found, remembers=remembers, bypassed=bypassed, mailed=mailed
            )
            return refusal or handler(view, call, found)

        return asked

    return wrap


class Login(RocketChatView):
    """``POST /api/v1/login``."""

    @limited
    def post(self, call: Call) -> Answer:
        """A password login, a login with a code, or a session resumed by its token."""
        presented = bodies.presented(bodies.read_body(call), call.header("X-2FA-Code"))
        if isinstance(presented, SessionToken):
            resumed = tokens.resume(call, presented.token)
            return _signed_in(call, resumed.found.subject, resumed.token)
        client = call.client()
        attempt = Attempt(presented.credentials, call.hint, client, presented.identifier)
        outcome = authenticate(attempt, LOGIN)
        if isinstance(outcome, ChallengeRequired):
            return second_factor.login_required(outcome.subject, call.now)
        tokens.keep_newest(outcome.subject, client)
        return _signed_in(call, outcome.subject, outcome.tokens.access)


def _signed_in(call: Call, subject: Subject, token: str) -> Answer:
    """Both envelopes: old clients look for the one, new ones for the other."""
    me = people.me(subject, site_url(call))
    data = {"userId": subject.identifier, "authToken": token, "me": me}
    return wording.answer(200, {"status": "success", "data": data, "success": True})


class Logout(RocketChatView):
    """``/api/v1/logout``; the first JavaScript SDK calls it by GET."""

    @guarded
    def post(self, call: Call, found: Found) -> Answer:
        """End the session of the presented token, no other."""
        sessions.end(found.session, "logout", call.client())
        data = {"message": "You've been logged out!"}
        return wording.answer(200, {"status": "success", "data": data})

    get = post


class Me(RocketChatView):
    """``GET /api/v1/me``."""

    @guarded
    def get(self, call: Call, found: Found) -> Answer:
        """Who the token belongs to."""
        return wording.succeeded(**people.me(found.subject, site_url(call)))


class UsersInfo(RocketChatView):
    """``GET /api/v1/users.info``."""

    _selectors = (
        ("userId", NameForm.SUBJECT),
        ("username", NameForm.USERNAME),
        ("email", NameForm.EMAIL),
    )

    @guarded
    def get(self, call: Call, found: Found) -> Answer:
        """A user of the same tenant, by the first selector that is given."""
        given = [(form, value) for name, form in self._selectors if (value := call.query(name))]
        if not given:
            return wording.NO_SELECTOR
        subject = found.subject
        candidate = identify.candidate(Identifier(*given[0]), subject.tenant, LOGIN, call.client())
        if candidate is None:
            return wording.USER_NOT_FOUND
        # Whoever was never told an id gets one now: the caller has proved who he is.
        seen = identified(candidate.subject, LOGIN.sector, LOGIN.new_identifier)
        own = seen.user.pk == subject.user.pk
        full = own or officers.is_officer(subject.user)
        return wording.succeeded(user=people.profile(seen, full=full, own=own))


class LogoutOtherClients(RocketChatView):
    """``POST /api/v1/users.logoutOtherClients``."""

    @guarded
    def post(self, call: Call, found: Found) -> Answer:
        """End the other logins of this contract; personal access tokens go on, as does this one."""
        _end_others(call, found)
        # A personal access token has no end to tell.
        personal = personal_tokens.is_personal(found.session)
        ends = "" if personal else people.iso(found.session.expires_at)
        return wording.succeeded(token=call.header("X-Auth-Token"), tokenExpires=ends)


class RemoveOtherTokens(RocketChatView):
    """``POST /api/v1/users.removeOtherTokens``, the mobile app's word for the same."""

    @guarded
    def post(self, call: Call, found: Found) -> Answer:
        """End the other logins of this contract."""
        _end_others(call, found)
        return wording.succeeded()


def _end_others(call: Call, found: Found) -> None:
    user, keep = found.subject.user, found.session.pk
    why, client = "ended by its user", call.client()
    sessions.end_all(user, why, client, contract=SLUG, keep=keep, spare_personal=True)


class Info(RocketChatView):
    """``GET /api/info``: the mobile app calls it before anything else."""

    @limited
    def get(self, call: Call) -> Answer:
        """The version as strangers see it."""
        return wording.succeeded(
            version=workspace.VERSION, minimumClientVersions=workspace.MINIMUM_CLIENT_VERSIONS
        )


class PublicSettings(RocketChatView):
    """``GET /api/v1/settings.public``."""

    @limited
    def get(self, call: Call) -> Answer:
        """The settings that a login screen is built from."""
        return wording.succeeded(**workspace.public(call))


class OAuthServices(RocketChatView):
    """``GET /api/v1/settings.oauth``."""

    @limited
    def get(self, call: Call) -> Answer:
        """No button of another provider belongs on the login screen."""
        return wording.succeeded(services=[])
