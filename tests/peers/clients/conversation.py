"""One conversation of a published client with the server: JSON in, one line of JSON out.

Exit status 0: the client got what it wanted. 3: the server refused and the client said so with
the error class it uses for that. Anything else is a breakdown, with its traceback on stderr.
"""

import base64
import binascii
import importlib
import importlib.metadata
import json
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

REFUSED = 3

Asked = dict[str, Any]
Answer = dict[str, Any]


class RefusedError(Exception):
    """The client raised the error it has for "you may not come in"."""

    def __init__(self, error: BaseException, *, status: int | None, message: str) -> None:
        super().__init__(message)
        self.told = {"error": type(error).__name__, "status": status, "message": message}


def load(name: str) -> ModuleType:
    """Import a client by name: it lives in its own environment, where no type checker looks."""
    return importlib.import_module(name)


def shape(token: str) -> Answer:
    """What a token looks like. The token itself stays out of reports and CI logs."""
    parts = token.split(".")
    if len(parts) == 3:
        try:
            header, claims = (json.loads(_unpadded(part)) for part in parts[:2])
        except (binascii.Error, ValueError):
            pass
        else:
            return {"header": header, "claims": claims}
    return {"opaque": len(token)}


def _unpadded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def hold(package: str, talk: Callable[[Asked], Answer]) -> None:
    """Run `talk` on the JSON of standard input and end the process."""
    told: Answer = {"client": package, "version": importlib.metadata.version(package)}
    asked: Asked = json.loads(sys.stdin.read())
    status = 0
    # Some clients print; standard output belongs to the one line of JSON.
    out, sys.stdout = sys.stdout, sys.stderr
    try:
        told |= talk(asked)
    except RefusedError as refusal:
        told["refused"] = refusal.told
        status = REFUSED
    finally:
        sys.stdout = out
    line = json.dumps(told)
    if asked["password"] in line:
        raise AssertionError("the report would show the password")
    sys.stdout.write(f"{line}\n")
    sys.exit(status)
