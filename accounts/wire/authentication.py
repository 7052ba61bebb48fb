"""Who presents this token: from a header to a live session, or the fault that says why not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from accounts.login import sessions
from accounts.login.outcome import LoginRefused, Reason
from accounts.login.profile import LoginProfile
from accounts.login.sessions import Found
from accounts.tokens.jwt import TokenMalformed, Verified, read, read_without_kid
from accounts.wire.call import Call
from accounts.wire.contract import Fault, Faulted

_FAULT_OF: Mapping[Reason, Fault] = {
    Reason.DISABLED: Fault.SUBJECT_DISABLED,
    Reason.SESSION_ENDED: Fault.ENDED,
    Reason.SESSION_EXPIRED: Fault.EXPIRED_TOKEN,
}


def bearer(call: Call) -> str | None:
    """The token of an ``Authorization: Bearer`` header (RFC 6750: the scheme in any case)."""
    scheme, _, token = call.header("Authorization").strip().partition(" ")
    token = token.strip()
    return token if scheme.lower() == "bearer" and token and " " not in token else None


def verified(call: Call, token: str) -> Verified:
    """A token whose signature and ``kid`` are this contract's, at the tenant addressed.

    Runs no statement. Raises Faulted(BAD_TOKEN); the time and kind are left to the caller.
    """
    try:
        return _at_home(call, read(token, call.contract, call.now))
    except TokenMalformed as error:
        raise Faulted(Fault.BAD_TOKEN, str(error)) from error


def verified_without_kid(call: Call, token: str, purpose: str) -> Verified:
    """The same for tokens that carry no ``kid``; see accounts.tokens.handles."""
    try:
        return _at_home(call, read_without_kid(token, purpose, call.now))
    except TokenMalformed as error:
        raise Faulted(Fault.BAD_TOKEN, str(error)) from error


def _at_home(call: Call, token: Verified) -> Verified:
    if call.addressed is not None and call.addressed.id != token.tenant_id:
        raise Faulted(Fault.BAD_TOKEN, "another tenant's token")
    return token


def session(call: Call, token: Verified, profile: LoginProfile, **lookup: Any) -> Found:
    """The live session that a verified token points to with ``lookup``, in one statement.

    Raises Faulted: BAD_TOKEN, ENDED, EXPIRED_TOKEN, SUBJECT_DISABLED.
    """
    found = sessions.find(profile, tenant_id=token.tenant_id, **lookup)
    if found is None:
        raise Faulted(Fault.BAD_TOKEN, "no such session")
    reason = sessions.judge(found, call.now, call.addressed)
    if reason is not None:
        raise Faulted(_FAULT_OF.get(reason, Fault.BAD_TOKEN), reason, found=found)
    return found


@contextmanager
def ends_meanwhile() -> Iterator[None]:
    """A session that ends during the call is told of like one that had ended before it.

    Raises Faulted(ENDED).
    """
    try:
        yield
    except LoginRefused as refused:
        if refused.reason is not Reason.SESSION_ENDED:
            raise
        raise Faulted(Fault.ENDED, refused.reason) from refused
