"""The forms that a contract's refusals have, taken from its own tables."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from django.test import RequestFactory

from accounts.login.outcome import LoginRefused, Reason
from accounts.login.sessions import Found
from accounts.login.subject import Subject
from accounts.models import Session, User
from accounts.wire.contract import Answer, Contract, Fault, Faulted
from accounts.wire.renderers import response
from tenants.policy import TenantRecord

# Media type and members of a body; no members: no body.
Shape = tuple[str, frozenset[str]]
_known: dict[int, set[Shape]] = {}


def told(face: Contract) -> Iterator[tuple[Reason | Fault, Answer]]:
    """Every refusal and fault with its answer: about somebody and about nobody."""
    tenant = TenantRecord(uuid4(), "alpha", "Alpha", True, 1, "p", "c", "h")
    subject = Subject(User(username="alice"), tenant, frozenset(), ())
    for reason in Reason:
        for about in (subject, None):
            if about is None and reason is Reason.KIND_NOT_ALLOWED:
                continue  # nobody has no kind
            yield reason, face.refuse(LoginRefused(reason, subject=about))
    for fault in Fault:
        for faulted in (Faulted(fault), Faulted(fault, "why", found=Found(Session(), subject))):
            faulted.request = RequestFactory().get("/path")
            yield fault, face.fault(faulted)


def misshapen(face: Contract, answer: Any) -> str:
    """What is wrong with the form of a refusal, or nothing.

    It has the media type and at least the members of a refusal in the contract's tables.
    """
    if answer.status_code < 400 or answer.request["REQUEST_METHOD"] == "HEAD":
        return ""
    known = _known.get(id(face.faults))
    if known is None:
        known = {_shape(response(each)) for _, each in told(face)}
        _known[id(face.faults)] = known
    media, members = _shape(answer)
    fits = any(media == known_media and least <= members for known_media, least in known)
    return "" if fits else f"{media} with {sorted(members)} is none of {known}"


def _shape(answer: Any) -> Shape:
    body = json.loads(answer.content) if answer.content else {}
    members = frozenset(body) if isinstance(body, dict) else frozenset({type(body).__name__})
    return answer.get("Content-Type", ""), members
