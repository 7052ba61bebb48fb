"""rocketchat-api, the most used Python client: JSON bodies, `username` or `user` by a pattern."""

import secrets
from typing import Any

from conversation import Answer, Asked, RefusedError, hold, load, shape


def talk(asked: Asked) -> Answer:
    errors = load("rocketchat_API.APIExceptions.RocketExceptions")
    rocketchat = load("rocketchat_API.rocketchat").RocketChat
    # As installed clients do it: the server's version first, without any credentials.
    info = rocketchat(server_url=asked["base_url"]).info()
    try:
        client = rocketchat(asked["login"], asked["password"], server_url=asked["base_url"])
    except errors.RocketAuthenticationException as refusal:
        raise RefusedError(refusal, status=401, message=str(refusal)) from refusal
    me = client.me()
    record = client.users_info(user_id=me["_id"])
    # The same session again from its two stored values, as a bot does after a restart.
    again = rocketchat(
        auth_token=client.headers["X-Auth-Token"],
        user_id=client.headers["X-User-Id"],
        server_url=asked["base_url"],
    ).me()
    # A token for a bot: it opens calls on its own until it is removed.
    name = {"tokenName": f"bot {secrets.token_hex(4)}"}
    made = client.call_api_post("users.generatePersonalAccessToken", **name)
    bot = rocketchat(auth_token=made["token"], user_id=me["_id"], server_url=asked["base_url"])
    personal = {"token": shape(made["token"]), "me": bot.me()["username"]}
    personal["removed"] = client.call_api_post("users.removePersonalAccessToken", **name)
    goodbye = client.logout()

    def status(session: Any) -> int:
        try:
            session.me()
        except errors.RocketApiException as gone:
            return int(gone.status_code)
        return 200

    return {
        "info": info,
        "login": {
            "authToken": shape(client.headers["X-Auth-Token"]),
            "userId": shape(client.headers["X-User-Id"]),
        },
        "whoami": {"_id_is_userId": me["_id"] == client.headers["X-User-Id"], **_person(me)},
        "record": _person(record["user"]),
        "again": _person(again),
        "logout": goodbye,
        "personal": {**personal, "after": status(bot)},
        "after_logout": status(client),
    }


def _person(me: Answer) -> Answer:
    return {"username": me["username"], "active": me["active"], "roles": me["roles"]}


hold("rocketchat-api", talk)
