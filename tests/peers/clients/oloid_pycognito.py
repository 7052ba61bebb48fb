"""Oloid's `/Login`, its tokens checked, used, renewed and ended by pycognito.

pycognito logs in by SRP, which the server refuses; that it says so is part of the conversation.
"""

import os

from conversation import Answer, Asked, RefusedError, hold, load, shape

os.environ |= {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.devnull}


def talk(asked: Asked) -> Answer:
    requests = load("requests")
    reply = requests.post(
        f"{asked['base_url']}/Login",
        json={
            "UserName": asked["login"],
            "TenantName": asked["tenant"],
            "Password": asked["password"],
        },
        timeout=30,
    )
    if not reply.ok:
        error = requests.HTTPError(response=reply)
        raise RefusedError(error, status=reply.status_code, message=reply.text)
    body = reply.json()
    tokens = body["cognitoToken"]["AuthenticationResult"]
    user = load("pycognito").Cognito(
        asked["pool_id"],
        asked["client_id"],
        username=asked["login"],
        id_token=tokens["IdToken"],
        access_token=tokens["AccessToken"],
        refresh_token=tokens["RefreshToken"],
        boto3_client_kwargs={"endpoint_url": asked["base_url"]},
    )
    user.verify_tokens()
    me = user.get_user()
    first = user.access_token
    user.renew_access_token()
    renewed = {
        "changed": user.access_token != first,
        "refresh_token_kept": user.refresh_token == tokens["RefreshToken"],
    }
    user.verify_tokens()
    try:
        user.authenticate(asked["password"])
    except user.client.exceptions.InvalidParameterException as refusal:
        srp = refusal.response["Error"]["Message"]
    else:
        srp = "accepted"
    ended = user.access_token
    user.logout()
    try:
        user.client.get_user(AccessToken=ended)
    except user.client.exceptions.NotAuthorizedException as gone:
        after = type(gone).__name__
    else:
        after = "still in"
    return {
        "login": {
            "cognitoToken": {
                **body["cognitoToken"],
                "AuthenticationResult": {
                    name: shape(value) if name.endswith("Token") else value
                    for name, value in tokens.items()
                },
            },
            "user": body["user"],
        },
        "whoami": {"username": me.username, "sub": me.sub, "email": getattr(me, "email", None)},
        "refresh": renewed,
        "srp": srp,
        "after_logout": after,
    }


hold("pycognito", talk)
