"""The real OpenID provider of the tests, and somebody who logs in there."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin
from urllib.request import HTTPCookieProcessor, HTTPRedirectHandler, Request, build_opener

SCRIPT = Path(__file__).resolve().parents[2] / "peers/node/openid_provider.mjs"
INSTALLED = Path(__file__).resolve().parents[3] / "var/peers/node/node_modules/oidc-provider"


class Peer:
    """The provider by its address."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer

    def register(self, *callbacks: str, **more: Any) -> dict[str, Any]:
        """A new client: its id and secret among what it is told."""
        wanted = {"redirect_uris": callbacks, **more}
        sent = Request(  # noqa: S310  # the provider of the tests
            f"{self.issuer}/reg",
            json.dumps(wanted).encode(),
            {"Content-Type": "application/json"},
        )
        with build_opener().open(sent) as answer:
            told: dict[str, Any] = json.loads(answer.read())
        return told

    def code(self, client_id: str, callback: str, login: str, **more: str) -> str:
        """A real authorization code, for a flow that somebody else began."""
        query = {
            "client_id": client_id,
            "redirect_uri": callback,
            "response_type": "code",
            "scope": "openid email profile",
            **more,
        }
        back = log_in(f"{self.issuer}/auth?{urlencode(query)}", callback, login)
        found = re.search(r"[?&]code=([^&]+)", back)
        assert found, back
        return found[1]


class _Stop(HTTPRedirectHandler):
    def __init__(self, at: str) -> None:
        self.at = at

    def redirect_request(self, *args: Any) -> Any:
        new = args[-1]
        return None if new.startswith(self.at) else super().redirect_request(*args)


def log_in(url: str, callback: str, login: str) -> str:
    """Walk the provider's pages as a browser would; the address that it sends the browser to."""
    opener = build_opener(HTTPCookieProcessor(CookieJar()), _Stop(callback))
    form: dict[str, str] = {}
    for _ in range(4):
        try:
            with opener.open(url, urlencode(form).encode() if form else None) as answer:
                page, url = answer.read().decode(), answer.url
        except HTTPError as error:
            back = str(error.headers.get("Location"))
            if not back.startswith(callback):
                raise
            return back
        found = re.search(r'<form[^>]*action="([^"]+)"', page)
        assert found, page
        url = urljoin(url, found[1])
        prompt = "login" if 'name="login"' in page else "consent"
        form = {"prompt": prompt, "login": login, "password": "any"}
    raise AssertionError("the provider asks and asks")


@contextmanager
def running() -> Iterator[Peer]:
    process = subprocess.Popen(["node", str(SCRIPT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin
    assert process.stdout
    try:
        yield Peer(json.loads(process.stdout.readline())["issuer"])
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()
