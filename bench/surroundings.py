"""What a bench runs in: an installation of its own, empty, with the settings of production."""

import base64
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def installation(**more: str) -> Iterator[dict[str, str]]:
    """The environment of such an installation, which is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="dragoman-bench-") as directory:
        # PostgreSQL runs as somebody else where this runs as root.
        Path(directory).chmod(0o711)
        yield {**_environment(directory), **more}


def _environment(directory: str) -> dict[str, str]:
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("DRAGOMAN_", "DATABASE_URL"))}
    return {
        **kept,
        "DRAGOMAN_MODE": "production",
        "DRAGOMAN_VAR_DIR": directory,
        "DRAGOMAN_SECRET_KEY": secrets.token_urlsafe(64),
        "DRAGOMAN_SEALING_KEYS": base64.b64encode(secrets.token_bytes(32)).decode(),
        "DRAGOMAN_BASE_URL": "https://127.0.0.1",
        "DRAGOMAN_ALLOWED_HOSTS": "127.0.0.1",
        "DRAGOMAN_WORKERS": "2",
    }
