"""The WSGI application that every server loads."""

import contextlib
import io
import os
import sys
from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
# So much of a body that is too long is still read and thrown away: a client that is cut off in the
# middle of sending never sees why.
DISCARDED = 1024 * 1024


def refuse_misconfiguration() -> None:
    """A server that is not started by `serve` must not get by with weak secrets either."""
    found = checks.run_checks(tags=["dragoman"])
    errors = [message for message in found if message.is_serious() and not message.is_silenced()]
    if errors:
        sys.exit("\n".join(str(message) for message in errors))


def whole_bodies(application: Application, limit: int) -> Application:
    """Django reads no body without CONTENT_LENGTH: collect a chunked one and state its length.

    One byte over the limit is enough for Django to refuse the body as too long; what comes after
    it is discarded.
    """

    def wrapped(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        stream = environ["wsgi.input"]
        if environ.get("wsgi.input_terminated") and "HTTP_TRANSFER_ENCODING" in environ:
            body = _read(stream, limit + 1)
            environ["wsgi.input"] = io.BytesIO(body)
            environ["CONTENT_LENGTH"] = str(len(body))
            if len(body) > limit:
                _discard(stream, DISCARDED)
        elif (length := _length(environ)) > limit:
            _discard(stream, min(length, DISCARDED))
        return application(environ, start_response)

    return wrapped


def _length(environ: dict[str, Any]) -> int:
    text = environ.get("CONTENT_LENGTH") or ""
    return int(text[:18]) if text.isascii() and text.isdigit() else 0


def _discard(stream: io.BufferedIOBase, most: int) -> None:
    """Read and forget. A client that breaks off is told by the application, if it listens."""
    with contextlib.suppress(OSError):
        while most > 0 and (part := stream.read(min(most, 65536))):
            most -= len(part)


def _read(stream: io.BufferedIOBase, most: int) -> bytes:
    parts: list[bytes] = []
    while most > 0 and (part := stream.read(most)):
        parts.append(part)
        most -= len(part)
    return b"".join(parts)


application = whole_bodies(get_wsgi_application(), settings.DRAGOMAN.body_limit)
refuse_misconfiguration()
