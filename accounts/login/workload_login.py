"""The first factor of a workload: a token of the issuer that its account trusts."""

from __future__ import annotations

from django.views.decorators.debug import sensitive_variables

from accounts.login import identify, sessions, throttle
from accounts.login.attempt import Attempt, ForeignToken
from accounts.login.first_factor import Proof
from accounts.login.journey import Journey
from accounts.login.outcome import Reason
from accounts.login.workload_trust import trust_of
from accounts.models import User
from tenants.federation import outbound, workload
from tenants.federation.identity import ProviderRefused, ProviderUnavailable
from tenants.federation.workload import Trust

_NO_TRUST = "no trusted issuer is configured"


@sensitive_variables("token", "attempt")
def check(token: ForeignToken, attempt: Attempt, journey: Journey) -> Proof:
    """The proof by a workload's token, at the journey's tenant.

    Raises LoginRefused after the refusal was recorded.
    """
    journey.reserve(throttle.address_buckets(journey.profile, journey.client.address))
    tenant, identifier = journey.tenant, attempt.identifier
    if tenant is None or identifier is None:
        journey.refuse(Reason.NOTHING_PRESENTED)
    found = identify.candidate(identifier, tenant, journey.profile, journey.client)
    if found is None:
        journey.refuse(Reason.UNKNOWN_SUBJECT)
    journey.subject, user = found.subject, found.subject.user
    if user.kind != User.Kind.WORKLOAD:
        journey.refuse(Reason.KIND_NOT_ALLOWED)
    if not user.is_active:
        # Before its issuer is asked, as the product has it.
        journey.refuse(Reason.DISABLED)
    trust = trust_of(user)
    if trust is None:
        journey.refuse(Reason.EXTERNAL_REFUSED, said=_NO_TRUST)
    journey.note("issuer", trust.issuer)
    try:
        with outbound.one_deadline():
            known = Trust(trust.issuer, trust.audiences, trust.subject)
            workload.authenticate(known, token.token, journey.client.now)
    except ProviderRefused as error:
        journey.note("issuer said", str(error))
        away = isinstance(error, ProviderUnavailable)
        if away:
            journey.give_back()
        reason = Reason.EXTERNAL_UNAVAILABLE if away else Reason.EXTERNAL_REFUSED
        journey.refuse(reason, said=str(error), stage=error.stage)
    record = sessions.amr(sessions.FEDERATED, journey.client.now, issuer=trust.issuer)
    return Proof(found.subject, record)
