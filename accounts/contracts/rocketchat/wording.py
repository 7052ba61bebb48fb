"""Rocket.Chat's answers: two envelopes, the refusals of the login, the faults of everything else.

Login and logout say ``status``, all other calls say ``success``; a refused login says both, since
clients test the one or the other. docs/contracts/rocketchat.md lists every body with its reason.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from accounts.login.directory_login import DIRECTORY
from accounts.login.outcome import LoginRefused, Reason
from accounts.login.personal_tokens import MAX_NAME
from accounts.wire.contract import OF_A_TOKEN, Answer, Fault, Faulted, always

_NO_CACHE = {"Pragma": "no-cache"}


def answer(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer that old caches keep as little as new ones."""
    return Answer(status, body, {**_NO_CACHE, **(headers or {})})


def succeeded(**members: Any) -> Answer:
    """The envelope of everything but the login."""
    return answer(200, {**members, "success": True})


def failed(
    status: int,
    error: str,
    error_type: str = "",
    headers: Mapping[str, str] | None = None,
    details: Mapping[str, Any] | None = None,
) -> Answer:
    """A failure outside of the login. With a type the sentence names it in brackets."""
    body: dict[str, Any] = {"success": False, "error": error}
    if error_type:
        named = f"{error} [{error_type}]".lstrip()
        body = {**body, "error": named, "errorType": error_type}
    if details is not None:
        body["details"] = details
    return answer(status, body, headers)


def refused(
    error: str | int,
    message: str,
    details: dict[str, Any] | None = None,
    status: int = 401,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """A refused login: both envelopes in one body."""
    body: dict[str, Any] = {"success": False, "error": error, "status": "error"}
    if details is not None:
        body["details"] = details
    return answer(status, {**body, "message": message}, headers)


def _judged(error: str, message: str) -> Answer:
    """A login that was refused although the password may have been right."""
    return refused(error, message, {"function": "Accounts.validateLoginAttempt"})


# Where it is not known whose login it is.
TOTP_DETAILS = {"method": "totp", "codeGenerated": False, "availableMethods": ["totp"]}
UNAUTHORIZED = refused("Unauthorized", "Unauthorized")
_BLOCKED_USER = _judged(
    "error-login-blocked-for-user", "Login has been temporarily blocked For User"
)
_BLOCKED_ADDRESS = _judged(
    "error-login-blocked-for-ip", "Login has been temporarily blocked For IP"
)
_UNAVAILABLE = refused(
    "error-service-unavailable",
    "Service temporarily unavailable",
    status=503,
    headers={"Retry-After": "1"},
)
_NOT_SIGNED_IN = refused("You must be logged in to do this.", "You must be logged in to do this.")

# The password was right in all of these but the first three, so they tell a stranger nothing.
_SPECIAL = {
    Reason.THROTTLED_SUBJECT: _BLOCKED_USER,
    Reason.THROTTLED_ADDRESS: _BLOCKED_ADDRESS,
    Reason.OVERLOADED: _UNAVAILABLE,
    # The directory is away: nothing was judged.
    Reason.EXTERNAL_UNAVAILABLE: _UNAVAILABLE,
    Reason.DISABLED: _judged("error-user-is-not-activated", "User is not activated"),
    Reason.FACTOR_MISSING: refused("totp-required", "TOTP Required", TOTP_DETAILS),
    # The product has no word for these two; the message names the remedy.
    Reason.FACTOR_UNSUPPORTED: _judged(
        "error-security-key-not-supported",
        "The second factor of this account does not work here: ask your administrator",
    ),
    Reason.MUST_BIND_FACTOR: _judged(
        "error-two-factor-setup-required",
        "Your organization requires a second factor: ask your administrator",
    ),
}
# What is said of a code depends on whose it is: `second_factor` adds the words for these.
CODE_REASONS = (
    Reason.WRONG_CODE,
    Reason.SPENT_CODE,
    Reason.WRONG_RECOVERY_CODE,
    Reason.THROTTLED_FACTOR,
)
_APP_USER = _judged("error-app-user-is-not-allowed-to-login", "App user is not allowed to login")
# The underscores are the product's own.
_UNVERIFIED = refused("error-invalid-email", "Invalid email __email__")

# A number, where all others say a text: so the product does.
_FORBIDDEN = refused(403, "Login forbidden")


def _not_allowed(refusal: LoginRefused) -> Answer:
    bar = refusal.detail.get("bar")
    if bar == DIRECTORY:
        return _FORBIDDEN
    return _UNVERIFIED if bar else _APP_USER


REFUSALS = {
    **{reason: always(_SPECIAL.get(reason, UNAUTHORIZED)) for reason in Reason},
    Reason.KIND_NOT_ALLOWED: _not_allowed,
}


def _method(faulted: Faulted) -> Answer:
    allow = {"Allow": str(faulted.detail.get("allow", ""))}
    return failed(405, "Method not allowed", headers=allow)


_BAD_REQUEST = failed(400, "Bad request")
FAULTS = {
    Fault.MALFORMED: always(_BAD_REQUEST),
    # Only the login checks shapes, and it has one answer to everything that is not usable.
    Fault.INVALID: always(UNAUTHORIZED),
    Fault.UNSUPPORTED_MEDIA: always(UNAUTHORIZED),
    Fault.TOO_LARGE: always(failed(413, "Request body is too large")),
    Fault.NOT_FOUND: always(failed(404, "Resource not found")),
    Fault.METHOD_NOT_ALLOWED: _method,
    **dict.fromkeys(OF_A_TOKEN, always(_NOT_SIGNED_IN)),
    Fault.FORBIDDEN: always(
        failed(
            403,
            "User does not have the permissions required for this action [error-unauthorized]",
        )
    ),
    Fault.BAD_HOST: always(_BAD_REQUEST),
    Fault.INTERNAL: always(failed(500, "Internal server error")),
    Fault.UNAVAILABLE: always(_UNAVAILABLE),
}


NO_SELECTOR = failed(
    400,
    "must have required property 'userId'\n must have required property 'username'\n "
    "must have required property 'email'\n must match a schema in anyOf",
    "invalid-params",
)
USER_NOT_FOUND = failed(400, "User not found.")
INVALID_TOTP = failed(400, "", "invalid-totp")
NO_ADDRESSEE = failed(400, "emailOrUsername is required", "error-parameter-required")
UNVERIFIED_EMAIL = failed(
    400, "You need to verify your emails before setting up 2FA", "error-invalid-user"
)
NO_MAIL = failed(400, "Error trying to send email", "error-email-send-failed")
LAST_FACTOR = failed(400, "Your organization requires a second factor", "error-not-allowed")


NO_TOKEN_NAME = failed(400, "The 'tokenName' param is required")
LONG_TOKEN_NAME = failed(400, f"must NOT have more than {MAX_NAME} characters", "invalid-params")
NOT_AUTHORIZED = failed(400, "Not authorized", "error-not-authorized")


def token_exists(method: str) -> Answer:
    """A personal access token of this name is there already."""
    return _of_method("A token with this name already exists", "error-token-already-exists", method)


def token_unknown(method: str) -> Answer:
    """There is no personal access token of this name."""
    return _of_method("Token does not exist", "error-token-does-not-exists", method)


def too_many_tokens(method: str) -> Answer:
    """One's own bound: the product has none."""
    return _of_method("Too many personal access tokens", "error-too-many-tokens", method)


def _of_method(error: str, code: str, method: str) -> Answer:
    """An error that names what the product calls the function behind the call."""
    return failed(400, error, code, details={"method": method})


def missing(name: str, *, given: bool) -> Answer:
    """A body without a member that the call must have, or with one that is no text."""
    problem = "must be string" if given else f"must have required property '{name}'"
    return failed(400, problem, "invalid-params")


def too_many(wait: timedelta) -> Answer:
    """Installed clients read the seconds and the bracketed code out of this very sentence."""
    seconds = max(1, math.ceil(wait.total_seconds()))
    return failed(
        429,
        "Error, too many requests. Please slow down. "
        f"You must wait {seconds} seconds before trying this endpoint again. "
        "[error-too-many-requests]",
    )
