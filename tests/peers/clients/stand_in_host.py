"""A new address for a client whose host names are fixed.

pycoldstream builds `https://identity.<region>.coldstream.diabatix.com` itself. A company moves it
with its resolver or its proxy and a certificate authority that its machines trust. This is the
same thing for one process: a forward proxy on the loopback interface that answers CONNECT for
every host with a certificate of its own and passes the requests on to the new address.
"""

import http.client
import os
import ssl
import tempfile
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from conversation import load

# RFC 9110, section 7.6.1, and what the server of this proxy writes anew.
NOT_FORWARDED = {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "host"}
NOT_RETURNED = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}


class _Door(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, base_url: str, tls: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), _Visit)
        self.target = urllib.parse.urlsplit(base_url)
        self.tls = tls
        self.visited: list[str] = []


class _Visit(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Door
    host = ""

    def do_CONNECT(self) -> None:
        self.host = self.path.rpartition(":")[0]
        self.send_response(200, "Connection established")
        self.end_headers()
        self.connection = self.server.tls.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", buffering=0)
        self.close_connection = False

    def _pass_on(self) -> None:
        target = self.server.target
        self.server.visited.append(f"{self.command} https://{self.host}{self.path}")
        connect: Any = (
            http.client.HTTPSConnection if target.scheme == "https" else http.client.HTTPConnection
        )
        upstream = connect(target.netloc, timeout=30)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {k: v for k, v in self.headers.items() if k.lower() not in NOT_FORWARDED}
        upstream.request(self.command, target.path.rstrip("/") + self.path, body or None, headers)
        answer = upstream.getresponse()
        content = answer.read()
        self.send_response(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in NOT_RETURNED:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        upstream.close()

    do_GET = do_POST = do_PUT = _pass_on

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Stay quiet: the client's own report is what counts."""


@contextmanager
def stand_in_host(host: str, base_url: str) -> Iterator[list[str]]:
    """Lead `https://<host>` to `base_url` for this process; yields the requests that came."""
    authority = load("trustme").CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host).configure_cert(tls)
    door = _Door(base_url, tls)
    threading.Thread(target=door.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        trusted = Path(folder, "authority.pem")
        trusted.write_bytes(authority.cert_pem.bytes())
        for name in ("NO_PROXY", "no_proxy", "CURL_CA_BUNDLE"):
            os.environ.pop(name, None)
        os.environ["HTTPS_PROXY"] = f"http://127.0.0.1:{door.server_port}"
        os.environ["https_proxy"] = os.environ["HTTPS_PROXY"]
        os.environ["REQUESTS_CA_BUNDLE"] = str(trusted)
        try:
            yield door.visited
        finally:
            door.shutdown()
            door.server_close()
