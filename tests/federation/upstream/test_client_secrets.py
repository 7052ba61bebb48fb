"""How a provider is told who asks it, whatever signs the client's id and secret hold."""

from __future__ import annotations

from base64 import b64decode
from http.server import BaseHTTPRequestHandler
from urllib.parse import unquote_plus

import pytest

from tenants.federation import oauth2
from tenants.federation.oauth2 import Client, Redeemable
from tenants.federation.settings import AuthStyle
from tests.federation.upstream.issuer import Issuer

CODE = Redeemable("code", "https://id.example/oauth/callback")


@pytest.mark.parametrize("secret", ["plain-1_2.3~", "a+b/c==", "50%:of it", "пароль"])
def test_a_secret_in_the_header_is_written_as_the_standard_has_it(
    issuer: Issuer, secret: str
) -> None:
    """RFC 6749, 2.3.1: both parts in the form of a query, then joined."""
    told: list[str] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        told.append(handler.headers["Authorization"])
        handler.send_response(200)
        handler.send_header("Content-Length", "20")
        handler.end_headers()
        handler.wfile.write(b'{"access_token":"a"}')

    issuer.answers["/token"] = answer
    client = Client(f"{issuer.url}/token", "our:id", secret, AuthStyle.IN_HEADER)
    assert oauth2.redeem(client, CODE) == {"access_token": "a"}
    scheme, _, pair = told[0].partition(" ")
    parts = b64decode(pair).decode("ascii").split(":")
    assert (scheme, [unquote_plus(part) for part in parts]) == ("Basic", ["our:id", secret])
    # Most secrets look the same either way.
    assert (parts[1] == secret) is secret.startswith("plain")
