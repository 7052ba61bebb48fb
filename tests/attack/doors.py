"""Every door that can give out a credential."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from tests.attack.places import ABSENT, RENEW, Try, cognito, members
from tests.attack.wire import Sent


def _coldstream(tried: Try) -> Sent:
    body = members(email=tried.email, password=tried.password)
    headers = {"Authorization": tried.nonce} if tried.nonce else {}
    return Sent("/account/login", body, headers=headers, **tried.at)


def _coldstream_code(tried: Try) -> Sent:
    body = members(otp=tried.code, mfaToken=tried.challenge)
    headers = {"Authorization": tried.nonce} if tried.nonce else {}
    return Sent("/account/login/otp", body, headers=headers, **tried.at)


def _rocketchat(tried: Try) -> Sent:
    body = members(user=tried.name, password=tried.password, code=tried.code)
    return Sent("/api/v1/login", body, **tried.at)


def _rocketchat_header(tried: Try) -> Sent:
    headers = {"X-2FA-Code": quote(tried.code)} if isinstance(tried.code, str) else {}
    body = members(user={"email": tried.email}, password=tried.password)
    return Sent("/api/v1/login", body, headers=headers, **tried.at)


def _rocketchat_digest(tried: Try) -> Sent:
    password = tried.password
    if isinstance(password, str):
        digest = hashlib.sha256(password.encode()).hexdigest()
        password = {"digest": digest, "algorithm": "sha-256"}
    body = members(user=tried.name, password=password, code=tried.code)
    return Sent("/api/v1/login", body, **tried.at)


def _rocketchat_totp(tried: Try) -> Sent:
    login = members(user={"username": tried.name}, password=tried.password)
    return Sent("/api/v1/login", {"totp": members(code=tried.code, login=login)}, **tried.at)


def _rocketchat_ldap(tried: Try) -> Sent:
    body = members(ldap=True, username=tried.name, ldapPass=tried.password, code=tried.code)
    return Sent("/api/v1/login", body | {"ldapOptions": {}}, **tried.at)


def _bytebase(tried: Try) -> Sent:
    return Sent("/v1/auth/login", members(email=tried.email, password=tried.password), **tried.at)


def _bytebase_connect(tried: Try) -> Sent:
    body = members(email=tried.email, password=tried.password)
    return Sent("/bytebase.v1.AuthService/Login", body, **tried.at)


def _bytebase_web(tried: Try) -> Sent:
    body = members(email=tried.email, password=tried.password, web=True)
    return Sent("/v1/auth/login", body, **tried.at)


def _bytebase_otp(tried: Try) -> Sent:
    body = members(mfaTempToken=tried.challenge, otpCode=tried.code)
    return Sent("/v1/auth/login", body, **tried.at)


def _bytebase_recovery(tried: Try) -> Sent:
    body = members(mfaTempToken=tried.challenge, recoveryCode=tried.code, web=True)
    return Sent("/v1/auth/login", body, **tried.at)


def _datarhei(tried: Try) -> Sent:
    return Sent("/api/login", members(username=tried.name, password=tried.password), **tried.at)


def _oloid(path: str) -> Callable[[Try], Sent]:
    def sent(tried: Try) -> Sent:
        body = members(UserName=tried.name, TenantName=tried.tenant.name, Password=tried.password)
        return Sent(path, body, **tried.at)

    return sent


def _initiate(tried: Try) -> Sent:
    given = members(USERNAME=tried.name, PASSWORD=tried.password)
    return cognito("InitiateAuth", tried, AuthFlow="USER_PASSWORD_AUTH", AuthParameters=given)


def _respond(name: str) -> Callable[[Try], Sent]:
    def sent(tried: Try) -> Sent:
        given: dict[str, Any] = {"USERNAME": tried.name}
        if name == "SOFTWARE_TOKEN_MFA":
            given |= members(SOFTWARE_TOKEN_MFA_CODE=tried.code)
        if name == "EMAIL_OTP":
            given |= members(EMAIL_OTP_CODE=tried.code)
        if name == "NEW_PASSWORD_REQUIRED":
            given["NEW_PASSWORD"] = tried.new_password
        return cognito(
            "RespondToAuthChallenge",
            tried,
            ChallengeName=name,
            ChallengeResponses=given,
            **members(Session=tried.challenge),
        )

    return sent


def _form(**members: Any) -> dict[str, str]:
    """A form holds texts only; whatever else was meant goes as its JSON."""
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in members.items()
        if value is not ABSENT and value is not None
    }


def _browser(tried: Try) -> Sent:
    body = _form(tenant=tried.tenant.name, identifier=tried.name, password=tried.password)
    return Sent("/sign-in/", body, media="form", **tried.at)


def _browser_code(tried: Try) -> Sent:
    body = _form(step="second_factor", challenge=tried.challenge, code=tried.code)
    return Sent("/sign-in/", body, media="form", **tried.at)


def _browser_new_password(tried: Try) -> Sent:
    chosen = {"new_password": tried.new_password, "again": tried.new_password}
    body = _form(step="new_password", challenge=tried.challenge, **chosen)
    return Sent("/sign-in/", body, media="form", **tried.at)


def _browser_set_up(tried: Try) -> Sent:
    body = _form(step="bind_factor", challenge=tried.challenge, code=tried.code)
    return Sent("/sign-in/", body, media="form", **tried.at)


@dataclass(frozen=True)
class Step:
    """One way to send a step of a login."""

    contract: str
    # The address as the resolver knows it, and the operation behind it.
    door: str
    sent: Callable[[Try], Sent]
    # The kinds of code that it carries: "totp", "recovery", "mail".
    codes: frozenset[str] = frozenset()
    # The challenge that it answers; empty for a step that begins with a password.
    answers: str = ""
    by_email: bool = False
    # The password that it does not carry may still be owed: then it must not be given anything.
    forgives_password: bool = False


TOTP, EVERY = frozenset({"totp"}), frozenset({"totp", "recovery", "mail"})
RESPOND = " RespondToAuthChallenge"

FIRST: Mapping[str, Step] = {
    "coldstream": Step("coldstream", "account/login", _coldstream, by_email=True),
    **{
        f"rocketchat {name}": Step(
            "rocketchat",
            "api/v1/login",
            sent,
            EVERY,
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
    "bytebase connect": Step(
        "bytebase",
        "bytebase.v1.AuthService/Login",
        _bytebase_connect,
        by_email=True,
        forgives_password=True,
    ),
    "bytebase web": Step(
        "bytebase", "v1/auth/login", _bytebase_web, by_email=True, forgives_password=True
    ),
    "datarhei": Step("datarhei", "api/login", _datarhei),
    "oloid Login": Step("oloid", "Login", _oloid("/Login")),
    "oloid login": Step("oloid", "login", _oloid("/login")),
    "oloid InitiateAuth": Step("oloid", " InitiateAuth", _initiate),
    "browser": Step("browser", "sign-in/", _browser),
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
    "browser code": Step("browser", "sign-in/", _browser_code, EVERY, "second_factor"),
    "browser new password": Step(
        "browser", "sign-in/", _browser_new_password, answers="new_password"
    ),
    "browser set-up": Step("browser", "sign-in/", _browser_set_up, answers="bind_factor"),
    "oloid mailed code": Step(
        "oloid", RESPOND, _respond("EMAIL_OTP"), frozenset({"mail"}), "second_factor"
    ),
}

# Steps for saved codes only.
RECOVERY_STEPS = frozenset({"bytebase recovery"})


# What a session's token gets another one at.
PROGRAMS = frozenset(
    {
        "api/v1/users.createToken",
        "api/v1/users.generatePersonalAccessToken",
        "api/v1/users.regeneratePersonalAccessToken",
    }
)

# For who is signed in with a browser and proves himself once more: tests/web/test_account_programs
# and, where a session goes on under another cookie, test_account_factors, test_passkeys and
# test_step_up attack these.
STEPPED_UP = frozenset(
    {
        "account/tokens/",
        "account/authenticator/",
        "account/mailed-codes/",
        "account/passkeys/",
    }
)

# Whoever comes by another system's word: tests/federation attacks these.
VOUCHED_FOR = frozenset(
    {
        "oauth/callback",
        "oidc/callback",
        "v1/auth:exchangeToken",
        "bytebase.v1.AuthService/ExchangeToken",
    }
)


def walked() -> frozenset[str]:
    """The doors that the tables above go through."""
    steps = [*FIRST.values(), *SECOND.values()]
    renewing = {place.door for place in RENEW.values()}
    return frozenset(step.door for step in steps) | renewing | PROGRAMS


def minting() -> frozenset[str]:
    """All of them."""
    return walked() | STEPPED_UP | VOUCHED_FOR
