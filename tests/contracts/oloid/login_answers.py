"""Who calls ``/Login``, and the whole answers that are due."""

from __future__ import annotations

from typing import Any

from tenants import resolve
from tenants.models import Tenant, TenantPolicy
from tests.contracts.oloid.calls import SESSION, TOKENS, UUID, credentials
from tests.fixtures import Cast, Persona

DENIED = {"status": "401", "message": "Incorrect username or password."}
METADATA = {"httpStatusCode": 200, "requestId": UUID, "attempts": 1, "totalRetryDelay": 0}


def whole(who: Persona, tenant: Tenant) -> dict[str, Any]:
    return {
        "cognitoToken": {
            "$metadata": METADATA,
            "ChallengeParameters": {},
            "AuthenticationResult": TOKENS,
        },
        "user": {
            "OloID": who.user.pk.hex,
            "TenantID": tenant.hex_id,
            "TenantName": tenant.name,
        },
    }


def challenge(name: str, **parameters: str) -> dict[str, Any]:
    return {
        "cognitoToken": {
            "$metadata": METADATA,
            "ChallengeName": name,
            "Session": SESSION,
            "ChallengeParameters": parameters,
        }
    }


def as_machine(cast: Cast, **changes: Any) -> dict[str, Any]:
    who = cast.svc
    asked = {"UserName": who.client_id, "Password": who.client_secret, **changes}
    return credentials(who, cast.alpha, **asked)


def demand_second_factors(tenant: Tenant) -> None:
    TenantPolicy.objects.create(tenant=tenant, second_factor="required")
    resolve.invalidate()


def configure(tenant: Tenant, **settings: Any) -> None:
    tenant.contracts = {"oloid": settings}
    tenant.save()
    resolve.invalidate()
