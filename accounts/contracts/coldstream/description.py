"""What the OpenAPI document says of the calls."""

from __future__ import annotations

from accounts.contracts.coldstream.bodies import CodeShape, LoginShape, ProfileShape
from accounts.contracts.coldstream.login import Login, OneTimeCode
from accounts.contracts.coldstream.people import Me, Members, OneUser
from accounts.wire.contract import Fault
from accounts.wire.description import (
    ANY_REASON,
    NUMBER,
    TEXT,
    Action,
    Description,
    Given,
    Named,
    Parameter,
    bearer_key,
    key_in,
    listed,
    nullable,
    record,
)

_KEY = (("accessToken",),)
_NONCE = (("identityToken",),)
_ORGANIZATION = Named("Organization", record({"id": NUMBER, "name": TEXT}))
_USER = Named(
    "User",
    record(
        {
            "id": NUMBER,
            "email": TEXT,
            "firstName": TEXT,
            "secondName": TEXT,
            "phone": nullable(TEXT),
            "organizations": listed(_ORGANIZATION),
        }
    ),
)
_PAGE = record(
    {
        "items": listed(_USER),
        "pageNumber": {"type": "integer", "minimum": 1},
        "totalPages": NUMBER,
    }
)
_TOKEN = {"accessToken": TEXT}

DESCRIPTION = Description(
    about="The login with its one-time-code step, and the accounts that clients then ask for.",
    keys={
        "accessToken": bearer_key("The `accessToken` of a login, for eight hours"),
        "identityToken": key_in(
            "header",
            "Authorization",
            "A random text of the client's, without a scheme: no credential. The second step of a "
            "login must repeat what came with the first",
        ),
    },
    varying={"number": {"type": "string", "minLength": 1, "pattern": "^[^/]+$"}},
    actions={
        Login: {
            "POST": Action(
                "Log in with e-mail address and password",
                Given(
                    {"oneOf": [record(_TOKEN), record({"mfaToken": TEXT})]},
                    about="Logged in; or a code is asked for, and nothing else is told.",
                ),
                takes=LoginShape,
                opened_by=_NONCE,
                key_optional=True,
                reasons=ANY_REASON,
                about="Any `application/*+json` is taken, too.",
            )
        },
        OneTimeCode: {
            "POST": Action(
                "The second step of a login",
                Given(record(_TOKEN), about="Logged in."),
                takes=CodeShape,
                opened_by=_NONCE,
                key_optional=True,
                reasons=ANY_REASON,
                about="Any `application/*+json` is taken, too.",
            )
        },
        Me: {"GET": Action("Who the bearer is", Given(_USER), opened_by=_KEY)},
        OneUser: {
            "GET": Action("A member of one's own organization", Given(_USER), opened_by=_KEY),
            "PUT": Action(
                "Change a name and a telephone number",
                Given(_USER, about="The user as he is now."),
                takes=ProfileShape,
                opened_by=_KEY,
                faults=(Fault.FORBIDDEN,),
                about="One's own; officers those of their organization.",
            ),
        },
        Members: {
            "GET": Action(
                "The members of one's own organization",
                Given(_PAGE),
                parameters=[
                    Parameter(
                        "pageNumber",
                        {"type": "integer", "minimum": 0, "maximum": 999_999},
                        "Counted from 1; 0 is the first one as well",
                    ),
                    Parameter(
                        "pageSize", {"type": "integer", "minimum": 1, "maximum": 100}, "At most 100"
                    ),
                ],
                opened_by=_KEY,
                faults=(Fault.INVALID,),
            )
        },
    },
)
