"""Who presents a token, and the end of a session."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from django.utils import timezone

from accounts.contracts.bytebase.protojson import timestamp
from accounts.contracts.bytebase.tokens import ACCESS
from accounts.models import LoginEvent, ServiceCredential, Session, SigningKey, User
from accounts.tokens import jwt
from tests.contracts.bytebase.conversation import (
    COOKIES,
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
from tests.fixtures import Cast

ALICE = "/v1/users/alice@alpha.example"
NOBODY = "authenticated user not found"
FORGED = "failed to parse claim"
EXPIRED = "access token expired"


def refused_everywhere(token: str, message: str) -> None:
    """Both faces of one refusal: the public method has one text, the others tell the cause."""
    refused(Api().get(ME, token=token), 401, 16, NOBODY)
    refused(Api().get(ALICE, token=token), 401, 16, message)


def test_who_am_i_is_the_user_with_this_login_as_the_last(api: Api, cast: Cast) -> None:
    token = api.token(cast.alice)
    last = User.objects.get(pk=cast.alice.user.pk).last_login
    expected = {
        "name": "users/alice@alpha.example",
        "state": "ACTIVE",
        "email": "alice@alpha.example",
        "title": "Alice",
        "userType": "USER",
        "profile": {
            "lastLoginTime": timestamp(last),
            "lastChangePasswordTime": timestamp(cast.alice.user.password_changed_at),
        },
    }
    for path in (ME, ALICE, "/v1/users/alice%40alpha.example", "/v1/users/Alice@ALPHA.example"):
        answer = api.get(path, Authorization=f"bEaReR   {token}")
        assert (answer.status_code, answer.json()) == (200, expected)
    assert list(answer.json()["profile"]) == ["lastLoginTime", "lastChangePasswordTime"]


@pytest.mark.parametrize("email", ["bob@alpha.example", "nobody@alpha.example", "alice", "-"])
def test_another_user_is_not_told_whether_he_exists_or_not(
    api: Api, cast: Cast, email: str
) -> None:
    token = api.token(cast.alice)
    text = (
        'permission denied for method "/bytebase.v1.UserService/GetUser", '
        'user does not have permission "bb.users.get", extra []'
    )
    refused(api.get(f"/v1/users/{email}", token=token), 403, 7, text)


def test_without_a_token_nobody_is_found(api: Api, cast: Cast) -> None:
    refused_everywhere("", "access token not found")


@pytest.mark.parametrize("token", ["x", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", "A" * 9000, "☂.☂.☂"])
def test_garbage_is_refused(api: Api, cast: Cast, token: str) -> None:
    refused_everywhere(token, FORGED)


def test_a_changed_signature_is_refused(api: Api, cast: Cast) -> None:
    refused_everywhere(flip(api.token(cast.alice)), FORGED)


def test_an_expired_token_is_refused(api: Api, cast: Cast, clock: Clock) -> None:
    token = api.token(cast.alice)
    clock.forward(days=6, hours=23, minutes=59)
    assert api.get(ME, token=token).status_code == 200
    clock.forward(minutes=1, seconds=1)
    refused_everywhere(token, EXPIRED)


def test_a_service_accounts_token_lives_an_hour(api: Api, cast: Cast, clock: Clock) -> None:
    token = api.token(cast.svc)
    clock.forward(minutes=59, seconds=55)
    assert api.get(ME, token=token).json()["userType"] == "SERVICE_ACCOUNT"
    clock.forward(seconds=6)
    refused(api.get(ME, token=token), 401, 16, NOBODY)


def test_a_service_accounts_tokens_die_with_the_key_that_opened_them(api: Api, cast: Cast) -> None:
    token = api.token(cast.svc)
    assert api.get(ME, token=token).status_code == 200
    ServiceCredential.objects.update(revoked_at=timezone.now())
    refused_everywhere(token, EXPIRED)


def test_a_disabled_account_is_refused_at_once(api: Api, cast: Cast) -> None:
    token = api.token(cast.alice)
    User.objects.filter(pk=cast.alice.user.pk).update(state=User.State.DISABLED)
    text = "user ID 'alice@alpha.example' has been deactivated by administrators"
    refused_everywhere(token, text)


def test_a_deleted_account_is_refused(api: Api, cast: Cast) -> None:
    token = api.token(cast.alice)
    Session.objects.all().delete()
    User.objects.filter(pk=cast.alice.user.pk).delete()
    refused_everywhere(token, 'user email "alice@alpha.example" not exists in the access token')


def test_a_token_names_its_holder_for_other_readers_too(api: Api, cast: Cast) -> None:
    token = api.token(cast.alice)
    user = User.objects.get(pk=cast.alice.user.pk)
    user.email = "renamed@alpha.example"
    user.save()
    refused_everywhere(token, 'user email "alice@alpha.example" not exists in the access token')


def test_a_changed_password_ends_the_session(api: Api, cast: Cast) -> None:
    token = api.token(cast.alice)
    User.objects.filter(pk=cast.alice.user.pk).update(security_epoch=1)
    refused_everywhere(token, EXPIRED)


def signed(cast: Cast, claims: dict[str, Any], **header: str) -> str:
    """A token that only this server could have made."""
    return jwt.sign(ACCESS, cast.alpha.id, claims, timezone.now(), header=header)


def test_a_token_without_a_pointer_to_a_session_opens_nothing(api: Api, cast: Cast) -> None:
    real = api.token(cast.alice)
    claims = part(real, 1)
    refused_everywhere(signed(cast, claims), FORGED)
    refused_everywhere(signed(cast, claims, jti="x"), FORGED)
    assert api.get(ME, token=signed(cast, claims, jti=part(real, 0)["jti"])).status_code == 200


@pytest.mark.parametrize(
    ("audience", "opens"),
    [
        (["bb.user.access.prod"], True),
        (["bb.user.access"], True),
        (["bb.user.access.dev"], False),
        (["bb.user.mfa-temp"], False),
        (["bytebase"], False),
    ],
)
def test_the_audience_decides_with_or_without_the_mode(
    api: Api, cast: Cast, audience: list[str], opens: bool
) -> None:
    real = api.token(cast.alice)
    token = signed(cast, {**part(real, 1), "aud": audience}, jti=part(real, 0)["jti"])
    if opens:
        assert api.get(ME, token=token).status_code == 200
        return
    refused_everywhere(
        token,
        f'invalid access token, audience mismatch, got ["{audience[0]}"], expected '
        '"bb.user.access.prod" or "bb.oauth2.access". '
        "you may send request to the wrong environment",
    )


@pytest.mark.parametrize("algorithm", ["none", "None", "HS256", "ES384", "es256"])
def test_the_header_does_not_choose_the_algorithm(api: Api, cast: Cast, algorithm: str) -> None:
    real = api.token(cast.alice)
    header = {**part(real, 0), "alg": algorithm}
    encoded = base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")
    refused_everywhere(f"{encoded}.{real.partition('.')[2]}", FORGED)


def test_every_tenant_signs_with_keys_of_its_own_for_each_kind(api: Api, cast: Cast) -> None:
    api.token(cast.alice)
    api.temp_token(cast.bob)
    api.token(cast.dave)
    rows = SigningKey.objects.filter(purpose__startswith="bytebase.")
    kinds = set(rows.values_list("tenant__slug", "purpose", "algorithm"))
    assert kinds == {
        (tenant, purpose, "ES256")
        for tenant in ("alpha", "beta")
        for purpose in ("bytebase.access", "bytebase.mfa", "bytebase.setup")
    }


CLEARED = {"": "", "path": "/", "expires": "Thu, 01 Jan 1970 00:00:00 GMT"}


def cleared(answer: Any) -> bool:
    """All three cookies are unset, and nothing else is."""
    set_ = cookies(answer)
    return tuple(set_) == COOKIES and all(CLEARED.items() <= c.items() for c in set_.values())


def test_logout_ends_the_bearers_session(api: Api, cast: Cast) -> None:
    token, other = api.token(cast.alice), api.token(cast.alice)
    answer = api.post(LOGOUT, {}, token=token)
    assert (answer.status_code, answer.json()) == (200, {})
    assert cleared(answer)
    refused_everywhere(token, EXPIRED)
    # One login ended, the other goes on.
    assert api.get(ME, token=other).status_code == 200
    ended = Session.objects.get(end_reason="logout")
    event = LoginEvent.objects.get(event="session:subject:ended")
    assert (event.session_id, event.reason) == (ended.pk, "logout")


@pytest.mark.parametrize("kept", [("access-token",), ("refresh-token",), COOKIES])
def test_logout_ends_the_session_of_any_cookie(api: Api, cast: Cast, kept: tuple[str, ...]) -> None:
    set_ = cookies(api.log_in(cast.alice, web=True))
    jar = "; ".join(f"{name}={set_[name]['']}" for name in kept)
    answer = Api().post(LOGOUT, {}, Cookie=jar)
    assert (answer.status_code, answer.json()) == (200, {})
    assert cleared(answer)
    refused_everywhere(set_["access-token"][""], EXPIRED)
    refresh = Api().post(REFRESH, {}, Cookie=f"refresh-token={set_['refresh-token']['']}")
    refused(refresh, 401, 16, "invalid refresh token")


def test_logout_leaves_no_session_behind_whose_cookies_it_clears(api: Api, cast: Cast) -> None:
    bearer = Api().token(cast.erin)
    mine = cookies(api.log_in(cast.alice, web=True))["access-token"][""]
    api.post(LOGOUT, {}, token=bearer)
    refused_everywhere(bearer, EXPIRED)
    refused_everywhere(mine, EXPIRED)


def test_logout_by_the_refresh_token_works_when_the_access_token_is_old(
    api: Api, cast: Cast, clock: Clock
) -> None:
    api.log_in(cast.alice, web=True)
    clock.forward(hours=2)
    api.post(LOGOUT)
    assert Session.objects.get().end_reason == "logout"


@pytest.mark.parametrize("token", ["", "dead", "a.b.c"])
def test_logout_of_nobody_is_fine(api: Api, cast: Cast, token: str) -> None:
    answer = api.post(LOGOUT, {}, token=token, Cookie="refresh-token=dead; access-token=dead")
    assert (answer.status_code, answer.json()) == (200, {})
    assert cleared(answer)


def test_logging_out_twice_is_fine(api: Api, cast: Cast) -> None:
    token = api.token(cast.alice)
    for _ in range(2):
        assert api.post(LOGOUT, token=token).json() == {}
    assert LoginEvent.objects.filter(event="session:subject:ended").count() == 1


def test_a_malformed_header_is_no_logout(api: Api, cast: Cast) -> None:
    set_ = cookies(api.log_in(cast.alice, web=True))
    answer = api.post(LOGOUT, {}, Authorization="abc")
    refused(answer, 401, 16, "authorization header format must be Bearer {token}")
    assert Api().get(ME, token=set_["access-token"][""]).status_code == 200


def test_a_temp_token_ends_nothing(api: Api, cast: Cast) -> None:
    temp = api.temp_token(cast.bob)
    api.post(LOGOUT, {}, token=temp)
    body = {"mfaTempToken": temp, "otpCode": cast.bob.code()}
    assert api.post("/v1/auth/login", body).status_code == 200
