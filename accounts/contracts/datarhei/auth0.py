"""Auth0's place in this contract: in the list of ways to log in, and in the rules of the login.

Core goes on to the ``Authorization`` header where the body of a login holds no credentials.
"""

from __future__ import annotations

from dataclasses import dataclass

from accounts.login.attempt import Assertion, Attempt, ForeignToken
from accounts.models import Session
from accounts.wire.authentication import bearer
from accounts.wire.call import Call
from accounts.wire.contract import Fault, Faulted
from tenants.federation import auth0, providers
from tenants.federation.assertions import BadToken, read
from tenants.federation.settings import Kind
from tenants.policy import TenantRecord


@dataclass(frozen=True, slots=True)
class Auth0Tenant:
    """An Auth0 tenant whose access tokens log in."""

    domain: str
    audience: str
    client_id: str

    def element(self) -> str:
        """How the about page lists it. Clients take it apart at blanks, then at ``=``.

        Raises ValueError for a value that is empty or would not survive that.
        """
        values = (self.domain, self.audience, self.client_id)
        if any(not value or not value.isprintable() or {*" ="} & {*value} for value in values):
            raise ValueError("a value is empty or holds a separator")
        domain, audience, client_id = values
        return f"auth0 domain={domain} audience={audience} clientid={client_id}"


def offered(tenant: TenantRecord | None) -> tuple[Auth0Tenant, ...]:
    """The Auth0 tenants that a tenant trusts."""
    trusted = providers.of_tenant(tenant.id, Kind.AUTH0) if tenant else ()
    settings = [each.auth0 for each in trusted]
    return tuple(Auth0Tenant(each.domain, each.audience, each.client_id) for each in settings)


def subject_of(live: Session) -> str | None:
    """Auth0's subject, where a session was opened by its word.

    Raises Faulted(SUBJECT_GONE) once the provider lists him no more: the list says who may come in,
    and a refresh token would outlive his place on it by a day.
    """
    record = next((each for each in live.amr if "subject" in each), None)
    if record is None:
        return None
    subject: str = record["subject"]
    trusted = providers.of_tenant(live.tenant_id, Kind.AUTH0)
    if not any(p.name == record["provider"] and subject in p.auth0.users for p in trusted):
        raise Faulted(Fault.SUBJECT_GONE, "Auth0's subject is listed no more")
    return subject


def attempt(call: Call) -> Attempt:
    """The login that the header asks for. Raises Faulted(INVALID) where it asks for none.

    That is Core's answer to a missing token, to one that is no JWT, and to one whose ``iss`` is
    none of the Auth0 tenants offered; what is wrong with a token of theirs is a wrong password.
    """
    token, tenant = bearer(call), call.tenant
    if token is None or tenant is None:
        raise Faulted(Fault.INVALID, "no token either")
    try:
        claimed = read(token)
    except BadToken as error:
        raise Faulted(Fault.INVALID, "a token that is no JWT") from error
    provider = auth0.of_issuer(providers.of_tenant(tenant.id, Kind.AUTH0), claimed)
    if provider is None:
        raise Faulted(Fault.INVALID, "a token of no trusted issuer")
    assertion = Assertion(provider.name, ForeignToken(token))
    return Attempt((assertion,), call.hint, call.client())
