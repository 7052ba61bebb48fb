"""The products' published clients log in unmodified: all they are given is the new address.

`tests/peers/install.sh` installs them; `tests/peers/clients/` holds one conversation per client.
Where a product publishes no client to a package index, a published client for interface
descriptions stands in, and its driver says so.
"""

import json
import os
import time
from typing import Any

import pytest

from tests.peers.conversations import (
    CLIENTS,
    INSTALLED,
    REFUSED,
    Conversations,
    Demo,
    Person,
    Told,
    app_code,
)
from tests.peers.likeness import (
    A_JWT,
    INTEGER,
    MOMENT,
    SEMVER,
    TEXT,
    UUID,
    Like,
    including,
    matching,
    opaque,
)

pytestmark = pytest.mark.peers


@pytest.fixture(scope="session")
def conversations(demo: Demo) -> Conversations:
    if not all((INSTALLED / part / ".installed").exists() for part in ("venv", "node")):
        reason = "the published clients are not installed: run tests/peers/install.sh"
        if os.environ.get("DRAGOMAN_REQUIRE_ALL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return Conversations(demo)


def test_pycoldstream_logs_in_under_its_own_host_names(
    demo: Demo, conversations: Conversations
) -> None:
    alice = demo.persona("alice")
    told = conversations.log_in("coldstream_pycoldstream.py", alice)
    assert told == _coldstream(alice, conversations.tenant_of(alice))


@pytest.mark.slow
def test_pycoldstream_is_asked_for_a_code_and_logs_in(
    demo: Demo, conversations: Conversations, newcomer: Person
) -> None:
    code = app_code(newcomer)
    told = conversations.log_in("coldstream_pycoldstream.py", newcomer, code=code)
    assert told == _coldstream(newcomer, conversations.tenant_of(newcomer), "account/login/otp")


def _coldstream(person: Person, tenant: dict[str, Any], *steps: str) -> Told:
    posts = ["account/login", *steps]
    host = "https://identity.eu1.coldstream.diabatix.com"
    return {
        "client": "pycoldstream",
        "version": SEMVER,
        "login": A_JWT,
        "whoami": including(
            id=INTEGER,
            email=person["email"],
            organizations=[{"id": INTEGER, "name": tenant["name"]}],
        ),
        "organization": {"id": INTEGER, "name": tenant["name"]},
        "visited": [*(f"POST {host}/{path}" for path in posts), f"GET {host}/users/me"],
    }


LOGGED_OUT = {"status": "success", "data": {"message": "You've been logged out!"}}
TOKEN_REMOVED = {"success": True}
INFO = {"version": TEXT, "minimumClientVersions": including(), "success": True}
TOTP_REQUIRED = {
    "success": False,
    "error": "totp-required",
    "status": "error",
    "details": {"method": "totp", "codeGenerated": False, "availableMethods": ["totp"]},
    "message": "TOTP Required",
}


@pytest.mark.parametrize("name", ["username", "email"])
def test_rocketchat_api_logs_in_resumes_and_logs_out(
    demo: Demo, conversations: Conversations, name: str
) -> None:
    alice = demo.persona("alice")
    told = conversations.log_in("rocketchat_rocketchat_api.py", alice, login=alice[name])
    person = {"username": alice["username"], "active": True, "roles": ["user"]}
    assert told == {
        "client": "rocketchat-api",
        "version": SEMVER,
        "info": INFO,
        "login": {"authToken": {"opaque": 43}, "userId": {"opaque": 17}},
        "whoami": {"_id_is_userId": True, **person},
        "record": person,
        "again": person,
        "personal": {**_personal(alice), "after": 401},
        "logout": LOGGED_OUT,
        "after_logout": 401,
    }


def test_rocket_python_logs_in_with_a_form_before_every_call(
    demo: Demo, conversations: Conversations
) -> None:
    alice = demo.persona("alice")
    assert conversations.log_in("rocketchat_rocket_python.py", alice) == {
        "client": "rocket-python",
        "version": SEMVER,
        "whoami": {"username": alice["username"], "active": True, "success": True},
        "record": {"username": alice["username"], "success": True},
        "logout": LOGGED_OUT,
    }


def test_the_first_rocketchat_sdk_logs_in_and_logs_out_with_get(
    demo: Demo, conversations: Conversations
) -> None:
    alice = demo.persona("alice")
    assert conversations.log_in("rocketchat_sdk_first.mjs", alice) == {
        "client": "@rocket.chat/sdk 0.x",
        "version": SEMVER,
        "login": {
            "status": "success",
            "userId": {"opaque": 17},
            "authToken": {"opaque": 43},
            "me": alice["username"],
        },
        "whoami": {"username": alice["username"], "success": True},
        "record": {"username": alice["username"], "success": True},
        "personal": _personal(alice),
        "logout": False,
    }


def _personal(person: Person) -> Told:
    """A personal access token: made, used and removed."""
    return {"token": {"opaque": 43}, "me": person["username"], "removed": TOKEN_REMOVED}


def test_the_rocketchat_sdk_logs_in_and_out(demo: Demo, conversations: Conversations) -> None:
    alice = demo.persona("alice")
    assert conversations.log_in("rocketchat_sdk.mjs", alice) == _rocketchat_sdk(alice, None)


def test_the_rocketchat_sdk_logs_in_with_a_recovery_code(
    demo: Demo, conversations: Conversations
) -> None:
    bob = demo.persona("bob")
    told = conversations.log_in(
        "rocketchat_sdk.mjs", bob, recovery_code=bob["recovery_codes"].pop()
    )
    # It keeps the HTTP status under a name that the body has too; the body's wins.
    assert told == _rocketchat_sdk(bob, TOTP_REQUIRED)


def _rocketchat_sdk(person: Person, challenge: Told | None) -> Told:
    return {
        "client": "@rocket.chat/sdk",
        "version": SEMVER,
        "challenge": challenge,
        "login": {
            "userId": {"opaque": 17},
            "authToken": {"opaque": 43},
            "me": person["username"],
        },
        "whoami": {"username": person["username"], "success": True},
        "personal": {**_personal(person), "after": 401},
        "logout": LOGGED_OUT,
        "after_logout": 401,
    }


def test_the_rocketchat_api_client_logs_in_and_resumes(
    demo: Demo, conversations: Conversations
) -> None:
    alice = demo.persona("alice")
    assert conversations.log_in("rocketchat_api_client.mjs", alice) == _api_client(alice, None)


@pytest.mark.slow
def test_the_rocketchat_api_client_logs_in_with_a_code(
    demo: Demo, conversations: Conversations, newcomer: Person
) -> None:
    code = app_code(newcomer)
    told = conversations.log_in("rocketchat_api_client.mjs", newcomer, code=code)
    assert told == _api_client(newcomer, TOTP_REQUIRED)


def _api_client(person: Person, challenge: Told | None) -> Told:
    return {
        "client": "@rocket.chat/api-client",
        "version": SEMVER,
        "info": INFO,
        "challenge": challenge,
        "login": {
            "status": "success",
            "success": True,
            "userId": {"opaque": 17},
            "authToken": {"opaque": 43},
            "me": person["username"],
        },
        "refresh": {"same_token": True},
        "whoami": {"username": person["username"], "success": True},
        "personal": {
            "success": True,
            "listed": [{"matches": True, "bypassTwoFactor": False, "createdAt": TEXT}],
            **_personal(person),
            "after": 401,
        },
        "asks": [],
        "logout": LOGGED_OUT,
        "after_logout": 401,
    }


def _bytebase_user(person: Person, kind: str = "USER", **more: Any) -> Like:
    return including(
        name=f"users/{person['email']}",
        state="ACTIVE",
        email=person["email"],
        title=TEXT,
        userType=kind,
        profile=including(),
        **more,
    )


def _bytebase_token(person: Person) -> Told:
    email = person["email"]
    claims = including(
        iss="bytebase", sub=email, aud=["bb.user.access.prod"], name=email, iat=INTEGER, exp=INTEGER
    )
    return {"header": including(typ="JWT"), "claims": claims}


@pytest.mark.parametrize(
    ("web", "cookies", "refresh"),
    [(False, [], None), (True, ["access-token", "refresh-token", "user"], 200)],
)
def test_programs_made_from_bytebases_messages_log_in(
    demo: Demo, conversations: Conversations, web: bool, cookies: list[str], refresh: int | None
) -> None:
    alice = demo.persona("alice")
    assert conversations.log_in("bytebase_protobuf.py", alice, web=web) == {
        "client": "protobuf",
        "version": SEMVER,
        "challenged": None,
        "login": {
            "token": _bytebase_token(alice),
            "requireResetPassword": False,
            "user": _bytebase_user(alice),
        },
        "cookies": cookies,
        "whoami": _bytebase_user(alice),
        "refresh": refresh,
        "logout": 200,
        "after_logout": {"status": 401, "code": 16},
    }


def test_swagger_client_logs_in_to_bytebase_as_a_person(
    demo: Demo, conversations: Conversations
) -> None:
    alice = demo.persona("alice")
    told = conversations.log_in("bytebase_swagger_client.mjs", alice)
    assert told == _bytebase_swagger(alice, None, _bytebase_user(alice))


def test_swagger_client_logs_in_to_bytebase_as_a_service_account(
    demo: Demo, conversations: Conversations
) -> None:
    svc = demo.persona("svc")
    told = conversations.log_in("bytebase_swagger_client.mjs", svc)
    assert told == _bytebase_swagger(svc, None, _bytebase_user(svc, "SERVICE_ACCOUNT"))


def test_swagger_client_logs_in_to_bytebase_with_a_recovery_code(
    demo: Demo, conversations: Conversations
) -> None:
    bob = demo.persona("bob")
    told = conversations.log_in(
        "bytebase_swagger_client.mjs", bob, recovery_code=bob["recovery_codes"].pop()
    )
    # The challenge has one member only, and opens nothing by itself.
    challenged = ["mfaTempToken", 401]
    assert told == _bytebase_swagger(bob, challenged, _bytebase_user(bob, mfaEnabled=True))


def _bytebase_swagger(person: Person, challenged: list[Any] | None, user: Like) -> Told:
    return {
        "client": "swagger-client",
        "version": SEMVER,
        "providers": including(),
        "challenged": challenged,
        "login": {"token": _bytebase_token(person), "user": user},
        "whoami": user,
        "logout": {},
        "after_logout": 401,
    }


def _core_token(person: Person, kind: str, lifetime: int) -> Told:
    return {
        "header": {"alg": "HS256", "typ": "JWT"},
        "claims": {
            "iss": "datarhei-core",
            "sub": person["username"],
            "usefor": kind,
            "iat": INTEGER,
            "exp": INTEGER,
            "exi": lifetime,
            "jti": UUID,
        },
    }


CORE_BEFORE = {"app": "datarhei-core", "auths": ["localjwt"], "version": {"number": "16.0.0"}}
CORE_AFTER = {
    "app": "datarhei-core",
    "auths": ["localjwt"],
    "name": TEXT,
    "id": TEXT,
    "created_at": MOMENT,
    "uptime_seconds": INTEGER,
    "version": including(number=SEMVER),
}
NO_TOKEN = {"code": 401, "message": "Unauthorized", "details": ["Missing or invalid JWT token"]}
ABSENT = {"code": 404, "message": "Not Found", "details": ["Not Found"]}


def test_bravado_logs_in_to_datarhei_core_and_refreshes_twice(
    demo: Demo, conversations: Conversations
) -> None:
    alice = demo.persona("alice")
    access = _core_token(alice, "access", 600)
    # bravado fills in what the description allows and the answer leaves out.
    unset = {"name": None, "id": None, "created_at": None, "uptime_seconds": None}
    assert conversations.log_in("datarhei_bravado.py", alice) == {
        "client": "bravado",
        "version": SEMVER,
        "before": {**CORE_BEFORE, **unset, "version": including(number="16.0.0")},
        "login": {
            "access_token": access,
            "refresh_token": _core_token(alice, "refresh", 86400),
        },
        "whoami": CORE_AFTER,
        "refresh": [access, access],
        "refreshed_works": {"error": "HTTPNotFound", **ABSENT},
        "access_token_does_not_refresh": {"error": "HTTPUnauthorized", **NO_TOKEN},
        "refresh_token_opens_nothing": {"error": "HTTPUnauthorized", **NO_TOKEN},
    }


def test_swagger_client_logs_in_to_datarhei_core(demo: Demo, conversations: Conversations) -> None:
    alice = demo.persona("alice")
    access = _core_token(alice, "access", 600)
    assert conversations.log_in("datarhei_swagger_client.mjs", alice) == {
        "client": "swagger-client",
        "version": SEMVER,
        "before": CORE_BEFORE,
        "login": {
            "access_token": access,
            "refresh_token": _core_token(alice, "refresh", 86400),
        },
        "whoami": CORE_AFTER,
        "refresh": {"access_token": access},
        "refreshed_works": ABSENT,
        "without_token": NO_TOKEN,
    }


RS256 = including(alg="RS256", kid=matching(r"[A-Za-z0-9+/]{43}="))


class Pool:
    """What every token of one tenant's pool says about one person."""

    def __init__(self, demo: Demo, person: Person, tenant: dict[str, Any]) -> None:
        common = {
            "iss": f"{demo.base_url}/{tenant['pool_id']}",
            "sub": UUID,
            "auth_time": INTEGER,
            "iat": INTEGER,
            "exp": INTEGER,
            "jti": UUID,
            "origin_jti": UUID,
        }
        self.access_claims = including(
            token_use="access",
            client_id=tenant["client_id"],
            username=person["username"],
            scope="aws.cognito.signin.user.admin",
            **common,
        )
        self.id_claims = including(
            token_use="id",
            aud=tenant["client_id"],
            **{"cognito:username": person["username"]},
            **common,
        )
        self.access = {"header": RS256, "claims": self.access_claims}
        self.id = {"header": RS256, "claims": self.id_claims}
        self.renewed = {
            "AccessToken": self.access,
            "IdToken": self.id,
            "ExpiresIn": 3600,
            "TokenType": "Bearer",
        }
        self.tokens = {**self.renewed, "RefreshToken": opaque(32)}
        self.username = person["username"]


def _pool(demo: Demo, conversations: Conversations, person: Person) -> Pool:
    return Pool(demo, person, conversations.tenant_of(person))


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
    assert told == _boto3(_pool(demo, conversations, alice), None)


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
    assert told == _boto3(_pool(demo, conversations, newcomer), challenge)


# A running server asks every five seconds whether a tenant has changed.
POLL_SECONDS = 5.5


@pytest.mark.slow
def test_boto3_proves_the_secret_of_its_client(demo: Demo, conversations: Conversations) -> None:
    dave = demo.persona("dave")
    pool = _pool(demo, conversations, dave)
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
                "AuthenticationResult": _pool(demo, conversations, alice).tokens,
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
    pool = _pool(demo, conversations, alice)
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
    pool = _pool(demo, conversations, alice)
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
    pool = _pool(demo, conversations, newcomer)
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
    pool = _pool(demo, conversations, person)
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
    pool = _pool(demo, conversations, alice)
    assert conversations.log_in("oloid_cognitojwt.py", alice) == {
        "client": "cognitojwt",
        "version": SEMVER,
        "id": pool.id_claims,
        "access": pool.access_claims,
        "foreign": ["Token was not issued for this client id audience"] * 2,
        "forged": "Signature verification failed",
    }


CORE_REFUSAL = {
    "code": 401,
    "message": "Unauthorized",
    "details": ["Invalid authorization credentials: invalid username or password"],
}
COGNITO_REFUSAL = ("NotAuthorizedException", "Incorrect username or password.")


def _json_with(**members: Any) -> Like:
    return Like(f"JSON with {members}", lambda v: json.loads(v) == including(**members))


REFUSALS = {
    "coldstream_pycoldstream.py": ("ApiError", 401, _json_with(status=401)),
    "rocketchat_rocketchat_api.py": ("RocketAuthenticationException", 401, ""),
    "rocketchat_rocket_python.py": (
        "HTTPError",
        401,
        _json_with(success=False, error="Unauthorized", status="error", message="Unauthorized"),
    ),
    "rocketchat_sdk_first.mjs": ("Error", None, matching(r"\[API\] Login failed .*Unauthorized")),
    "rocketchat_sdk.mjs": ("rejected", 401, "Unauthorized"),
    "rocketchat_api_client.mjs": ("Response", 401, "Unauthorized"),
    "bytebase_protobuf.py": ("PermissionError", 401, "16: invalid email or password"),
    "bytebase_swagger_client.mjs": ("Error", 401, "16: invalid email or password"),
    "datarhei_bravado.py": ("HTTPUnauthorized", 401, _json_with(**CORE_REFUSAL)),
    "datarhei_swagger_client.mjs": ("Error", 401, _json_with(**CORE_REFUSAL)),
    "oloid_boto3.py": (COGNITO_REFUSAL[0], 400, COGNITO_REFUSAL[1]),
    "oloid_pycognito.py": ("HTTPError", 401, _json_with(status="401", message=TEXT)),
    "oloid_aws_sdk.mjs": (COGNITO_REFUSAL[0], 400, COGNITO_REFUSAL[1]),
    "oloid_amazon_cognito_identity.mjs": (COGNITO_REFUSAL[0], None, COGNITO_REFUSAL[1]),
    "oloid_amplify.mjs": (COGNITO_REFUSAL[0], None, COGNITO_REFUSAL[1]),
    "oloid_aws_jwt_verify.mjs": ("Response", 401, _json_with(status="401", message=TEXT)),
    "oloid_cognitojwt.py": ("HTTPError", 401, _json_with(status="401", message=TEXT)),
}


def test_every_driver_has_its_refusal() -> None:
    shared = {"conversation.py", "conversation.mjs", "stand_in_host.py"}
    drivers = {path.name for path in CLIENTS.iterdir() if path.suffix in {".py", ".mjs"}}
    # What boto3 makes of a refusal is in its first conversation.
    further = {"oloid_boto3_choice.py", "oloid_boto3_secret.py"}
    assert drivers - shared - further == set(REFUSALS)


@pytest.mark.parametrize("driver", REFUSALS)
def test_a_wrong_password_surfaces_as_the_clients_own_error(
    demo: Demo, conversations: Conversations, driver: str
) -> None:
    # The refusals are spread over accounts, so that none comes near its lock-out.
    name = ("alice", "bob", "erin", "svc")[list(REFUSALS).index(driver) % 4]
    person = {**demo.persona(name), "password": "not this one"}
    error, http_status, message = REFUSALS[driver]
    status, told = conversations.hold(driver, person)
    refused = {"error": error, "status": http_status, "message": message}
    assert (status, told) == (
        REFUSED,
        {"client": TEXT, "version": SEMVER, "refused": refused},
    )
