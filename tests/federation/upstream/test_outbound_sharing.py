"""One request's trouble with another system is nobody else's, and its own for so long only."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from tenants.federation import issuers, outbound
from tenants.federation.outbound import MAX_BYTES, Unreachable, fetch
from tenants.federation.settings import Kind
from tests.federation.upstream.issuer import DISCOVERY, Issuer
from tests.federation.upstream.providers import oidc_settings, row
from tests.federation.upstream.test_browser import BACK, depart, reason
from tests.fixtures import Cast
from tests.web.browsing import Browser


def test_a_long_answer_does_not_silence_its_host_for_others(issuer: Issuer) -> None:
    """Many tenants share the large providers, where anybody can put a large file."""
    issuer.answers |= {"/large": (200, b" " * (MAX_BYTES + 1)), "/small": {}}
    for _ in range(5):
        with pytest.raises(Unreachable, match="longer than 64 KiB"):
            fetch(f"{issuer.url}/large")
    assert fetch(f"{issuer.url}/small").ok


def test_an_address_that_does_not_answer_leaves_time_for_the_next_one(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Half of it goes to the first; a busy machine needs more than a moment for the second.
    monkeypatch.setattr(outbound, "SECONDS", 2.4)
    port = int(issuer.domain.rpartition(":")[2])
    found = ["127.0.0.2", "127.0.0.1"]
    monkeypatch.setattr(outbound, "_resolved", lambda *_: found)
    issuer.answers["/"] = {}
    with socket.socket() as full:
        # Its queue has room for one: who comes later gets no answer at all.
        full.bind(("127.0.0.2", port))
        full.listen(0)
        with socket.create_connection(("127.0.0.2", port)):
            assert fetch(f"{issuer.url}/").ok


def test_nobody_waits_for_a_place_beyond_his_own_time(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbound, "SECONDS", 0.1)
    monkeypatch.setattr(outbound, "PLACE", 1.0)
    waiting = "too many requests are waiting for its answer"
    for _ in range(outbound.OVERALL):
        outbound._OVERALL.acquire()
    begun = time.monotonic()
    try:
        with pytest.raises(Unreachable, match=waiting):
            fetch(issuer.url)
    finally:
        for _ in range(outbound.OVERALL):
            outbound._OVERALL.release()
    entry = issuers._documents.entry(issuer.url)
    with entry.lock, outbound.one_deadline(), pytest.raises(Unreachable):
        issuers.discovered(issuer.url)
    assert time.monotonic() - begun < 0.6


def test_a_provider_that_hangs_on_the_way_back_is_given_up_once(
    cast: Cast, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer's issuer is looked up again, and then the code is redeemed: in one time."""
    row(cast.alpha, Kind.OIDC, oidc_settings(issuer.url))
    browser = Browser()
    query = depart(browser)
    for limit in ("KEPT", "FLOOR", "AGAIN"):
        monkeypatch.setattr(issuers, limit, 0.0)
    monkeypatch.setattr(outbound, "SECONDS", 0.5)
    released = threading.Event()
    hang = lambda _: released.wait(5)  # noqa: E731
    issuer.answers |= {DISCOVERY: hang, "/token": hang}
    begun = time.monotonic()
    page = browser.get(BACK, {"state": query["state"], "code": "c"})
    seconds = time.monotonic() - begun
    released.set()
    assert (page.status_code, reason()) == (503, "external_unavailable")
    assert seconds < 0.9


def test_a_provider_that_is_away_on_the_way_back_is_no_refusal(cast: Cast, issuer: Issuer) -> None:
    row(cast.alpha, Kind.OIDC, oidc_settings(issuer.url))
    browser = Browser()
    query = depart(browser)
    issuers.forget()
    issuer.answers[DISCOVERY] = (500, {})
    page = browser.get(BACK, {"state": query["state"], "code": "c"})
    assert (page.status_code, reason()) == (503, "external_unavailable")
