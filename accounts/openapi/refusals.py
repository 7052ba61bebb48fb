"""What a contract can answer besides what was asked for, read off its tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest

from accounts.login.outcome import LoginRefused, Reason
from accounts.openapi.likeness import fitting
from accounts.wire.contract import Answer, Contract, Fault, Faulted
from accounts.wire.description import Action, Description

# What the core tells with a refusal of this kind, unless the contract's description says better.
_DETAILS: Mapping[Reason | Fault, Sequence[Mapping[str, Any]]] = {
    **dict.fromkeys(
        (Reason.THROTTLED_SUBJECT, Reason.THROTTLED_ADDRESS, Reason.THROTTLED_FACTOR),
        ({"retry_after": timedelta(minutes=1)},),
    ),
    Reason.PASSWORD_REJECTED: ({"objection": "the password is too short"}, {"same": True}),
    Fault.INVALID: ({}, {"field": "field", "problem": "is missing"}),
}
_MESSAGES: Mapping[Fault, str] = {
    Fault.MALFORMED: "the body is not valid JSON",
    Fault.INVALID: "field is missing",
    Fault.TOO_LARGE: "the body is too large",
}


@dataclass(frozen=True, slots=True)
class Told:
    """One answer of a table, with what leads to it."""

    why: tuple[str, ...]
    answer: Answer


def of_action(spoken: Contract, description: Description, action: Action) -> list[Told]:
    """Every refusal of an action; those that look alike are one."""
    reasons: list[Reason | Fault] = [reason for reason in Reason if reason in action.reasons]
    due = [*reasons, *action.all_faults()]
    told = list(_told(spoken, description, due))
    told += [Told((f"other_{n}",), answer) for n, answer in enumerate(action.answers, 1)]
    return _merged(told)


def schema_of(spoken: Contract, described: Description, actions: Iterable[Action]) -> Any:
    """The schema of every refusal of one face, by media type."""
    bodies: dict[str, list[Any]] = {}
    everything: list[Reason | Fault] = [*Reason, *Fault]
    answers = [each.answer for each in _told(spoken, described, everything)]
    for answer in [*answers, *(other for action in actions for other in action.answers)]:
        if answer.body is not None:
            bodies.setdefault(answer.content_type, []).append(answer.body)
    return {media: fitting(found) for media, found in bodies.items()}


def phrase(status: int) -> str:
    """What a status means, in the words of RFC 9110."""
    return HTTPStatus(status).phrase


def _told(
    spoken: Contract, description: Description, due: Iterable[Reason | Fault]
) -> Iterator[Told]:
    for why in due:
        for detail in description.details.get(why) or _DETAILS.get(why) or ({},):
            yield Told((why.value,), _answer(spoken, why, detail))


def _answer(spoken: Contract, why: Reason | Fault, detail: Mapping[str, Any]) -> Answer:
    if isinstance(why, Reason):
        return spoken.refuse(LoginRefused(why, **detail))
    told = dict(detail)
    message = told.pop("message", _MESSAGES.get(why, ""))
    faulted = Faulted(why, message, **told)
    faulted.request = HttpRequest()
    faulted.request.method, faulted.request.path = "POST", "/path"
    return spoken.fault(faulted)


def _merged(told: Iterable[Told]) -> list[Told]:
    merged: list[Told] = []
    for each in told:
        for place, known in enumerate(merged):
            if known.answer == each.answer:
                merged[place] = Told((*known.why, *each.why), known.answer)
                break
        else:
            merged.append(each)
    return merged
