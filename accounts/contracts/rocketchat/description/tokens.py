"""Personal access tokens, and tokens in another's name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accounts.contracts.rocketchat import token_views, wording
from accounts.contracts.rocketchat.description.calls import asks, guarded, success
from accounts.contracts.rocketchat.description.profiles import MOMENT
from accounts.login.personal_tokens import MAX_NAME
from accounts.wire.contract import Answer
from accounts.wire.description import FLAG, TEXT, Action, Given, Schema, listed, record

_PERSONAL_TOKEN = record(
    {"name": TEXT, "createdAt": MOMENT, "lastTokenPart": TEXT, "bypassTwoFactor": FLAG}
)
_TOKEN_NAME = {"type": "string", "minLength": 1, "maxLength": MAX_NAME}
_TOKEN_REFUSALS = (
    wording.NO_TOKEN_NAME,
    wording.LONG_TOKEN_NAME,
    wording.missing("tokenName", given=True),
)


def _on_token(
    summary: str, gives: Given, *answers: Answer, **members: Schema
) -> Mapping[str, Action]:
    return {
        "POST": guarded(
            summary,
            gives,
            takes=record({"tokenName": _TOKEN_NAME}, members, closed=False),
            stepped_up=True,
            answers=[*_TOKEN_REFUSALS, *answers],
        )
    }


ACTIONS: Mapping[type[Any], Mapping[str, Action]] = {
    token_views.GeneratePersonalToken: _on_token(
        "A personal access token of this name",
        success(token=TEXT),
        wording.token_exists("personalAccessTokens:generateToken"),
        wording.too_many_tokens("personalAccessTokens:generateToken"),
        bypassTwoFactor=FLAG,
    ),
    token_views.RegeneratePersonalToken: _on_token(
        "Another text for the personal access token of this name",
        success(token=TEXT),
        wording.token_unknown("personalAccessTokens:regenerateToken"),
    ),
    token_views.RemovePersonalToken: _on_token(
        "The personal access token opens nothing any more",
        success(),
        wording.token_unknown("personalAccessTokens:removeToken"),
    ),
    token_views.PersonalTokens: {
        "GET": guarded("One's own personal access tokens", success(tokens=listed(_PERSONAL_TOKEN)))
    },
    token_views.CreateToken: {
        "POST": guarded(
            "A token in another's name",
            success(data=record({"userId": TEXT, "authToken": TEXT})),
            takes=asks(userId=TEXT, secret=TEXT),
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
