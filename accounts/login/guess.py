"""A proof that is asked for inside of an open session, counted and recorded like one at a login."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from accounts import audit
from accounts.audit import Event
from accounts.client import ClientContext
from accounts.login import throttle
from accounts.login.outcome import Factor, LoginRefused, Reason
from accounts.login.sessions import Found
from accounts.login.throttle import Bucket
from tenants.hashing import Overloaded


@dataclass(slots=True)
class Guess:
    """What was presented; wrong until somebody says otherwise."""

    right: bool = False


@contextmanager
def counted(
    found: Found,
    client: ClientContext,
    buckets: Sequence[Bucket],
    wrong: Reason,
    factor: Factor | str = "",
) -> Iterator[Guess]:
    """Judge a guess in the block: one that is not called right counts, recorded as ``wrong``.

    Raises LoginRefused where too many were wrong, recorded, and what the block raises; of that
    tenants.hashing.Overloaded means that nothing was judged, so nothing counts.
    """
    reserved = throttle.reserve(buckets, client.now)
    if reserved.refusal is not None:
        _record(found, client, reserved.refusal, factor, ("throttle", reserved.refusal))
        raise LoginRefused(
            reserved.refusal, subject=found.subject, retry_after=reserved.retry_after
        )
    guess = Guess()
    try:
        yield guess
    except Overloaded:
        throttle.refund_now(reserved)
        raise
    if guess.right:
        throttle.refund_now(reserved)
        return
    judged = "second factor" if factor else "password"
    _record(found, client, wrong, factor, ("throttle", "free"), (judged, "wrong"))


def _record(
    found: Found,
    client: ClientContext,
    reason: Reason,
    factor: Factor | str,
    *steps: tuple[str, str],
) -> None:
    audit.row(
        Event.LOGIN_REFUSED,
        client,
        tenant_id=found.subject.tenant.id,
        user_id=found.subject.user.pk,
        session_id=found.session.pk,
        reason=reason,
        factor=factor,
        trace=[("session", "open"), *steps, ("outcome", reason)],
    ).save(force_insert=True)
