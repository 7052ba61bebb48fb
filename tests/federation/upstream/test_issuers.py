"""Discovery documents and key sets: how often they are fetched, and how long they count."""

from __future__ import annotations

import secrets
import threading
import time
from typing import Any

import pytest
from joserfc.jwk import ECKey

from tenants.federation import issuers
from tenants.federation.outbound import Unreachable
from tests.federation.upstream.issuer import DISCOVERY, EC_KEY, JWKS, RSA_KEY, Issuer


class Clock:
    """The process's clock, moved by hand."""

    def __init__(self) -> None:
        self.now = 10_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Time for the issuers alone: a request's own limit goes on by the real one."""
    made = Clock()
    monkeypatch.setattr(issuers, "time", made)
    return made


def key_of(issuer: Issuer, kid: str | None) -> Any:
    return issuers.key_of(f"{issuer.url}{JWKS}", kid)


def test_a_thousand_unknown_keys_cost_one_more_fetch_a_minute(issuer: Issuer, clock: Clock) -> None:
    assert key_of(issuer, "rsa") is not None
    clock.now += 61
    for _ in range(1000):
        assert key_of(issuer, secrets.token_hex(4)) is None
        clock.now += 0.05
    assert issuer.fetches() == 2
    assert key_of(issuer, "ec").curve_name == "P-256"
    assert issuer.fetches() == 2


def test_a_key_that_was_just_published_is_found_after_a_minute(
    issuer: Issuer, clock: Clock
) -> None:
    fresh = ECKey.generate_key("P-256", {"kid": "new"}, private=True)
    assert key_of(issuer, "new") is None
    issuer.answers[JWKS] = {"keys": [fresh.as_dict(private=False)]}
    assert key_of(issuer, "new") is None
    clock.now += 61
    assert key_of(issuer, "new") is not None
    assert key_of(issuer, "rsa") is None


def test_a_withdrawn_key_ends_within_a_quarter_of_an_hour(issuer: Issuer, clock: Clock) -> None:
    assert key_of(issuer, "rsa") is not None
    issuer.answers[JWKS] = {"keys": []}
    clock.now += issuers.KEPT - 1
    assert key_of(issuer, "rsa") is not None
    clock.now += 2
    assert key_of(issuer, "rsa") is None


def test_known_keys_outlast_an_issuer_that_is_away_by_a_day(issuer: Issuer, clock: Clock) -> None:
    assert key_of(issuer, "rsa") is not None
    issuer.answers[JWKS] = (503, {})
    clock.now += issuers.KEPT + 1
    for _ in range(20):
        assert key_of(issuer, "rsa") is not None
    assert issuer.fetches() == 2
    clock.now += issuers.STALE
    with pytest.raises(Unreachable, match="answered 503"):
        key_of(issuer, "rsa")


def test_who_has_not_answered_is_asked_again_after_ten_seconds(
    issuer: Issuer, clock: Clock
) -> None:
    document = issuer.answers[DISCOVERY]
    issuer.answers[DISCOVERY] = (500, {})
    for _ in range(5):
        with pytest.raises(Unreachable, match="answered 500"):
            issuers.discovered(issuer.url)
    assert issuer.fetches(DISCOVERY) == 1
    issuer.answers[DISCOVERY] = document
    clock.now += issuers.AGAIN
    assert issuers.discovered(issuer.url) == document
    clock.now += issuers.KEPT - 1
    assert issuers.address(issuer.url, "jwks_uri") == f"{issuer.url}{JWKS}"
    assert issuer.fetches(DISCOVERY) == 2


def test_a_discovery_document_speaks_of_its_own_issuer_and_of_addresses_that_may_be_asked(
    issuer: Issuer,
) -> None:
    document = dict(issuer.answers[DISCOVERY])
    told = []
    for change in (
        {"issuer": f"{issuer.url}/"},
        {"issuer": None},
        {"jwks_uri": "http://example.com/keys"},
        {"jwks_uri": "https://10.0.0.1/keys"},
        {"jwks_uri": ["https://example.com/"]},
    ):
        issuers.forget()
        issuer.answers[DISCOVERY] = {**document, **change}
        with pytest.raises(Unreachable) as refused:
            issuers.address(issuer.url, "jwks_uri")
        told.append(str(refused.value))
    assert told == [
        "the discovery document names another issuer",
        "the discovery document names another issuer",
        "jwks_uri: an address begins with https://",
        "jwks_uri: an address does not lead to this network",
        "the discovery document names no jwks_uri",
    ]


@pytest.mark.parametrize(
    "answer", [(200, b"{"), (200, []), (200, {"keys": {}}), (302, {}), (200, b"[" * 9000)]
)
def test_what_is_no_key_set_is_none(issuer: Issuer, answer: Any) -> None:
    issuer.answers[JWKS] = answer
    with pytest.raises(Unreachable):
        key_of(issuer, "rsa")


def test_keys_that_are_not_for_signatures_are_left_out(issuer: Issuer) -> None:
    public = EC_KEY.as_dict(private=False)
    issuer.answers[JWKS] = {
        "keys": [
            {**public, "kid": "enc", "use": "enc"},
            {"kty": "oct", "k": "c2VjcmV0", "kid": "oct"},
            {"kty": "RSA", "kid": "broken"},
            {**public, "kid": "off-curve", "y": public["x"]},
            "no key",
            {**RSA_KEY.as_dict(private=True), "kid": "leaked"},
            *({**public, "kid": f"more-{n}"} for n in range(60)),
        ]
    }
    kids = ("enc", "oct", "broken", "off-curve", "leaked", "more-1", "more-59")
    found = [kid for kid in kids if key_of(issuer, kid)]
    assert found == ["leaked", "more-1"]
    assert not key_of(issuer, "leaked").is_private
    # Without an id there is one key to mean, or none.
    assert key_of(issuer, None) is None


def test_of_many_who_ask_at_once_one_fetches(issuer: Issuer) -> None:
    keys = issuer.answers[JWKS]

    def slowly(handler: Any) -> None:
        time.sleep(0.1)
        issuer.answers[JWKS] = keys
        handler._answer()

    issuer.answers[JWKS] = slowly
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(key_of(issuer, "ec"))) for _ in "abcd"]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert [key.kid for key in found] == ["ec"] * 4
    # The handler answers itself through the same door.
    assert issuer.fetches() == 2
