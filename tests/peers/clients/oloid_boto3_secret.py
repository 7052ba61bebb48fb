"""The AWS SDK for Python as an app client with a secret, which it proves at every operation."""

import base64
import hashlib
import hmac
import os
from typing import Any

from conversation import Answer, Asked, hold, load, shape

# No instance metadata, no profile: these operations are unsigned.
os.environ |= {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.devnull}


def talk(asked: Asked) -> Answer:
    cognito = load("boto3").client(
        "cognito-idp",
        endpoint_url=asked["base_url"],
        region_name=asked["pool_id"].partition("_")[0],
        config=load("botocore.config").Config(retries={"max_attempts": 0}),
    )
    client_id, secret, name = asked["client_id"], asked["client_secret"], asked["login"]
    denied = cognito.exceptions.NotAuthorizedException
    message = f"{name}{client_id}".encode()
    digest = hmac.digest(secret.encode(), message, hashlib.sha256)
    proof = {"SECRET_HASH": base64.b64encode(digest).decode()}
    password = {"USERNAME": name, "PASSWORD": asked["password"]}

    def initiate(flow: str, **given: str) -> Any:
        return cognito.initiate_auth(AuthFlow=flow, ClientId=client_id, AuthParameters=given)

    refusals = {}
    for case, more in {"without": {}, "wrong": {"SECRET_HASH": "x"}}.items():
        try:
            initiate("USER_PASSWORD_AUTH", **password, **more)
        except denied as refusal:
            refusals[case] = refusal.response["Error"]["Message"]
    tokens = initiate("USER_PASSWORD_AUTH", **password, **proof)["AuthenticationResult"]
    token = tokens["RefreshToken"]
    renewed = initiate("REFRESH_TOKEN_AUTH", REFRESH_TOKEN=token, **proof)["AuthenticationResult"]
    again = cognito.get_tokens_from_refresh_token(
        RefreshToken=token, ClientId=client_id, ClientSecret=secret
    )["AuthenticationResult"]
    cognito.revoke_token(Token=token, ClientId=client_id, ClientSecret=secret)
    try:
        cognito.get_user(AccessToken=again["AccessToken"])
    except denied as gone:
        after = gone.response["Error"]["Message"]
    else:
        after = "still in"
    return {
        "refusals": refusals,
        "login": _result(tokens),
        "refresh": _result(renewed),
        "get_tokens": _result(again),
        "after_logout": after,
    }


def _result(tokens: Any) -> Answer:
    return {
        name: shape(value) if name.endswith("Token") else value for name, value in tokens.items()
    }


hold("boto3", talk)
