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
from accounts.wire.contract import Answer
from accounts.wire.description import FLAG, NUMBER, TEXT, Action, Given

_CODES = {"type": "array", "items": TEXT, "minItems": 12, "maxItems": 12}


def _with_code(
    summary: str, gives: Given, refusal: Answer, *, stepped_up: bool = False, about: str = ""
) -> Mapping[str, Action]:
    """A call with a code of the user's own in its body."""
    none = (wording.missing("code", given=given) for given in (False, True))
    return {
        "POST": guarded(
            summary,
            gives,
            takes=asks(code=TEXT),
            stepped_up=stepped_up,
            answers=[*none, refusal],
            about=about,
        )
    }


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
    factor_views.ValidateTotp: _with_code(
        "Put the authenticator app into use",
        success(codes=_CODES),
        wording.INVALID_TOTP,
        stepped_up=True,
        about="The backup codes are shown here and never again.",
    ),
    factor_views.DisableTotp: _with_code(
        "Take the authenticator app away", success(disabled=FLAG), wording.LAST_FACTOR
    ),
    factor_views.RegenerateTotpCodes: _with_code(
        "New backup codes", success(codes=_CODES), wording.INVALID_TOTP
    ),
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
