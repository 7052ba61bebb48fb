"""The end of the contract is announced at the address of all tenants, to who belongs to one."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tenants import resolve
from tests.contracts.oloid.calls import Pool
from tests.fixtures import Cast

LEAVING = {"deprecated": "2026-01-31", "sunset": "2031-05-06"}
SUNSET = "Tue, 06 May 2031 00:00:00 GMT"


@pytest.fixture
def pool(client: Client, cast: Cast) -> Pool:
    """The pool of a tenant that leaves the contract behind, called at the bare address."""
    cast.beta.contracts = {"oloid": LEAVING}
    cast.beta.save()
    resolve.invalidate()
    return Pool(client, cast.beta)


def announced(answer: Any) -> list[str | None]:
    return [answer.get("Deprecation"), answer.get("Sunset")]


def test_operations_announce_it_for_their_client_or_token(pool: Pool, cast: Cast) -> None:
    tokens = pool.log_in(cast.alice_of_beta)
    answers = [
        pool.by_password("alice", cast.alice_of_beta.password),
        pool.by_password("alice", "wrong"),
        pool.refresh(tokens["RefreshToken"]),
        pool.get_user(tokens["AccessToken"]),
        pool.call("RevokeToken", {"Token": "x", "ClientId": cast.beta.client_id}),
        pool.client.get(f"/{cast.beta.pool_id}/.well-known/jwks.json"),
        pool.client.get(f"/{cast.beta.pool_id}/.well-known/openid-configuration"),
    ]
    assert [announced(answer) for answer in answers] == [["@1769817600", SUNSET]] * len(answers)


def test_nobody_else_is_told_of_it(client: Client, pool: Pool, cast: Cast) -> None:
    alpha = Pool(client, cast.alpha)
    tokens = alpha.log_in(cast.alice)
    bodies: list[Any] = ["[]", {}, {"AccessToken": 7}, {"AccessToken": "x"}, {"ClientId": {}}]
    answers = [
        alpha.refresh(tokens["RefreshToken"]),
        alpha.get_user(tokens["AccessToken"]),
        client.get(f"/{cast.alpha.pool_id}/.well-known/jwks.json"),
        *(alpha.call("GetUser", body) for body in bodies),
        alpha.call("InitiateAuth", {"ClientId": "nobody"}),
    ]
    assert [announced(answer) for answer in answers] == [[None, None]] * len(answers)
