"""Whose request it is, behind proxies and on sockets of either kind."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.test import RequestFactory
from pytest_django import Settings

from accounts.wire.call import client_address

PEER = "198.51.100.9"


@pytest.mark.parametrize(
    ("hops", "forwarded", "peer", "address"),
    [
        (0, "192.0.2.1", PEER, PEER),
        (1, "203.0.113.5, 192.0.2.1", PEER, "192.0.2.1"),
        (2, "203.0.113.5, 192.0.2.1,192.0.2.2", PEER, "192.0.2.1"),
        (1, "::ffff:192.0.2.1", PEER, "192.0.2.1"),
        (1, "192.0.2.1:50123", PEER, "192.0.2.1"),
        (1, "[2001:db8::1]:50123", PEER, "2001:db8::1"),
        (0, "", "::ffff:192.0.2.1", "192.0.2.1"),
        (0, "", "fe80::1%eth0", "fe80::1"),
        (0, "", "2001:DB8::0:1", "2001:db8::1"),
        # Nothing readable from the proxy: its own address, so that its clients stay limited.
        (1, "", PEER, PEER),
        (2, "192.0.2.1", PEER, PEER),
        (1, "203.0.113.5, unknown", PEER, PEER),
        (1, "", "", None),
    ],
)
def test_the_address_is_the_one_that_the_last_trusted_proxy_saw(
    settings: Settings, hops: int, forwarded: str, peer: str, address: str | None
) -> None:
    settings.DRAGOMAN = replace(settings.DRAGOMAN, trusted_proxies=hops)
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    assert client_address(RequestFactory().get("/", headers=headers, REMOTE_ADDR=peer)) == address
