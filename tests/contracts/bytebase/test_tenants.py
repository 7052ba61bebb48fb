"""Which tenant is meant, and that nothing crosses from one to another."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts import provisioning
from accounts.models import Session, User
from tenants import resolve
from tenants.models import Tenant
from tests.contracts.bytebase.conversation import (
    EXCHANGE,
    LOGIN,
    LOGOUT,
    ME,
    REFRESH,
    Api,
    cookies,
    refused,
)
from tests.fixtures import PASSWORD, Cast

NOBODY = "invalid email or password"


@pytest.fixture
def beta() -> Api:
    return Api("/t/beta")


def test_a_tenant_is_found_by_prefix_by_host_and_by_the_address_itself(
    api: Api, beta: Api, cast: Cast
) -> None:
    body = {"email": cast.dave.email, "password": PASSWORD}
    for answer in (beta.post(LOGIN, body), api.post(LOGIN, body, Host="beta.example.com")):
        assert answer.json()["user"]["email"] == "dave@beta.example"
    assert api.post(LOGIN, body).json()["user"]["name"] == "users/dave@beta.example"


def test_the_whole_conversation_works_below_a_prefix(beta: Api, cast: Cast) -> None:
    set_ = cookies(beta.log_in(cast.dave, web=True))
    assert set_["access-token"]["path"] == "/"
    assert beta.get(ME).json()["email"] == "dave@beta.example"
    assert beta.post(REFRESH, {}).json() == {}
    assert beta.post(LOGOUT, {}).json() == {}
    refused(beta.get(ME), 401, 16, "authenticated user not found")


def test_a_user_of_another_tenant_is_nobody_here(beta: Api, cast: Cast) -> None:
    refused(beta.log_in(cast.alice), 401, 16, NOBODY)
    answer = Api("/t/alpha").post(LOGIN, {"email": cast.dave.email, "password": PASSWORD})
    refused(answer, 401, 16, NOBODY)


def test_a_token_opens_nothing_at_another_tenants_address(api: Api, beta: Api, cast: Cast) -> None:
    token = api.token(cast.alice)
    refused(beta.get(ME, token=token), 401, 16, "authenticated user not found")
    path = "/v1/users/alice@alpha.example"
    refused(beta.get(path, token=token), 401, 16, "failed to parse claim")
    refused(api.get(path, token=token, Host="beta.example.com"), 401, 16, "failed to parse claim")
    assert Api("/t/alpha").get(path, token=token).status_code == 200


def test_a_temp_token_opens_nothing_at_another_tenants_address(
    api: Api, beta: Api, cast: Cast
) -> None:
    body = {"mfaTempToken": api.temp_token(cast.bob), "otpCode": cast.bob.code()}
    refused(beta.post(LOGIN, body), 401, 16, "failed to parse claim")
    assert Api("/t/alpha").post(LOGIN, body).status_code == 200


def test_a_refresh_token_opens_nothing_at_another_tenants_address(
    api: Api, beta: Api, cast: Cast
) -> None:
    token = cookies(api.log_in(cast.alice, web=True))["refresh-token"][""]
    answer = beta.post(REFRESH, {}, Cookie=f"refresh-token={token}")
    refused(answer, 401, 16, "invalid refresh token")
    assert api.post(REFRESH, {}).status_code == 200


def test_a_logout_at_another_tenants_address_ends_nothing(api: Api, beta: Api, cast: Cast) -> None:
    set_ = cookies(api.log_in(cast.alice, web=True))
    jar = "; ".join(f"{name}={set_[name]['']}" for name in ("access-token", "refresh-token"))
    token = set_["access-token"][""]
    assert beta.post(LOGOUT, {}, token=token, Cookie=jar).json() == {}
    assert Session.objects.get().ended_at is None


def test_a_session_of_another_contract_is_none_of_this_one(api: Api, cast: Cast) -> None:
    token = api.token(cast.alice)
    Session.objects.update(contract="coldstream")
    refused(api.get(ME, token=token), 401, 16, "authenticated user not found")


def test_a_token_of_another_contract_opens_nothing(api: Api, cast: Cast) -> None:
    other = api.post(
        "/account/login", {"email": cast.alice.email, "password": cast.alice.password}
    ).json()["accessToken"]
    refused(api.get(ME, token=other), 401, 16, "authenticated user not found")
    body = {"mfaTempToken": other, "otpCode": "1"}
    refused(api.post(LOGIN, body), 401, 16, "failed to parse claim")


def test_a_workload_of_another_tenant_is_not_found(api: Api, beta: Api, cast: Cast) -> None:
    email = "ci@workload.bytebase.com"
    provisioning.create_user(cast.alpha, "ci", kind=User.Kind.WORKLOAD, email=email)
    body = {"token": "x", "email": email}
    refused(beta.post(EXCHANGE, body), 404, 5, f'workload identity "{email}" not found')
    assert api.post(EXCHANGE, body).status_code == 401


def switch(tenant: Tenant, **fields: object) -> None:
    Tenant.objects.filter(pk=tenant.pk).update(**fields)
    resolve.invalidate()


def test_a_tenant_that_switched_the_contract_off_has_none_of_its_paths(
    api: Api, beta: Api, cast: Cast
) -> None:
    token = beta.token(cast.dave)
    switch(cast.beta, contracts={"bytebase": {"enabled": False}})
    for method, path in (("POST", LOGIN), ("GET", ME), ("GET", "/v1/idps"), ("PUT", LOGIN)):
        answer = beta.client.generic(method, f"/t/beta{path}", b"{")
        text = f"not_found: gateway routing error 404: request method {method}, URI /t/beta{path}"
        refused(answer, 404, 2, text)
    # At the bare address its users are nobody and its tokens are dead.
    refused(api.log_in(cast.dave), 401, 16, NOBODY)
    refused(api.get(ME, token=token), 401, 16, "authenticated user not found")
    assert api.log_in(cast.alice).status_code == 200


def test_a_suspended_tenant_is_gone(api: Api, beta: Api, cast: Cast) -> None:
    token = cookies(beta.log_in(cast.dave, web=True))["refresh-token"][""]
    switch(cast.beta, state="suspended")
    refused(api.log_in(cast.dave), 401, 16, NOBODY)
    answer = api.post(REFRESH, {}, Cookie=f"refresh-token={token}")
    refused(answer, 401, 16, "invalid refresh token")


def test_an_unknown_tenants_address_is_a_routing_error(api: Api, cast: Cast) -> None:
    for slug in ("nowhere", "no.slug", "a%00b"):
        path = f"/t/{slug}{LOGIN}"
        text = f"not_found: gateway routing error 404: request method POST, URI {path}"
        refused(api.post(path, {}), 404, 2, text)


def test_the_session_setting_bounds_every_login(api: Api, cast: Cast) -> None:
    switch(cast.alpha, contracts={"bytebase": {"lifetimes": {"session": 300}}})
    api.log_in(cast.alice)
    api.log_in(cast.alice, web=True)
    lives = {s.expires_at - s.auth_time for s in Session.objects.all()}
    assert lives == {timedelta(seconds=300)}
