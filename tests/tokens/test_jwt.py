"""Tokens from strangers: what the key ring did not sign opens nothing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from accounts.tokens import handles, jwt, keys
from accounts.tokens.claims import times
from accounts.tokens.jwt import MAX_LENGTH, TokenMalformed
from accounts.tokens.profile import Algorithm, KidForm, TokenProfile
from tests.login.gate import Town

ACCESS = TokenProfile("probe.access", lifetime=timedelta(hours=1))
SHARED = TokenProfile(
    "probe.shared", lifetime=timedelta(hours=1), algorithm=Algorithm.HS256, kid=KidForm.NONE
)
FOREIGN = TokenProfile("probes.access", lifetime=timedelta(hours=1))
NOW = timezone.now()


def encoded(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(part: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def forged(header: dict[str, Any], claims: dict[str, Any], key: bytes = b"") -> str:
    """A token of any header, signed with HMAC if there is a key."""
    signed = f"{encoded(header)}.{encoded(claims)}"
    algorithm = {"HS384": "sha384", "HS512": "sha512"}.get(str(header.get("alg")), "sha256")
    signature = hmac.digest(key, signed.encode(), algorithm) if key else b""
    return f"{signed}.{encoded(signature)}"


def good(town: Town, **claims: Any) -> str:
    return jwt.sign(ACCESS, town.alpha.id, {**times(NOW, ACCESS.lifetime), **claims}, NOW)


def kid(town: Town, profile: TokenProfile = ACCESS) -> str:
    return keys.signer(town.alpha.id, profile, NOW).row.kid


def refused(token: str, contract: str = "probe") -> bool:
    with pytest.raises(TokenMalformed):
        jwt.read(token, contract, NOW)
    return True


CLAIMS = times(NOW, ACCESS.lifetime)


def test_exactly_the_given_claims_and_header_are_signed(town: Town) -> None:
    claims = {"sub": "alice", **CLAIMS}
    token = jwt.sign(ACCESS, town.alpha.id, claims, NOW, header={"jti": "x"})
    header, payload, _ = token.split(".")
    assert decoded(payload) == claims
    assert decoded(header) == {"alg": "ES256", "typ": "JWT", "jti": "x", "kid": kid(town)}
    found = jwt.read(token, "probe", NOW)
    assert (found.claims, found.header["jti"], found.expired) == (claims, "x", False)


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "", "null", None, 0, [], {}])
def test_an_unsigned_token_opens_nothing(town: Town, alg: Any) -> None:
    header = {"alg": alg, "typ": "JWT", "kid": kid(town)}
    assert refused(forged(header, CLAIMS))
    assert refused(forged(header, CLAIMS, b"x"))
    signed_by_us = good(town).split(".")
    assert refused(f"{encoded(header)}.{signed_by_us[1]}.{signed_by_us[2]}")


@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512", "hs256"])
@pytest.mark.parametrize("form", ["pem", "der", "raw", "jwk"])
def test_the_public_key_is_no_shared_secret(town: Town, alg: str, form: str) -> None:
    public = keys.signer(town.alpha.id, ACCESS, NOW).verifier
    encodings = {
        "pem": (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
        "der": (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo),
        "raw": (serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint),
    }
    if form == "jwk":
        secret = json.dumps(keys.signer(town.alpha.id, ACCESS, NOW).row.public_jwk).encode()
    else:
        secret = public.public_bytes(*encodings[form])
    assert refused(forged({"alg": alg, "typ": "JWT", "kid": kid(town)}, CLAIMS, secret))


@pytest.mark.parametrize("name", ["crit", "b64", "jku", "jwk", "x5u", "x5c", "zip"])
@pytest.mark.parametrize("value", [None, False, [], ["exp"], "https://127.0.0.1:9/keys", {}])
def test_headers_that_steer_the_check_are_refused_even_under_a_good_signature(
    town: Town, name: str, value: Any
) -> None:
    token = jwt.sign(ACCESS, town.alpha.id, CLAIMS, NOW)
    assert jwt.read(token, "probe", NOW).claims
    signer = keys.signer(town.alpha.id, ACCESS, NOW)
    header = {"typ": "JWT", "kid": signer.row.kid, name: value}
    signed = f"{encoded({'alg': 'ES256', **header})}.{encoded(CLAIMS)}"
    signature = pyjwt.algorithms.ECAlgorithm(pyjwt.algorithms.ECAlgorithm.SHA256).sign(
        signed.encode(), signer.material
    )
    assert refused(f"{signed}.{encoded(signature)}")


def test_a_key_of_the_attacker_opens_nothing_under_our_key_id(town: Town) -> None:
    own = ec.generate_private_key(ec.SECP256R1())
    assert refused(pyjwt.encode(CLAIMS, own, "ES256", {"kid": kid(town)}))


@pytest.mark.parametrize(
    "value", [None, "", "..", "../../dev/null", "unknown", 7, ["x"], {"a": 1}, "' OR 1=1 --"]
)
def test_a_key_id_that_names_no_key_opens_nothing(town: Town, value: Any) -> None:
    header, payload, signature = good(town).split(".")
    changed = encoded({**decoded(header), "kid": value})
    assert refused(f"{changed}.{payload}.{signature}")


def test_a_token_without_key_id_opens_nothing_where_one_is_due(town: Town) -> None:
    token = jwt.sign(SHARED, town.alpha.id, {**CLAIMS, "jti": str(uuid4())}, NOW)
    assert refused(token)


def test_a_key_of_another_contract_opens_nothing(town: Town) -> None:
    token = jwt.sign(FOREIGN, town.alpha.id, CLAIMS, NOW)
    assert jwt.read(token, "probes", NOW).claims
    assert refused(token, "probe")
    assert refused(good(town), "probes")
    assert refused(good(town), "prob")
    assert refused(good(town), "")


def test_the_signature_of_one_tenants_key_does_not_pass_under_anothers_id(town: Town) -> None:
    header, payload, signature = good(town).split(".")
    other = keys.signer(town.beta.id, ACCESS, NOW).row.kid
    assert refused(f"{encoded({**decoded(header), 'kid': other})}.{payload}.{signature}")
    mine = jwt.read(good(town), "probe", NOW)
    assert mine.tenant_id == town.alpha.id


def test_long_texts_are_refused_before_they_are_decoded(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    longest = good(town, pad="x" * 5000)
    assert len(longest) < MAX_LENGTH
    assert jwt.read(longest, "probe", NOW).claims
    too_long = good(town, pad="x" * 6200)
    assert len(too_long) > MAX_LENGTH

    def decode(*_: Any, **__: Any) -> Any:
        raise AssertionError("decoded")

    monkeypatch.setattr(pyjwt, "get_unverified_header", decode)
    assert refused(too_long)
    with pytest.raises(TokenMalformed):
        jwt.read_without_kid(too_long, "probe.shared", NOW)


@pytest.mark.parametrize("name", ["iat", "nbf"])
def test_a_token_from_the_future_is_refused(town: Town, name: str) -> None:
    ahead = int(NOW.timestamp())
    assert refused(good(town, **{name: ahead + 90}))
    assert jwt.read(good(town, **{name: ahead + 30}), "probe", NOW).claims


def test_a_token_without_end_counts_as_expired(town: Town) -> None:
    token = jwt.sign(ACCESS, town.alpha.id, {"iat": int(NOW.timestamp())}, NOW)
    assert jwt.read(token, "probe", NOW).expired
    assert jwt.read(good(town), "probe", NOW + timedelta(hours=1)).expired
    assert not jwt.read(good(town), "probe", NOW + timedelta(minutes=59)).expired


def test_every_changed_character_breaks_the_token(town: Town) -> None:
    token = good(town)
    for position in range(0, len(token) - 1, 7):
        other = "A" if token[position] != "A" else "B"
        assert refused(token[:position] + other + token[position + 1 :])
    assert refused(token[:-1])
    assert refused(token + "A")
    assert refused(token + ".")


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "\x00.\x00.\x00",
        "ü.ü.ü",
        "\ud800..",
        " ",
        "e30.e30.",
        "null..",
    ],
)
def test_what_is_no_token_is_refused_without_a_fault(town: Town, text: str) -> None:
    assert refused(text)
    with pytest.raises(TokenMalformed):
        jwt.read_without_kid(text, "probe.shared", NOW)


def test_deep_nesting_is_refused_without_a_fault(town: Town) -> None:
    deep = encoded(b"[" * 3000 + b"]" * 3000)
    head = encoded({"alg": "ES256", "kid": kid(town)})
    assert refused(f"{deep}.{deep[:100]}.x")
    for text in (f"{head}.{deep}.x", f"{encoded({'alg': 'HS256'})}.{deep}.x"):
        if len(text) <= MAX_LENGTH:
            assert refused(text)
            with pytest.raises(TokenMalformed):
                jwt.read_without_kid(text, "probe.shared", NOW)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.text(max_size=80), st.text(max_size=80), st.text(max_size=80))
def test_no_text_at_all_makes_the_reader_fail(town: Town, a: str, b: str, c: str) -> None:
    assert refused(f"{a}.{b}.{c}")


def test_reading_a_token_runs_no_statement(
    town: Town, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    token = good(town)
    jwt.read(token, "probe", NOW)
    with django_assert_num_queries(0):
        jwt.read(token, "probe", NOW)
        assert refused(token[:-2] + "AA")


class TestTokensWithoutKeyId:
    def made(self, town: Town, **claims: Any) -> str:
        jti = str(handles.mint(5, town.alpha.id))
        return jwt.sign(SHARED, town.alpha.id, {**CLAIMS, "jti": jti, **claims}, NOW)

    def refused(self, token: str, purpose: str = "probe.shared") -> bool:
        with pytest.raises(TokenMalformed):
            jwt.read_without_kid(token, purpose, NOW)
        return True

    def test_the_jti_leads_to_the_tenant(self, town: Town) -> None:
        found = jwt.read_without_kid(self.made(town), "probe.shared", NOW)
        assert (found.tenant_id, found.purpose) == (town.alpha.id, "probe.shared")

    def test_another_purpose_or_tenant_opens_nothing(self, town: Town) -> None:
        assert self.refused(self.made(town), "probe.access")
        # Signed by alpha, with a jti that points to beta, whose key did not sign it.
        keys.signer(town.beta.id, SHARED, NOW)
        assert self.refused(self.made(town, jti=str(handles.mint(5, town.beta.id))))

    @pytest.mark.parametrize("jti", [None, "", 7, "x", str(uuid4())])
    def test_a_jti_that_points_nowhere_opens_nothing(self, town: Town, jti: Any) -> None:
        assert self.refused(self.made(town, jti=jti))

    def test_unsigned_and_wrongly_signed_tokens_open_nothing(self, town: Town) -> None:
        claims = {**CLAIMS, "jti": str(handles.mint(5, town.alpha.id))}
        self.made(town)
        for key in (b"", b"secret", hashlib.sha256(b"").digest()):
            for alg in ("HS256", "none", "HS512"):
                assert self.refused(forged({"alg": alg, "typ": "JWT"}, claims, key))

    def test_tenants_whose_tags_collide_are_told_apart_by_the_signature(
        self, town: Town, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(handles, "tenant_tag", lambda _: 1)
        monkeypatch.setattr(keys, "tenant_tag", lambda _: 1)
        mine = self.made(town)
        jti = str(handles.mint(6, town.beta.id))
        theirs = jwt.sign(SHARED, town.beta.id, {**CLAIMS, "jti": jti}, NOW)
        keys.invalidate()
        found = [jwt.read_without_kid(t, "probe.shared", NOW).tenant_id for t in (mine, theirs)]
        assert found == [town.alpha.id, town.beta.id]
