"""Accounts as the login, ``me`` and ``users.info`` show them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accounts.wire.description import (
    FLAG,
    TEXT,
    TEXTS,
    Named,
    constant,
    listed,
    one_of,
    record,
    told,
)

MOMENT = told("2026-01-31T12:00:00.000Z")

_EMAIL = Named("Email", record({"address": TEXT, "verified": FLAG}))
_ENABLED = record({"enabled": constant(value=True)})
_SERVICES = Named(
    "Services",
    record({"password": record({"exists": FLAG})}, {"totp": _ENABLED, "email2fa": _ENABLED}),
)
ME: Mapping[str, Any] = {
    "_id": TEXT,
    "name": TEXT,
    "username": TEXT,
    "status": TEXT,
    "statusConnection": TEXT,
    "utcOffset": {"type": "integer"},
    "active": FLAG,
    "roles": TEXTS,
    "services": _SERVICES,
    "settings": record({"profile": record({}), "preferences": record({})}),
    "avatarUrl": TEXT,
    "isOAuthUser": FLAG,
    "_updatedAt": MOMENT,
}
SOMETIMES: Mapping[str, Any] = {
    "emails": listed(_EMAIL),
    "email": TEXT,
    "requirePasswordChange": FLAG,
}
PROFILE = Named(
    "Profile",
    record(
        {
            "_id": TEXT,
            "name": TEXT,
            "username": TEXT,
            "type": one_of("user", "bot"),
            "status": TEXT,
            "utcOffset": {"type": "integer"},
            "active": FLAG,
            "canViewAllInfo": FLAG,
        },
        {
            "emails": listed(_EMAIL),
            "statusConnection": TEXT,
            "createdAt": MOMENT,
            "lastLogin": MOMENT,
            "requirePasswordChange": FLAG,
            "roles": TEXTS,
            "services": _SERVICES,
        },
    ),
)
