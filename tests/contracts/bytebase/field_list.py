"""The product's own field lists, and a checker that every answer of 200 has to pass.

Names, types, order and "no default values" as the interface definition of release 3.13 and its
JSON form have them.
"""

from __future__ import annotations

import re
from typing import Any

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3}|\.\d{6})?Z")
TEXT, TRUE, NUMBER, TIME = "text", "true", "number", "time"
Kind = Any
Fields = tuple[tuple[str, Kind], ...]

PROFILE: Fields = (("lastLoginTime", TIME), ("lastChangePasswordTime", TIME), ("source", TEXT))
WORKLOAD: Fields = (
    ("providerType", {"GITHUB", "GITLAB"}),
    ("issuerUrl", TEXT),
    ("allowedAudiences", [TEXT]),
    ("subjectPattern", TEXT),
)
USER: Fields = (
    ("name", TEXT),
    ("state", {"ACTIVE", "DELETED"}),
    ("email", TEXT),
    ("title", TEXT),
    ("userType", {"USER", "SYSTEM_BOT", "SERVICE_ACCOUNT", "WORKLOAD_IDENTITY"}),
    ("serviceKey", TEXT),
    ("mfaEnabled", TRUE),
    ("tempOtpSecret", TEXT),
    ("tempRecoveryCodes", [TEXT]),
    ("tempOtpSecretCreatedTime", TIME),
    ("phone", TEXT),
    ("profile", PROFILE),
    ("groups", [TEXT]),
    ("workloadIdentityConfig", WORKLOAD),
)
LOGIN: Fields = (
    ("token", TEXT),
    ("mfaTempToken", TEXT),
    ("requireResetPassword", TRUE),
    ("user", USER),
)
EXCHANGE: Fields = (("accessToken", TEXT),)
USERS: Fields = (("users", [USER]), ("nextPageToken", TEXT))
RESTRICTION: Fields = (
    ("minLength", NUMBER),
    ("requireNumber", TRUE),
    ("requireLetter", TRUE),
    ("requireUppercaseLetter", TRUE),
    ("requireSpecialCharacter", TRUE),
    ("requireResetPasswordForFirstLogin", TRUE),
    ("passwordRotation", TEXT),
)
ACTUATOR: Fields = (
    ("version", TEXT),
    ("gitCommit", TEXT),
    ("saas", TRUE),
    ("demo", TRUE),
    ("externalUrl", TEXT),
    ("needAdminSetup", TRUE),
    ("disallowSignup", TRUE),
    ("lastActiveTime", TIME),
    ("require2fa", TRUE),
    ("workspaceId", TEXT),
    ("unlicensedFeatures", [TEXT]),
    ("disallowPasswordSignin", TRUE),
    ("passwordRestriction", RESTRICTION),
)
PROVIDER: Fields = (
    ("name", TEXT),
    ("title", TEXT),
    ("domain", TEXT),
    ("type", {"OAUTH2", "OIDC", "LDAP"}),
    ("config", None),
)
PROVIDERS: Fields = (("identityProviders", [PROVIDER]),)
EMPTY: Fields = ()

# What each call answers; the first that fits.
MESSAGES: tuple[tuple[str, str, Fields], ...] = (
    ("POST", "/v1/auth/login", LOGIN),
    ("POST", "/v1/auth/(refresh|logout)", EMPTY),
    ("POST", "/v1/auth:exchangeToken", EXCHANGE),
    ("GET", "/v1/users|/v1/users:batchGet", USERS),
    ("POST", "/v1/users", USER),
    ("GET|PATCH", "/v1/users/[^/]+", USER),
    ("DELETE", "/v1/users/[^/]+", EMPTY),
    ("POST", "/v1/users/[^/]+:(undelete|updateEmail)", USER),
    ("GET", "/v1/actuator/info", ACTUATOR),
    ("GET", "/v1/idps", PROVIDERS),
)


def check(method: str, path: str, body: Any) -> None:
    """Raise AssertionError where an answer of 200 is not as the product's interface has it."""
    bare = re.sub(r"\A/t/[^/]+", "", path.partition("?")[0])
    fitting = (f for m, p, f in MESSAGES if re.fullmatch(m, method) and re.fullmatch(p, bare))
    fields = next(fitting, None)
    assert fields is not None, f"{method} {path} is not on the list"
    _message(body, fields, bare)


def _message(value: Any, fields: Fields, where: str) -> None:
    assert type(value) is dict, where
    known = [name for name, _ in fields]
    assert set(value) <= set(known), (where, sorted(set(value) - set(known)))
    assert list(value) == [name for name in known if name in value], (where, list(value))
    for name, kind in fields:
        if name in value:
            _value(value[name], kind, f"{where} {name}")


def _value(value: Any, kind: Kind, where: str) -> None:
    if isinstance(kind, tuple):
        _message(value, kind, where)
    elif isinstance(kind, list):
        assert type(value) is list, where
        assert value, where
        for item in value:
            _value(item, kind[0], where)
    elif isinstance(kind, set):
        assert value in kind, (where, value)
    elif kind == TRUE:
        assert value is True, (where, value)
    elif kind == NUMBER:
        assert type(value) is int, (where, value)
        assert value, where
    elif kind is not None:
        assert type(value) is str, (where, value)
        assert value, where
        assert kind != TIME or MOMENT.fullmatch(value), (where, value)
