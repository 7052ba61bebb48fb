"""Cookies of a browser login, refresh with them."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime

import pytest

from accounts.models import Grant, Session, User
from accounts.tokens import opaque
from tenants import resolve
from tenants.models import Tenant
from tests.contracts.bytebase.conversation import (
    COOKIES,
    LOGIN,
    ME,
    REFRESH,
    Api,
    Clock,
    cookies,
    part,
    refused,
)
from tests.fixtures import PASSWORD, Cast

WEEK = 7 * 24 * 3600


def expiry(attributes: dict[str, str]) -> int:
    return int(parsedate_to_datetime(attributes["expires"]).timestamp())


def test_web_sets_three_cookies_with_exactly_these_attributes(api: Api, cast: Cast) -> None:
    answer = api.log_in(cast.alice, web=True)
    assert list(answer.json()) == ["token", "user"]
    token, set_ = answer.json()["token"], cookies(answer)
    claims = part(token, 1)
    assert claims["exp"] - claims["iat"] == 3600
    assert tuple(set_) == COOKIES
    # A second is cut off, and the other second is the fraction that no claim holds.
    assert claims["exp"] - expiry(set_["access-token"]) in {1, 2}
    assert set_ == {
        "access-token": {
            "": token,
            "path": "/",
            "expires": set_["access-token"]["expires"],
            "httponly": "",
            "samesite": "Strict",
        },
        "refresh-token": {
            "": set_["refresh-token"][""],
            "path": "/",
            "max-age": str(WEEK),
            "httponly": "",
            "samesite": "Strict",
        },
        "user": {
            "": "users/alice@alpha.example",
            "path": "/",
            "max-age": str(WEEK),
            "samesite": "Strict",
        },
    }
    assert re.fullmatch(r"[\w-]{43}", set_["refresh-token"][""])
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("origin", "secure"),
    [
        ("https://bytebase.example.com", True),
        ("http://localhost:3000", False),
        ("null", False),
        ("", False),
    ],
)
def test_cookies_are_secure_where_the_page_is(
    api: Api, cast: Cast, origin: str, secure: bool
) -> None:
    answers = [api.log_in(cast.alice, web=True)] if not origin else []
    if origin:
        body = {"email": cast.alice.email, "password": PASSWORD, "web": True}
        answers = [api.post(LOGIN, body, Origin=origin), api.post(REFRESH, {}, Origin=origin)]
    for answer in answers:
        assert all(("secure" in each) is secure for each in cookies(answer).values())


def test_without_web_no_cookie_is_set(api: Api, cast: Cast) -> None:
    assert not api.log_in(cast.alice).cookies
    assert not api.log_in(cast.alice, web=False).cookies


def test_a_refused_web_login_sets_no_cookie(api: Api, cast: Cast) -> None:
    answer = api.post(LOGIN, {"email": cast.alice.email, "password": "wrong", "web": True})
    refused(answer, 401, 16, "invalid email or password")


def test_cookies_come_after_the_second_step_and_only_if_it_asks_for_them(
    api: Api, cast: Cast
) -> None:
    temp = api.log_in(cast.bob, web=True).json()["mfaTempToken"]
    answer = api.post(LOGIN, {"mfaTempToken": temp, "otpCode": cast.bob.code(), "web": True})
    assert tuple(cookies(answer)) == COOKIES
    temp = api.log_in(cast.bob, web=True).json()["mfaTempToken"]
    body = {"mfaTempToken": temp, "recoveryCode": cast.bob.recovery_codes[0]}
    assert not api.post(LOGIN, body).cookies


def test_web_is_for_people(api: Api, cast: Cast) -> None:
    refused(api.log_in(cast.svc, web=True), 403, 7, "only users can use web login")
    assert not Session.objects.exists()
    wrong = api.post(LOGIN, {"email": cast.svc.email, "password": "bbs_wrong", "web": True})
    refused(wrong, 401, 16, "invalid email or password")


def test_a_foreign_page_cannot_log_its_visitor_in(api: Api, cast: Cast) -> None:
    body = {"email": cast.alice.email, "password": PASSWORD, "web": True}
    foreign = api.post(LOGIN, body, Sec_Fetch_Site="cross-site")
    refused(foreign, 403, 7, "cross-site web login is refused")
    assert not Session.objects.exists()
    for site in ("same-origin", "same-site", "none"):
        assert api.post(LOGIN, body, Sec_Fetch_Site=site).status_code == 200
    # Without cookies there is nothing to plant.
    body["web"] = False
    assert api.post(LOGIN, body, Sec_Fetch_Site="cross-site").status_code == 200


def test_the_cookie_opens_what_the_header_opens_and_the_header_wins(api: Api, cast: Cast) -> None:
    erin = api.token(cast.erin)
    api.log_in(cast.alice, web=True)
    assert api.get(ME).json()["email"] == "alice@alpha.example"
    assert api.get("/v1/users/alice@alpha.example").status_code == 200
    assert api.get(ME, token=erin).json()["email"] == "erin@alpha.example"
    refused(api.get(ME, token="dead"), 401, 16, "authenticated user not found")


def test_a_tenant_may_keep_the_token_out_of_the_body(api: Api, cast: Cast) -> None:
    settings = {"bytebase": {"options": {"web_body_token": False}}}
    Tenant.objects.filter(pk=cast.alpha.pk).update(contracts=settings)
    resolve.invalidate()
    answer = api.log_in(cast.alice, web=True)
    assert list(answer.json()) == ["user"]
    assert tuple(cookies(answer)) == COOKIES
    assert list(api.log_in(cast.alice).json()) == ["token", "user"]


def test_a_tenant_may_set_the_lifetimes(api: Api, cast: Cast, clock: Clock) -> None:
    lifetimes = {"access": 600, "service": 60, "web_access": 120, "refresh": 900}
    Tenant.objects.filter(pk=cast.alpha.pk).update(contracts={"bytebase": {"lifetimes": lifetimes}})
    resolve.invalidate()

    def life(token: str) -> int:
        claims = part(token, 1)
        return int(claims["exp"] - claims["iat"])

    assert life(api.token(cast.alice)) == 600
    assert life(api.token(cast.svc)) == 60
    answer = api.log_in(cast.alice, web=True)
    assert life(answer.json()["token"]) == 120
    assert cookies(answer)["refresh-token"]["max-age"] == "900"
    clock.forward(seconds=840)
    # What is left of the session bounds the access token.
    token = cookies(api.post(REFRESH, {}))["access-token"][""]
    assert 50 <= life(token) <= 60


def test_a_refresh_answers_two_new_cookies_and_an_empty_object(
    api: Api, cast: Cast, clock: Clock
) -> None:
    before = cookies(api.log_in(cast.alice, web=True))
    clock.forward(hours=1, seconds=1)
    refused(api.get(ME), 401, 16, "authenticated user not found")
    answer = api.post(REFRESH, {})
    assert (answer.status_code, answer.json()) == (200, {})
    after = cookies(answer)
    assert tuple(after) == ("access-token", "refresh-token")
    assert set(after["access-token"]) == set(before["access-token"])
    assert set(after["refresh-token"]) == set(before["refresh-token"])
    assert after["refresh-token"][""] != before["refresh-token"][""]
    assert re.fullmatch(r"[\w-]{43}", after["refresh-token"][""])
    # The end is inherited: what has passed is gone.
    assert WEEK - 3610 <= int(after["refresh-token"]["max-age"]) <= WEEK - 3601
    claims = part(after["access-token"][""], 1)
    assert claims["exp"] - claims["iat"] == 3600
    assert api.get(ME).json()["email"] == "alice@alpha.example"
    assert Session.objects.count() == Grant.objects.count() == 1


def test_refresh_tokens_are_stored_by_their_hash_only(api: Api, cast: Cast) -> None:
    token = cookies(api.log_in(cast.alice, web=True))["refresh-token"][""]
    grant = Grant.objects.get()
    assert bytes(grant.token_hash) == opaque.digest(token)
    assert token not in str(Grant.objects.values())


def test_refreshing_never_outlives_the_login(api: Api, cast: Cast, clock: Clock) -> None:
    api.log_in(cast.alice, web=True)
    for _ in range(3):
        clock.forward(days=2)
        assert api.post(REFRESH, {}).status_code == 200
    clock.forward(days=1, seconds=1)
    refused(api.post(REFRESH, {}), 401, 16, "refresh token expired")
    refused(api.get(ME), 401, 16, "authenticated user not found")


def test_a_refresh_without_the_cookie_is_refused(api: Api, cast: Cast) -> None:
    refused(api.post(REFRESH, {}), 401, 16, "refresh token not found")
    token = api.token(cast.alice)
    refused(api.post(REFRESH, {}, token=token), 401, 16, "refresh token not found")


@pytest.mark.parametrize("value", ["x", "A" * 43, "A" * 4000, "\xe2\x98\x82"])
def test_an_unknown_refresh_token_is_invalid(api: Api, cast: Cast, value: str) -> None:
    answer = api.post(REFRESH, {}, Cookie=f"refresh-token={value}")
    refused(answer, 401, 16, "invalid refresh token")


def test_a_token_of_another_kind_is_no_refresh_token(api: Api, cast: Cast) -> None:
    access = api.token(cast.alice)
    answer = api.post(REFRESH, {}, Cookie=f"refresh-token={access}")
    refused(answer, 401, 16, "invalid refresh token")
    refresh = cookies(api.log_in(cast.alice, web=True))["refresh-token"][""]
    refused(Api().get(ME, token=refresh), 401, 16, "authenticated user not found")


def test_a_cut_or_padded_refresh_token_is_invalid(api: Api, cast: Cast) -> None:
    token = cookies(api.log_in(cast.alice, web=True))["refresh-token"][""]
    for wrong in (token[:-1], f"{token}A", token.swapcase()):
        answer = Api().post(REFRESH, {}, Cookie=f"refresh-token={wrong}")
        refused(answer, 401, 16, "invalid refresh token")
    assert api.post(REFRESH, {}).status_code == 200


def test_two_tabs_that_refresh_together_get_the_same_successor(
    api: Api, cast: Cast, clock: Clock
) -> None:
    old = cookies(api.log_in(cast.alice, web=True))["refresh-token"][""]
    first, second = (Api().post(REFRESH, {}, Cookie=f"refresh-token={old}") for _ in range(2))
    new = cookies(first)["refresh-token"][""]
    assert cookies(second)["refresh-token"][""] == new
    assert Grant.objects.count() == 1


def test_a_spent_refresh_token_that_comes_back_ends_the_session(
    api: Api, cast: Cast, clock: Clock
) -> None:
    stolen = cookies(api.log_in(cast.alice, web=True))["refresh-token"][""]
    fresh = cookies(api.post(REFRESH, {}))["access-token"][""]
    clock.forward(minutes=1)
    answer = Api().post(REFRESH, {}, Cookie=f"refresh-token={stolen}")
    refused(answer, 401, 16, "invalid refresh token")
    # The successor and the access tokens died with it.
    refused(api.post(REFRESH, {}), 401, 16, "invalid refresh token")
    refused(Api().get(ME, token=fresh), 401, 16, "authenticated user not found")
    assert Session.objects.get().end_reason == "refresh token replayed"


def test_a_disabled_user_cannot_refresh(api: Api, cast: Cast) -> None:
    api.log_in(cast.alice, web=True)
    User.objects.filter(pk=cast.alice.user.pk).update(state=User.State.DISABLED)
    refused(api.post(REFRESH, {}), 401, 16, "user has been deactivated by administrators")


def test_the_user_cookie_holds_nothing_that_could_end_it(api: Api, cast: Cast) -> None:
    email = 'we;ird,ö "x"@alpha.example'
    User.objects.filter(pk=cast.alice.user.pk).update(email=email, email_key=email)
    answer = api.post(LOGIN, {"email": email, "password": PASSWORD, "web": True})
    value = cookies(answer)["user"][""]
    assert value == "users/we%3Bird%2C%C3%B6%20%22x%22@alpha.example"
    assert api.get(ME).json()["email"] == email
