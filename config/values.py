"""Parsers of environment variables; each raises ValueError that says what is wrong."""

import base64
import binascii
import re
from collections.abc import Callable


def text(raw: str) -> str:
    if any(ord(character) < 32 for character in raw):
        raise ValueError("contains control characters")
    return raw


def integer(raw: str) -> int:
    # int() would also take "1_000", "+5" and digits of other scripts.
    if not re.fullmatch(r"-?[0-9]{1,9}", raw):
        raise ValueError("is not a whole number")
    return int(raw)


def positive(raw: str) -> int:
    value = integer(raw)
    if value < 1:
        raise ValueError("must be at least 1")
    return value


def up_to(most: int) -> Callable[[str], int]:
    def parse(raw: str) -> int:
        value = positive(raw)
        if value > most:
            raise ValueError(f"must be at most {most}")
        return value

    return parse


def natural(raw: str) -> int:
    value = integer(raw)
    if value < 0:
        raise ValueError("must not be negative")
    return value


def port(raw: str) -> int:
    value = natural(raw)
    if value > 65535:
        raise ValueError("is no TCP port")
    return value


def url(raw: str) -> str:
    if not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", raw):
        raise ValueError("is not an http(s) URL without query")
    return raw.rstrip("/")


def database_url(raw: str) -> str:
    if not re.match(r"postgres(ql)?://", raw):
        raise ValueError("must start with postgresql://; Dragoman runs on PostgreSQL alone")
    return raw


def email_url(raw: str) -> str:
    if not re.match(r"(smtp|smtps|smtp\+tls)://[^\s/]+/?$", raw):
        raise ValueError("must be smtp://, smtp+tls:// or smtps://user:password@host:port")
    return raw


def names(raw: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in raw.split(",") if part.strip())


def keys(raw: str) -> tuple[bytes, ...]:
    try:
        return tuple(base64.b64decode(part, validate=True) for part in names(raw))
    except binascii.Error:
        # The value is a secret: say what is wrong with it, never what it is.
        raise ValueError("is not a comma-separated list of base64 keys") from None


def choice(*allowed: str) -> Callable[[str], str]:
    def parse(raw: str) -> str:
        if raw not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return raw

    return parse
