"""Every place that takes a token, and what the tokens are called."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from accounts.models import SubjectIdentifier
from tenants.models import Tenant
from tests.attack.people import Actor
from tests.attack.wire import Heard, Sent

COGNITO = "AWSCognitoIdentityProviderService."
# The test's word for "this member is not in the request".
ABSENT: Any = object()


@dataclass(frozen=True)
class Try:
    """What one step of a login presents; a member may be of any type, as an attacker likes."""

    tenant: Tenant
    name: str = ""
    email: str = ""
    password: Any = ABSENT
    code: Any = ABSENT
    new_password: str = ""
    challenge: Any = ABSENT
    nonce: str = ""
    # A code that proves the account's level for a call inside of a session.
    step_up: Any = ABSENT
    prefix: str = ""
    host: str = ""

    @property
    def at(self) -> dict[str, Any]:
        return {"prefix": self.prefix, "host": self.host}


def of(actor: Actor, **changes: Any) -> Try:
    """The right try of an actor at his tenant's own address."""
    password = actor.password if actor.person else actor.secret
    right = {"password": password, "prefix": f"/t/{actor.tenant.slug}"}
    return Try(actor.tenant, actor.username, actor.email, **{**right, **changes})


def members(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not ABSENT}


def cognito(operation: str, tried: Try, **body: Any) -> Sent:
    return Sent(
        "/",
        {"ClientId": tried.tenant.client_id, **body},
        media="application/x-amz-json-1.1",
        headers={"X-Amz-Target": COGNITO + operation},
        **tried.at,
    )


@dataclass(frozen=True)
class Place:
    """Where a token is presented: what it asks for, and how its opening looks."""

    contract: str
    kinds: frozenset[str]
    sent: Callable[[str, Try], Sent]
    # Empty where nothing is given out.
    door: str = ""
    opened: Callable[[Heard], bool] = lambda heard: heard.status == 200


def bearer(path: str) -> Callable[[str, Try], Sent]:
    def sent(token: str, tried: Try) -> Sent:
        headers = {"Authorization": f"Bearer {token}"}
        return Sent(path, method="GET", headers=headers, **tried.at)

    return sent


def _own_page(token: str, tried: Try) -> Sent:
    return bearer(f"/v1/users/{tried.email}")(token, tried)


def rocketchat_id(tried: Try) -> str:
    """The id that goes with the tokens of this account; a made-up one where it has none yet."""
    rows = SubjectIdentifier.objects.filter(
        sector="rocketchat", user__tenant=tried.tenant, user__username=tried.name
    )
    return next(iter(rows.values_list("value", flat=True)), "2" * 17)


def auth_token(path: str, method: str = "GET") -> Callable[[str, Try], Sent]:
    def sent(token: str, tried: Try) -> Sent:
        headers = {"X-Auth-Token": token, "X-User-Id": rocketchat_id(tried)}
        return Sent(path, method=method, headers=headers, **tried.at)

    return sent


def _resume(token: str, tried: Try) -> Sent:
    return Sent("/api/v1/login", {"resume": token}, **tried.at)


def _cookie(name: str, path: str, method: str = "GET") -> Callable[[str, Try], Sent]:
    def sent(token: str, tried: Try) -> Sent:
        prefix = "" if path.startswith("/admin") else tried.prefix
        return Sent(path, method=method, cookies={name: token}, prefix=prefix, host=tried.host)

    return sent


def _access_token(operation: str) -> Callable[[str, Try], Sent]:
    return lambda token, tried: cognito(operation, tried, AccessToken=token)


def _refresh_flow(token: str, tried: Try) -> Sent:
    given = {"REFRESH_TOKEN": token}
    return cognito("InitiateAuth", tried, AuthFlow="REFRESH_TOKEN_AUTH", AuthParameters=given)


def _get_tokens(token: str, tried: Try) -> Sent:
    return cognito("GetTokensFromRefreshToken", tried, RefreshToken=token)


def _one(kind: str) -> frozenset[str]:
    return frozenset({kind})


# The kinds of token are named "<contract> <kind>".
_BYTEBASE_ACCESS = _one("bytebase access")
_BYTEBASE_HOLDER = frozenset({"bytebase access", "bytebase setup"})
RENEW: Mapping[str, Place] = {
    "rocketchat resume": Place("rocketchat", _one("rocketchat token"), _resume, "api/v1/login"),
    "bytebase refresh": Place(
        "bytebase",
        _one("bytebase refresh"),
        _cookie("refresh-token", "/v1/auth/refresh", "POST"),
        "v1/auth/refresh",
    ),
    "datarhei refresh": Place(
        "datarhei", _one("datarhei refresh"), bearer("/api/login/refresh"), "api/login/refresh"
    ),
    "oloid refresh": Place("oloid", _one("oloid refresh"), _refresh_flow, " InitiateAuth"),
    "oloid GetTokens": Place(
        "oloid", _one("oloid refresh"), _get_tokens, " GetTokensFromRefreshToken"
    ),
}
GUARDED: Mapping[str, Place] = {
    "coldstream me": Place("coldstream", _one("coldstream access"), bearer("/users/me")),
    "rocketchat me": Place("rocketchat", _one("rocketchat token"), auth_token("/api/v1/me")),
    "rocketchat users.info": Place(
        "rocketchat", _one("rocketchat token"), auth_token("/api/v1/users.info?username=alice")
    ),
    "bytebase me": Place("bytebase", _BYTEBASE_HOLDER, bearer("/v1/users/me")),
    "bytebase user": Place("bytebase", _BYTEBASE_ACCESS, _own_page),
    "bytebase me by cookie": Place(
        "bytebase", _BYTEBASE_HOLDER, _cookie("access-token", "/v1/users/me")
    ),
    "datarhei api": Place(
        "datarhei",
        _one("datarhei access"),
        bearer("/api"),
        opened=lambda heard: len(heard.json()) > 3,
    ),
    "datarhei v3": Place(
        "datarhei",
        _one("datarhei access"),
        bearer("/api/v3/process"),
        opened=lambda heard: heard.status == 404,
    ),
    "oloid GetUser": Place("oloid", _one("oloid access"), _access_token("GetUser")),
    "browser page": Place("browser", _one("browser cookie"), _cookie("dragoman", "/account/")),
}
ENDING: Mapping[str, Place] = {
    "rocketchat logout": Place(
        "rocketchat", _one("rocketchat token"), auth_token("/api/v1/logout", "POST")
    ),
    "bytebase logout": Place(
        "bytebase", _BYTEBASE_HOLDER, _cookie("access-token", "/v1/auth/logout", "POST")
    ),
    "oloid GlobalSignOut": Place("oloid", _one("oloid access"), _access_token("GlobalSignOut")),
}

# Of a login that owes a second factor which is not bound yet: good for binding one, no more.
SET_UP, SET_UP_AUDIENCE = "bytebase setup", "bb.user.mfa-setup.prod"

# What the answer of a login calls its tokens, by contract: the rest of the suite knows the shapes.
KINDS: Mapping[str, Mapping[str, str]] = {
    "coldstream": {".accessToken": "coldstream access"},
    "rocketchat": {".data.authToken": "rocketchat token"},
    "bytebase": {
        ".token": "bytebase access",
        "cookie access-token": "bytebase access",
        "cookie refresh-token": "bytebase refresh",
    },
    "datarhei": {".access_token": "datarhei access", ".refresh_token": "datarhei refresh"},
    "oloid": {
        ".cognitoToken.AuthenticationResult.AccessToken": "oloid access",
        ".cognitoToken.AuthenticationResult.IdToken": "oloid id",
        ".cognitoToken.AuthenticationResult.RefreshToken": "oloid refresh",
        ".AuthenticationResult.AccessToken": "oloid access",
        ".AuthenticationResult.IdToken": "oloid id",
        ".AuthenticationResult.RefreshToken": "oloid refresh",
    },
    "browser": {"cookie dragoman": "browser cookie"},
}


def tokens(contract: str, heard: Heard) -> dict[str, str]:
    """Kind and text of every token in an answer; one that nobody knows is a finding."""
    idle = {"cookie user"} if contract == "bytebase" else set()
    unknown = set(heard.loot) - set(KINDS[contract]) - idle
    assert not unknown, f"{contract} gave out {unknown}"
    given = {name: text for name, text in heard.loot.items() if name not in idle}
    return {
        SET_UP if SET_UP_AUDIENCE in audience(text) else KINDS[contract][name]: text
        for name, text in given.items()
    }


def claims(token: str) -> dict[str, Any]:
    """What a signed token says, unverified; nothing for another text."""
    if token.count(".") != 2:
        return {}
    body = token.split(".")[1]
    said: dict[str, Any] = json.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return said


def audience(token: str) -> list[str]:
    named = claims(token).get("aud", [])
    return named if isinstance(named, list) else [named]


PLACES: Mapping[str, Place] = {**GUARDED, **RENEW}
