"""Oloid's `/login`, its tokens checked by a published verifier of Cognito tokens."""

import os

from conversation import Answer, Asked, RefusedError, hold, load


def talk(asked: Asked) -> Answer:
    requests = load("requests")
    base_url, pool_id = asked["base_url"], asked["pool_id"]
    reply = requests.post(
        f"{base_url}/login",
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
    tokens = reply.json()["cognitoToken"]["AuthenticationResult"]
    # The verifier's own setting for key sets that are not at AWS.
    os.environ["AWS_COGNITO_JWKS_PATH"] = f"{base_url}/{pool_id}/.well-known/jwks.json"
    verifier = load("cognitojwt")
    pool = {"region": pool_id.partition("_")[0], "userpool_id": pool_id}

    def refusal(token: str, client_id: str) -> str:
        try:
            verifier.decode(token, **pool, app_client_id=client_id)
        except verifier.CognitoJWTException as error:
            return str(error)
        return "accepted"

    identity, access = tokens["IdToken"], tokens["AccessToken"]
    swapped = ".".join([*access.split(".")[:2], identity.split(".")[2]])
    return {
        "id": verifier.decode(identity, **pool, app_client_id=asked["client_id"]),
        "access": verifier.decode(access, **pool, app_client_id=asked["client_id"]),
        "foreign": [refusal(each, "another-client") for each in (identity, access)],
        "forged": refusal(swapped, asked["client_id"]),
    }


hold("cognitojwt", talk)
