"""Every door that can give out a credential, and every place that takes one."""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

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


def _members(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not ABSENT}


def _cognito(operation: str, tried: Try, **body: Any) -> Sent:
    return Sent(
        "/",
        {"ClientId": tried.tenant.client_id, **body},
        media="application/x-amz-json-1.1",
        headers={"X-Amz-Target": COGNITO + operation},
        **tried.at,
    )


def _coldstream(tried: Try) -> Sent:
    body = _members(email=tried.email, password=tried.password)
    headers = {"Authorization": tried.nonce} if tried.nonce else {}
    return Sent("/account/login", body, headers=headers, **tried.at)


def _coldstream_code(tried: Try) -> Sent:
    body = _members(otp=tried.code, mfaToken=tried.challenge)
    headers = {"Authorization": tried.nonce} if tried.nonce else {}
    return Sent("/account/login/otp", body, headers=headers, **tried.at)


def _rocketchat(tried: Try) -> Sent:
    body = _members(user=tried.name, password=tried.password, code=tried.code)
    return Sent("/api/v1/login", body, **tried.at)


def _rocketchat_header(tried: Try) -> Sent:
    headers = {"X-2FA-Code": quote(tried.code)} if isinstance(tried.code, str) else {}
    body = _members(user={"email": tried.email}, password=tried.password)
    return Sent("/api/v1/login", body, headers=headers, **tried.at)


def _rocketchat_digest(tried: Try) -> Sent:
    password = tried.password
    if isinstance(password, str):
        digest = hashlib.sha256(password.encode()).hexdigest()
        password = {"digest": digest, "algorithm": "sha-256"}
    body = _members(user=tried.name, password=password, code=tried.code)
    return Sent("/api/v1/login", body, **tried.at)


def _rocketchat_totp(tried: Try) -> Sent:
    login = _members(user={"username": tried.name}, password=tried.password)
    return Sent("/api/v1/login", {"totp": _members(code=tried.code, login=login)}, **tried.at)


def _rocketchat_ldap(tried: Try) -> Sent:
    body = _members(ldap=True, username=tried.name, ldapPass=tried.password, code=tried.code)
    return Sent("/api/v1/login", body | {"ldapOptions": {}}, **tried.at)


def _bytebase(tried: Try) -> Sent:
    return Sent("/v1/auth/login", _members(email=tried.email, password=tried.password), **tried.at)


def _bytebase_web(tried: Try) -> Sent:
    body = _members(email=tried.email, password=tried.password, web=True)
    return Sent("/v1/auth/login", body, **tried.at)


def _bytebase_otp(tried: Try) -> Sent:
    body = _members(mfaTempToken=tried.challenge, otpCode=tried.code)
    return Sent("/v1/auth/login", body, **tried.at)


def _bytebase_recovery(tried: Try) -> Sent:
    body = _members(mfaTempToken=tried.challenge, recoveryCode=tried.code, web=True)
    return Sent("/v1/auth/login", body, **tried.at)


def _datarhei(tried: Try) -> Sent:
    return Sent("/api/login", _members(username=tried.name, password=tried.password), **tried.at)


def _oloid(path: str) -> Callable[[Try], Sent]:
    def sent(tried: Try) -> Sent:
        body = _members(UserName=tried.name, TenantName=tried.tenant.name, Password=tried.password)
        return Sent(path, body, **tried.at)

    return sent


def _initiate(tried: Try) -> Sent:
    given = _members(USERNAME=tried.name, PASSWORD=tried.password)
    return _cognito("InitiateAuth", tried, AuthFlow="USER_PASSWORD_AUTH", AuthParameters=given)


def _respond(name: str) -> Callable[[Try], Sent]:
    def sent(tried: Try) -> Sent:
        given: dict[str, Any] = {"USERNAME": tried.name}
        if name == "SOFTWARE_TOKEN_MFA":
            given |= _members(SOFTWARE_TOKEN_MFA_CODE=tried.code)
        if name == "NEW_PASSWORD_REQUIRED":
            given["NEW_PASSWORD"] = tried.new_password
        return _cognito(
            "RespondToAuthChallenge",
            tried,
            ChallengeName=name,
            ChallengeResponses=given,
            **_members(Session=tried.challenge),
        )

    return sent


def _form(**members: Any) -> dict[str, str]:
    """A form holds texts only; whatever else was meant goes as its JSON."""
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in members.items()
        if value is not ABSENT and value is not None
    }


def _console(tried: Try) -> Sent:
    body = _form(tenant=tried.tenant.name, identifier=tried.name, password=tried.password)
    return Sent("/admin/login/", body, media="form", host=tried.host)


def _console_code(tried: Try) -> Sent:
    body = _form(step="second_factor", challenge=tried.challenge, code=tried.code)
    return Sent("/admin/login/", body, media="form", host=tried.host)


def _console_new_password(tried: Try) -> Sent:
    chosen = {"new_password": tried.new_password, "again": tried.new_password}
    body = _form(step="new_password", challenge=tried.challenge, **chosen)
    return Sent("/admin/login/", body, media="form", host=tried.host)


@dataclass(frozen=True)
class Step:
    """One way to send a step of a login."""

    contract: str
    # The address as the resolver knows it, and the operation behind it.
    door: str
    sent: Callable[[Try], Sent]
    # The kinds of code that it carries: "totp", "recovery".
    codes: frozenset[str] = frozenset()
    # The challenge that it answers; empty for a step that begins with a password.
    answers: str = ""
    by_email: bool = False
    # The password that it does not carry may still be owed: then it must not be given anything.
    forgives_password: bool = False


TOTP, BOTH = frozenset({"totp"}), frozenset({"totp", "recovery"})
RESPOND = " RespondToAuthChallenge"

FIRST: Mapping[str, Step] = {
    "coldstream": Step("coldstream", "account/login", _coldstream, by_email=True),
    **{
        f"rocketchat {name}": Step(
            "rocketchat",
            "api/v1/login",
            sent,
            BOTH,
            by_email=name == "header",
            forgives_password=True,
        )
        for name, sent in {
            "plain": _rocketchat,
            "header": _rocketchat_header,
            "digest": _rocketchat_digest,
            "totp": _rocketchat_totp,
            "ldap": _rocketchat_ldap,
        }.items()
    },
    "bytebase": Step("bytebase", "v1/auth/login", _bytebase, by_email=True, forgives_password=True),
    "bytebase web": Step(
        "bytebase", "v1/auth/login", _bytebase_web, by_email=True, forgives_password=True
    ),
    "datarhei": Step("datarhei", "api/login", _datarhei),
    "oloid Login": Step("oloid", "Login", _oloid("/Login")),
    "oloid login": Step("oloid", "login", _oloid("/login")),
    "oloid InitiateAuth": Step("oloid", " InitiateAuth", _initiate),
    "console": Step("console", "admin/login/", _console),
}

SECOND: Mapping[str, Step] = {
    "coldstream otp": Step(
        "coldstream", "account/login/otp", _coldstream_code, TOTP, "second_factor"
    ),
    "bytebase otp": Step(
        "bytebase", "v1/auth/login", _bytebase_otp, TOTP, "second_factor", forgives_password=True
    ),
    "bytebase recovery": Step(
        "bytebase",
        "v1/auth/login",
        _bytebase_recovery,
        frozenset({"recovery"}),
        "second_factor",
        forgives_password=True,
    ),
    "oloid code": Step("oloid", RESPOND, _respond("SOFTWARE_TOKEN_MFA"), TOTP, "second_factor"),
    "oloid new password": Step(
        "oloid", RESPOND, _respond("NEW_PASSWORD_REQUIRED"), answers="new_password"
    ),
    "oloid set-up": Step("oloid", RESPOND, _respond("MFA_SETUP"), answers="bind_factor"),
    "console code": Step("console", "admin/login/", _console_code, BOTH, "second_factor"),
    "console new password": Step(
        "console", "admin/login/", _console_new_password, answers="new_password"
    ),
}

# Steps for saved codes only.
RECOVERY_STEPS = frozenset({"bytebase recovery"})


@dataclass(frozen=True)
class Place:
    """Where a token is presented: what it asks for, and how its opening looks."""

    contract: str
    kinds: frozenset[str]
    sent: Callable[[str, Try], Sent]
    # Empty where nothing is given out.
    door: str = ""
    opened: Callable[[Heard], bool] = lambda heard: heard.status == 200


def _bearer(path: str) -> Callable[[str, Try], Sent]:
    def sent(token: str, tried: Try) -> Sent:
        headers = {"Authorization": f"Bearer {token}"}
        return Sent(path, method="GET", headers=headers, **tried.at)

    return sent


def _own_page(token: str, tried: Try) -> Sent:
    return _bearer(f"/v1/users/{tried.email}")(token, tried)


def rocketchat_id(tried: Try) -> str:
    """The id that goes with the tokens of this account; a made-up one where it has none yet."""
    rows = SubjectIdentifier.objects.filter(
        sector="rocketchat", user__tenant=tried.tenant, user__username=tried.name
    )
    return next(iter(rows.values_list("value", flat=True)), "2" * 17)


def _auth_token(path: str, method: str = "GET") -> Callable[[str, Try], Sent]:
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
    return lambda token, tried: _cognito(operation, tried, AccessToken=token)


def _refresh_flow(token: str, tried: Try) -> Sent:
    given = {"REFRESH_TOKEN": token}
    return _cognito("InitiateAuth", tried, AuthFlow="REFRESH_TOKEN_AUTH", AuthParameters=given)


def _get_tokens(token: str, tried: Try) -> Sent:
    return _cognito("GetTokensFromRefreshToken", tried, RefreshToken=token)


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
        "datarhei", _one("datarhei refresh"), _bearer("/api/login/refresh"), "api/login/refresh"
    ),
    "oloid refresh": Place("oloid", _one("oloid refresh"), _refresh_flow, " InitiateAuth"),
    "oloid GetTokens": Place(
        "oloid", _one("oloid refresh"), _get_tokens, " GetTokensFromRefreshToken"
    ),
}
GUARDED: Mapping[str, Place] = {
    "coldstream me": Place("coldstream", _one("coldstream access"), _bearer("/users/me")),
    "rocketchat me": Place("rocketchat", _one("rocketchat token"), _auth_token("/api/v1/me")),
    "rocketchat users.info": Place(
        "rocketchat", _one("rocketchat token"), _auth_token("/api/v1/users.info?username=alice")
    ),
    "bytebase me": Place("bytebase", _BYTEBASE_HOLDER, _bearer("/v1/users/me")),
    "bytebase user": Place("bytebase", _BYTEBASE_ACCESS, _own_page),
    "bytebase me by cookie": Place(
        "bytebase", _BYTEBASE_HOLDER, _cookie("access-token", "/v1/users/me")
    ),
    "datarhei api": Place(
        "datarhei",
        _one("datarhei access"),
        _bearer("/api"),
        opened=lambda heard: len(heard.json()) > 3,
    ),
    "datarhei v3": Place(
        "datarhei",
        _one("datarhei access"),
        _bearer("/api/v3/process"),
        opened=lambda heard: heard.status == 404,
    ),
    "oloid GetUser": Place("oloid", _one("oloid access"), _access_token("GetUser")),
    "console page": Place("console", _one("console cookie"), _cookie("dragoman", "/admin/")),
}
ENDING: Mapping[str, Place] = {
    "rocketchat logout": Place(
        "rocketchat", _one("rocketchat token"), _auth_token("/api/v1/logout", "POST")
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
    "console": {"cookie dragoman": "console cookie"},
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


# For who is signed in and proves himself once more: tests/contracts/rocketchat attacks these.
STEPPED_UP = frozenset(
    {
        "api/v1/users.createToken",
        "api/v1/users.generatePersonalAccessToken",
        "api/v1/users.regeneratePersonalAccessToken",
    }
)


def minting() -> frozenset[str]:
    """The doors that the tables above go through."""
    steps = [*FIRST.values(), *SECOND.values()]
    renewing = {place.door for place in RENEW.values()}
    return frozenset(step.door for step in steps) | renewing | STEPPED_UP
