"""Secrets of a demo: made at its first start, kept in `demo.env`, never used in production."""

import base64
import os
import secrets
from pathlib import Path

FILE = "demo.env"
LOOPBACK = "localhost,127.0.0.1,[::1]"


def apply_to(command: str, var_dir: Path) -> bool:
    """Whether this command is the demo, or is typed beside one.

    `serve` never takes a demo's secrets unless the mode says demo: a production server that lost
    its environment must refuse to start, whatever lies in its directory.
    """
    mode = os.environ.get("DRAGOMAN_MODE", "")
    if command == "run_demo" or mode == "demo":
        return True
    if mode or command == "serve" or os.environ.get("DRAGOMAN_SECRET_KEY"):
        return False
    return (var_dir / FILE).exists()


def load_or_create(var_dir: Path) -> None:
    """Put the demo's mode and secrets into the environment; what is set there already stays."""
    file = var_dir / FILE
    if not file.exists():
        var_dir.mkdir(parents=True, exist_ok=True)
        _write(file)
    for line in file.read_text().splitlines():
        name, separator, value = line.partition("=")
        if separator and not line.startswith("#"):
            os.environ.setdefault(name, value)
    if os.environ["DRAGOMAN_MODE"] == "demo":
        os.environ.setdefault("DRAGOMAN_ALLOWED_HOSTS", LOOPBACK)


def _write(file: Path) -> None:
    content = (
        "# Secrets of this demo. Delete the directory and they are gone with its data.\n"
        "DRAGOMAN_MODE=demo\n"
        f"DRAGOMAN_SECRET_KEY={secrets.token_urlsafe(64)}\n"
        f"DRAGOMAN_SEALING_KEYS={base64.b64encode(secrets.token_bytes(32)).decode()}\n"
    )
    # Two first starts at once: a file appears whole or not at all, and the first one wins.
    draft = file.with_name(f"{FILE}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(content)
    try:
        os.link(draft, file)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
