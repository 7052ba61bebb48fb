"""What a login leads to, in Cognito's words; ``/Login`` wraps it, ``POST /`` gives it bare."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.contracts.oloid.tokens import attribute_texts, authentication_result
from accounts.login import mailed_codes
from accounts.login.outcome import Authenticated, ChallengeRequired, Factor
from accounts.login.subject import Subject
from accounts.wire.call import Call
from mfa.models import Challenge

SOFTWARE_TOKEN_MFA = "SOFTWARE_TOKEN_MFA"  # noqa: S105  # a word about passwords, no password
NEW_PASSWORD_REQUIRED = "NEW_PASSWORD_REQUIRED"  # noqa: S105  # a word about passwords, no password
MFA_SETUP = "MFA_SETUP"
SELECT_MFA_TYPE = "SELECT_MFA_TYPE"

EMAIL_OTP = "EMAIL_OTP"

# The kinds of second factor that these calls carry, in Cognito's words and order.
FACTOR_OF: Mapping[str, Factor] = {SOFTWARE_TOKEN_MFA: Factor.OTP, EMAIL_OTP: Factor.EMAIL}
_NAME_OF = {
    Challenge.Step.NEW_PASSWORD: NEW_PASSWORD_REQUIRED,
    Challenge.Step.BIND_FACTOR: MFA_SETUP,
    Challenge.Step.SELECT_FACTOR: SELECT_MFA_TYPE,
}


def request_id(call: Call) -> str:
    """The call's id as a UUID; its first three groups are the id in the audit trail."""
    return str(UUID(hex=call.request_id.ljust(32, "0")))


def render(outcome: Authenticated | ChallengeRequired, now: datetime) -> dict[str, Any]:
    """The tokens, or the challenge that comes before them."""
    subject = outcome.subject
    if isinstance(outcome, Authenticated):
        result = authentication_result(outcome.tokens, outcome.session, subject, now)
        return {"ChallengeParameters": {}, "AuthenticationResult": result}
    name = _name(outcome)
    return {
        "ChallengeName": name,
        "Session": outcome.token,
        "ChallengeParameters": _parameters(name, subject, now),
    }


def _name(due: ChallengeRequired) -> str:
    asked = kinds(due.factors)
    return _NAME_OF.get(Challenge.Step(due.step)) or asked[0]


def kinds(factors: Collection[Factor]) -> list[str]:
    """Those of the factors that these calls carry, in Cognito's words."""
    return [name for name, factor in FACTOR_OF.items() if factor in factors]


def _parameters(name: str, subject: Subject, now: datetime) -> dict[str, str]:
    """Every value is a text; lists and objects are JSON inside of it, which callers parse."""
    user = subject.user
    parameters = {"USER_ID_FOR_SRP": user.username}
    if name == NEW_PASSWORD_REQUIRED:
        known = {name: text for name, text in attribute_texts(user).items() if name != "sub"}
        # Clients parse it and need it; who the user is, is told after all of his factors.
        known = {} if subject.factors else known
        parameters["requiredAttributes"] = "[]"
        parameters["userAttributes"] = _compact(known)
    if name == MFA_SETUP:
        parameters["MFAS_CAN_SETUP"] = _compact([SOFTWARE_TOKEN_MFA])
    if name == SELECT_MFA_TYPE:
        parameters["MFAS_CAN_CHOOSE"] = _compact(kinds(subject.factors))
    if name == EMAIL_OTP:
        mailed_codes.ensure_sent(subject, now)
        parameters["CODE_DELIVERY_DELIVERY_MEDIUM"] = "EMAIL"
        parameters["CODE_DELIVERY_DESTINATION"] = _masked(user.email)
    return parameters


def _masked(email: str) -> str:
    """An address as it is shown to who knows the password only: two letters of it."""
    name, _, domain = email.rpartition("@")
    return f"{name[:1]}***@{domain[:1]}***"


def mfa_settings(subject: Subject) -> dict[str, Any]:
    """What ``GetUser`` says of second factors: which there are, and which is asked for unasked."""
    owned = kinds(subject.factors)
    wanted = [name for name in owned if FACTOR_OF[name] == subject.user.preferred_factor]
    preferred = wanted or (owned if len(owned) == 1 else [])
    told: dict[str, Any] = {"PreferredMfaSetting": preferred[0]} if preferred else {}
    return {**told, "UserMFASettingList": owned} if owned else {}


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def render_account(subject: Subject) -> dict[str, str]:
    """``user`` of the ``/Login`` answer."""
    return {
        "OloID": subject.user.pk.hex,
        "TenantID": subject.tenant.hex_id,
        "TenantName": subject.tenant.name,
    }
