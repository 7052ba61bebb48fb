"""rocket-python: form-encoded logins, and a fresh login before every single call."""

from conversation import Answer, Asked, RefusedError, hold, load


def talk(asked: Asked) -> Answer:
    api = load("rocketchat.api").RocketChatAPI(
        settings={
            "domain": asked["base_url"],
            "username": asked["login"],
            "password": asked["password"],
        }
    )
    unauthorised = load("requests").HTTPError
    try:
        me = api.get_my_info()
    except unauthorised as refusal:
        status = refusal.response.status_code
        raise RefusedError(refusal, status=status, message=refusal.response.text) from refusal
    record = api.get_user_info(me["_id"])
    goodbye = api.logout()
    return {
        "whoami": {"username": me["username"], "active": me["active"], "success": me["success"]},
        "record": {"username": record["user"]["username"], "success": record["success"]},
        "logout": goodbye,
    }


hold("rocket-python", talk)
