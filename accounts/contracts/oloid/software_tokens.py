"""The operations on authenticator apps, which Cognito calls software tokens.

In the middle of a login they go by its ``Session``, for a signed-in user by his access token. That
alone binds and removes nothing: its login must be fresh.
"""

from __future__ import annotations

from typing import Any

from accounts.contracts.oloid.exceptions import (
    ENABLE_SOFTWARE_TOKEN_MFA,
    SOFTWARE_TOKEN_MFA_NOT_FOUND,
    exception,
)
from accounts.contracts.oloid.shapes import (
    AssociateSoftwareTokenShape,
    VerifySoftwareTokenShape,
    members,
)
from accounts.contracts.oloid.tokens import LOGIN, bearer
from accounts.login import association, enrolment, sessions
from accounts.login.attempt import Attempt, ChallengeToken
from accounts.login.outcome import LoginRefused, Reason
from accounts.login.sessions import Found
from accounts.wire.authentication import ends_meanwhile
from accounts.wire.call import Call
from accounts.wire.contract import Answer, Fault, Faulted
from mfa.totp import base32

Body = dict[str, Any]

_WRONG_CODE = exception(
    ENABLE_SOFTWARE_TOKEN_MFA, "Code mismatch and fail enable Software Token MFA"
)
_NOTHING_WAITS = exception(
    SOFTWARE_TOKEN_MFA_NOT_FOUND, "Software Token MFA does not exist for the user."
)


def _goes_by_session(asked: Body) -> bool:
    """Whether a login is being continued. Raises Faulted unless it is that or a signed-in user."""
    if ("Session" in asked) == ("AccessToken" in asked):
        raise Faulted(Fault.INVALID, "Either AccessToken or Session must be given")
    return "Session" in asked


def _attempt(call: Call, asked: Body) -> Attempt:
    return Attempt((ChallengeToken(asked["Session"]),), call.hint, call.client())


def _fresh(call: Call, asked: Body) -> Found:
    return checked_fresh(call, bearer(call, asked["AccessToken"]))


def checked_fresh(call: Call, found: Found) -> Found:
    """The same session, if it may change second factors. Raises Faulted(FORBIDDEN)."""
    if not enrolment.is_fresh(found, call.now):
        raise Faulted(Fault.FORBIDDEN, "the login lies too far back or proved too little")
    return found


def associate_software_token(call: Call, body: Any) -> Body:
    """A secret for the authenticator app; an app in use stays until the new one has proved it."""
    asked = members(AssociateSoftwareTokenShape, body)
    if _goes_by_session(asked):
        made = association.associate(_attempt(call, asked), LOGIN)
        return {"SecretCode": base32(made.secret), "Session": made.token}
    waiting = enrolment.begin(_fresh(call, asked), call.client())
    return {"SecretCode": base32(waiting.secret)}


def verify_software_token(call: Call, body: Any) -> Body | Answer:
    """The first code of the new app: during a login it leads on, else the app is now in use."""
    asked = members(VerifySoftwareTokenShape, body)
    if not _goes_by_session(asked):
        return _confirmed(call, _fresh(call, asked), asked)
    code, name = asked["UserCode"], asked["FriendlyDeviceName"]
    try:
        token = association.prove(_attempt(call, asked), code, LOGIN, name=name)
    except LoginRefused as refused:
        if refused.reason is not Reason.WRONG_CODE:
            raise
        return _WRONG_CODE
    return {"Status": "SUCCESS", "Session": token}


def _confirmed(call: Call, found: Found, asked: Body) -> Body | Answer:
    client = call.client()
    step = enrolment.prove(found, asked["UserCode"], client)
    if step is None:
        waits = enrolment.pending(found, call.now) is not None
        return _WRONG_CODE if waits else _NOTHING_WAITS
    name = asked["FriendlyDeviceName"]
    with ends_meanwhile():
        bound = enrolment.confirm(found, client, last_step=step, name=name)
    if bound is None:
        return _NOTHING_WAITS
    # This login has proved the new app too, so the user may go on to change his settings.
    proved = sessions.amr(sessions.OTP, call.now)
    sessions.prove_again(found.session, [*found.session.amr, proved])
    return {"Status": "SUCCESS"}
