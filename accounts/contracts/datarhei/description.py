"""What the OpenAPI document says of the calls."""

from __future__ import annotations

from accounts.contracts.datarhei import About, Login, LoginShape, Ping, Refresh
from accounts.wire.description import (
    ANY_REASON,
    NUMBER,
    TEXT,
    TEXTS,
    Action,
    Description,
    Given,
    bearer_key,
    constant,
    record,
)

_PUBLIC = record(
    {"app": constant("datarhei-core"), "auths": TEXTS, "version": record({"number": TEXT})}
)
_WHOLE = record(
    {
        "app": constant("datarhei-core"),
        "auths": TEXTS,
        "name": TEXT,
        "id": TEXT,
        "created_at": TEXT,
        "uptime_seconds": NUMBER,
        "version": record(
            {
                "number": TEXT,
                "repository_commit": TEXT,
                "repository_branch": TEXT,
                "build_date": TEXT,
                "arch": TEXT,
                "compiler": TEXT,
            }
        ),
    }
)

DESCRIPTION = Description(
    about="The login of Core and what its clients ask before and after.",
    keys={
        "access_token": bearer_key("The `access_token` of a login, for ten minutes"),
        "refresh_token": bearer_key("The `refresh_token` of a login, for a day"),
        "auth0": bearer_key("An access token of an Auth0 tenant that is trusted"),
    },
    actions={
        About: {
            "GET": Action(
                "What this server is, and how one logs in",
                Given(
                    {"oneOf": [_PUBLIC, _WHOLE]},
                    about="The whole document for a good access token, else the short one.",
                ),
                opened_by=[["access_token"]],
                key_optional=True,
            )
        },
        Login: {
            "POST": Action(
                "Log in with user name and password",
                Given(record({"access_token": TEXT, "refresh_token": TEXT}), about="Logged in."),
                takes=LoginShape,
                body_required=False,
                opened_by=[["auth0"]],
                key_optional=True,
                reasons=ANY_REASON,
                about="Without credentials in the body, the header's token is looked at.",
            )
        },
        Refresh: {
            "GET": Action(
                "A new access token",
                Given(record({"access_token": TEXT})),
                opened_by=[["refresh_token"]],
            )
        },
        Ping: {
            "GET": Action(
                "A sign of life", Given(constant("pong"), media=["text/plain; charset=UTF-8"])
            )
        },
    },
)
