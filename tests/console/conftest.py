"""Who acts in the console, the mails that leave it, and a provider that it asks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import ThreadingHTTPServer

import pytest
from django.conf import settings

from tenants.federation import issuers, outbound
from tests.console.furniture import make_superuser
from tests.console.issuer import Issuer
from tests.fixtures import Cast
from tests.web.browsing import Browser, signed_in


@pytest.fixture
def officer(cast: Cast) -> Browser:
    """Staff of one tenant, signed in."""
    return signed_in(cast.erin)


@pytest.fixture
def boss(cast: Cast) -> Browser:
    """A superuser, signed in."""
    return signed_in(make_superuser(cast.erin))


@pytest.fixture
def issuer(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Issuer]]:
    """A provider that is really asked."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Issuer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"
    conf = replace(settings.DRAGOMAN, outbound_hosts=frozenset({"127.0.0.1"}))
    monkeypatch.setattr(settings, "DRAGOMAN", conf)
    Issuer.base = base
    Issuer.document = {
        "issuer": base,
        "authorization_endpoint": f"{base}/authorize",
        "token_endpoint": f"{base}/token",
        "jwks_uri": f"{base}/jwks",
    }
    Issuer.keys = {"keys": [{"kty": "EC", "kid": "1"}]}
    outbound.forget()
    issuers.forget()
    yield Issuer
    server.shutdown()
    server.server_close()
