"""Token exchange for workload identities, and the trust that such an account has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from accounts.contracts.bytebase.protojson import Message, quoted, text
from accounts.contracts.bytebase.tokens import EXCHANGE, presented
from accounts.contracts.bytebase.wording import (
    PROVIDERS,
    Code,
    invalid,
    objection,
    status,
    unauthenticated,
)
from accounts.login.attempt import Attempt, ForeignToken, Identifier, NameForm
from accounts.login.outcome import Authenticated, LoginRefused, Reason
from accounts.login.pipeline import authenticate
from accounts.login.workload_trust import Untrustworthy, WorkloadTrust
from accounts.wire.call import Call
from accounts.wire.contract import Answer
from tenants.names import fold

DOMAIN = "@workload.bytebase.com"


class ExchangeTokenRequest(Message):
    """The body of the exchange call."""

    token = text()
    email = text()


def exchange_token(call: Call, message: dict[str, Any]) -> Answer:
    """A workload's own token for one of ours: the first check that fails answers.

    ``message`` has the fields of :class:`ExchangeTokenRequest`. Raises Faulted(NO_TOKEN) for an
    ``Authorization`` header in another form.
    """
    presented(call)
    token, email = message["token"], message["email"]
    if not token:
        return invalid("token is required")
    if not email:
        return invalid("email is required")
    if not fold(email).endswith(DOMAIN):
        return invalid(f"email must end with {DOMAIN}")
    identifier = Identifier(NameForm.EMAIL, email)
    attempt = Attempt((ForeignToken(token),), call.hint, call.client(), identifier)
    try:
        outcome = authenticate(attempt, EXCHANGE)
    except LoginRefused as refused:
        if refused.reason not in _OBJECTIONS:
            raise
        return _OBJECTIONS[refused.reason](refused, email)
    if not isinstance(outcome, Authenticated):  # pragma: no cover  # a workload has no factors
        raise LoginRefused(Reason.FACTOR_UNSUPPORTED)
    return Answer(200, {"accessToken": outcome.tokens.access})


def _unknown(_refused: LoginRefused, email: str) -> Answer:
    return status(Code.NOT_FOUND, f"workload identity {quoted(email)} not found")


def _another_kind(_refused: LoginRefused, email: str) -> Answer:
    return invalid(f"email {quoted(email)} is not a workload identity")


def _deactivated(_refused: LoginRefused, _email: str) -> Answer:
    return status(Code.PERMISSION_DENIED, "workload identity has been deactivated")


def _failed(refused: LoginRefused, _email: str) -> Answer:
    return unauthenticated(f"token validation failed: {refused.detail['said']}")


# What the exchange says in words of its own; the rest reads as at a login.
_OBJECTIONS: Mapping[Reason, Callable[[LoginRefused, str], Answer]] = {
    Reason.UNKNOWN_TENANT: _unknown,
    Reason.CONTRACT_OFF: _unknown,
    Reason.UNKNOWN_SUBJECT: _unknown,
    Reason.KIND_NOT_ALLOWED: _another_kind,
    Reason.DISABLED: _deactivated,
    Reason.EXTERNAL_REFUSED: _failed,
    Reason.EXTERNAL_UNAVAILABLE: _failed,
}


def trust_in(config: Mapping[str, Any]) -> WorkloadTrust:
    """The trust that a ``WorkloadIdentityConfig`` describes. Raises Faulted(INVALID)."""
    trust = WorkloadTrust(
        issuer=config.get("issuer_url", ""),
        audiences=tuple(config.get("allowed_audiences", ())),
        subject=config.get("subject_pattern", ""),
        provider=_provider(config.get("provider_type", 0)),
    )
    try:
        trust.check()
    except Untrustworthy as error:
        raise objection(f"invalid workload identity config: {error}") from None
    return trust


def _provider(given: str | int) -> str:
    name = dict(enumerate(PROVIDERS)).get(given, "") if isinstance(given, int) else given
    return "" if name == PROVIDERS[0] else name
