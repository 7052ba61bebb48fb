"""Second factors: set up, mailed, taken away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accounts.contracts.rocketchat import factor_views, wording
from accounts.contracts.rocketchat.description.calls import (
    MEDIA,
    WHO,
    asks,
    guarded,
    open_to_all,
    success,
)
from accounts.wire.description import FLAG, NUMBER, TEXT, Action

_CODED = asks(code=TEXT)
_NO_CODE = (wording.missing("code", given=False), wording.missing("code", given=True))
_CODES = {"type": "array", "items": TEXT, "minItems": 12, "maxItems": 12}
ACTIONS: Mapping[type[Any], Mapping[str, Action]] = {
    factor_views.EnableTotp: {
        "POST": guarded(
            "A secret for an authenticator app",
            success(secret=TEXT, url=TEXT),
            stepped_up=True,
            answers=[wording.failed(400, "", "error-2fa-already-enabled")],
            about="It takes effect with the first code that is sent to `users.validateTotp`.",
        )
    },
    factor_views.ValidateTotp: {
        "POST": guarded(
            "Put the authenticator app into use",
            success(codes=_CODES),
            takes=_CODED,
            stepped_up=True,
            answers=[*_NO_CODE, wording.INVALID_TOTP],
            about="The backup codes are shown here and never again.",
        )
    },
    factor_views.DisableTotp: {
        "POST": guarded(
            "Take the authenticator app away",
            success(disabled=FLAG),
            takes=_CODED,
            answers=[*_NO_CODE, wording.LAST_FACTOR],
        )
    },
    factor_views.RegenerateTotpCodes: {
        "POST": guarded(
            "New backup codes",
            success(codes=_CODES),
            takes=_CODED,
            answers=[*_NO_CODE, wording.INVALID_TOTP],
        )
    },
    factor_views.TotpCodesRemaining: {
        "GET": guarded(
            "How many backup codes are left",
            success(remaining=NUMBER),
            answers=[wording.INVALID_TOTP],
        )
    },
    factor_views.ResetTotp: {
        "POST": guarded(
            "Take an authenticator app away without a code of it",
            success(),
            takes=WHO,
            stepped_up=True,
            answers=[wording.USER_NOT_FOUND, wording.LAST_FACTOR],
            about="One's own; an officer those of others of the tenant.",
        )
    },
    factor_views.SendEmailCode: {
        "POST": open_to_all(
            "Mail another code",
            success(),
            takes=asks(emailOrUsername=TEXT),
            media=MEDIA,
            answers=[wording.NO_ADDRESSEE],
            about="The answer is the same whether or not there is such a user.",
        )
    },
    factor_views.EnableEmail: {
        "POST": guarded(
            "Have codes mailed",
            success(),
            stepped_up=True,
            answers=[wording.UNVERIFIED_EMAIL, wording.NO_MAIL],
        )
    },
    factor_views.DisableEmail: {
        "POST": guarded(
            "Have no more codes mailed",
            success(),
            stepped_up=True,
            answers=[wording.LAST_FACTOR],
        )
    },
}
