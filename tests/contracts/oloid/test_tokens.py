"""The claims of ID and access token, whole."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import jwt as pyjwt
import pytest
from django.test import Client

from accounts.models import Group, SigningKey, User
from tests.contracts.oloid.calls import SCOPE, UUID, Pool, alpha, body_of, parts
from tests.fixtures import Cast


class Integer:
    """Equal to every whole number that is no boolean."""

    def __eq__(self, other: object) -> bool:
        return type(other) is int

    __hash__ = None  # type: ignore[assignment]  # equal to many, so never a key


COMMON: dict[str, Any] = {
    "origin_jti": UUID,
    "event_id": UUID,
    "auth_time": Integer(),
    "iat": Integer(),
    "exp": Integer(),
    "jti": UUID,
}


@pytest.fixture
def pool(client: Client, cast: Cast) -> Pool:
    return alpha(client, cast)


def issuer(pool: Pool) -> str:
    return f"http://testserver/{pool.tenant.pool_id}"


def test_the_access_token_has_the_documented_claims_and_no_others(pool: Pool, cast: Cast) -> None:
    _, claims = parts(pool.log_in(cast.alice)["AccessToken"])
    assert claims == {
        "sub": str(cast.alice.user.pk),
        "iss": issuer(pool),
        "client_id": cast.alpha.client_id,
        "token_use": "access",
        "scope": SCOPE,
        "username": "alice",
        **COMMON,
    }


def test_the_id_token_has_the_documented_claims_and_no_others(pool: Pool, cast: Cast) -> None:
    _, claims = parts(pool.log_in(cast.alice)["IdToken"])
    assert claims == {
        "sub": str(cast.alice.user.pk),
        "iss": issuer(pool),
        "aud": cast.alpha.client_id,
        "token_use": "id",
        "cognito:username": "alice",
        "email": "alice@alpha.example",
        "email_verified": True,
        "name": "Alice",
        **COMMON,
    }


def test_both_tokens_belong_to_one_login(pool: Pool, cast: Cast) -> None:
    tokens = pool.log_in(cast.alice)
    (_, of_id), (_, of_access) = parts(tokens["IdToken"]), parts(tokens["AccessToken"])
    for shared in ("sub", "iss", "origin_jti", "event_id", "auth_time", "iat", "exp"):
        assert of_id[shared] == of_access[shared]
    assert of_id["jti"] != of_access["jti"]
    assert of_access["exp"] - of_access["iat"] == 3600
    assert of_access["auth_time"] == of_access["iat"]


def test_every_login_is_an_event_of_its_own(pool: Pool, cast: Cast) -> None:
    first, second = (parts(pool.log_in(cast.alice)["IdToken"])[1] for _ in range(2))
    for own in ("origin_jti", "event_id", "jti"):
        assert first[own] != second[own]


def test_groups_are_in_both_tokens(pool: Pool, cast: Cast) -> None:
    for name in ("writers", "admins"):
        cast.alpha.groups.create(name=name).members.add(cast.alice.user)
    tokens = pool.log_in(cast.alice)
    for name in ("IdToken", "AccessToken"):
        assert parts(tokens[name])[1]["cognito:groups"] == ["admins", "writers"]


def test_attributes_that_the_user_has_not_are_left_out(pool: Pool, cast: Cast) -> None:
    User.objects.filter(pk=cast.alice.user.pk).update(
        email="", email_key="", display_name="", given_name="Alice", phone="+49151"
    )
    _, claims = parts(pool.log_in(cast.alice)["IdToken"])
    attributes = {"email", "email_verified", "name", "given_name", "family_name", "phone_number"}
    assert attributes & claims.keys() == {"given_name", "phone_number"}


def test_an_unverified_email_is_told_as_a_boolean(pool: Pool, cast: Cast) -> None:
    User.objects.filter(pk=cast.alice.user.pk).update(email_verified=False)
    tokens = pool.log_in(cast.alice)
    assert parts(tokens["IdToken"])[1]["email_verified"] is False
    attributes = body_of(pool.get_user(tokens["AccessToken"]))["UserAttributes"]
    assert {"Name": "email_verified", "Value": "false"} in attributes


def test_tokens_of_who_is_in_very_many_groups_are_still_good(pool: Pool, cast: Cast) -> None:
    names = [f"CN-department-of-something-{number:03d}-members" for number in range(200)]
    made = [Group(tenant=cast.alpha, name=name) for name in names]
    cast.alice.user.member_of.set(Group.objects.bulk_create(made))
    tokens = pool.log_in(cast.alice)
    assert pool.get_user(tokens["AccessToken"]).status_code == 200
    for name in ("AccessToken", "IdToken"):
        listed = parts(tokens[name])[1]["cognito:groups"]
        assert 80 < len(listed) < 110
        assert listed == names[: len(listed)]


def test_the_header_has_key_id_and_algorithm_only(pool: Pool, cast: Cast) -> None:
    tokens = pool.log_in(cast.alice)
    kids = set()
    for name in ("IdToken", "AccessToken"):
        header, _ = parts(tokens[name])
        assert header == {"kid": header["kid"], "alg": "RS256"}
        assert len(header["kid"]) == 44
        assert len(base64.b64decode(header["kid"], validate=True)) == 32
        kids.add(header["kid"])
    assert len(kids) == 2


def test_a_verifier_needs_only_what_is_published(
    client: Client, pool: Pool, cast: Cast, settings: Any
) -> None:
    keys = {
        key["kid"]: pyjwt.PyJWK(key)
        for key in client.get(f"/{cast.alpha.pool_id}/.well-known/jwks.json").json()["keys"]
    }
    tokens = pool.log_in(cast.alice)
    for name, audience in (("IdToken", cast.alpha.client_id), ("AccessToken", None)):
        key = keys[parts(tokens[name])[0]["kid"]]
        claims = pyjwt.decode(
            tokens[name], key, algorithms=["RS256"], issuer=issuer(pool), audience=audience
        )
        assert claims["sub"] == str(cast.alice.user.pk)


def test_the_issuer_can_be_replaced(pool: Pool, cast: Cast, settings: Any) -> None:
    settings.DRAGOMAN = replace(
        settings.DRAGOMAN, cognito_issuer="https://cognito-idp.us-east-1.amazonaws.com"
    )
    token = pool.log_in(cast.alice)["AccessToken"]
    expected = f"https://cognito-idp.us-east-1.amazonaws.com/{cast.alpha.pool_id}"
    assert parts(token)[1]["iss"] == expected
    assert pool.get_user(token).status_code == 200


def test_every_tenant_signs_with_keys_of_its_own(client: Client, cast: Cast) -> None:
    ours = parts(alpha(client, cast).log_in(cast.alice)["AccessToken"])[0]["kid"]
    theirs = parts(Pool(client, cast.beta).log_in(cast.dave)["AccessToken"])[0]["kid"]
    assert SigningKey.objects.get(kid=ours).tenant_id == cast.alpha.pk
    assert SigningKey.objects.get(kid=theirs).tenant_id == cast.beta.pk
