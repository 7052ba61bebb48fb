"""Signing keys: made on demand, rotated without a refused token, published without a secret."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import SigningKey
from accounts.tokens import jwt, keys
from accounts.tokens.claims import times
from accounts.tokens.jwks import key_set
from accounts.tokens.jwt import TokenMalformed
from accounts.tokens.profile import Algorithm, KidForm, TokenProfile
from tenants import resolve
from tenants.conf import conf
from tenants.sealing import SealBroken
from tests.login.gate import Town

ACCESS = TokenProfile("probe.access", lifetime=timedelta(hours=1))
REFRESH = replace(ACCESS, purpose="probe.refresh")
COGNITO = replace(ACCESS, purpose="probe.id", algorithm=Algorithm.RS256, kid=KidForm.BASE64)
SHARED = replace(ACCESS, purpose="probe.shared", algorithm=Algorithm.HS256, kid=KidForm.NONE)
NOW = timezone.now().replace(microsecond=0)
DAY = timedelta(days=1)


def signed(tenant_id: UUID, now: datetime = NOW, profile: TokenProfile = ACCESS) -> str:
    return jwt.sign(profile, tenant_id, times(now, profile.lifetime), now)


def reads(token: str, now: datetime = NOW) -> bool:
    try:
        jwt.read(token, "probe", now)
    except TokenMalformed:
        return False
    return True


def kid_of(token: str) -> str:
    return str(jwt._header(token)["kid"])


def test_the_first_key_is_made_on_demand_and_then_kept(
    town: Town, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    first = signed(town.alpha.id)
    with django_assert_num_queries(0):
        assert kid_of(signed(town.alpha.id)) == kid_of(first)
        assert reads(first)
    assert SigningKey.objects.filter(tenant=town.alpha, purpose="probe.access").count() == 1


def test_tenants_and_purposes_have_keys_of_their_own(town: Town) -> None:
    tokens = [
        signed(town.alpha.id),
        signed(town.alpha.id, profile=REFRESH),
        signed(town.beta.id),
    ]
    assert len({kid_of(token) for token in tokens}) == 3
    verified = [jwt.read(token, "probe", NOW) for token in tokens]
    assert [(v.tenant_id, v.purpose) for v in verified] == [
        (town.alpha.id, "probe.access"),
        (town.alpha.id, "probe.refresh"),
        (town.beta.id, "probe.access"),
    ]


def test_a_request_that_began_before_the_first_key_can_use_it(town: Town) -> None:
    signed(town.alpha.id, NOW)
    earlier = NOW - timedelta(seconds=5)
    assert reads(signed(town.alpha.id, earlier), earlier)


def test_a_new_key_signs_only_from_its_time_on_and_the_old_token_stays_good(town: Town) -> None:
    old = signed(town.alpha.id)
    fresh = keys.rotate(town.alpha.id, ACCESS, NOW, lead=DAY)
    after = fresh.active_from
    before = after - timedelta(seconds=1)
    assert kid_of(signed(town.alpha.id, before)) == kid_of(old) != fresh.kid
    assert kid_of(signed(town.alpha.id, after)) == fresh.kid
    last = signed(town.alpha.id, before)
    end = before + ACCESS.lifetime
    assert reads(old, after)
    assert reads(last, end)
    assert reads(signed(town.alpha.id, after), after)


def test_every_process_has_loaded_a_key_before_it_signs(town: Town) -> None:
    signed(town.alpha.id)
    fresh = keys.rotate(town.alpha.id, ACCESS, NOW, lead=timedelta(0))
    assert (fresh.active_from - NOW).total_seconds() == 2 * conf().key_poll


def test_a_key_that_is_gone_verifies_nothing(town: Town) -> None:
    old = signed(town.alpha.id)
    fresh = keys.rotate(town.alpha.id, ACCESS, NOW, lead=DAY)
    gone = fresh.active_from + ACCESS.lifetime + timedelta(minutes=5)
    assert reads(old, gone - timedelta(seconds=1))
    assert not reads(old, gone)
    assert [key["kid"] for key in key_set(town.alpha.id, gone)["keys"]] == [fresh.kid]


def test_an_old_key_verifies_as_long_as_the_tenant_lets_its_tokens_live(town: Town) -> None:
    town.alpha.contracts = {"probe": {"lifetimes": {"access": 30 * 86400}}}
    town.alpha.save()
    resolve.invalidate()
    old = signed(town.alpha.id)
    fresh = keys.rotate(town.alpha.id, ACCESS, NOW, lead=DAY)
    assert reads(old, fresh.active_from + timedelta(days=30))


def test_rotating_what_has_no_key_yet_leaves_no_hour_without_a_signer(town: Town) -> None:
    keys.rotate(town.alpha.id, ACCESS, NOW, lead=DAY)
    assert reads(signed(town.alpha.id, NOW))


def test_a_hasty_second_rotation_overtakes_the_first(town: Town) -> None:
    first = signed(town.alpha.id)
    slow = keys.rotate(town.alpha.id, ACCESS, NOW, lead=3 * DAY)
    fast = keys.rotate(town.alpha.id, ACCESS, NOW, lead=timedelta(0))
    assert kid_of(signed(town.alpha.id, fast.active_from)) == fast.kid
    assert kid_of(signed(town.alpha.id, slow.active_from)) == fast.kid
    assert reads(first, fast.active_from)


def test_the_key_set_lists_the_public_half_of_this_tenants_keys_alone(town: Town) -> None:
    for profile in (ACCESS, COGNITO, SHARED):
        signed(town.alpha.id, profile=profile)
    other = kid_of(signed(town.beta.id))
    listed = {key["kid"]: key for key in key_set(town.alpha.id, NOW)["keys"]}
    rows = {row.kid: row for row in SigningKey.objects.filter(tenant=town.alpha) if row.public_jwk}
    assert set(listed) == set(rows)
    assert other not in listed
    by_purpose = {rows[kid].purpose: key for kid, key in listed.items()}
    assert "probe.shared" not in by_purpose
    assert set(by_purpose["probe.access"]) == {"alg", "kid", "use", "kty", "crv", "x", "y"}
    assert set(by_purpose["probe.id"]) == {"alg", "kid", "use", "kty", "n", "e"}
    assert (by_purpose["probe.access"]["alg"], by_purpose["probe.id"]["alg"]) == ("ES256", "RS256")
    only = key_set(town.alpha.id, NOW, of=lambda purpose: purpose == "probe.id")["keys"]
    assert [key["alg"] for key in only] == ["RS256"]


def test_a_key_is_published_before_it_signs(town: Town) -> None:
    signed(town.alpha.id)
    fresh = keys.rotate(town.alpha.id, ACCESS, NOW, lead=DAY)
    assert fresh.kid in {key["kid"] for key in key_set(town.alpha.id, NOW)["keys"]}


def test_private_keys_are_sealed_to_their_row(town: Town) -> None:
    signed(town.alpha.id)
    signed(town.beta.id)
    mine = SigningKey.objects.get(tenant=town.alpha, purpose="probe.access")
    theirs = SigningKey.objects.get(tenant=town.beta, purpose="probe.access")
    assert "PRIVATE" not in mine.sealed
    assert mine.public_jwk["x"] not in mine.sealed
    SigningKey.objects.filter(pk=mine.pk).update(sealed=theirs.sealed)
    keys.invalidate()
    with pytest.raises(SealBroken):
        signed(town.alpha.id)


def test_a_shared_key_has_256_random_bits(town: Town) -> None:
    signed(town.alpha.id, profile=SHARED)
    signed(town.beta.id, profile=SHARED)
    found = [keys.Key(row).material for row in SigningKey.objects.filter(purpose="probe.shared")]
    assert [len(each) for each in found] == [32, 32]
    assert found[0] != found[1]


def test_key_ids_have_their_contracts_form(town: Town) -> None:
    assert kid_of(signed(town.alpha.id)).isascii()
    assert len(kid_of(signed(town.alpha.id, profile=COGNITO))) == 44
    assert "kid" not in jwt._header(signed(town.alpha.id, profile=SHARED))


def test_a_rotation_elsewhere_is_noticed_at_the_next_poll(town: Town) -> None:
    signed(town.alpha.id)
    row = SigningKey.objects.get(tenant=town.alpha, purpose="probe.access")
    row.retired_at = row.verify_until = NOW - timedelta(seconds=1)
    row.save(update_fields=["retired_at", "verify_until"])
    keys._ring._asked_at = float("-inf")
    assert keys.ring().by_kid[row.kid].row.state(NOW) is SigningKey.State.GONE


def test_the_served_key_set_is_that_of_the_host(town: Town, client: Client) -> None:
    mine, theirs = kid_of(signed(town.alpha.id)), kid_of(signed(town.beta.id))
    for host, path, kid in (
        ("testserver", "/.well-known/jwks.json", mine),
        ("beta.example.com", "/.well-known/jwks.json", theirs),
        ("beta.example.com:8443", "/.well-known/jwks.json", theirs),
        ("testserver", "/t/beta/.well-known/jwks.json", theirs),
    ):
        answer = client.get(path, headers={"host": host})
        assert answer.status_code == 200
        assert [key["kid"] for key in json.loads(answer.content)["keys"]] == [kid], host
    assert client.get("/t/ghost/.well-known/jwks.json").status_code == 404
