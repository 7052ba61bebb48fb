"""Why a login ended as it did: the recorded steps in plain words, and what its client was told."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from accounts.audit import Event
from accounts.login.outcome import LoginRefused, Reason
from accounts.login.subject import Subject
from accounts.models import LoginEvent, User
from accounts.web.profile import CONSOLE, SLUG
from accounts.web.wording import REFUSALS
from accounts.wire.contract import Answer, Contract
from accounts.wire.registry import contracts
from tenants.resolve import directory

_log = logging.getLogger("dragoman.console")

# What the sentences call the reasons; see docs/glossary.md.
REASONS: Mapping[str, str] = {
    Reason.NOTHING_PRESENTED: "Nothing to log in with was presented.",
    Reason.UNKNOWN_TENANT: "The tenant is not known.",
    Reason.UNKNOWN_SUBJECT: "No account has this name.",
    Reason.NO_PASSWORD: "The account has no password.",
    Reason.WRONG_PASSWORD: "The password was wrong.",
    Reason.TENANT_SUSPENDED: "The tenant is suspended.",
    Reason.DISABLED: "The account is disabled.",
    Reason.CONTRACT_OFF: "The tenant does not serve this contract.",
    Reason.KIND_NOT_ALLOWED: "No account of this kind logs in here, or a setting bars it.",
    Reason.EXTERNAL_REFUSED: "The identity provider refused.",
    Reason.EXTERNAL_UNAVAILABLE: "The identity provider gave no usable answer.",
    Reason.EXTERNAL_UNKNOWN: "The identity provider's word opens no account here.",
    Reason.EXTERNAL_CONFLICT: "The name or address at the provider belongs to another account.",
    Reason.EXTERNAL_UNVERIFIED: "The provider does not vouch for the address.",
    Reason.THROTTLED_SUBJECT: "Too many failures for this name: it is locked for a while.",
    Reason.THROTTLED_ADDRESS: "Too many failures from this address: it is locked for a while.",
    Reason.THROTTLED_FACTOR: "Too many wrong codes: the second factor is locked for a while.",
    Reason.OVERLOADED: "The server was too busy to check a password.",
    Reason.FACTOR_UNSUPPORTED: "The contract has no way to ask for the account's second factor.",
    Reason.FACTOR_MISSING: "The step came without what it asks for.",
    Reason.WRONG_CODE: "The code was wrong.",
    Reason.SPENT_CODE: "The code had been used before.",
    Reason.WRONG_RECOVERY_CODE: "The recovery code was wrong or used.",
    Reason.CHALLENGE_UNKNOWN: "The token of the unfinished login is not known.",
    Reason.CHALLENGE_FOREIGN: "The unfinished login belongs to another client, name or place.",
    Reason.CHALLENGE_EXPIRED: "The unfinished login took too long, or the account was changed.",
    Reason.CHALLENGE_SPENT: "The unfinished login is over, or had too many tries.",
    Reason.PASSWORD_REJECTED: "The new password breaks a rule.",
    Reason.MUST_CHANGE_PASSWORD: "A new password is due, and this contract cannot ask for one.",
    Reason.MUST_BIND_FACTOR: "A second factor must be set up, and this contract cannot do it.",
    Reason.GRANT_UNKNOWN: "The token is not known.",
    Reason.GRANT_EXPIRED: "The token has run out.",
    Reason.GRANT_REPLAYED: "The token had been used before: its session was ended.",
    Reason.SESSION_EXPIRED: "The session has run out.",
    Reason.SESSION_ENDED: "The session was ended.",
}

_TENANT_BY: Mapping[str, str] = {
    "name": "The request named the tenant.",
    "path": "The address names the tenant by its prefix.",
    "host": "The host name is the tenant's.",
    "e-mail domain": "The domain of the e-mail address is the tenant's.",
    "default": "Nothing named a tenant, so it is the default one.",
}
_THROTTLE: Mapping[str, str] = {"free": "No counter of failures was full.", **REASONS}
_OUTCOME: Mapping[str, str] = {
    "accepted": "The login succeeded: a session was opened.",
    "challenge": "So far right: the client was asked for the next step.",
    **REASONS,
}
_FACTORS = {
    "otp": "a code of the authenticator app",
    "recovery_code": "a recovery code",
    "passkey": "a passkey",
    "email": "a code by mail",
    "new_password": "a new password",
    "bind_factor": "the set-up of a second factor",
    "second_factor": "the second factor",
    "select_factor": "the choice of a second factor",
}


def _known(table: Mapping[str, str]) -> Callable[[str], str]:
    return lambda value: table.get(value, "")


def _tenant(value: str) -> str:
    if value == "none":
        return "What the request names is no tenant here."
    known = directory().by_slug.get(value)
    return f"The login is for the tenant “{known.name}”." if known else ""


def _due(value: str) -> str:
    return f"Due now: {' or '.join(_FACTORS.get(each, each) for each in value.split(', '))}."


_STEPS: Mapping[str, Callable[[str], str]] = {
    "tenant": _tenant,
    "tenant by": _known(_TENANT_BY),
    "user": _known(
        {
            "found": "The name belongs to an account.",
            "not found": "The name belongs to no account of the tenant.",
            "created": "The account was made by this login.",
        }
    ),
    "throttle": _known(_THROTTLE),
    "session": _known({"open": "It was asked inside of an open session."}),
    "password": _known(
        {
            "right": "The password was right.",
            "wrong": "The password was wrong.",
            "nobody to compare with": "There was no account to compare with; it took as long.",
        }
    ),
    "service secret": _known({"right": "A service credential or app password was right."}),
    "second factor": _known({"right": "The code was right.", "wrong": "The code was wrong."}),
    "passkey": _known({"right": "The passkey's signature was right."}),
    "challenge": lambda value: (
        "The token of the unfinished login is not known."
        if value == "unknown"
        else f"An unfinished login goes on, at {_FACTORS.get(value, value)}."
    ),
    "due": _due,
    "bar": lambda _: "A setting of the contract bars this account.",
    "provider": lambda value: (
        "The tenant has no such provider."
        if value == "unknown"
        else f"Who it is was asked of the provider “{value}”."
    ),
    "directory": lambda value: f"The password was asked of the directory “{value}”.",
    "provider said": _known({"yes": "The provider vouched for the user."}),
    "named there": lambda value: f"There the user is called “{value}”.",
    "outcome": _known(_OUTCOME),
}
# What is said of acts, whose facts may have the same names.
_FACTS: Mapping[str, Callable[[str], str]] = {
    "by": lambda value: f"Done by {value}.",
    "changed": lambda _: "The names of what was changed.",
    "reason": lambda _: "The reason that was given.",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One recorded step; ``words`` is empty where there are none for it."""

    name: str
    value: str
    words: str


def steps(event: LoginEvent) -> list[Step]:
    """The decision in its order. Steps that nobody here knows are shown as they are."""
    table = _STEPS if event.event in {*_REFUSED, *_NO_REFUSAL} else _FACTS
    found = []
    for pair in event.trace if isinstance(event.trace, list) else ():
        if isinstance(pair, list | tuple) and len(pair) == 2:
            name, value = map(str, pair)
            found.append(Step(name, value, table[name](value) if name in table else ""))
    return found


@dataclass(frozen=True, slots=True)
class Told:
    """What the client was told: in words, and the answer itself where it follows from the row."""

    words: str
    status: int | None = None
    body: str = ""


_REFUSED = frozenset({Event.LOGIN_REFUSED, Event.GRANT_REFUSED, Event.GRANT_REPLAYED})
_NO_REFUSAL: Mapping[str, Told] = {
    Event.LOGIN_ACCEPTED: Told("The contract's answer to a login, with its tokens."),
    Event.LOGIN_CHALLENGED: Told(
        "The contract's question for the next step; no token that opens anything."
    ),
}


def told(event: LoginEvent) -> Told | None:
    """The client's side of a verdict; None where the row is about something else."""
    if event.event not in _REFUSED or event.reason not in set(Reason):
        return _NO_REFUSAL.get(event.event)
    reason = Reason(event.reason)
    if event.contract in {SLUG, CONSOLE}:
        page = REFUSALS[reason]
        return Told("A page with this sentence.", page.status, page.text)
    spoken = contracts().get(event.contract)
    return _refusal(spoken, reason, event) if spoken is not None else None


def _refusal(spoken: Contract, reason: Reason, event: LoginEvent) -> Told:
    try:
        answer = spoken.refuse(LoginRefused(reason, subject=_subject(event), **_details(event)))
    except Exception:  # noqa: BLE001  # the table needs more than a row holds
        _log.info("no answer can be shown", extra={"contract": spoken.slug, "reason": reason})
        return Told(f"{spoken.title}'s refusal; its words depend on the request.")
    return Told(f"{spoken.title}'s answer to this reason.", answer.status, _text(answer))


def _subject(event: LoginEvent) -> Subject | None:
    """The account with what the tables ask of it: its kind. Never its names."""
    tenant = directory().by_id.get(event.tenant_id) if isinstance(event.tenant_id, UUID) else None
    user = event.user if event.user_id else None
    if tenant is None or user is None:
        return None
    return Subject(User(pk=user.pk, kind=user.kind, state=user.state), tenant, frozenset(), ())


def _details(event: LoginEvent) -> dict[str, Any]:
    facts = {step.name: step.value for step in steps(event)}
    # What a bar quotes is the account's own.
    bar = {"bar": re.sub('"[^"]*"', '"…"', facts["bar"])} if "bar" in facts else {}
    return {"said": "…", **bar}


def _text(answer: Answer) -> str:
    if isinstance(answer.body, bytes):
        return answer.body.decode("utf-8", "replace")
    return "" if answer.body is None else json.dumps(answer.body, ensure_ascii=False, indent=2)
