"""Other issuers' tokens: which are good, and every way in which one is not."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from typing import Any

import pytest
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, RSAKey

from tenants.federation.assertions import (
    EC,
    MAX_TOKEN,
    RSA,
    BadToken,
    WrongAlgorithm,
    algorithms,
    audiences,
    check_times,
    read,
    verified,
)
from tenants.federation.issuers import _imported
from tests.federation.upstream.issuer import (
    EC_KEY,
    OTHER_RSA_KEY,
    RSA_KEY,
    shared_secret,
    signed,
)

ANY = (*RSA, *EC)
CLAIMS = {"sub": "subject-1"}
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECONDS = NOW.timestamp()


def public(key: Any) -> Any:
    return _imported(key.as_dict(private=False))


def part(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return urlsafe_b64encode(raw).decode().rstrip("=")


@pytest.mark.parametrize("alg", ["RS256", "PS256"])
def test_a_key_verifies_what_it_has_signed(alg: str) -> None:
    assert verified(signed(CLAIMS, RSA_KEY, {"alg": alg}), public(RSA_KEY), ANY) == CLAIMS
    odd = {"alg": "ES256", "kid": "ec", "typ": "JWT", "x-own": 1}
    assert verified(signed(CLAIMS, EC_KEY, odd), public(EC_KEY), ANY) == CLAIMS


def _unsigned(alg: Any, signature: str = "") -> str:
    return f"{part({'alg': alg})}.{part(CLAIMS)}.{signature}"


def test_no_forged_token_is_taken() -> None:
    good = signed(CLAIMS, RSA_KEY, {"alg": "RS256"})
    head, body, signature = good.split(".")
    pem, other = shared_secret(RSA_KEY), OTHER_RSA_KEY.as_dict(private=False)
    bad_algs: list[Any] = ["none", "None", "nOnE", "", 1, []]
    p384 = ECKey.generate_key("P-384", private=True)
    forged: dict[str, tuple[str, Any]] = {
        **{f"alg {alg}": (_unsigned(alg), RSA_KEY) for alg in bad_algs},
        "no alg": (f"{part({})}.{part(CLAIMS)}.", RSA_KEY),
        "none with a signature": (_unsigned("none", signature), RSA_KEY),
        "public key as a secret": (signed(CLAIMS, pem, {"alg": "HS256"}), RSA_KEY),
        "EC key as a secret": (signed(CLAIMS, shared_secret(EC_KEY), {"alg": "HS256"}), EC_KEY),
        "another's key": (signed(CLAIMS, OTHER_RSA_KEY, {"alg": "RS256"}), RSA_KEY),
        "key in the header": (
            signed(CLAIMS, OTHER_RSA_KEY, {"alg": "RS256", "jwk": other}),
            RSA_KEY,
        ),
        "another curve": (signed(CLAIMS, p384, {"alg": "ES384"}), EC_KEY),
        "a key for ES256 only": (signed(CLAIMS, RSA_KEY, {"alg": "RS256"}), EC_KEY),
        "crit": (signed(CLAIMS, RSA_KEY, {"alg": "RS256", "crit": []}), RSA_KEY),
        "b64": (signed(CLAIMS, RSA_KEY, {"alg": "RS256", "b64": True}), RSA_KEY),
        "other claims": (f"{head}.{part({'sub': 'another'})}.{signature}", RSA_KEY),
        "other header": (f"{part({'alg': 'RS512'})}.{body}.{signature}", RSA_KEY),
        "no signature": (f"{head}.{body}.", RSA_KEY),
        "cut signature": (good[:-4], RSA_KEY),
    }  # fmt: skip
    taken = []
    for name, (token, key) in forged.items():
        try:
            verified(token, public(key), ANY)
        except BadToken:
            continue
        taken.append(name)
    assert taken == []


def test_an_algorithm_counts_only_where_it_is_asked_for() -> None:
    token = signed(CLAIMS, RSA_KEY, {"alg": "RS512"})
    with pytest.raises(WrongAlgorithm):
        verified(token, public(RSA_KEY), ("RS256", "ES256"))


def test_keys_sign_by_their_own_algorithm_and_weak_ones_by_none() -> None:
    assert algorithms(public(RSA_KEY)) == RSA
    assert algorithms(public(EC_KEY)) == ("ES256",)
    pinned = RSAKey.import_key({**RSA_KEY.as_dict(private=False), "alg": "RS256"})
    assert algorithms(pinned) == ("RS256",)
    with pytest.warns(SecurityWarning):
        assert algorithms(RSAKey.generate_key(1024, auto_kid=False)) == ()
    assert algorithms(ECKey.generate_key("secp256k1")) == ()


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b",
        "a.b.c.d",
        "a.b.c",
        "é.b.c",
        f"{part([])}.{part({})}.",
        f"{part(b'{')}.{part({})}.",
        f"{part(b'[' * 5000)}.{part({})}.",
        f"{part({})}.{part(b'null')}.",
        "." * 2 + "x" * MAX_TOKEN,
    ],
)
def test_what_is_no_token_is_not_read(token: str) -> None:
    with pytest.raises(BadToken):
        read(token)


@pytest.mark.parametrize(
    ("claims", "objection"),
    [
        ({"exp": SECONDS + 1}, None),
        ({"exp": SECONDS - 59, "nbf": SECONDS + 59, "iat": SECONDS + 59}, None),
        ({}, "token has expired"),
        ({"exp": SECONDS - 61}, "token has expired"),
        ({"exp": SECONDS + 1, "nbf": SECONDS + 61}, "token is not valid yet"),
        ({"exp": SECONDS + 1, "iat": SECONDS + 61}, "token was issued in the future"),
        ({"exp": "9999999999"}, "exp is no time"),
        ({"exp": True}, "exp is no time"),
        ({"exp": float("nan")}, "exp is no time"),
        ({"exp": float("inf")}, "exp is no time"),
        ({"exp": 10**400}, "exp is no time"),
        ({"exp": SECONDS + 1, "nbf": []}, "nbf is no time"),
    ],
)
def test_a_token_is_good_from_its_beginning_to_its_end(
    claims: dict[str, Any], objection: str | None
) -> None:
    if objection is None:
        check_times(claims, NOW)
        return
    with pytest.raises(BadToken, match=objection):
        check_times(claims, NOW)


def test_an_audience_is_a_text_or_a_list_of_texts() -> None:
    told = [audiences({"aud": aud}) for aud in ("a", ["a", 1, "b"], {"a": 1}, None, [["a"]])]
    assert told == [["a"], ["a", "b"], [], [], []]
    assert audiences({}) == []
