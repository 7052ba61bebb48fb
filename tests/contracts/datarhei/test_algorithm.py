"""A tenant that chooses ES256: services verify its tokens with public keys."""

from __future__ import annotations

import json
from typing import Any

import jwt as pyjwt
import pytest
from django.test import Client
from django.utils import timezone

from accounts.contracts.datarhei.tokens import PUBLIC_TOKEN, TOKEN
from accounts.tokens import jwt, keys
from tenants import resolve
from tests.contracts.datarhei.core import (
    NO_GOOD_TOKEN,
    NOT_FOUND,
    SHORT,
    call,
    claims,
    part,
    tokens,
    told,
)
from tests.fixtures import Cast

REFRESH = "/api/login/refresh"


def choose(cast: Cast, algorithm: Any) -> None:
    cast.alpha.contracts = {"datarhei": {"options": {"algorithm": algorithm}}}
    cast.alpha.save()
    resolve.invalidate()


def header(token: str) -> Any:
    return json.loads(part(token, 0))


def published(client: Client, at: str = "") -> dict[str, Any]:
    found = client.get(f"{at}/.well-known/jwks.json").json()["keys"]
    return {key["kid"]: key for key in found}


def test_both_tokens_verify_with_the_published_key_and_say_what_cores_say(
    client: Client, cast: Cast
) -> None:
    choose(cast, "ES256")
    for token, usefor, life in zip(
        tokens(client, cast.alice), ("access", "refresh"), (600, 86400), strict=True
    ):
        kid = header(token)["kid"]
        assert header(token) == {"alg": "ES256", "kid": kid, "typ": "JWT"}
        key = pyjwt.PyJWK(published(client)[kid])
        assert pyjwt.decode(token, key, ["ES256"], issuer="datarhei-core")["usefor"] == usefor
        found = claims(token)
        assert list(found) == ["exi", "exp", "iat", "iss", "jti", "sub", "usefor"]
        assert (found["exi"], found["exp"] - found["iat"]) == (life, life)
        assert (found["sub"], found["usefor"]) == ("alice", usefor)
        assert kid not in published(client, "/t/beta")


def test_the_tokens_do_what_the_others_do(
    client: Client, cast: Cast, django_assert_num_queries: Any
) -> None:
    choose(cast, "ES256")
    access, refresh = tokens(client, cast.alice)
    assert told(call(client, "/api/v3/skills", access)) == (404, NOT_FOUND)
    assert call(client, "/api", access).json()["id"] == str(cast.alpha.id)
    with django_assert_num_queries(1):
        renewed = call(client, REFRESH, refresh).json()["access_token"]
    assert told(call(client, "/api/v3/skills", renewed)) == (404, NOT_FOUND)
    for path, token in (("/api/v3/skills", refresh), (REFRESH, access)):
        assert told(call(client, path, token)) == (401, NO_GOOD_TOKEN)
    assert call(client, "/api", refresh).content == SHORT
    assert told(call(client, "/t/beta/api/v3/x", access)) == (401, NO_GOOD_TOKEN)
    head, body, signature = access.split(".")
    with django_assert_num_queries(0):
        for forged in (f"{head}.{body}.{signature[:-2]}AA", f"{head}.{body}."):
            assert told(call(client, REFRESH, forged)) == (401, NO_GOOD_TOKEN)


def test_a_switch_cuts_nobody_off(client: Client, cast: Cast) -> None:
    access, refresh = tokens(client, cast.alice)
    for algorithm in ("ES256", "HS256"):
        choose(cast, algorithm)
        assert told(call(client, "/api/v3/x", access)) == (404, NOT_FOUND)
        renewed = call(client, REFRESH, refresh).json()["access_token"]
        assert header(renewed)["alg"] == algorithm
        assert told(call(client, "/api/v3/x", renewed)) == (404, NOT_FOUND)
        access, refresh = tokens(client, cast.alice)
        assert header(refresh)["alg"] == algorithm


@pytest.mark.parametrize("algorithm", [None, "HS256"])
def test_who_does_not_choose_es256_stays_with_cores_algorithm(
    client: Client, cast: Cast, algorithm: Any
) -> None:
    choose(cast, algorithm)
    assert {part(token, 0) for token in tokens(client, cast.alice)} == {
        b'{"alg":"HS256","typ":"JWT"}'
    }


def test_the_two_keys_do_not_stand_in_for_each_other(client: Client, cast: Cast) -> None:
    choose(cast, "ES256")
    access, _ = tokens(client, cast.alice)
    ring, now = keys.ring(), timezone.now()
    secret, public = (
        ring.signer(cast.alpha.id, profile.purpose, now) for profile in (TOKEN, PUBLIC_TOKEN)
    )
    assert secret
    assert public
    told_publicly = public.row.public_jwk["x"].encode()
    good = claims(access)
    forged = [
        # What is published as a secret; the secret's own name with another signature.
        pyjwt.encode(good, told_publicly, "HS256", {"kid": public.row.kid}),
        pyjwt.encode(good, told_publicly, "HS256"),
        pyjwt.encode(good, public.material, "ES256", {"kid": secret.row.kid}),
        pyjwt.encode(good, public.material, "ES256"),
    ]
    # No claim leads to the session: a good signature alone opens nothing.
    forged += [
        jwt.sign(PUBLIC_TOKEN, cast.alpha.id, {**good, "jti": jti}, now)
        for jti in (None, "x", "0c5a2b0e-0000-1000-8000-000000000000")
    ]
    for token in forged:
        assert told(call(client, "/api/v3/x", token)) == (401, NO_GOOD_TOKEN)
    assert told(call(client, "/api/v3/x", access)) == (404, NOT_FOUND)
