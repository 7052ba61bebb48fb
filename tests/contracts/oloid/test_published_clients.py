"""Cognito's published clients log in unmodified: all they are given is the new address."""

import json
import time

import pytest

from tests.contracts.oloid.pool_tokens import Pool, pool_of
from tests.peers.conversations import Conversations, Demo, Person, Told, app_code
from tests.peers.likeness import INTEGER, SEMVER, TEXT, UUID, Like, including, matching, opaque

pytestmark = pytest.mark.peers


def _boto3(pool: Pool, challenge: Told | None) -> Told:
    denied = "NotAuthorizedException"
    return {
        "client": "boto3",
        "version": SEMVER,
        "challenge": challenge,
        "login": pool.tokens,
        "whoami": including(Username=pool.username, UserAttributes=_ATTRIBUTES),
        "refresh": pool.renewed,
        "after_logout": {"get_user": denied, "initiate_auth": denied},
    }


_ATTRIBUTES = Like(
    "list of attributes, all strings, `sub` among them",
    lambda v: "sub" in {a["Name"] for a in v} and all(isinstance(a["Value"], str) for a in v),
)


def test_boto3_logs_in_by_password_renews_and_signs_out(
    demo: Demo, conversations: Conversations
) -> None:
    alice = demo.persona("alice")
    told = conversations.log_in("oloid_boto3.py", alice)
    assert told == _boto3(pool_of(demo, conversations, alice), None)


@pytest.mark.slow
def test_boto3_answers_the_software_token_challenge(
    demo: Demo, conversations: Conversations, newcomer: Person
) -> None:
    told = conversations.log_in("oloid_boto3.py", newcomer, code=app_code(newcomer))
    challenge = {
        "ChallengeName": "SOFTWARE_TOKEN_MFA",
        "ChallengeParameters": including(USER_ID_FOR_SRP=TEXT),
        "Session": True,
    }
    assert told == _boto3(pool_of(demo, conversations, newcomer), challenge)


# A running server asks every five seconds whether a tenant has changed.
POLL_SECONDS = 5.5


@pytest.mark.slow
def test_boto3_proves_the_secret_of_its_client(demo: Demo, conversations: Conversations) -> None:
    dave = demo.persona("dave")
    pool = pool_of(demo, conversations, dave)
    client_id = conversations.tenant_of(dave)["client_id"]
    made = demo.manage("client_secret", "--tenant", dave["tenant"], "--new")
    try:
        time.sleep(POLL_SECONDS)
        secret = made.stdout.strip()
        told = conversations.log_in("oloid_boto3_secret.py", dave, client_secret=secret)
    finally:
        demo.manage("client_secret", "--tenant", dave["tenant"], "--remove")
        time.sleep(POLL_SECONDS)
    assert told == {
        "client": "boto3",
        "version": SEMVER,
        "refusals": {
            "without": f"Client {client_id} is configured with secret"
            " but SECRET_HASH was not received",
            "wrong": f"Unable to verify secret hash for client {client_id}",
        },
        "login": pool.tokens,
        "refresh": pool.renewed,
        "get_tokens": pool.renewed,
        "after_logout": "Access Token has been revoked",
    }


@pytest.mark.slow
def test_boto3_chooses_among_second_factors(
    demo: Demo, conversations: Conversations, newcomer: Person
) -> None:
    code, mails = app_code(newcomer), str(demo.var_dir / "demo.log")
    told = conversations.log_in("oloid_boto3_choice.py", newcomer, code=code, mails=mails)
    name = {"USER_ID_FOR_SRP": newcomer["username"]}
    both = ["SOFTWARE_TOKEN_MFA", "EMAIL_OTP"]
    email = newcomer["email"]
    masked = f"{email[0]}***@{email.partition('@')[2][0]}***"
    delivery = {"CODE_DELIVERY_DELIVERY_MEDIUM": "EMAIL", "CODE_DELIVERY_DESTINATION": masked}
    assert told == {
        "client": "boto3",
        "version": SEMVER,
        "choice": [
            "SELECT_MFA_TYPE",
            {**name, "MFAS_CAN_CHOOSE": json.dumps(both, separators=(",", ":"))},
        ],
        "challenge": ["EMAIL_OTP", {**name, **delivery}],
        "on": [both, None],
        "off": [both[:1], both[0]],
    }


def test_pycognito_checks_and_renews_the_tokens_of_login_and_srp_is_refused(
    demo: Demo, conversations: Conversations
) -> None:
    alice = demo.persona("alice")
    tenant = conversations.tenant_of(alice)
    metadata = {
        "httpStatusCode": 200,
        "requestId": TEXT,
        "attempts": INTEGER,
        "totalRetryDelay": INTEGER,
    }
    assert conversations.log_in("oloid_pycognito.py", alice) == {
        "client": "pycognito",
        "version": SEMVER,
        "login": {
            "cognitoToken": {
                "$metadata": metadata,
                "ChallengeParameters": {},
                "AuthenticationResult": pool_of(demo, conversations, alice).tokens,
            },
            "user": {
                "OloID": matching("[0-9a-f]{32}"),
                "TenantID": matching("[0-9A-F]{16}"),
                "TenantName": tenant["name"],
            },
        },
        "whoami": {"username": alice["username"], "sub": UUID, "email": alice["email"]},
        "refresh": {"changed": True, "refresh_token_kept": True},
        "srp": "USER_SRP_AUTH is not enabled for the client.",
        "after_logout": "NotAuthorizedException",
    }


def test_the_aws_sdk_for_javascript_logs_in_renews_and_revokes(
    demo: Demo, conversations: Conversations
) -> None:
    alice = demo.persona("alice")
    pool = pool_of(demo, conversations, alice)
    assert conversations.log_in("oloid_aws_sdk.mjs", alice) == {
        "client": "@aws-sdk/client-cognito-identity-provider",
        "version": SEMVER,
        "challenge": None,
        "login": pool.tokens,
        "request_id": "string",
        "whoami": including(Username=alice["username"], UserAttributes=_ATTRIBUTES),
        "refresh": pool.renewed,
        "after_logout": "NotAuthorizedException",
    }


def test_amazon_cognito_identity_js_logs_in_with_its_password_flow(
    demo: Demo, conversations: Conversations
) -> None:
    alice = demo.persona("alice")
    pool = pool_of(demo, conversations, alice)
    assert conversations.log_in("oloid_amazon_cognito_identity.mjs", alice) == {
        "client": "amazon-cognito-identity-js",
        "version": SEMVER,
        "challenge": None,
        "login": {"access": pool.access, "id": pool.id, "refresh": opaque(32), "valid": True},
        "whoami": including(sub=UUID, email=alice["email"]),
        "refresh": {"changed": True, "refresh_token_kept": True},
        "logout": True,
    }


@pytest.mark.slow
def test_aws_amplify_signs_in_with_a_code_and_renews(
    demo: Demo, conversations: Conversations, newcomer: Person
) -> None:
    pool = pool_of(demo, conversations, newcomer)
    told = conversations.log_in("oloid_amplify.mjs", newcomer, code=app_code(newcomer))
    assert told == {
        "client": "aws-amplify",
        "version": SEMVER,
        "steps": ["CONFIRM_SIGN_IN_WITH_TOTP_CODE", "DONE"],
        "login": {"access": pool.access, "id": pool.id},
        "whoami": {
            "username": newcomer["username"],
            "userId": UUID,
            "attributes": including(sub=UUID, email=newcomer["email"]),
        },
        "refresh": {"changed": True},
        "after_logout": "UserUnAuthenticatedException",
    }


@pytest.mark.parametrize("name", ["alice", "svc"])
def test_aws_jwt_verify_accepts_the_tokens_of_login(
    demo: Demo, conversations: Conversations, name: str
) -> None:
    person = demo.persona(name)
    pool = pool_of(demo, conversations, person)
    key = {"alg": "RS256", "e": "AQAB", "kty": "RSA", "use": "sig", "kid": 32, "bits": 2048}
    told = conversations.log_in("oloid_aws_jwt_verify.mjs", person)
    keys = told.pop("keys")
    # One key for ID tokens and one for access tokens, and more while they are being rotated.
    assert len(keys) >= 2
    assert all(published == key for published in keys)
    assert told == {
        "client": "aws-jwt-verify",
        "version": SEMVER,
        "id": pool.id_claims,
        "access": pool.access_claims,
        "foreign": "JwtInvalidAudienceError",
    }


def test_cognitojwt_accepts_the_tokens_of_login(demo: Demo, conversations: Conversations) -> None:
    alice = demo.persona("alice")
    pool = pool_of(demo, conversations, alice)
    assert conversations.log_in("oloid_cognitojwt.py", alice) == {
        "client": "cognitojwt",
        "version": SEMVER,
        "id": pool.id_claims,
        "access": pool.access_claims,
        "foreign": ["Token was not issued for this client id audience"] * 2,
        "forged": "Signature verification failed",
    }
