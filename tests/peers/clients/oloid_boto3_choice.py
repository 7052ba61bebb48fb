"""The AWS SDK for Python for a user with an app who switches codes by mail on, and chooses."""

import os
import re
import time
from pathlib import Path
from typing import Any

from conversation import Answer, Asked, hold, load

# No instance metadata, no profile: these operations are unsigned.
os.environ |= {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.devnull}


def talk(asked: Asked) -> Answer:
    cognito = load("boto3").client(
        "cognito-idp",
        endpoint_url=asked["base_url"],
        region_name=asked["pool_id"].partition("_")[0],
        config=load("botocore.config").Config(retries={"max_attempts": 0}),
    )
    name = asked["login"]

    def by_password() -> Any:
        given = {"USERNAME": name, "PASSWORD": asked["password"]}
        return cognito.initiate_auth(
            AuthFlow="USER_PASSWORD_AUTH", ClientId=asked["client_id"], AuthParameters=given
        )

    def respond(answer: Any, **given: str) -> Any:
        return cognito.respond_to_auth_challenge(
            ClientId=asked["client_id"],
            ChallengeName=answer["ChallengeName"],
            Session=answer["Session"],
            ChallengeResponses={"USERNAME": name, **given},
        )

    first = respond(by_password(), SOFTWARE_TOKEN_MFA_CODE=asked["code"])["AuthenticationResult"]
    owner = first["AccessToken"]
    mails = Path(asked["mails"])
    before = len(_codes(mails))
    cognito.set_user_mfa_preference(AccessToken=owner, EmailMfaSettings={"Enabled": True})
    try:
        choice = by_password()
        challenge = respond(choice, ANSWER="EMAIL_OTP")
        tokens = respond(challenge, EMAIL_OTP_CODE=_code(mails, before))["AuthenticationResult"]
        user = cognito.get_user(AccessToken=tokens["AccessToken"])
    finally:
        cognito.set_user_mfa_preference(AccessToken=owner, EmailMfaSettings={"Enabled": False})
    after = cognito.get_user(AccessToken=owner)
    cognito.global_sign_out(AccessToken=owner)
    return {
        "choice": [choice["ChallengeName"], choice["ChallengeParameters"]],
        "challenge": [challenge["ChallengeName"], challenge["ChallengeParameters"]],
        "on": [user.get("UserMFASettingList"), user.get("PreferredMfaSetting")],
        "off": [after.get("UserMFASettingList"), after.get("PreferredMfaSetting")],
    }


def _codes(mails: Path) -> list[str]:
    return re.findall(r"Your code is (\d{3}-\d{3})", mails.read_text())


def _code(mails: Path, before: int) -> str:
    """The code of a mail that the demo has shown since then."""
    for _ in range(100):
        if len(found := _codes(mails)) > before:
            return found[-1]
        time.sleep(0.1)
    raise AssertionError("no mail came")


hold("boto3", talk)
