"""Public keys as JSON Web Key Sets (RFC 7517): one per tenant, one per Cognito pool."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.tokens.keys import ring


def key_set(
    tenant_id: UUID, now: datetime, *, of: Callable[[str], bool] = lambda _purpose: True
) -> dict[str, Any]:
    """The tenant's public keys whose purpose fits; symmetric ones are never listed."""
    return {
        "keys": [
            {"alg": key.row.algorithm, "kid": key.row.kid, "use": "sig", **key.row.public_jwk}
            for key in ring().published(tenant_id, now)
            if key.row.public_jwk and of(key.row.purpose)
        ]
    }
