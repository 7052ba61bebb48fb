"""Setting up and taking away second factors, and what belongs to it.

Every call that adds, removes or renews a factor asks for one: by its guard, or by the code in its
body. A token that bypasses the factor does not do so here, where its owner's own are concerned: a
stolen one must not take the account over (ASVS 5.0, 7.5.1). Nor is a mailed code enough of who has
an app or a security key.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import wraps
from typing import Any
from urllib.parse import quote

from accounts import notices
from accounts.contracts.rocketchat import bodies, officers, request_limit, second_factor, wording
from accounts.contracts.rocketchat.tokens import IDENTIFIER_ALPHABET, LOGIN, SLUG
from accounts.contracts.rocketchat.views import RocketChatView, guarded, limited, stepped_up
from accounts.login import custody, enrolment, identify, mailed_codes, sessions
from accounts.login.attempt import Attempt, Identifier, NameForm
from accounts.login.outcome import Factor, LoginRefused
from accounts.login.profile import Limit
from accounts.login.sessions import Found
from accounts.models import User
from accounts.wire.call import Call
from accounts.wire.contract import Answer
from mfa import recovery_codes
from mfa.totp import base32

# Twelve codes of eight letters: what clients show, and how they tell them from six digits.
_CODES, _CODE_LENGTH = 12, 8
# So many calls a minute, whether or not the tenant limits calls.
_MOST_CALLS = 5
Coded = Callable[[Any, Call, Found, str], Answer]


def _new_codes() -> Sequence[str]:
    return recovery_codes.new_codes(_CODES, _CODE_LENGTH, IDENTIFIER_ALPHABET)


class EnableTotp(RocketChatView):
    """``POST /api/v1/users.enableTotp``."""

    most_calls = _MOST_CALLS

    @stepped_up(bypassed=False, mailed=False)
    def post(self, call: Call, found: Found) -> Answer:
        """A secret that takes effect once its first code was sent to ``users.validateTotp``."""
        if Factor.OTP in found.subject.factors:
            return wording.failed(400, "", "error-2fa-already-enabled")
        pending = enrolment.begin(found, call.client(), codes=_new_codes())
        secret, account = base32(pending.secret), quote(found.subject.user.username, safe="@")
        return wording.succeeded(
            secret=secret, url=f"otpauth://totp/Rocket.Chat:{account}?secret={secret}"
        )


def _with_code(handler: Coded) -> Callable[[Any, Call, Found], Answer]:
    """A handler that is given the ``code`` of the body, brought into one form."""

    @wraps(handler)
    def read(view: Any, call: Call, found: Found) -> Answer:
        code = bodies.text(bodies.read_body(call), "code")
        if isinstance(code, Answer):
            return code
        return handler(view, call, found, bodies.plain_code(code))

    return read


class ValidateTotp(RocketChatView):
    """``POST /api/v1/users.validateTotp``."""

    most_calls = _MOST_CALLS

    @stepped_up(bypassed=False, mailed=False)
    @_with_code
    def post(self, call: Call, found: Found, code: str) -> Answer:
        """Put the new authenticator into use; the backup codes are shown here and never again."""
        client = call.client()
        try:
            step = enrolment.prove(found, code, client)
        except LoginRefused:
            return wording.INVALID_TOTP
        bound = None if step is None else enrolment.confirm(found, client, last_step=step)
        if bound is None:
            return wording.INVALID_TOTP
        second_factor.remember(found, sessions.OTP, client)
        return wording.succeeded(codes=list(bound.codes))


class DisableTotp(RocketChatView):
    """``POST /api/v1/users.disableTotp``."""

    most_calls = _MOST_CALLS

    @guarded
    @_with_code
    def post(self, call: Call, found: Found, code: str) -> Answer:
        """Take the authenticator away, against one of its codes or a backup code."""
        if not enrolment.may_remove(found, Factor.OTP):
            # Before a code is used up for nothing.
            return wording.LAST_FACTOR
        right = _spent(found, code, call) and enrolment.remove_totp(found, call.client())
        return wording.succeeded(disabled=right)


class RegenerateTotpCodes(RocketChatView):
    """``POST /api/v1/users.regenerateTotpCodes``."""

    most_calls = _MOST_CALLS

    @guarded
    @_with_code
    def post(self, call: Call, found: Found, code: str) -> Answer:
        """New backup codes against a code; the old ones are void."""
        if not _spent(found, code, call):
            return wording.INVALID_TOTP
        codes = _new_codes()
        enrolment.replace_codes(found, codes, call.client())
        return wording.succeeded(codes=codes)


def _spent(found: Found, code: str, call: Call) -> bool:
    if Factor.OTP not in found.subject.factors:
        return False
    try:
        return enrolment.spend_code(found, code, call.client())
    except LoginRefused:
        return False


class TotpCodesRemaining(RocketChatView):
    """``GET /api/v1/users.totpCodesRemaining``."""

    most_calls = _MOST_CALLS

    @guarded
    def get(self, call: Call, found: Found) -> Answer:
        """How many backup codes are left."""
        if Factor.OTP not in found.subject.factors:
            return wording.INVALID_TOTP
        return wording.succeeded(remaining=recovery_codes.remaining(found.subject.user.pk))


class ResetTotp(RocketChatView):
    """``POST /api/v1/users.resetTOTP``."""

    @stepped_up(remembers=False, mailed=False)
    def post(self, call: Call, found: Found) -> Answer:
        """Take an authenticator away without a code of it: one's own, or as an officer."""
        named = officers.named(bodies.read_body(call))
        target = officers.target(named, call, found) if named else found.subject
        if target is None:
            return wording.USER_NOT_FOUND
        if target.user.pk == found.subject.user.pk:
            if refusal := second_factor.refusal_of_bypass(call, found):
                return refusal
            enrolment.remove_totp(found, call.client())
        else:
            custody.remove_totp(target.user, officers.act(call, found))
        return wording.succeeded()


class SendEmailCode(RocketChatView):
    """``POST /api/v1/users.2fa.sendEmailCode``."""

    # Each call costs a slow hash; more than these do nothing.
    _most = Limit(10, timedelta(minutes=1))

    @limited
    def post(self, call: Call) -> Answer:
        """Mail another code to somebody who was asked for one; the answer tells nothing."""
        name = bodies.read_body(call).get("emailOrUsername")
        if not isinstance(name, str) or not name:
            return wording.NO_ADDRESSEE
        if request_limit.admits(call, "sendEmailCode", self._most):
            mailed_codes.resend(_waiting(name, call), call.now)
        return wording.succeeded()


def _waiting(name: str, call: Call) -> User | None:
    """The user of this name, if codes are mailed to him."""
    client, identifier = call.client(), Identifier(NameForm.EITHER, name)
    tenant = identify.tenant_of(Attempt((), call.hint, client, identifier))
    if tenant is None or not tenant.active or not tenant.serves(SLUG):
        return None
    candidate = identify.candidate(identifier, tenant, LOGIN, client)
    if candidate is None or Factor.EMAIL not in candidate.subject.factors:
        return None
    user = candidate.subject.user
    return user if user.is_active else None


class EnableEmail(RocketChatView):
    """``POST /api/v1/users.2fa.enableEmail``."""

    @stepped_up(bypassed=False, mailed=False)
    def post(self, call: Call, found: Found) -> Answer:
        """Codes by mail from now on; the user's other sessions end."""
        subject = found.subject
        if not subject.user.email or not subject.user.email_verified:
            return wording.UNVERIFIED_EMAIL
        if not notices.are_sent():
            return wording.NO_MAIL
        if Factor.EMAIL not in subject.factors:
            enrolment.set_email_factor(found, call.client(), on=True)
        return wording.succeeded()


class DisableEmail(RocketChatView):
    """``POST /api/v1/users.2fa.disableEmail``."""

    @stepped_up(remembers=False, bypassed=False, mailed=False)
    def post(self, call: Call, found: Found) -> Answer:
        """No more codes by mail."""
        enrolment.set_email_factor(found, call.client(), on=False)
        return wording.succeeded()


class LogoutEverywhere(RocketChatView):
    """``POST /api/v1/users.logout``."""

    @guarded
    def post(self, call: Call, found: Found) -> Answer:
        """End all Rocket.Chat sessions of a user: one's own, or as an officer."""
        named = officers.named(bodies.read_body(call))
        target = officers.target(named, call, found) if named else found.subject
        if target is None:
            return wording.USER_NOT_FOUND
        if target.user.pk == found.subject.user.pk:
            sessions.end_all(target.user, "logout everywhere", call.client(), contract=SLUG)
        else:
            custody.end_sessions_over(target.user, SLUG, officers.act(call, found))
        return wording.succeeded(message=f"User {target.identifier} has been logged out!")
