"""RFC 6238 without tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfa import totp

# RFC 6238, appendix B, SHA-1, cut to six digits.
RFC_SECRET = b"12345678901234567890"
RFC_VECTORS = [
    (59, "287082"),
    (1111111109, "081804"),
    (1111111111, "050471"),
    (1234567890, "005924"),
    (2000000000, "279037"),
    (20000000000, "353130"),
]


@pytest.mark.parametrize(("seconds", "code"), RFC_VECTORS)
def test_the_vectors_of_the_standard(seconds: int, code: str) -> None:
    now = datetime.fromtimestamp(seconds, UTC)
    assert totp.code_at(RFC_SECRET, totp.step_at(now)) == code
    assert totp.matching_step(RFC_SECRET, code, now) == seconds // 30


@given(st.binary(min_size=20, max_size=20), st.integers(min_value=2, max_value=2**31))
def test_a_code_fits_its_own_step_and_the_next(secret: bytes, step: int) -> None:
    code = totp.code_at(secret, step)
    assert totp.is_code(code)
    for later in (0, 29, 30, 59):
        now = datetime.fromtimestamp(step * 30 + later, UTC)
        assert totp.matching_step(secret, code, now) in {step, step - 1, step + 1}
    before = datetime.fromtimestamp(step * 30 - 1, UTC)
    after = datetime.fromtimestamp(step * 30 + 60, UTC)
    for now in (before, after):
        found = totp.matching_step(secret, code, now)
        # By chance, one time in a million, a neighbour has the same six digits.
        assert found != step


@pytest.mark.parametrize(
    "text",
    ["", "12345", "1234567", "+12345", "12 345", "12_345", "１２３４５６", "12345\n", "abcdef"],
)
def test_six_ascii_digits_and_nothing_else(text: str) -> None:
    assert not totp.is_code(text)
    assert totp.matching_step(RFC_SECRET, text, datetime.now(UTC)) is None


def test_secrets_have_160_random_bits() -> None:
    made = {totp.new_secret() for _ in range(100)}
    assert len(made) == 100
    assert {len(secret) for secret in made} == {20}


def test_the_address_for_authenticator_apps() -> None:
    secret = totp.new_secret()
    uri = urlsplit(totp.provisioning_uri(secret, issuer="A & B: C", account="bob@alpha.example"))
    query = {name: values[0] for name, values in parse_qs(uri.query).items()}
    assert (uri.scheme, uri.netloc) == ("otpauth", "totp")
    assert query == {
        "secret": totp.base32(secret),
        "issuer": "A & B: C",
        "algorithm": "SHA1",
        "digits": "6",
        "period": "30",
    }
    assert "&" not in uri.path
    assert "+" not in uri.query
    assert timedelta(seconds=totp.PERIOD) == timedelta(seconds=30)
