"""Login, logout, and ending other sessions; who the bearer is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accounts.contracts.rocketchat import factor_views, views, wording
from accounts.contracts.rocketchat.bodies import MAX_PASSWORD
from accounts.contracts.rocketchat.description.calls import (
    CODE_HEADERS,
    LIMITS,
    LOGIN_DEMANDS,
    MEDIA,
    SLOW,
    WHO,
    guarded,
    success,
)
from accounts.contracts.rocketchat.description.profiles import ME, SOMETIMES
from accounts.wire.contract import Fault
from accounts.wire.description import (
    ANY_REASON,
    ANYTHING,
    TEXT,
    Action,
    Given,
    Schema,
    constant,
    record,
    told,
)

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

ACTIONS: Mapping[type[Any], Mapping[str, Action]] = {
    views.Login: {
        "POST": Action(
            "Log in, or resume a session by its token",
            Given(
                record(
                    {
                        "status": constant("success"),
                        "data": record(
                            {"userId": TEXT, "authToken": TEXT, "me": record(ME, SOMETIMES)}
                        ),
                        "success": constant(value=True),
                    }
                ),
                headers=LIMITS,
                about="Logged in.",
            ),
            takes=_LOGIN,
            media=MEDIA,
            parameters=CODE_HEADERS[:1],
            reasons=ANY_REASON,
            faults=(Fault.NO_TOKEN, Fault.BAD_TOKEN, Fault.ENDED, Fault.EXPIRED_TOKEN),
            answers=[*SLOW, *LOGIN_DEMANDS],
            about="In JSON or as a form. What is no such body is refused like a wrong password.",
        )
    },
    views.Logout: dict.fromkeys(
        ("POST", "GET"),
        guarded(
            "End this session",
            Given(
                record({"status": constant("success"), "data": record({"message": TEXT})}),
                headers=LIMITS,
            ),
        ),
    ),
    views.Me: {
        "GET": guarded(
            "Who the bearer is",
            Given(record({**ME, "success": constant(value=True)}, SOMETIMES), headers=LIMITS),
        )
    },
    views.LogoutOtherClients: {
        "POST": guarded("End one's other sessions", success(token=TEXT, tokenExpires=TEXT))
    },
    views.RemoveOtherTokens: {"POST": guarded("End one's other sessions", success())},
    factor_views.LogoutEverywhere: {
        "POST": guarded(
            "End all sessions of a user",
            success(message=TEXT),
            takes=WHO,
            answers=[wording.USER_NOT_FOUND],
            faults=(Fault.FORBIDDEN,),
            about="One's own; an officer those of others of the tenant.",
        )
    },
}
