"""Authenticator apps as a client sets them up, and what it is told about them."""

from __future__ import annotations

import base64
import re
from typing import Any

from django.core import mail
from django.utils import timezone

from accounts.contracts.oloid.wording import SIGN_IN_AGAIN
from accounts.models import Session
from mfa import totp
from mfa.models import TotpAuthenticator
from tests.contracts.oloid.calls import (
    SESSION,
    TOKENS,
    Answer,
    Like,
    Pool,
    body_of,
)
from tests.fixtures import Cast, Persona

SECRET = Like(r"[A-Z2-7]{32}")
SUCCESS = {"ChallengeParameters": {}, "AuthenticationResult": TOKENS}
INVALID = "InvalidParameterException"
DENIED = "NotAuthorizedException"
WRONG_CODE = (
    "EnableSoftwareTokenMFAException",
    "Code mismatch and fail enable Software Token MFA",
)
NOTHING_WAITS = (
    "SoftwareTokenMFANotFoundException",
    "Software Token MFA does not exist for the user.",
)
USED = ("ExpiredCodeException", "Your software token has already been used once.")
NOT_FRESH = (DENIED, SIGN_IN_AGAIN)
FOREIGN = (DENIED, "Invalid session for the user.")
SPENT = (DENIED, "Invalid session for the user, session can only be used once.")
EXPIRED = (DENIED, "Invalid session for the user, session is expired.")
NO_TOKEN = (DENIED, "Invalid Access Token")
EITHER = (INVALID, "Either AccessToken or Session must be given")
NEW_PASSWORD = "another horse, another staple"
ADDED, REMOVED = "An authenticator app was added", "An authenticator app was removed"
ON: dict[str, Any] = {"SoftwareTokenMfaSettings": {"Enabled": True, "PreferredMfa": True}}
OFF: dict[str, Any] = {"SoftwareTokenMfaSettings": {"Enabled": False}}


def associate(pool: Pool, **by: str) -> Answer:
    return pool.call("AssociateSoftwareToken", by)


def verify(pool: Pool, code: str, **by: str) -> Answer:
    return pool.call("VerifySoftwareToken", {**by, "UserCode": code})


def prefer(pool: Pool, token: str, settings: dict[str, Any]) -> Answer:
    return pool.call("SetUserMFAPreference", {"AccessToken": token, **settings})


def answered(answer: Answer, expected: Any) -> Any:
    """The body of a success, after it was compared whole."""
    assert (answer.status_code, body_of(answer)) == (200, expected)
    return body_of(answer)


def by_mail(pool: Pool, session: str, username: str, code: str) -> Answer:
    return pool.respond("EMAIL_OTP", session, USERNAME=username, EMAIL_OTP_CODE=code)


def mailed() -> str:
    """The six digits of the newest mail that has some."""
    found = [re.search(r"\b\d{3}-\d{3}\b", str(each.body)) for each in mail.outbox]
    return [code.group() for code in found if code][-1]


def code_of(secret: str, steps: int = 0) -> str:
    return totp.code_at(base64.b32decode(secret), totp.step_at(timezone.now()) + steps)


def wrong(secret: str) -> str:
    """Six digits that the app shows at no time near."""
    near = {code_of(secret, steps) for steps in range(-3, 4)}
    return next(code for code in ("000000", "111111", *near) if code not in near)


def let_pass(seconds: int) -> None:
    """Make every session's proofs so much older."""
    for session in Session.objects.all():
        session.amr = [{**record, "at": record["at"] - seconds} for record in session.amr]
        session.save(update_fields=["amr"])


def apps(who: Persona) -> list[str]:
    return list(TotpAuthenticator.objects.filter(user=who.user).values_list("name", flat=True))


def settings_of(pool: Pool, token: str) -> Any:
    """What ``GetUser`` says of second factors: the list and the preference."""
    told = body_of(pool.get_user(token))
    return told.get("UserMFASettingList"), told.get("PreferredMfaSetting")


def access_of_bob(pool: Pool, cast: Cast) -> str:
    session = body_of(pool.by_password("bob", cast.bob.password))["Session"]
    token: str = body_of(pool.code(session, "bob", cast.bob.code()))["AuthenticationResult"][
        "AccessToken"
    ]
    return token


def begun(pool: Pool, cast: Cast) -> str:
    """The session of alice's MFA_SETUP challenge."""
    asked = body_of(pool.by_password("alice", cast.alice.password))
    assert asked["ChallengeName"] == "MFA_SETUP"
    return str(asked["Session"])


def set_up(pool: Pool, session: str) -> tuple[str, str]:
    """The code that proved a new app, and the session after it."""
    made = answered(associate(pool, Session=session), {"SecretCode": SECRET, "Session": SESSION})
    told = {"Status": "SUCCESS", "Session": SESSION}
    code = code_of(made["SecretCode"])
    proved = answered(verify(pool, code, Session=made["Session"], FriendlyDeviceName="Phone"), told)
    return code, proved["Session"]
