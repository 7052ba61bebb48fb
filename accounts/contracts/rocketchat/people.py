"""A user in Rocket.Chat's words: ``me`` in full, and what others see of him."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from accounts.login.outcome import Factor
from accounts.login.passwords import is_hashed
from accounts.login.subject import Subject
from accounts.models import PersonalAccessToken


def iso(moment: datetime) -> str:
    """A time as JavaScript prints it: UTC, milliseconds, ``Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def me(subject: Subject, site: str) -> dict[str, Any]:
    """The user about himself. Members without a value are left out, never null."""
    user = subject.user
    members: dict[str, Any] = {
        "_id": subject.identifier,
        "name": user.display_name or user.username,
        "username": user.username,
        "emails": _emails(subject),
        "email": user.email if user.email_verified else None,
        "status": "offline",
        "statusConnection": "offline",
        "utcOffset": 0,
        "active": user.is_active,
        "roles": _roles(subject),
        "services": _services(subject),
        "requirePasswordChange": user.must_change_password or None,
        "settings": {"profile": {}, "preferences": {}},
        "avatarUrl": f"{site}/avatar/{quote(user.username, safe='')}",
        "isOAuthUser": False,
        "_updatedAt": iso(user.updated_at),
    }
    return _present(members)


def profile(subject: Subject, *, full: bool, own: bool) -> dict[str, Any]:
    """The user as ``users.info`` tells of him: in full to himself and to administrators."""
    user = subject.user
    members: dict[str, Any] = {
        "_id": subject.identifier,
        "name": user.display_name or user.username,
        "username": user.username,
        "type": "user" if user.is_person else "bot",
        "status": "offline",
        "utcOffset": 0,
        "active": user.is_active,
    }
    if full:
        members |= {
            "emails": _emails(subject),
            "statusConnection": "offline",
            "createdAt": iso(user.created_at),
            "lastLogin": iso(user.last_login) if user.last_login else None,
            "requirePasswordChange": user.must_change_password or None,
            "roles": _roles(subject),
        }
    if own:
        members["services"] = _services(subject)
    return _present({**members, "canViewAllInfo": full})


def personal_token(token: PersonalAccessToken) -> dict[str, Any]:
    """A personal access token as its owner sees it in the list."""
    return {
        "name": token.name,
        "createdAt": iso(token.created_at),
        "lastTokenPart": token.last_part,
        "bypassTwoFactor": token.bypass_second_factor,
    }


def _emails(subject: Subject) -> list[dict[str, Any]] | None:
    user = subject.user
    return [{"address": user.email, "verified": user.email_verified}] if user.email else None


def _roles(subject: Subject) -> list[str]:
    """Everybody is a ``user``; the groups of the tenant are roles; who may do all is ``admin``."""
    roles = ["user", *subject.groups, *(["admin"] if subject.user.is_superuser else [])]
    return list(dict.fromkeys(roles))


def _services(subject: Subject) -> dict[str, Any]:
    services: dict[str, Any] = {"password": {"exists": is_hashed(subject.user.password)}}
    if Factor.OTP in subject.factors:
        services["totp"] = {"enabled": True}
    if Factor.EMAIL in subject.factors:
        services["email2fa"] = {"enabled": True}
    return services


def _present(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None and value != ""}
