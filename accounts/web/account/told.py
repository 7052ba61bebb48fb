"""What the audit trail and a session say, in plain words.

The tables hold English; the functions say it in the reader's language.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts.audit import Event
from accounts.login import sessions
from accounts.login.outcome import Factor, Reason
from accounts.models import LoginEvent

# How somebody was known, by the method of a session's record.
METHODS: Mapping[str, str] = {
    sessions.PASSWORD: gettext_noop("password"),
    sessions.OTP: gettext_noop("authenticator app"),
    sessions.RECOVERY: gettext_noop("recovery code"),
    sessions.EMAIL: gettext_noop("code by mail"),
    sessions.HARDWARE_KEY: gettext_noop("passkey"),
    sessions.SOFTWARE_KEY: gettext_noop("passkey"),
    sessions.SERVICE: gettext_noop("app password"),
    sessions.FEDERATED: gettext_noop("linked account"),
    sessions.PERSONAL_TOKEN: gettext_noop("personal access token"),
    sessions.OFFICER: gettext_noop("opened by an administrator"),
}

# What happened to an account. Events that concern no account are not in it.
EVENTS: Mapping[str, str] = {
    Event.LOGIN_ACCEPTED: gettext_noop("Signed in"),
    Event.LOGIN_CHALLENGED: gettext_noop("The password was right; a further step was asked for"),
    Event.LOGIN_REFUSED: gettext_noop("A sign-in was refused"),
    Event.GRANT_REFUSED: gettext_noop("A session could not go on"),
    Event.GRANT_REPLAYED: gettext_noop(
        "A token was used a second time: somebody may have copied it, so its session was ended"
    ),
    Event.SESSION_OPENED: gettext_noop("An administrator made a sign-in token for you"),
    Event.SESSION_ENDED: gettext_noop("Signed out"),
    Event.TOKEN_MADE: gettext_noop("A personal access token was made"),
    Event.TOKEN_RENEWED: gettext_noop("A personal access token was renewed"),
    Event.TOKEN_REMOVED: gettext_noop("A personal access token was removed"),
    Event.FACTOR_BOUND: gettext_noop("A second factor was added"),
    Event.FACTOR_REMOVED: gettext_noop("A second factor was removed"),
    Event.RECOVERY_CODES_MADE: gettext_noop("New recovery codes were made"),
    Event.PASSWORD_CHANGED: gettext_noop("The password was changed"),
    Event.PASSWORD_LINK_SENT: gettext_noop("A link to choose a password was mailed"),
    Event.PASSWORD_LINK_REFUSED: gettext_noop("A link to choose a password was asked for in vain"),
    Event.ADDRESS_LINK_SENT: gettext_noop("A link to confirm an e-mail address was mailed"),
    Event.ADDRESS_LINK_REFUSED: gettext_noop("Another e-mail address was asked for in vain"),
    Event.EXTERNAL_LINKED: gettext_noop("An account elsewhere was linked"),
    Event.EXTERNAL_UNLINKED: gettext_noop("A linked account was removed"),
    Event.USER_CREATED: gettext_noop("The account was made"),
    Event.USER_UNLOCKED: gettext_noop("The account was unlocked"),
    Event.USER_CHANGED: gettext_noop("The account was changed"),
    Event.CREDENTIAL_CREATED: gettext_noop("An app password was made"),
    Event.CREDENTIAL_CHANGED: gettext_noop("An app password was changed"),
    Event.CREDENTIAL_REVOKED: gettext_noop("An app password was revoked"),
    Event.GROUP_CHANGED: gettext_noop("Your groups were changed"),
}
_ELSE = gettext_noop("Something else was recorded")

_CODE = gettext_noop("the code was wrong, or it was used before")
_STEP = gettext_noop("it took too long, or its steps did not fit together")
_OVER = gettext_noop("it had ended")
_TRIES = gettext_noop("too many tries")
_OTHER = gettext_noop("the other service did not vouch for it")

# Why, by the reason of a refusal or of an end. What is not in it is left out.
REASONS: Mapping[str, str] = {
    Reason.WRONG_PASSWORD: gettext_noop("the password was wrong"),
    Reason.NO_PASSWORD: gettext_noop("the account has no password"),
    Reason.UNKNOWN_SUBJECT: gettext_noop("it was not possible for this account"),
    Reason.DISABLED: gettext_noop("the account was disabled"),
    Reason.TENANT_SUSPENDED: gettext_noop("the organization was suspended"),
    Reason.CONTRACT_OFF: gettext_noop("this way to sign in was switched off"),
    Reason.KIND_NOT_ALLOWED: gettext_noop("this account may not sign in there"),
    Reason.EXTERNAL_REFUSED: _OTHER,
    Reason.EXTERNAL_UNKNOWN: _OTHER,
    Reason.EXTERNAL_CONFLICT: _OTHER,
    Reason.EXTERNAL_UNVERIFIED: _OTHER,
    Reason.EXTERNAL_UNAVAILABLE: gettext_noop("the other service did not answer"),
    Reason.THROTTLED_SUBJECT: _TRIES,
    Reason.THROTTLED_ADDRESS: _TRIES,
    Reason.THROTTLED_FACTOR: _TRIES,
    Reason.OVERLOADED: gettext_noop("the service was busy"),
    Reason.FACTOR_UNSUPPORTED: gettext_noop("this program cannot ask for your second factor"),
    Reason.FACTOR_MISSING: gettext_noop("no code was entered"),
    Reason.WRONG_CODE: _CODE,
    Reason.SPENT_CODE: _CODE,
    Reason.WRONG_RECOVERY_CODE: _CODE,
    Reason.CHALLENGE_UNKNOWN: _STEP,
    Reason.CHALLENGE_FOREIGN: _STEP,
    Reason.CHALLENGE_EXPIRED: _STEP,
    Reason.CHALLENGE_SPENT: _STEP,
    Reason.PASSWORD_REJECTED: gettext_noop("the new password was not good enough"),
    Reason.MUST_CHANGE_PASSWORD: gettext_noop("a new password has to be chosen first"),
    Reason.MUST_BIND_FACTOR: gettext_noop("a second factor has to be set up first"),
    Reason.GRANT_UNKNOWN: _OVER,
    Reason.GRANT_EXPIRED: _OVER,
    Reason.GRANT_REPLAYED: _OVER,
    Reason.SESSION_EXPIRED: _OVER,
    Reason.SESSION_ENDED: _OVER,
    "signed in again": gettext_noop("because of a fresh sign-in"),
    "password changed": gettext_noop("because the password was changed"),
    "second factor bound": gettext_noop("because a second factor was added"),
    "ended by its owner": gettext_noop("on the page of your sessions"),
    "address changed": gettext_noop("another e-mail address"),
    "profile changed": gettext_noop("the profile"),
    "taken": gettext_noop("another account has it"),
    "password_reset": gettext_noop("by a link that was mailed"),
    "invitation": gettext_noop("by an invitation"),
    "disabled": gettext_noop("disabled"),
    "enabled": gettext_noop("enabled"),
    "new password required": gettext_noop("the next sign-in has to choose a new password"),
}

FACTORS: Mapping[str, str] = {
    Factor.OTP: gettext_noop("authenticator app"),
    Factor.RECOVERY_CODE: gettext_noop("recovery code"),
    Factor.PASSKEY: gettext_noop("passkey"),
    Factor.EMAIL: gettext_noop("code by mail"),
}
# The facts of a row that its owner has named himself.
_NAMES = ("token", "label", "provider")


def methods(records: Iterable[Mapping[str, Any]]) -> str:
    """How somebody was known, in the order in which he proved it."""
    named = (METHODS.get(record["method"], "") for record in records)
    return ", ".join(_(name) for name in dict.fromkeys(named) if name)


def sentence(row: LoginEvent) -> str:
    """One event as a sentence without its full stop."""
    text = _(EVENTS.get(row.event, _ELSE))
    why = REASONS.get(row.reason)
    detail = [_(FACTORS[row.factor])] if row.factor in FACTORS else []
    names = [fact[1] for fact in row.trace if len(fact) == 2 and fact[0] in _NAMES]
    detail += [_("“%(name)s”") % {"name": name} for name in names]
    detail += [_(why)] if why else []
    return f"{text}: {', '.join(detail)}" if detail else text


def by_officer(row: LoginEvent, username: str) -> bool:
    """Whether somebody else did it: where he was is his own affair."""
    by = next((fact[1] for fact in row.trace if len(fact) == 2 and fact[0] == "by"), "")
    at_the_command_line = not row.contract
    return at_the_command_line or bool(by and by != username)
