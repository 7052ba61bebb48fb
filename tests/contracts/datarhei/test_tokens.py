"""The tokens: their exact form, and what a token that is not exactly ours is worth."""

from __future__ import annotations

import base64
import hmac
import json
import re
import time
from datetime import timedelta
from typing import Any

import jwt as pyjwt
import pytest
from django.test import Client
from django.utils import timezone

from accounts import provisioning
from accounts.contracts.datarhei.tokens import TOKEN
from accounts.models import SigningKey
from accounts.tokens import keys
from tenants import resolve
from tests.contracts.datarhei.core import (
    NO_GOOD_TOKEN,
    NOT_FOUND,
    SHORT,
    call,
    claims,
    later,
    login,
    part,
    tokens,
    told,
)
from tests.fixtures import PASSWORD, Cast

UUID_V4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def test_header_and_claims_are_cores_to_the_byte(client: Client, cast: Cast) -> None:
    before = int(time.time())
    for token, usefor, lifetime in zip(
        tokens(client, cast.alice), ("access", "refresh"), (600, 86400), strict=True
    ):
        assert part(token, 0) == b'{"alg":"HS256","typ":"JWT"}'
        found = claims(token)
        assert before <= found["iat"] <= before + 5
        assert UUID_V4.fullmatch(found["jti"])
        assert part(token, 1).decode() == (
            f'{{"exi":{lifetime},"exp":{found["iat"] + lifetime},"iat":{found["iat"]},'
            f'"iss":"datarhei-core","jti":"{found["jti"]}","sub":"alice","usefor":"{usefor}"}}'
        )


def test_every_token_has_a_jti_of_its_own(client: Client, cast: Cast) -> None:
    access, refresh = tokens(client, cast.alice)
    renewed = [call(client, "/api/login/refresh", refresh).json()["access_token"] for _ in range(5)]
    assert len({claims(token)["jti"] for token in (access, refresh, *renewed)}) == 7


@pytest.mark.parametrize("of_session", ["refresh", "session"])
def test_a_tenant_may_set_both_lifetimes(client: Client, cast: Cast, of_session: str) -> None:
    cast.alpha.contracts = {"datarhei": {"lifetimes": {"access": 60, of_session: 3600}}}
    cast.alpha.save()
    resolve.invalidate()
    for token, lifetime in zip(tokens(client, cast.alice), (60, 3600), strict=True):
        found = claims(token)
        assert (found["exi"], found["exp"] - found["iat"]) == (lifetime, lifetime)


def test_the_key_is_the_tenants_own_random_and_never_published(client: Client, cast: Cast) -> None:
    tokens(client, cast.alice)
    tokens(client, cast.dave, at="/t/beta")
    ours = [key for line in keys.ring().by_line.values() for key in line]
    found = [key.material for key in ours if key.row.purpose == "datarhei.token"]
    assert len(found) == len(set(found)) == 2
    assert {len(secret) for secret in found} == {32}
    published = client.get("/.well-known/jwks.json").json()["keys"]
    assert all(key["alg"] != "HS256" for key in published)


def _secret(cast: Cast) -> bytes:
    key = keys.ring().signer(cast.alpha.id, TOKEN.purpose, timezone.now())
    assert key is not None
    secret: bytes = key.material
    return secret


def _signed(payload: dict[str, Any], secret: bytes, **header: Any) -> str:
    return pyjwt.encode(payload, secret, "HS256", headers=header)


def _text(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _by_hand(payload: dict[str, Any], secret: bytes, algorithm: str = "HS256") -> str:
    signed = f"{_text({'alg': algorithm, 'typ': 'JWT'})}.{_text(payload)}".encode()
    signature = hmac.digest(secret, signed, f"sha{algorithm.removeprefix('HS')}")
    return f"{signed.decode()}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def test_a_token_signed_by_hand_with_the_right_key_opens_the_api(
    client: Client, cast: Cast
) -> None:
    # Without this, the forgeries below could fail for any reason.
    access, _ = tokens(client, cast.alice)
    made = _by_hand(claims(access), _secret(cast))
    assert told(call(client, "/api/v3/skills", made)) == (404, NOT_FOUND)


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "someone-else"},
        {"iss": None},
        {"usefor": "refresh"},
        {"usefor": None},
        {"usefor": ["access"]},
        {"exp": None},
        {"exp": "2999-01-01"},
        {"exp": 9999999999.5},
        {"exp": 1},
        {"iat": 9999999999},
        {"nbf": 9999999999},
        {"sub": "erin"},
        {"sub": "Alice"},
        {"sub": None},
        {"sub": ["alice"]},
        {"jti": None},
        {"jti": 7},
        {"jti": "aee896a5-9e8a-4e0d-b98f-5507550706c5"},
    ],
)
def test_a_token_with_a_claim_that_is_not_ours_opens_nothing(
    client: Client, cast: Cast, change: dict[str, Any]
) -> None:
    access, _ = tokens(client, cast.alice)
    changed = {name: value for name, value in {**claims(access), **change}.items() if value}
    token = _by_hand(changed, _secret(cast))
    assert told(call(client, "/api/v3/skills", token)) == (401, NO_GOOD_TOKEN)
    assert call(client, "/api", token).content == SHORT


def test_a_forged_token_opens_nothing(client: Client, cast: Cast) -> None:
    access, refresh = tokens(client, cast.alice)
    beta, _ = tokens(client, cast.alice_of_beta, at="/t/beta")
    payload, secret = claims(access), _secret(cast)
    head, body, signature = access.split(".")
    forged = [
        "",
        ".",
        "..",
        "rubbish",
        f"{head}.{body}",
        f"{head}.{body}.",
        f"{head}.{body}.{signature[:-1]}",
        f"{head}.{body}.{signature}A",
        f"{head}.{body}.{signature}.{signature}",
        f"{head}.{refresh.split('.')[1]}.{signature}",
        f"{_text({'alg': 'none', 'typ': 'JWT'})}.{body}.",
        f"{_text({'alg': 'None', 'typ': 'JWT'})}.{body}.{signature}",
        f"{_text({'alg': 'hs256', 'typ': 'JWT'})}.{body}.{signature}",
        f"{_text([])}.{body}.{signature}",
        f"{head}.{_text([1])}.{signature}",
        f"{head}.{'W' * 4000}.{signature}",
        _by_hand(payload, b"\x00" * 32),
        _by_hand(payload, b"0"),
        _by_hand(payload, secret, "HS384"),
        _by_hand(payload, secret, "HS512"),
        _signed(payload, secret, jku="http://testserver/keys"),
        _signed(payload, secret, crit=["exp"]),
        # The tenant of the jti and the key that signed must be one.
        _by_hand(claims(beta), secret),
        access + "A" * 9000,
        "x" * 9000,
    ]
    for token in forged:
        assert told(call(client, "/api/v3/skills", token)) == (401, NO_GOOD_TOKEN), token
        assert told(call(client, "/api/login/refresh", token)) == (401, NO_GOOD_TOKEN), token


def test_another_contracts_token_opens_nothing(client: Client, cast: Cast) -> None:
    answer = client.post(
        "/account/login",
        {"email": cast.alice.email, "password": PASSWORD},
        content_type="application/json",
    )
    token = answer.json()["accessToken"]
    for path in ("/api/v3/skills", "/api/login/refresh"):
        assert told(call(client, path, token)) == (401, NO_GOOD_TOKEN)
    access, refresh = tokens(client, cast.alice)
    for ours in (access, refresh):
        assert call(client, "/users/me", ours).status_code == 401


def test_a_token_of_one_tenant_opens_nothing_at_anothers_address(
    client: Client, cast: Cast
) -> None:
    access, refresh = tokens(client, cast.alice, at="/t/alpha")
    at_beta: list[dict[str, Any]] = [{"at": "/t/beta"}, {"headers": {"Host": "beta.example.com"}}]
    for where in at_beta:
        prefix, headers = where.get("at", ""), where.get("headers", {})
        for path, token in (("/api/v3/skills", access), ("/api/login/refresh", refresh)):
            answer = call(client, f"{prefix}{path}", token, headers=headers)
            assert told(answer) == (401, NO_GOOD_TOKEN)
        assert call(client, f"{prefix}/api", access, headers=headers).content == SHORT
    assert told(call(client, "/t/alpha/api/v3/skills", access)) == (404, NOT_FOUND)
    assert told(call(client, "/api/v3/skills", access)) == (404, NOT_FOUND)


def test_tokens_outlive_a_rotation_of_their_key(client: Client, cast: Cast) -> None:
    access, refresh = tokens(client, cast.alice)
    fresh = keys.rotate(cast.alpha.id, TOKEN, timezone.now(), lead=timedelta())
    SigningKey.objects.filter(pk=fresh.pk).update(active_from=timezone.now())
    SigningKey.objects.exclude(pk=fresh.pk).filter(purpose=TOKEN.purpose).update(
        retired_at=timezone.now()
    )
    keys.invalidate()
    assert told(call(client, "/api/v3/skills", access)) == (404, NOT_FOUND)
    renewed = call(client, "/api/login/refresh", refresh).json()["access_token"]
    assert pyjwt.decode(renewed, _secret(cast), ["HS256"])["sub"] == "alice"
    assert told(call(client, "/api/v3/skills", renewed)) == (404, NOT_FOUND)
    with later(hours=25), pytest.raises(pyjwt.InvalidSignatureError):
        pyjwt.decode(access, _secret(cast), ["HS256"])


def test_a_name_outside_ascii_arrives_whole(client: Client, cast: Cast) -> None:
    provisioning.create_user(cast.alpha, "Jörg Müßig", password=PASSWORD)
    answer = login(client, "jörg MÜSSIG")
    access = answer.json()["access_token"]
    assert claims(access)["sub"] == "Jörg Müßig"
    assert told(call(client, "/api/v3/skills", access)) == (404, NOT_FOUND)
