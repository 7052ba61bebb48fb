"""What the OpenAPI document says of the calls."""

from __future__ import annotations

from accounts.contracts.rocketchat.description import factors, logins, people, tokens
from accounts.login.directory_login import DIRECTORY
from accounts.login.outcome import Reason
from accounts.wire.description import Description, key_in

DESCRIPTION = Description(
    about="Login, logout, one's own account, second factors and personal access tokens.",
    keys={
        "authToken": key_in("header", "X-Auth-Token", "The `authToken` of a login"),
        "userId": key_in("header", "X-User-Id", "The `userId` beside it"),
    },
    actions={**logins.ACTIONS, **people.ACTIONS, **factors.ACTIONS, **tokens.ACTIONS},
    details={
        Reason.KIND_NOT_ALLOWED: ({}, {"bar": "error-invalid-email"}, {"bar": DIRECTORY}),
    },
)
