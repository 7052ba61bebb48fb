"""Time-based one-time passwords (RFC 6238): secrets, codes and steps. No tables here."""

from __future__ import annotations

import base64
import hmac
import re
import secrets
from datetime import datetime
from enum import Enum, auto
from urllib.parse import quote, urlencode

from django_otp.oath import hotp

PERIOD = 30
SECRET_BYTES = 20
# One step back for slow typists and clocks; none ahead: such a code was not shown yet.
STEPS_BACK = 1
_CODE = re.compile(r"[0-9]{6}")


class CodeVerdict(Enum):
    """What became of a presented code."""

    ACCEPTED = auto()
    WRONG = auto()
    SPENT = auto()


def new_secret() -> bytes:
    """160 random bits (RFC 4226 section 4, R6)."""
    return secrets.token_bytes(SECRET_BYTES)


def base32(secret: bytes) -> str:
    """The secret as a person types it: base32 without padding."""
    return base64.b32encode(secret).decode().rstrip("=")


def provisioning_uri(secret: bytes, *, issuer: str, account: str) -> str:
    """The ``otpauth://`` address that authenticator apps read from a QR code."""
    label = quote(f"{issuer}:{account}", safe=":@")
    query = {
        "algorithm": "SHA1",
        "digits": 6,
        "issuer": issuer,
        "period": PERIOD,
        "secret": base32(secret),
    }
    return f"otpauth://totp/{label}?{urlencode(query, quote_via=quote)}"


def is_code(text: str) -> bool:
    """Whether ``text`` has the form of a code: six ASCII digits and nothing else."""
    return _CODE.fullmatch(text) is not None


def step_at(now: datetime) -> int:
    """The time step that ``now`` lies in."""
    return int(now.timestamp()) // PERIOD


def code_at(secret: bytes, step: int) -> str:
    """The six digits of one time step."""
    return f"{hotp(secret, step):06d}"


def matching_step(secret: bytes, code: str, now: datetime) -> int | None:
    """The step within the tolerance whose code this is, or None."""
    if not is_code(code):
        return None
    current = step_at(now)
    for step in range(current, current - STEPS_BACK - 1, -1):
        if hmac.compare_digest(code_at(secret, step), code):
            return step
    return None
