"""What the OpenAPI document says of the calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from accounts.contracts.rocketchat import factor_views, token_views, views, wording
from accounts.contracts.rocketchat.bodies import MAX_PASSWORD
from accounts.login.outcome import Reason
from accounts.login.personal_tokens import MAX_NAME
from accounts.wire.contract import Answer, Fault
from accounts.wire.description import (
    ANY_REASON,
    ANYTHING,
    FLAG,
    NUMBER,
    TEXT,
    TEXTS,
    Action,
    Description,
    Given,
    Named,
    Parameter,
    Schema,
    constant,
    key_in,
    listed,
    one_of,
    record,
    told,
)

FORM = "application/x-www-form-urlencoded"
_BOTH = ("application/json", FORM)
_KEY = (("authToken", "userId"),)
_LIMITS = {
    "X-RateLimit-Limit": "So many calls a minute are served; only where calls are limited",
    "X-RateLimit-Remaining": "So many are left",
    "X-RateLimit-Reset": "When there are more again, in milliseconds since 1970",
}
_MOMENT = told("2026-01-31T12:00:00.000Z")
_CODE_HEADERS = (
    Parameter("X-2FA-Code", TEXT, "The second factor of a guarded call", place="header"),
    Parameter(
        "X-2FA-Method", one_of("totp", "email", "password"), "Which one it is", place="header"
    ),
)

_EMAIL = Named("Email", record({"address": TEXT, "verified": FLAG}))
_ENABLED = record({"enabled": constant(value=True)})
_SERVICES = Named(
    "Services",
    record({"password": record({"exists": FLAG})}, {"totp": _ENABLED, "email2fa": _ENABLED}),
)
_ME: Mapping[str, Any] = {
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
    "_updatedAt": _MOMENT,
}
_SOMETIMES: Mapping[str, Any] = {
    "emails": listed(_EMAIL),
    "email": TEXT,
    "requirePasswordChange": FLAG,
}
_PROFILE = Named(
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
            "createdAt": _MOMENT,
            "lastLogin": _MOMENT,
            "requirePasswordChange": FLAG,
            "roles": TEXTS,
            "services": _SERVICES,
        },
    ),
)
_PERSONAL_TOKEN = record(
    {"name": TEXT, "createdAt": _MOMENT, "lastTokenPart": TEXT, "bypassTwoFactor": FLAG}
)


def _success(**members: Any) -> Given:
    """The envelope of everything but login and logout."""
    return Given(record({**members, "success": constant(value=True)}), headers=_LIMITS)


# The login's forms. Whatever is not one of them is refused like a wrong password.
_NAME: Schema = {
    **record({}, {"username": TEXT, "email": TEXT, "id": TEXT}),
    "minProperties": 1,
    "maxProperties": 1,
}
_DIGEST = record({"digest": told(pattern="^[0-9a-f]{64}$"), "algorithm": constant("sha-256")})
_PASSWORD: Schema = {
    "anyOf": [{"type": "string", "minLength": 1, "maxLength": MAX_PASSWORD}, _DIGEST]
}
_CODE: Schema = {"type": ["string", "null"]}
_NAMED = record({"user": _NAME, "password": _PASSWORD}, {"code": _CODE})
_LOGIN: Schema = {
    "anyOf": [
        record({"user": TEXT, "password": _PASSWORD}, {"code": _CODE}),
        record({"username": TEXT, "password": _PASSWORD}, {"code": _CODE}),
        record({"email": TEXT, "password": _PASSWORD}, {"code": _CODE}),
        _NAMED,
        record({"totp": record({"code": TEXT, "login": _NAMED}, closed=False)}, closed=False),
        record({"resume": TEXT}, closed=False),
        record(
            {"ldap": constant(value=True), "username": TEXT, "ldapPass": _PASSWORD},
            {"code": _CODE, "ldapOptions": ANYTHING},
            closed=False,
        ),
    ]
}


def _asks(*, too_few: bool = False, **members: Schema) -> Schema:
    return record({} if too_few else members, members if too_few else {}, closed=False)


_CODED = _asks(code=TEXT)
_TOKEN_NAME = {"type": "string", "minLength": 1, "maxLength": MAX_NAME}
_WHO = _asks(too_few=True, userId=TEXT, username=TEXT, user=TEXT)
_NO_CODE = (wording.missing("code", given=False), wording.missing("code", given=True))
_TOKEN_REFUSALS = (
    wording.NO_TOKEN_NAME,
    wording.LONG_TOKEN_NAME,
    wording.missing("tokenName", given=True),
)
_SLOW = (wording.too_many(timedelta(seconds=1)),)
_STEP_UP = (
    wording.failed(400, "TOTP Required", "totp-required", details=wording.TOTP_DETAILS),
    wording.failed(400, "TOTP Invalid", "totp-invalid", details=wording.TOTP_DETAILS),
)


def _guarded(
    summary: str,
    gives: Given,
    *,
    takes: Schema | None = None,
    parameters: Sequence[Parameter] = (),
    answers: Sequence[Answer] = (),
    stepped_up: bool = False,
    faults: Sequence[Fault] = (),
    about: str = "",
) -> Action:
    """A call of somebody who is signed in; ``stepped_up``: a second factor may be asked for."""
    return Action(
        summary,
        gives,
        takes=takes,
        media=_BOTH,
        body_required=False,
        parameters=[*parameters, *(_CODE_HEADERS if stepped_up else ())],
        opened_by=_KEY,
        faults=(*faults, Fault.FORBIDDEN) if stepped_up else faults,
        # The password of a guarded call is hashed like that of a login.
        reasons=(Reason.OVERLOADED,) if stepped_up else (),
        answers=[*answers, *_SLOW, *(_STEP_UP if stepped_up else ())],
        about=about,
    )


def _open(summary: str, gives: Given, **more: Any) -> Action:
    return Action(summary, gives, answers=[*more.pop("answers", ()), *_SLOW], **more)


_LOGIN_ACTIONS: Mapping[type[Any], Mapping[str, Action]] = {
    views.Login: {
        "POST": Action(
            "Log in, or resume a session by its token",
            Given(
                record(
                    {
                        "status": constant("success"),
                        "data": record(
                            {"userId": TEXT, "authToken": TEXT, "me": record(_ME, _SOMETIMES)}
                        ),
                        "success": constant(value=True),
                    }
                ),
                headers=_LIMITS,
                about="Logged in.",
            ),
            takes=_LOGIN,
            media=_BOTH,
            parameters=_CODE_HEADERS[:1],
            reasons=ANY_REASON,
            faults=(Fault.NO_TOKEN, Fault.BAD_TOKEN, Fault.ENDED, Fault.EXPIRED_TOKEN),
            answers=[
                *_SLOW,
                wording.refused("totp-required", "TOTP Required", wording.TOTP_DETAILS),
            ],
            about="In JSON or as a form. What is no such body is refused like a wrong password.",
        )
    },
    views.Logout: dict.fromkeys(
        ("POST", "GET"),
        _guarded(
            "End this session",
            Given(
                record({"status": constant("success"), "data": record({"message": TEXT})}),
                headers=_LIMITS,
            ),
        ),
    ),
    views.Me: {
        "GET": _guarded(
            "Who the bearer is",
            Given(record({**_ME, "success": constant(value=True)}, _SOMETIMES), headers=_LIMITS),
        )
    },
    views.LogoutOtherClients: {
        "POST": _guarded("End one's other sessions", _success(token=TEXT, tokenExpires=TEXT))
    },
    views.RemoveOtherTokens: {"POST": _guarded("End one's other sessions", _success())},
    factor_views.LogoutEverywhere: {
        "POST": _guarded(
            "End all sessions of a user",
            _success(message=TEXT),
            takes=_WHO,
            answers=[wording.USER_NOT_FOUND],
            faults=(Fault.FORBIDDEN,),
            about="One's own; an officer those of others of the tenant.",
        )
    },
}

_PEOPLE: Mapping[type[Any], Mapping[str, Action]] = {
    views.UsersInfo: {
        "GET": _guarded(
            "A user of the tenant",
            _success(user=_PROFILE),
            parameters=[
                Parameter(name, TEXT, f"The user's {what}; the first one given counts")
                for name, what in (
                    ("userId", "id"),
                    ("username", "name"),
                    ("email", "e-mail address"),
                )
            ],
            answers=[wording.NO_SELECTOR, wording.USER_NOT_FOUND],
        )
    },
    views.Info: {
        "GET": _open(
            "The version of the product",
            _success(version=TEXT, minimumClientVersions=record({"desktop": TEXT, "mobile": TEXT})),
        )
    },
    views.PublicSettings: {
        "GET": _open(
            "The settings of a login screen",
            _success(
                settings=listed(record({"_id": TEXT, "value": {"type": ["string", "boolean"]}})),
                count=NUMBER,
                offset=NUMBER,
                total=NUMBER,
            ),
            parameters=[
                Parameter("_id", TEXT, "The settings' names, separated by commas"),
                Parameter("offset", NUMBER, "So many are passed over"),
                Parameter("count", NUMBER, "So many are listed, 50 if it is not said, 100 at most"),
            ],
        )
    },
    views.OAuthServices: {
        "GET": _open("The buttons of other providers", _success(services={"type": "array"}))
    },
}

_CODES = {"type": "array", "items": TEXT, "minItems": 12, "maxItems": 12}
_FACTORS: Mapping[type[Any], Mapping[str, Action]] = {
    factor_views.EnableTotp: {
        "POST": _guarded(
            "A secret for an authenticator app",
            _success(secret=TEXT, url=TEXT),
            stepped_up=True,
            answers=[wording.failed(400, "", "error-2fa-already-enabled")],
            about="It takes effect with the first code that is sent to `users.validateTotp`.",
        )
    },
    factor_views.ValidateTotp: {
        "POST": _guarded(
            "Put the authenticator app into use",
            _success(codes=_CODES),
            takes=_CODED,
            stepped_up=True,
            answers=[*_NO_CODE, wording.INVALID_TOTP],
            about="The backup codes are shown here and never again.",
        )
    },
    factor_views.DisableTotp: {
        "POST": _guarded(
            "Take the authenticator app away",
            _success(disabled=FLAG),
            takes=_CODED,
            answers=_NO_CODE,
        )
    },
    factor_views.RegenerateTotpCodes: {
        "POST": _guarded(
            "New backup codes",
            _success(codes=_CODES),
            takes=_CODED,
            answers=[*_NO_CODE, wording.INVALID_TOTP],
        )
    },
    factor_views.TotpCodesRemaining: {
        "GET": _guarded(
            "How many backup codes are left",
            _success(remaining=NUMBER),
            answers=[wording.INVALID_TOTP],
        )
    },
    factor_views.ResetTotp: {
        "POST": _guarded(
            "Take an authenticator app away without a code of it",
            _success(),
            takes=_WHO,
            stepped_up=True,
            answers=[wording.USER_NOT_FOUND],
            about="One's own; an officer those of others of the tenant.",
        )
    },
    factor_views.SendEmailCode: {
        "POST": _open(
            "Mail another code",
            _success(),
            takes=_asks(emailOrUsername=TEXT),
            media=_BOTH,
            answers=[wording.NO_ADDRESSEE],
            about="The answer is the same whether or not there is such a user.",
        )
    },
    factor_views.EnableEmail: {
        "POST": _guarded(
            "Have codes mailed",
            _success(),
            stepped_up=True,
            answers=[wording.UNVERIFIED_EMAIL, wording.NO_MAIL],
        )
    },
    factor_views.DisableEmail: {
        "POST": _guarded("Have no more codes mailed", _success(), stepped_up=True)
    },
}


def _on_token(
    summary: str, gives: Given, *answers: Answer, **members: Schema
) -> Mapping[str, Action]:
    return {
        "POST": _guarded(
            summary,
            gives,
            takes=record({"tokenName": _TOKEN_NAME}, members, closed=False),
            stepped_up=True,
            answers=[*_TOKEN_REFUSALS, *answers],
        )
    }


_TOKENS: Mapping[type[Any], Mapping[str, Action]] = {
    token_views.GeneratePersonalToken: _on_token(
        "A personal access token of this name",
        _success(token=TEXT),
        wording.token_exists("personalAccessTokens:generateToken"),
        wording.too_many_tokens("personalAccessTokens:generateToken"),
        bypassTwoFactor=FLAG,
    ),
    token_views.RegeneratePersonalToken: _on_token(
        "Another text for the personal access token of this name",
        _success(token=TEXT),
        wording.token_unknown("personalAccessTokens:regenerateToken"),
    ),
    token_views.RemovePersonalToken: _on_token(
        "The personal access token opens nothing any more",
        _success(),
        wording.token_unknown("personalAccessTokens:removeToken"),
    ),
    token_views.PersonalTokens: {
        "GET": _guarded(
            "One's own personal access tokens", _success(tokens=listed(_PERSONAL_TOKEN))
        )
    },
    token_views.CreateToken: {
        "POST": _guarded(
            "A token in another's name",
            _success(data=record({"userId": TEXT, "authToken": TEXT})),
            takes=_asks(userId=TEXT, secret=TEXT),
            answers=[
                wording.NOT_AUTHORIZED,
                wording.missing("userId", given=False),
                wording.missing("secret", given=False),
                wording.missing("secret", given=True),
            ],
            about="For an officer who knows the tenant's deployment secret.",
        )
    },
}

DESCRIPTION = Description(
    about="Login, logout, one's own account, second factors and personal access tokens.",
    keys={
        "authToken": key_in("header", "X-Auth-Token", "The `authToken` of a login"),
        "userId": key_in("header", "X-User-Id", "The `userId` beside it"),
    },
    actions={**_LOGIN_ACTIONS, **_PEOPLE, **_FACTORS, **_TOKENS},
    details={
        Reason.KIND_NOT_ALLOWED: ({}, {"bar": "error-invalid-email"}),
    },
)
