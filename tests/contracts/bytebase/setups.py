"""Second factors on the way: how they are asked for, proved and shown."""

from __future__ import annotations

import base64
from typing import Any

from django.utils import timezone

from accounts.contracts.bytebase.protojson import timestamp
from accounts.models import User
from mfa import totp
from tests.contracts.bytebase.conversation import MOMENT, Text
from tests.fixtures import Persona

ALICE, BOB = "alice@alpha.example", "bob@alpha.example"
START, PROVE = "regenerateTempMfaSecret=true", "otpCode="
ON, OFF = {"mfaEnabled": True}, {"mfaEnabled": False}
MASK = "updateMask=mfa_enabled"
EXPIRED = "MFA setup has expired, please regenerate the temporary secret"
NOT_STARTED = "MFA is not setup yet"
WRONG = "invalid OTP code"
REQUIRED = "2FA is required and cannot be disabled"
BIND_FIRST = "2FA is required, please set it up first"
LOG_IN_AGAIN = "the login is too old for this change, please log in again"
LOCKED = "too many failed MFA attempts, please try again later"
ADDED = "An authenticator app was added"


def secret_of(answer: Any) -> bytes:
    return base64.b32decode(answer.json()["tempOtpSecret"])


def code_of(secret: bytes, steps: int = 0) -> str:
    return totp.code_at(secret, totp.step_at(timezone.now()) + steps)


def wrong(secret: bytes) -> str:
    near = {code_of(secret, steps) for steps in range(-3, 4)}
    return next(code for code in ("000000", "111111", "222222", *near) if code not in near)


def user_of(persona: Persona, **more: Any) -> dict[str, Any]:
    """The whole object of a person, in its order."""
    user = User.objects.get(pk=persona.user.pk)
    return {
        "name": f"users/{user.email}",
        "state": "ACTIVE",
        "email": user.email,
        "title": user.display_name,
        "userType": "USER",
        **more,
        "profile": {
            "lastLoginTime": timestamp(user.last_login),
            "lastChangePasswordTime": timestamp(user.password_changed_at),
        },
    }


PENDING = {
    "tempOtpSecret": Text(r"[A-Z2-7]{32}"),
    "tempRecoveryCodes": [Text(r"[0-9A-Za-z]{10}")] * 10,
    "tempOtpSecretCreatedTime": Text(MOMENT.pattern),
}


def is_user(answer: Any, expected: dict[str, Any]) -> None:
    assert answer.status_code == 200, answer.content
    assert answer.json() == expected
    assert list(answer.json()) == list(expected)
    assert answer["Content-Type"] == "application/json"
