"""A wrong password is every published client's own error.

`tests/peers/install.sh` installs them; `tests/peers/clients/` holds one conversation per client.
Where a product publishes no client to a package index, a published client for interface
descriptions stands in, and its driver says so. What they hear when they log in is beside the other
tests of each contract.
"""

import json
from typing import Any

import pytest

from tests.peers.conversations import CLIENTS, REFUSED, Conversations, Demo
from tests.peers.likeness import SEMVER, TEXT, Like, including, matching

pytestmark = pytest.mark.peers

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
