"""A pool's key set and discovery document."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.contracts.oloid.tokens import ACCESS
from accounts.tokens import keys
from tenants import resolve
from tests.contracts.oloid.calls import Like, Statements, alpha, body_of, parts
from tests.fixtures import Cast

KEY = {
    "alg": "RS256",
    "e": "AQAB",
    "kid": Like(r"[A-Za-z0-9+/]{43}="),
    "kty": "RSA",
    "n": Like(r"[\w-]{342}"),
    "use": "sig",
}
NOT_FOUND = {"status": "404", "message": "Not Found"}


def jwks(client: Client, pool_id: str, prefix: str = "/", **headers: str) -> Any:
    return client.get(f"{prefix}{pool_id}/.well-known/jwks.json", headers=headers)


@pytest.mark.parametrize("prefix", ["/", "/t/alpha/"])
def test_a_pool_publishes_two_keys_that_may_be_cached(
    client: Client, cast: Cast, prefix: str
) -> None:
    answer = jwks(client, cast.alpha.pool_id, prefix)
    assert (answer.status_code, answer.json()) == (200, {"keys": [KEY, KEY]})
    assert answer["Content-Type"] == "application/json"
    assert answer["Cache-Control"] == "public, max-age=300"
    assert answer["Access-Control-Allow-Origin"] == "*"
    first, second = answer.json()["keys"]
    assert list(first) == ["alg", "e", "kid", "kty", "n", "use"]
    assert first["n"] != second["n"]
    assert len(base64.urlsafe_b64decode(first["n"] + "==")) == 256


def test_the_key_set_costs_no_statement(client: Client, cast: Cast) -> None:
    jwks(client, cast.alpha.pool_id)
    with Statements() as statements:
        assert jwks(client, cast.alpha.pool_id).status_code == 200
    assert statements.count == 0


def test_pools_share_no_key(client: Client, cast: Cast) -> None:
    ours, theirs = (
        {key["kid"] for key in jwks(client, tenant.pool_id).json()["keys"]}
        for tenant in (cast.alpha, cast.beta)
    )
    assert not ours & theirs


def test_a_rotated_key_is_published_before_it_signs_and_stays_after(
    client: Client, cast: Cast
) -> None:
    pool = alpha(client, cast)
    before = pool.log_in(cast.alice)["AccessToken"]
    fresh = keys.rotate(cast.alpha.pk, ACCESS, timezone.now(), lead=timedelta(days=1))
    published = [key["kid"] for key in jwks(client, cast.alpha.pool_id).json()["keys"]]
    assert len(published) == 3
    assert fresh.kid in published
    assert parts(pool.log_in(cast.alice)["AccessToken"])[0]["kid"] != fresh.kid
    assert body_of(pool.get_user(before))["Username"] == "alice"


def test_discovery_leads_to_the_keys(client: Client, cast: Cast) -> None:
    answer = client.get(f"/{cast.alpha.pool_id}/.well-known/openid-configuration")
    base = f"http://testserver/{cast.alpha.pool_id}"
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "issuer": base,
            "jwks_uri": f"{base}/.well-known/jwks.json",
            "id_token_signing_alg_values_supported": ["RS256"],
        },
    )
    assert answer["Cache-Control"] == "public, max-age=300"
    assert client.get(answer.json()["jwks_uri"]).status_code == 200


@pytest.mark.parametrize("document", ["jwks.json", "openid-configuration"])
@pytest.mark.parametrize("pool_id", ["us-east-1_000000000", "eu-west-1_abc", "a_b"])
def test_an_unknown_pool_is_not_found(
    client: Client, cast: Cast, pool_id: str, document: str
) -> None:
    answer = client.get(f"/{pool_id}/.well-known/{document}")
    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)


def test_a_pool_is_found_at_home_only(client: Client, cast: Cast) -> None:
    answer = jwks(client, cast.beta.pool_id, "/t/alpha/")
    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)
    assert jwks(client, cast.alpha.pool_id, host="beta.example.com").status_code == 404
    assert jwks(client, cast.beta.pool_id, host="beta.example.com").status_code == 200


def test_a_tenant_that_switched_the_contract_off_has_no_pool(client: Client, cast: Cast) -> None:
    cast.beta.contracts = {"oloid": {"enabled": False}}
    cast.beta.save()
    resolve.invalidate()
    assert jwks(client, cast.beta.pool_id).status_code == 404
    assert jwks(client, cast.alpha.pool_id).status_code == 200


def test_paths_inside_a_pool_are_not_found_in_json(client: Client, cast: Cast) -> None:
    for path in ("", "/", "/.well-known", "/.well-known/jwks.json/", "/.well-known/jwks.json%0A"):
        answer = client.get(f"/{cast.alpha.pool_id}{path}")
        assert (answer.status_code, answer.json()) == (404, NOT_FOUND), path


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_other_methods_are_refused(client: Client, cast: Cast, method: str) -> None:
    answer = getattr(client, method)(f"/{cast.alpha.pool_id}/.well-known/jwks.json")
    assert (answer.status_code, answer.json()) == (
        405,
        {"status": "405", "message": "Method Not Allowed"},
    )


def test_a_head_request_is_answered(client: Client, cast: Cast) -> None:
    answer = client.head(f"/{cast.alpha.pool_id}/.well-known/jwks.json")
    assert (answer.status_code, answer.content) == (200, b"")


def test_the_tenants_own_key_set_is_another_path(client: Client, cast: Cast) -> None:
    kids = {key["kid"] for key in client.get("/.well-known/jwks.json").json()["keys"]}
    ours = {key["kid"] for key in jwks(client, cast.alpha.pool_id).json()["keys"]}
    assert ours < kids
