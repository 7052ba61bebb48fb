"""Refresh tokens that are good once, where a tenant wants it so."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Grant, LoginEvent, Session
from tenants import client_secret, resolve
from tests.contracts.oloid.authenticators import answered
from tests.contracts.oloid.calls import (
    RENEWED,
    TOKENS,
    Answer,
    Pool,
    Statements,
    assert_refused,
    body_of,
    parts,
)
from tests.fixtures import Cast

DENIED = "NotAuthorizedException"


@pytest.fixture
def rotating(pool: Pool, cast: Cast) -> Pool:
    switch(cast, on=True)
    return pool


def switch(cast: Cast, *, on: bool) -> None:
    cast.alpha.contracts = {"oloid": {"options": {"refresh_token_rotation": on}}}
    cast.alpha.save()
    resolve.invalidate()


def renew(pool: Pool, token: str, **more: str) -> Answer:
    asked = {"ClientId": pool.tenant.client_id, "RefreshToken": token, **more}
    return pool.call("GetTokensFromRefreshToken", asked)


def test_every_renewal_gives_a_new_refresh_token(rotating: Pool, cast: Cast) -> None:
    first = rotating.log_in(cast.alice)
    with Statements() as statements:
        answer = renew(rotating, first["RefreshToken"])
    assert statements.count == 2
    told = answered(answer, {"AuthenticationResult": TOKENS})["AuthenticationResult"]
    assert list(told) == ["AccessToken", "ExpiresIn", "TokenType", "RefreshToken", "IdToken"]
    assert told["RefreshToken"] != first["RefreshToken"]
    # Within the grace the spent one leads to the same successor: two calls may have raced.
    again = body_of(renew(rotating, first["RefreshToken"]))["AuthenticationResult"]
    assert again["RefreshToken"] == told["RefreshToken"]
    (_, old), (_, new) = (parts(each["AccessToken"]) for each in (first, told))
    for kept in ("sub", "origin_jti", "auth_time", "event_id"):
        assert new[kept] == old[kept]
    assert new["jti"] != old["jti"]
    ends = Grant.objects.get().expires_at
    renew(rotating, told["RefreshToken"])
    assert Grant.objects.get().expires_at == ends


def test_a_reused_refresh_token_ends_the_login(rotating: Pool, cast: Cast) -> None:
    first = rotating.log_in(cast.alice)
    second = body_of(renew(rotating, first["RefreshToken"]))["AuthenticationResult"]
    Grant.objects.update(rotated_at=timezone.now() - timedelta(seconds=61))
    refused = renew(rotating, first["RefreshToken"])
    assert_refused(refused, "RefreshTokenReuseException", "Refresh Token has already been used")
    revoked = (DENIED, "Refresh Token has been revoked")
    assert_refused(renew(rotating, second["RefreshToken"]), *revoked)
    gone = (DENIED, "Access Token has been revoked")
    assert_refused(rotating.get_user(second["AccessToken"]), *gone)
    assert Session.objects.get().end_reason == "refresh token replayed"
    assert LoginEvent.objects.filter(event="grant:token:replayed").count() == 1


def test_rotation_and_the_refresh_flow_exclude_each_other(rotating: Pool, cast: Cast) -> None:
    token = rotating.log_in(cast.alice)["RefreshToken"]
    for flow in ("REFRESH_TOKEN_AUTH", "REFRESH_TOKEN"):
        refused = rotating.initiate(flow, REFRESH_TOKEN=token)
        message = "REFRESH_TOKEN_AUTH flow not enabled for this client"
        assert_refused(refused, "InvalidParameterException", message)
    # Tokens of before the change go on after it, either way.
    newer = body_of(renew(rotating, token))["AuthenticationResult"]["RefreshToken"]
    switch(cast, on=False)
    answered(renew(rotating, newer), {"AuthenticationResult": RENEWED})
    assert rotating.refresh(newer).status_code == 200
    switch(cast, on=True)
    assert renew(rotating, newer).status_code == 200


def test_a_caller_who_may_not_use_a_token_does_not_use_it_up(rotating: Pool, cast: Cast) -> None:
    token = rotating.log_in(cast.alice)["RefreshToken"]
    invalid = (DENIED, "Invalid Refresh Token")
    assert_refused(renew(Pool(rotating.client, cast.beta), token), *invalid)
    for bad in ("x", "a" * 43, f"{token}A"):
        assert_refused(renew(rotating, bad), *invalid)
    secret = client_secret.make(cast.alpha)
    assert renew(rotating, token).status_code == 400
    assert renew(rotating, token, ClientSecret="x").status_code == 400
    assert Grant.objects.get().generation == 1
    assert renew(rotating, token, ClientSecret=secret).status_code == 200


def test_a_spent_token_signs_out_too(rotating: Pool, cast: Cast) -> None:
    spent = [rotating.log_in(cast.alice)["RefreshToken"]]
    for _ in range(2):
        told = body_of(renew(rotating, spent[-1]))["AuthenticationResult"]
        spent.append(told["RefreshToken"])
    asked = {"ClientId": cast.beta.client_id, "Token": spent[0]}
    answered(Pool(rotating.client, cast.beta).call("RevokeToken", asked), {})
    assert rotating.get_user(told["AccessToken"]).status_code == 200
    answered(rotating.call("RevokeToken", {**asked, "ClientId": cast.alpha.client_id}), {})
    assert_refused(rotating.get_user(told["AccessToken"]), DENIED, "Access Token has been revoked")
    assert Session.objects.get().end_reason == "token revoked"


def test_a_rotated_token_is_revoked_like_any_other(rotating: Pool, cast: Cast) -> None:
    first = rotating.log_in(cast.alice)["RefreshToken"]
    second = body_of(renew(rotating, first))["AuthenticationResult"]
    asked = {"ClientId": cast.alpha.client_id, "Token": second["RefreshToken"]}
    answered(rotating.call("RevokeToken", asked), {})
    revoked = (DENIED, "Refresh Token has been revoked")
    assert_refused(renew(rotating, second["RefreshToken"]), *revoked)
    gone = (DENIED, "Access Token has been revoked")
    assert_refused(rotating.get_user(second["AccessToken"]), *gone)
