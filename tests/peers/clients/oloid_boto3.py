"""The AWS SDK for Python against the Cognito operations behind Oloid's tokens."""

import os
from typing import Any

from conversation import Answer, Asked, RefusedError, hold, load, shape

# No instance metadata, no profile: these operations are unsigned.
os.environ |= {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.devnull}


def talk(asked: Asked) -> Answer:
    cognito = load("boto3").client(
        "cognito-idp",
        endpoint_url=asked["base_url"],
        region_name=asked["pool_id"].partition("_")[0],
        config=load("botocore.config").Config(retries={"max_attempts": 0}),
    )
    client_id = asked["client_id"]
    name = asked["login"]
    denied = cognito.exceptions.NotAuthorizedException
    try:
        answer = cognito.initiate_auth(
            AuthFlow="USER_PASSWORD_AUTH",
            ClientId=client_id,
            AuthParameters={"USERNAME": name, "PASSWORD": asked["password"]},
        )
    except denied as refusal:
        told = refusal.response["Error"]["Message"]
        status = refusal.response["ResponseMetadata"]["HTTPStatusCode"]
        raise RefusedError(refusal, status=status, message=told) from refusal
    challenge = _without_metadata(answer) if "ChallengeName" in answer else None
    if challenge:
        challenge = {**challenge, "Session": len(challenge["Session"]) >= 20}
        answer = cognito.respond_to_auth_challenge(
            ClientId=client_id,
            ChallengeName=answer["ChallengeName"],
            Session=answer["Session"],
            ChallengeResponses={
                "USERNAME": answer["ChallengeParameters"]["USER_ID_FOR_SRP"],
                "SOFTWARE_TOKEN_MFA_CODE": asked["code"],
            },
        )
    tokens = answer["AuthenticationResult"]
    user = cognito.get_user(AccessToken=tokens["AccessToken"])
    renewed = cognito.initiate_auth(
        AuthFlow="REFRESH_TOKEN_AUTH",
        ClientId=client_id,
        AuthParameters={"REFRESH_TOKEN": tokens["RefreshToken"]},
    )["AuthenticationResult"]
    cognito.global_sign_out(AccessToken=renewed["AccessToken"])
    after = {}
    for operation, arguments in {
        "get_user": {"AccessToken": renewed["AccessToken"]},
        "initiate_auth": {
            "AuthFlow": "REFRESH_TOKEN_AUTH",
            "ClientId": client_id,
            "AuthParameters": {"REFRESH_TOKEN": tokens["RefreshToken"]},
        },
    }.items():
        try:
            getattr(cognito, operation)(**arguments)
        except denied as gone:
            after[operation] = type(gone).__name__
    return {
        "challenge": challenge,
        "login": _result(tokens),
        "whoami": _without_metadata(user),
        "refresh": _result(renewed),
        "after_logout": after,
    }


def _without_metadata(answer: Any) -> Answer:
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def _result(tokens: Any) -> Answer:
    return {
        name: shape(value) if name.endswith("Token") else value for name, value in tokens.items()
    }


hold("boto3", talk)
