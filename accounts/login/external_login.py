"""The first factor by another system's word: a code, a signed token, a directory's password.

Everything that is asked of the provider happens before any transaction begins: one that hangs
costs its own users five seconds and nobody else anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from django.views.decorators.debug import sensitive_variables

from accounts.login import (
    directory_login,
    external,
    identify,
    sessions,
    throttle,
    workload_login,
)
from accounts.login.attempt import (
    Assertion,
    Attempt,
    ForeignToken,
    Password,
    ProviderCode,
)
from accounts.login.directory_login import Case
from accounts.login.external import Admitted, NotAdmitted
from accounts.login.first_factor import Proof
from accounts.login.identify import Candidate
from accounts.login.journey import Journey
from accounts.login.outcome import Reason
from accounts.login.subject import Subject
from tenants.federation import auth0, ldap, oauth2, oidc, outbound, providers
from tenants.federation.assertions import BadToken, read
from tenants.federation.identity import ExternalIdentity, ProviderRefused, ProviderUnavailable
from tenants.federation.ldap import Meet
from tenants.federation.oauth2 import Redeemable
from tenants.federation.provider import Provider
from tenants.federation.settings import Kind
from tenants.policy import TenantRecord
from tenants.sealing import SealBroken


@sensitive_variables("attempt")
def check(attempt: Attempt, journey: Journey) -> Proof | None:
    """The proof by another system, or None where none is concerned.

    Raises LoginRefused after the refusal was recorded.
    """
    if attempt.foreign_token is not None:
        _serving(attempt, journey)
        return workload_login.check(attempt.foreign_token, attempt, journey)
    assertion = attempt.assertion
    if assertion is None:
        case = directory_login.case(attempt, journey)
        return None if case is None else _by_directory(case, journey)
    tenant = _serving(attempt, journey)
    provider = providers.named(tenant.id, assertion.provider)
    if provider is None:
        journey.note("provider", "unknown")
        journey.refuse(Reason.EXTERNAL_UNKNOWN)
    journey.note("provider", provider.name)
    return _proof(provider, assertion, attempt, journey)


def _serving(attempt: Attempt, journey: Journey) -> TenantRecord:
    """The tenant of an attempt, noted in its journey. Raises LoginRefused if it is closed."""
    tenant = journey.tenant = identify.tenant_of(attempt)
    if tenant is None:
        journey.note("tenant", "none")
        journey.refuse(Reason.UNKNOWN_TENANT)
    journey.note("tenant", tenant.slug)
    journey.note("tenant by", identify.tenant_by(attempt))
    if not tenant.active:
        journey.refuse(Reason.TENANT_SUSPENDED)
    if not tenant.serves(journey.profile.contract):
        journey.refuse(Reason.CONTRACT_OFF)
    return tenant


def _by_directory(case: Case, journey: Journey) -> Proof:
    journey.note("directory", case.provider.name)
    assertion = Assertion(case.provider.name, case.password)
    return _proof(case.provider, assertion, case.attempt, journey, case.found)


def _proof(
    provider: Provider,
    assertion: Assertion,
    attempt: Attempt,
    journey: Journey,
    found: Candidate | None = None,
) -> Proof:
    _count(assertion, attempt, journey, found)
    try:
        identity = ask(
            provider,
            assertion,
            attempt,
            directory_login.counting(provider, attempt, journey, found),
        )
    except ProviderUnavailable as error:
        # Nobody has guessed anything.
        journey.give_back()
        _refuse(Reason.EXTERNAL_UNAVAILABLE, error, provider, attempt, journey)
    except ProviderRefused as error:
        # To a client that named no provider a directory's word is like one of our own.
        named = attempt.assertion is not None
        reason = Reason.EXTERNAL_REFUSED if named else Reason.WRONG_PASSWORD
        _refuse(reason, error, provider, attempt, journey)
    journey.note("provider said", "yes")
    try:
        admitted = external.admit(provider, identity, journey.client)
    except NotAdmitted as refused:
        journey.give_back()
        # It was proved to be his name there, and without it nobody could tell whom to help.
        journey.note("named there", identity.identifier)
        journey.refuse(refused.reason)
    journey.note("user", "created" if admitted.created else "found")
    return Proof(_subject(admitted, journey), _record(provider, identity, journey))


def _subject(admitted: Admitted, journey: Journey) -> Subject:
    """The account with all facts, if it is still what it was when its link was found."""
    user = admitted.user
    known = identify.by_id(user.pk, _tenant(journey), journey.profile, journey.client)
    if known is None:
        journey.refuse(Reason.UNKNOWN_SUBJECT)
    if known.subject.user.security_epoch != user.security_epoch:
        # The link was withdrawn a moment ago, say; it was no guess.
        journey.give_back()
        journey.refuse(Reason.EXTERNAL_UNKNOWN)
    return known.subject


def ask(
    provider: Provider, assertion: Assertion, attempt: Attempt, meet: Meet | None = None
) -> ExternalIdentity:
    """Who this is, by the provider's word, within the time that one request has.

    ``meet`` hears of a directory's entry before its password is tried. Raises
    :class:`ProviderRefused`.
    """
    try:
        with outbound.one_deadline():
            if provider.kind is Kind.LDAP:
                return _of_directory(provider, assertion, attempt, meet)
            return _JUDGES[provider.kind](provider, assertion, attempt)
    except SealBroken as error:
        raise ProviderUnavailable("the provider's secret cannot be read") from error


def _refuse(
    reason: Reason, error: ProviderRefused, provider: Provider, attempt: Attempt, journey: Journey
) -> NoReturn:
    journey.note("provider said", str(error))
    if attempt.assertion is None:
        journey.refuse(reason)
    journey.refuse(reason, said=str(error), stage=error.stage, provider=provider.title)


def _record(provider: Provider, identity: ExternalIdentity, journey: Journey) -> dict[str, Any]:
    more = {"provider": provider.name}
    if provider.kind is Kind.AUTH0:
        # Core's tokens name the subject of Auth0, whatever the account is called here.
        more["subject"] = identity.subject
    return sessions.amr(sessions.FEDERATED, journey.client.now, **more)


def _tenant(journey: Journey) -> TenantRecord:
    if journey.tenant is None:
        raise AssertionError("a provider belongs to a tenant")
    return journey.tenant


def _count(
    assertion: Assertion, attempt: Attempt, journey: Journey, found: Candidate | None
) -> None:
    """A directory's password can be guessed like one of ours; codes and tokens cannot."""
    profile, address = journey.profile, journey.client.address
    if attempt.identifier is None or not isinstance(assertion.evidence, Password):
        journey.reserve(throttle.address_buckets(profile, address))
        return
    user_id = found.subject.user.pk if found else None
    name = attempt.identifier.value
    journey.reserve(throttle.password_buckets(profile, _tenant(journey).id, name, user_id, address))


@sensitive_variables("assertion", "attempt", "password")
def _of_directory(
    provider: Provider, assertion: Assertion, attempt: Attempt, meet: Meet | None
) -> ExternalIdentity:
    if not isinstance(assertion.evidence, Password) or attempt.identifier is None:
        raise ProviderRefused("a directory takes a name and a password")
    name, password = attempt.identifier.value, assertion.evidence.value
    return ldap.authenticate(provider, name, password, *([meet] if meet else []))


def _redeemable(assertion: Assertion) -> Redeemable:
    code = assertion.evidence
    if not isinstance(code, ProviderCode):
        raise ProviderRefused("the provider takes a code", "token")
    return Redeemable(code.code, code.redirect_uri, code.verifier, code.nonce)


def _of_oauth2(provider: Provider, assertion: Assertion, attempt: Attempt) -> ExternalIdentity:
    return oauth2.authenticate(provider, _redeemable(assertion))


def _of_oidc(provider: Provider, assertion: Assertion, attempt: Attempt) -> ExternalIdentity:
    return oidc.authenticate(provider, _redeemable(assertion), attempt.client.now)


def _of_auth0(provider: Provider, assertion: Assertion, attempt: Attempt) -> ExternalIdentity:
    if not isinstance(assertion.evidence, ForeignToken):
        raise ProviderRefused("the provider takes a token")
    token = assertion.evidence.token
    try:
        return auth0.authenticate(provider, token, read(token), attempt.client.now)
    except BadToken as error:
        raise ProviderRefused(str(error)) from error


_JUDGES: Mapping[Kind, Callable[[Provider, Assertion, Attempt], ExternalIdentity]] = {
    Kind.OAUTH2: _of_oauth2,
    Kind.OIDC: _of_oidc,
    Kind.AUTH0: _of_auth0,
}
