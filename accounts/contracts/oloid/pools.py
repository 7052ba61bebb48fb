"""A user pool's public addresses: the keys of its tokens, and where they are."""

from __future__ import annotations

from accounts.contracts.oloid.tokens import ACCESS, ID, SLUG, issuer
from accounts.tokens.jwks import key_set
from accounts.wire.call import Call, base_url
from accounts.wire.contract import Answer, Fault, Faulted
from accounts.wire.key_sets import CACHE
from accounts.wire.views import ContractView
from tenants.policy import TenantRecord
from tenants.resolve import directory

_CACHED = {"Cache-Control": CACHE}
_PURPOSES = frozenset({ID.purpose, ACCESS.purpose})


def _pool(call: Call, pool_id: str) -> TenantRecord:
    """The tenant whose pool this is. Raises Faulted(NOT_FOUND), elsewhere than at home too."""
    tenant = directory().by_pool.get(pool_id)
    if tenant is None or not tenant.serves(SLUG):
        raise Faulted(Fault.NOT_FOUND, "no such pool")
    if call.addressed is not None and call.addressed.id != tenant.id:
        raise Faulted(Fault.NOT_FOUND, "another tenant's pool")
    return tenant


class KeySet(ContractView):
    """``GET /{poolId}/.well-known/jwks.json``: no statement is run, the keys are in memory."""

    slug = SLUG
    names_tenant = True

    def get(self, call: Call, pool_id: str) -> Answer:
        """The keys of ID and access tokens; the next and the retired ones too."""
        tenant = self.tenant = _pool(call, pool_id)
        found = key_set(tenant.id, call.now, of=_PURPOSES.__contains__)
        keys = [dict(sorted(key.items())) for key in found["keys"]]
        return Answer(200, {"keys": keys}, _CACHED)


class Discovery(ContractView):
    """``GET /{poolId}/.well-known/openid-configuration``: what a verifier of tokens needs."""

    slug = SLUG
    names_tenant = True

    def get(self, call: Call, pool_id: str) -> Answer:
        """The issuer and its keys; ``jwks_uri`` is this server even under another issuer."""
        tenant = self.tenant = _pool(call, pool_id)
        keys = f"{base_url(call.request)}/{tenant.pool_id}/.well-known/jwks.json"
        document = {
            "issuer": issuer(tenant),
            "jwks_uri": keys,
            "id_token_signing_alg_values_supported": [ID.algorithm.value],
        }
        return Answer(200, document, _CACHED)
