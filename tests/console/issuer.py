"""An OpenID provider of the tests' own."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler
from typing import Any


class Issuer(BaseHTTPRequestHandler):
    """What an OpenID provider publishes; the tests change it."""

    base = ""
    document: dict[str, Any]
    keys: Any

    def do_GET(self) -> None:
        body: Any = {"/jwks": self.keys}.get(self.path)
        if self.path == "/.well-known/openid-configuration":
            body = self.document
        if (status := {"/away": 503, "/t": 404, "/token": 404}.get(self.path)) is not None:
            self.send_error(status)
            return
        self.send_response(200 if body is not None else 400)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def do_POST(self) -> None:
        # As providers do whose token address knows this method alone.
        self.send_error({"/away": 503, "/moved": 302}.get(self.path, 400))

    def log_message(self, *args: Any) -> None:
        """Quiet."""
