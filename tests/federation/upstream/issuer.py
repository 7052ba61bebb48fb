"""A token issuer and OpenID provider: over TLS, on loopback, as wrong as it is told to be."""

from __future__ import annotations

import hmac
import json
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from tests.federation.certificates import authority, certificate
from tests.federation.doors import server_context

JWKS, DISCOVERY = "/.well-known/jwks.json", "/.well-known/openid-configuration"
Answer = tuple[int, Any]
# Not the directory's: processes of the tests come to trust this one for good.
_AUTHORITY = "The issuer's authority"
# Made once: an RSA key takes a tenth of a second.
RSA_KEY = RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"}, private=True)
EC_KEY = ECKey.generate_key("P-256", {"kid": "ec", "use": "sig", "alg": "ES256"}, private=True)
OTHER_RSA_KEY = RSAKey.generate_key(2048, {"kid": "rsa"}, private=True)


class Issuer:
    """What it answers is in :attr:`answers` by path; what it was asked, in :attr:`asked`."""

    def __init__(self, port: int) -> None:
        self.domain = f"127.0.0.1:{port}"
        self.url = f"https://{self.domain}"
        self.reset()

    def reset(self) -> None:
        self.asked: list[str] = []
        self.forms: list[str] = []
        self.answers: dict[str, Any] = {
            DISCOVERY: {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "userinfo_endpoint": f"{self.url}/me",
                "jwks_uri": f"{self.url}{JWKS}",
            },
            JWKS: {"keys": [key.as_dict(private=False) for key in (RSA_KEY, EC_KEY)]},
        }

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Claims of a good token; a change to None leaves the claim out."""
        now = int(time.time())
        claims = {
            "iss": self.url,
            "sub": "subject-1",
            "aud": "client",
            "iat": now,
            "exp": now + 300,
            **changes,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, key: Any = RSA_KEY, alg: str = "RS256", **changes: Any) -> str:
        return signed(self.claims(**changes), key, {"alg": alg, "kid": key.kid})

    def fetches(self, path: str = JWKS) -> int:
        return self.asked.count(path)


def signed(claims: Any, key: Any, header: dict[str, Any]) -> str:
    """A signed token with exactly this header, however wrong. A key of bytes is a shared secret."""
    if isinstance(key, bytes):
        text = ".".join(_part(json.dumps(each).encode()) for each in (header, claims))
        return f"{text}.{_part(hmac.digest(key, text.encode(), 'sha256'))}"
    registry = jws.JWSRegistry(algorithms=[header["alg"]], strict_check_header=False)
    return jws.serialize_compact(header, json.dumps(claims), key, registry=registry)


def _part(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def shared_secret(key: Any) -> bytes:
    """A public key as text, taken for a shared secret."""
    pem: bytes = key.as_pem(private=False)
    return pem


class _Handler(BaseHTTPRequestHandler):
    issuer: Issuer

    def _answer(self) -> None:
        path = self.path.partition("?")[0]
        self.issuer.asked.append(path)
        length = int(self.headers.get("Content-Length", 0))
        self.issuer.forms.append(self.rfile.read(length).decode())
        answer = self.issuer.answers.get(path, (404, {}))
        if callable(answer):
            answer(self)
            return
        status, body = answer if isinstance(answer, tuple) else (200, answer)
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    do_GET = do_POST = _answer

    def log_message(self, *args: Any) -> None:
        """Nothing: the test says what went wrong."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *args: Any) -> None:
        """A client that breaks off is part of the tests."""


@contextmanager
def running(folder: Path) -> Iterator[tuple[Issuer, Path]]:
    """An issuer that answers, and the certificate to trust it by."""
    trusted = folder / "authority.pem"
    trusted.write_text(authority(_AUTHORITY))
    handler = type("Handler", (_Handler,), {})
    server = _Server(("127.0.0.1", 0), handler)
    context = server_context(certificate("127.0.0.1", signed_by=_AUTHORITY), folder)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    # An attribute of ours on the library's server.
    issuer = handler.issuer = Issuer(server.server_port)  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield issuer, trusted
    finally:
        server.shutdown()
        server.server_close()


Respond = Callable[[BaseHTTPRequestHandler], None]
