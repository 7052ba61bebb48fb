"""Protocol Buffers' wire format, as far as this product's messages need it, from the numbers alone.

Written beside the product's code and not with it, so that a wrong number shows.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

STATES = ("STATE_UNSPECIFIED", "ACTIVE", "DELETED")
USER_TYPES = ("USER_TYPE_UNSPECIFIED", "USER", "SYSTEM_BOT", "SERVICE_ACCOUNT", "WORKLOAD_IDENTITY")
PROVIDERS = ("PROVIDER_TYPE_UNSPECIFIED", "GITHUB", "GITLAB")

# Member of the JSON form: its number, and what it is.
MESSAGES: dict[str, dict[str, tuple[int, Any]]] = {
    "Empty": {},
    "LogoutRequest": {},
    "LoginRequest": {
        "email": (1, str),
        "password": (2, str),
        "web": (3, bool),
        "idpName": (4, str),
        "idpContext": (5, "IdentityProviderContext"),
        "otpCode": (6, str),
        "recoveryCode": (7, str),
        "mfaTempToken": (8, str),
    },
    "IdentityProviderContext": {"oauth2Context": (1, "Context"), "oidcContext": (2, "Context")},
    "Context": {"code": (1, str)},
    "LoginResponse": {
        "token": (1, str),
        "mfaTempToken": (2, str),
        "requireResetPassword": (3, bool),
        "user": (4, "User"),
    },
    "ExchangeTokenRequest": {"token": (1, str), "email": (2, str)},
    "ExchangeTokenResponse": {"accessToken": (1, str)},
    "GetUserRequest": {"name": (1, str)},
    "UpdateUserRequest": {
        "user": (1, "User"),
        "updateMask": (2, "FieldMask"),
        "otpCode": (3, str),
        "regenerateTempMfaSecret": (4, bool),
        "regenerateRecoveryCodes": (5, bool),
    },
    "User": {
        "name": (1, str),
        "state": (2, STATES),
        "email": (3, str),
        "title": (4, str),
        "userType": (5, USER_TYPES),
        "password": (6, str),
        "serviceKey": (7, str),
        "mfaEnabled": (8, bool),
        "tempOtpSecret": (9, str),
        "tempRecoveryCodes": (10, [str]),
        "tempOtpSecretCreatedTime": (11, "Timestamp"),
        "phone": (12, str),
        "profile": (13, "Profile"),
        "groups": (14, [str]),
        "workloadIdentityConfig": (15, "WorkloadIdentityConfig"),
    },
    "Profile": {
        "lastLoginTime": (1, "Timestamp"),
        "lastChangePasswordTime": (2, "Timestamp"),
        "source": (3, str),
    },
    "WorkloadIdentityConfig": {
        "providerType": (1, PROVIDERS),
        "issuerUrl": (2, str),
        "allowedAudiences": (3, [str]),
        "subjectPattern": (4, str),
    },
    "FieldMask": {"paths": (1, [str])},
    "Timestamp": {"seconds": (1, int), "nanos": (2, int)},
}
TEXT, NUMBER = 2, 0


def varint(number: int) -> bytes:
    parts = []
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    return bytes([*parts, number])


def field(number: int, value: bytes | str | int) -> bytes:
    """One field of the wire, whatever it means."""
    if isinstance(value, int):
        return varint(number << 3 | NUMBER) + varint(value)
    raw = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | TEXT) + varint(len(raw)) + raw


def encode(kind: str, message: dict[str, Any]) -> bytes:
    """A message, given in its JSON form, on the wire. What is given is sent, default or not."""
    fields = MESSAGES[kind]
    return b"".join(_encoded(*fields[name], value) for name, value in message.items())


def _snake(path: str) -> str:
    return re.sub("[A-Z]", lambda found: f"_{found[0].lower()}", path)


def _encoded(number: int, kind: Any, value: Any) -> bytes:
    if isinstance(kind, list):
        return b"".join(field(number, each) for each in value)
    if isinstance(kind, tuple):
        return field(number, kind.index(value))
    if kind == "FieldMask":
        value = {"paths": [_snake(path) for path in value.split(",") if path]}
    if kind == "Timestamp":
        whole = datetime.fromisoformat(value)
        value = {"seconds": int(whole.timestamp()), "nanos": whole.microsecond * 1000}
    if isinstance(kind, str):
        return field(number, encode(kind, value))
    return field(number, value)


def decode(kind: str, content: bytes) -> dict[str, Any]:
    """A message of the wire in its JSON form; every field must be known and be no default."""
    names = {number: (name, what) for name, (number, what) in MESSAGES[kind].items()}
    message: dict[str, Any] = {}
    for number, value in _fields(content):
        name, what = names[number]
        if isinstance(what, list):
            message.setdefault(name, []).append(value.decode())
            continue
        assert name not in message, name
        message[name] = _decoded(what, value)
        assert message[name] not in ("", 0, False), name
    return message


def _decoded(what: Any, value: Any) -> Any:
    if what == "Timestamp":
        parts = decode("Timestamp", value)
        nanos = parts.get("nanos", 0)
        digits = next(d for d in (0, 3, 6, 9) if nanos % 10 ** (9 - d) == 0)
        whole = datetime.fromtimestamp(parts["seconds"], UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return f"{whole}{f'.{nanos:09}'[: digits + 1] if digits else ''}Z"
    if isinstance(what, str):
        return decode(what, value)
    if isinstance(what, tuple):
        return what[value]
    return value.decode() if what is str else bool(value) if what is bool else value


def _fields(content: bytes) -> list[tuple[int, Any]]:
    found: list[tuple[int, Any]] = []
    at = 0

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = content[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(content):
        tag = number()
        if tag & 7 == NUMBER:
            found.append((tag >> 3, number()))
            continue
        assert tag & 7 == TEXT
        length = number()
        assert at + length <= len(content)
        found.append((tag >> 3, content[at : at + length]))
        at += length
    return found
