"""What a login leads to, in Cognito's words; ``/Login`` wraps it, ``POST /`` gives it bare."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.contracts.oloid.tokens import attribute_texts, authentication_result
from accounts.login.outcome import Authenticated, ChallengeRequired
from accounts.login.subject import Subject
from accounts.models import User
from accounts.wire.call import Call
from mfa.models import Challenge

SOFTWARE_TOKEN_MFA = "SOFTWARE_TOKEN_MFA"  # noqa: S105
NEW_PASSWORD_REQUIRED = "NEW_PASSWORD_REQUIRED"  # noqa: S105
MFA_SETUP = "MFA_SETUP"
SELECT_MFA_TYPE = "SELECT_MFA_TYPE"

_NAME_OF = {
    Challenge.Step.SECOND_FACTOR: SOFTWARE_TOKEN_MFA,
    Challenge.Step.NEW_PASSWORD: NEW_PASSWORD_REQUIRED,
    Challenge.Step.BIND_FACTOR: MFA_SETUP,
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
    return {
        "ChallengeName": _NAME_OF[Challenge.Step(outcome.step)],
        "Session": outcome.token,
        "ChallengeParameters": _parameters(outcome.step, subject.user),
    }


def _parameters(step: str, user: User) -> dict[str, str]:
    """Every value is a text; lists and objects are JSON inside of it, which callers parse."""
    parameters = {"USER_ID_FOR_SRP": user.username}
    if step == Challenge.Step.NEW_PASSWORD:
        known = {name: text for name, text in attribute_texts(user).items() if name != "sub"}
        parameters["requiredAttributes"] = "[]"
        parameters["userAttributes"] = _compact(known)
    if step == Challenge.Step.BIND_FACTOR:
        parameters["MFAS_CAN_SETUP"] = _compact([SOFTWARE_TOKEN_MFA])
    return parameters


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def render_account(subject: Subject) -> dict[str, str]:
    """``user`` of the ``/Login`` answer."""
    return {
        "OloID": subject.user.pk.hex,
        "TenantID": subject.tenant.hex_id,
        "TenantName": subject.tenant.name,
    }
