"""Who may change second factors by ``PATCH /v1/users/{email}``, and with which token."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from accounts.models import Session
from mfa.models import Enrolment, TotpAuthenticator
from tenants.models import TenantPolicy
from tests.contracts.bytebase.conversation import (
    LOGIN,
    LOGOUT,
    ME,
    REFRESH,
    Api,
    Clock,
    cookies,
    flip,
    part,
    refused,
)
from tests.contracts.bytebase.setups import (
    ALICE,
    BIND_FIRST,
    BOB,
    LOG_IN_AGAIN,
    MASK,
    OFF,
    ON,
    PROVE,
    REQUIRED,
    START,
    code_of,
    is_user,
    secret_of,
    user_of,
)
from tests.fixtures import Cast


@pytest.fixture(autouse=True)
def steady(clock: Clock) -> None:
    clock.settle()


SENSITIVE: list[tuple[str, dict[str, Any]]] = [
    (START, {}),
    (PROVE + "123456", {}),
    (MASK, ON),
    (MASK, OFF),
    ("", OFF),
    ("regenerateRecoveryCodes=true", {}),
    ("updateMask=password", {"password": "a new one that is long"}),
    ("", {"phone": "+4930123456"}),
]


def test_an_old_token_changes_and_shows_nothing(api: Api, cast: Cast, clock: Clock) -> None:
    alice, bob = api.token(cast.alice), api.token_after_code(cast.bob)
    clock.forward(minutes=15, seconds=1)
    fresh = api.token(cast.alice)
    api.patch(ALICE, START, token=fresh)
    for query, body in SENSITIVE:
        refused(api.patch(ALICE, query, body, token=alice), 403, 7, LOG_IN_AGAIN)
        refused(api.patch(BOB, query, body, token=bob), 403, 7, LOG_IN_AGAIN)
    # What was begun is not shown to it either, nor to the same session once it is old.
    is_user(api.get(ME, token=alice), user_of(cast.alice))
    clock.forward(minutes=12)
    assert "tempOtpSecret" in api.patch(ALICE, START, token=fresh).json()
    clock.forward(minutes=4)
    is_user(api.get(ME, token=fresh), user_of(cast.alice))
    is_user(api.patch(ALICE, "", {"title": "Alice"}, token=alice), user_of(cast.alice))
    assert not TotpAuthenticator.objects.filter(user=cast.alice.user).exists()


def test_no_other_token_changes_anything(api: Api, cast: Cast) -> None:
    token, temp = api.token(cast.alice), api.temp_token(cast.bob)
    refused(api.patch(ALICE, START), 401, 16, "access token not found")
    refused(api.patch(ALICE, START, token=flip(token)), 401, 16, "failed to parse claim")
    assert api.patch(BOB, START, token=temp).status_code == 401
    beta = Api("/t/beta")
    refused(beta.patch(ALICE, START, token=token), 401, 16, "failed to parse claim")
    api.post(LOGOUT, {}, token=token)
    refused(api.patch(ALICE, START, token=token), 401, 16, "access token expired")
    assert not Enrolment.objects.exists()


def test_a_service_key_sets_nothing_up(api: Api, cast: Cast) -> None:
    token = api.token(cast.svc)
    text = "a login with a service key may not make this change"
    for query, body in [*SENSITIVE, ("updateMask=service_key", {})]:
        refused(api.patch(cast.svc.email, query, body, token=token), 403, 7, text)


class TestWhereAFactorIsRequired:
    """A login without one gets a token that can do nothing but set one up."""

    @pytest.fixture(autouse=True)
    def rule(self, cast: Cast) -> None:
        TenantPolicy.objects.create(tenant=cast.alpha, second_factor="required")

    def test_the_token_is_of_another_kind_and_short(self, api: Api, cast: Cast) -> None:
        answer = api.log_in(cast.alice)
        assert list(answer.json()) == ["token", "user"]
        token = answer.json()["token"]
        claims = part(token, 1)
        assert claims == {
            "iss": "bytebase",
            "sub": ALICE,
            "aud": ["bb.user.mfa-setup.prod"],
            "name": ALICE,
            "iat": claims["iat"],
            "exp": claims["iat"] + 900,
        }
        session = Session.objects.get()
        assert session.expires_at - session.auth_time == timedelta(minutes=15)
        assert not session.grants.exists()
        mixed = api.post(LOGIN, {"mfaTempToken": token, "otpCode": "1"})
        refused(mixed, 401, 16, "invalid MFA temp token, audience mismatch")
        # Those who have a factor, and machines, log in as ever.
        assert list(api.log_in(cast.bob).json()) == ["mfaTempToken"]
        assert part(api.token(cast.svc), 1)["aud"] == ["bb.user.access.prod"]

    def test_with_web_there_is_no_refresh_token(self, api: Api, cast: Cast) -> None:
        api.client.cookies["refresh-token"] = "of an earlier login"
        answer = api.log_in(cast.alice, web=True)
        told = cookies(answer)
        assert told["access-token"][""] == answer.json()["token"]
        assert told["refresh-token"][""] == ""
        assert told["user"][""] == f"users/{ALICE}"
        refused(api.post(REFRESH, {}), 401, 16, "refresh token not found")
        is_user(api.get(ME), user_of(cast.alice))
        assert api.patch(ALICE, START).status_code == 200

    def test_it_opens_nothing_but_the_setup(self, api: Api, cast: Cast) -> None:
        token = api.token(cast.alice)
        is_user(api.get(ME, token=token), user_of(cast.alice))
        refused(api.get(f"/v1/users/{ALICE}", token=token), 403, 7, BIND_FIRST)
        table: list[tuple[str, str, dict[str, Any]]] = [
            (ALICE, "", {"title": "x"}),
            (ALICE, "", {"phone": "+4930123456"}),
            (ALICE, "", {"password": "a new one that is long"}),
            (ALICE, START + "&updateMask=title", {"title": "x"}),
            (ALICE, "updateMask=email", {}),
            (BOB, START, {}),
            ("nobody@alpha.example", START, {}),
        ]
        for user, query, body in table:
            refused(api.patch(user, query, body, token=token), 403, 7, BIND_FIRST)
        refused(api.patch(ALICE, MASK, OFF, token=token), 400, 3, REQUIRED)
        refused(
            api.patch(ALICE, "regenerateRecoveryCodes=1", token=token), 400, 3, "MFA is not enabled"
        )
        assert api.post(LOGOUT, {}, token=token).json() == {}
        refused(api.get(ME, token=token), 401, 16, "authenticated user not found")

    def test_a_proved_factor_lifts_it_and_the_next_login_asks_for_a_code(
        self, api: Api, cast: Cast
    ) -> None:
        token = api.token(cast.alice)
        secret = secret_of(api.patch(ALICE, START, token=token))
        assert api.patch(ALICE, PROVE + code_of(secret, -1), token=token).status_code == 200
        refused(api.get(f"/v1/users/{ALICE}", token=token), 403, 7, BIND_FIRST)
        is_user(api.patch(ALICE, MASK, ON, token=token), user_of(cast.alice, mfaEnabled=True))
        whole = user_of(cast.alice, mfaEnabled=True)
        is_user(api.get(f"/v1/users/{ALICE}", token=token), whole)
        body = {"mfaTempToken": api.temp_token(cast.alice), "otpCode": code_of(secret)}
        assert part(api.post(LOGIN, body).json()["token"], 1)["aud"] == ["bb.user.access.prod"]

    def test_a_factor_that_was_not_proved_lifts_nothing(self, api: Api, cast: Cast) -> None:
        token = api.token(cast.alice)
        api.patch(ALICE, START, token=token)
        assert api.patch(ALICE, MASK, ON, token=token).status_code == 200
        refused(api.get(f"/v1/users/{ALICE}", token=token), 403, 7, BIND_FIRST)
        refused(api.patch(ALICE, START, token=token), 403, 7, LOG_IN_AGAIN)

    def test_it_dies_after_fifteen_minutes(self, api: Api, cast: Cast, clock: Clock) -> None:
        token = api.token(cast.alice)
        clock.forward(minutes=15, seconds=1)
        refused(api.patch(ALICE, START, token=token), 401, 16, "access token expired")

    def test_of_staff_only_staff_is_held(self, api: Api, cast: Cast) -> None:
        TenantPolicy.objects.update(second_factor="required_for_staff")
        assert part(api.token(cast.erin), 1)["aud"] == ["bb.user.mfa-setup.prod"]
        assert part(api.token(cast.alice), 1)["aud"] == ["bb.user.access.prod"]
