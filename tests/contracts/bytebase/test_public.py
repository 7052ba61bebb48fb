"""What is asked before a login, and token exchange."""

from __future__ import annotations

import pytest

from accounts import provisioning
from accounts.models import Session, User
from tenants.models import TenantPolicy
from tests.contracts.bytebase.conversation import EXCHANGE, Api, refused
from tests.fixtures import Cast

CI = "ci@workload.bytebase.com"


def test_the_server_describes_itself(api: Api, cast: Cast) -> None:
    answer = api.get("/v1/actuator/info")
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "version": "3.13.0",
            "externalUrl": "http://testserver",
            "disallowSignup": True,
            "workspaceId": "alpha",
            "passwordRestriction": {"minLength": 15},
        },
    )
    order = ["version", "externalUrl", "disallowSignup", "workspaceId", "passwordRestriction"]
    assert list(answer.json()) == order


def test_a_required_second_factor_is_told(api: Api, cast: Cast) -> None:
    TenantPolicy.objects.create(tenant=cast.beta, second_factor="required", password_min_length=20)
    assert Api("/t/beta").get("/v1/actuator/info").json() == {
        "version": "3.13.0",
        "externalUrl": "http://testserver/t/beta",
        "disallowSignup": True,
        "require2fa": True,
        "workspaceId": "beta",
        "passwordRestriction": {"minLength": 20},
    }
    assert "require2fa" not in api.get("/v1/actuator/info").json()


def test_a_server_without_tenants_still_describes_itself(api: Api, db: None) -> None:
    assert api.get("/v1/actuator/info").json() == {"version": "3.13.0"}


def test_there_are_no_identity_providers_yet(api: Api, cast: Cast) -> None:
    answer = api.get("/v1/idps")
    assert (answer.status_code, answer.json()) == (200, {})


def test_public_calls_do_not_mind_a_dead_token(api: Api, cast: Cast) -> None:
    for path in ("/v1/actuator/info", "/v1/idps"):
        assert api.get(path, token="dead").status_code == 200


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "token is required"),
        ({"email": CI}, "token is required"),
        ({"token": "", "email": ""}, "token is required"),
        ({"token": "x"}, "email is required"),
        ({"token": "x", "email": "a@b.c"}, "email must end with @workload.bytebase.com"),
        (
            {"token": "x", "email": f"{CI}.evil.test"},
            "email must end with @workload.bytebase.com",
        ),
    ],
)
def test_an_exchange_needs_a_token_and_a_workloads_address(
    api: Api, cast: Cast, body: dict[str, str], message: str
) -> None:
    refused(api.post(EXCHANGE, body), 400, 3, message)


def test_an_exchange_for_nobody_is_not_found(api: Api, cast: Cast) -> None:
    answer = api.post(EXCHANGE, {"token": "x", "email": CI})
    refused(answer, 404, 5, f'workload identity "{CI}" not found')


def test_an_exchange_where_there_is_no_tenant_is_not_found(api: Api, db: None) -> None:
    answer = api.post(EXCHANGE, {"token": "x", "email": CI})
    refused(answer, 404, 5, f'workload identity "{CI}" not found')


def test_an_exchange_is_for_workloads(api: Api, cast: Cast) -> None:
    provisioning.create_user(cast.alpha, "ci", email=CI)
    answer = api.post(EXCHANGE, {"token": "x", "email": CI})
    refused(answer, 400, 3, f'email "{CI}" is not a workload identity')


def test_a_disabled_workload_is_told_so(api: Api, cast: Cast) -> None:
    provisioning.create_user(
        cast.alpha, "ci", email=CI, kind=User.Kind.WORKLOAD, state=User.State.DISABLED
    )
    answer = api.post(EXCHANGE, {"token": "x", "email": CI})
    refused(answer, 403, 7, "workload identity has been deactivated")


def test_no_token_is_good_while_no_issuer_can_be_trusted(api: Api, cast: Cast) -> None:
    provisioning.create_user(cast.alpha, "ci", email=CI, kind=User.Kind.WORKLOAD)
    for token in ("x", api.token(cast.alice)):
        answer = api.post(EXCHANGE, {"token": token, "email": CI})
        refused(answer, 401, 16, "token validation failed: no trusted issuer is configured")
    assert Session.objects.filter(user__email=CI).count() == 0
