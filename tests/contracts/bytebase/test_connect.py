"""The Connect face: every call in JSON and in binary, with one meaning."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from django.conf import LazySettings
from django.utils import timezone

from accounts.contracts.bytebase.protojson import timestamp
from accounts.models import Group, LoginEvent, Session, User
from mfa import totp
from mfa.models import TotpAuthenticator
from tenants.models import TenantPolicy
from tests.contracts.bytebase.connect_calls import (
    CURRENT,
    EXCHANGE,
    GET,
    JSON,
    LOGIN,
    LOGOUT,
    PROTO,
    UPDATE,
    Caller,
    refused,
)
from tests.contracts.bytebase.conversation import (
    COOKIES,
    MOMENT,
    Api,
    Clock,
    Text,
    cookies,
    flip,
    part,
    statements,
)
from tests.contracts.bytebase.wire_format import encode
from tests.fixtures import Cast, Persona

ALICE, BOB = "alice@alpha.example", "bob@alpha.example"
UNAUTHENTICATED, INVALID, DENIED = "unauthenticated", "invalid_argument", "permission_denied"
NOBODY = "invalid email or password"
NOT_FOUND = "authenticated user not found"
PENDING = {
    "tempOtpSecret": Text(r"[A-Z2-7]{32}"),
    "tempRecoveryCodes": [Text(r"[0-9A-Za-z]{10}")] * 10,
    "tempOtpSecretCreatedTime": Text(MOMENT.pattern),
}


@pytest.fixture(params=[JSON, PROTO], ids=["json", "proto"])
def caller(request: pytest.FixtureRequest) -> Caller:
    return Caller(request.param)


@pytest.fixture(autouse=True)
def inline_mail(settings: LazySettings) -> None:
    settings.MAIL_INLINE = True


def user_of(persona: Persona, **more: Any) -> dict[str, Any]:
    """The whole object, in its order; the moments as they are stored now."""
    user = User.objects.get(pk=persona.user.pk)
    moments = {
        "lastLoginTime": timestamp(user.last_login),
        "lastChangePasswordTime": timestamp(user.password_changed_at),
    }
    return {
        "name": f"users/{user.email}",
        "state": "ACTIVE",
        "email": user.email,
        "title": user.display_name,
        "userType": "SERVICE_ACCOUNT" if user.kind == User.Kind.SERVICE else "USER",
        **more,
        "profile": {name: moment for name, moment in moments.items() if moment},
    }


def named(persona: Persona, **more: Any) -> dict[str, Any]:
    return {"name": f"users/{persona.email}", **more}


def test_a_right_password_gives_a_token_and_the_user(caller: Caller, cast: Cast) -> None:
    expected = user_of(cast.alice)
    answer = caller.log_in(cast.alice)
    token = answer.told["token"]
    assert answer.told == {"token": token, "user": expected}
    assert [list(answer.told), list(answer.told["user"])] == [["token", "user"], list(expected)]
    assert answer["Cache-Control"] == "no-store"
    assert not answer.cookies
    assert part(token, 1)["aud"] == ["bb.user.access.prod"]
    # The same token as the other face's, and the same session and audit.
    assert Api().get("/v1/users/me", token=token).json() == user_of(cast.alice)
    assert [(s.contract, s.user_id) for s in Session.objects.all()] == [
        ("bytebase", cast.alice.user.pk)
    ]
    event = LoginEvent.objects.get(event="login:subject:accepted")
    assert (event.contract, event.reason) == ("bytebase", "")


def test_with_web_the_cookies_are_those_of_rest(caller: Caller, cast: Cast) -> None:
    answer = caller.log_in(cast.alice, web=True)
    told = cookies(answer)
    rest = cookies(Api().log_in(cast.alice, web=True))
    assert list(told) == list(COOKIES)
    assert {name: set(kept) for name, kept in told.items()} == {
        name: set(kept) for name, kept in rest.items()
    }
    assert told["access-token"][""] == answer.told["token"]
    assert told["user"] == rest["user"]
    # The cookie opens calls of this face; a header comes first.
    assert caller.call(CURRENT, {}).told == user_of(cast.alice)
    refused(caller.call(CURRENT, {}, token="dead"), 401, UNAUTHENTICATED, NOT_FOUND)
    ended = caller.call(LOGOUT, {})
    assert ended.told == {}
    assert {name: kept[""] for name, kept in cookies(ended).items()} == dict.fromkeys(COOKIES, "")
    refused(caller.call(CURRENT, {}), 401, UNAUTHENTICATED, NOT_FOUND)
    login = {"email": ALICE, "password": cast.alice.password, "web": True}
    foreign = caller.call(LOGIN, login, Sec_Fetch_Site="cross-site")
    refused(foreign, 403, DENIED, "cross-site web login is refused")


def test_from_login_over_both_factors_to_logout(caller: Caller, cast: Cast, clock: Clock) -> None:
    clock.settle()
    first = caller.log_in(cast.bob, web=True)
    temp = first.told["mfaTempToken"]
    assert first.told == {"mfaTempToken": temp}
    assert not first.cookies
    refused(caller.call(CURRENT, {}, token=temp), 401, UNAUTHENTICATED, NOT_FOUND)
    # Empty is given, and wrong; without either nothing is given.
    table = [
        ({"otpCode": ""}, "invalid MFA code"),
        ({"otpCode": "000000", "recoveryCode": cast.bob.recovery_codes[0]}, "invalid MFA code"),
        ({"recoveryCode": ""}, "invalid recovery code"),
        ({}, "OTP or recovery code is required for MFA"),
    ]
    for code, message in table:
        answer = caller.call(LOGIN, {"mfaTempToken": temp, **code})
        refused(answer, 401, UNAUTHENTICATED, message)
    expected = user_of(cast.bob, mfaEnabled=True)
    second = caller.call(LOGIN, {"mfaTempToken": temp, "otpCode": cast.bob.code()})
    token = second.told["token"]
    assert second.told == {"token": token, "user": expected}
    expected = user_of(cast.bob, mfaEnabled=True)
    assert caller.call(CURRENT, {}, token=token).told == expected
    assert caller.call(GET, named(cast.bob), token=token).told == expected
    assert caller.call(LOGOUT, {}, token=token).told == {}
    refused(
        caller.call(GET, named(cast.bob), token=token), 401, UNAUTHENTICATED, "access token expired"
    )
    assert Api().get("/v1/users/me", token=token).status_code == 401


def test_a_recovery_code_opens_once(caller: Caller, cast: Cast) -> None:
    code = cast.bob.recovery_codes[0]
    answers = []
    for _ in range(2):
        temp = caller.log_in(cast.bob).told["mfaTempToken"]
        answers.append(caller.call(LOGIN, {"mfaTempToken": temp, "recoveryCode": code}))
    assert list(answers[0].told) == ["token", "user"]
    refused(answers[1], 401, UNAUTHENTICATED, "invalid recovery code")


def test_an_authenticator_is_set_up_and_taken_off(caller: Caller, cast: Cast, clock: Clock) -> None:
    clock.settle()
    token = caller.token(cast.alice)
    empty: dict[str, Any] = {"user": named(cast.alice), "updateMask": ""}

    def update(**more: Any) -> Any:
        return caller.call(UPDATE, {**empty, **more}, token=token)

    started = update(regenerateTempMfaSecret=True)
    assert started.told == user_of(cast.alice, **PENDING)
    assert caller.call(CURRENT, {}, token=token).told == started.told
    secret = base64.b32decode(started.told["tempOtpSecret"])
    refused(update(otpCode=""), 400, INVALID, "invalid OTP code")
    code = totp.code_at(secret, totp.step_at(timezone.now()) - 1)
    assert update(otpCode=code).told == started.told
    on = update(user=named(cast.alice, mfaEnabled=True), updateMask="mfaEnabled")
    assert on.told == user_of(cast.alice, mfaEnabled=True)
    assert TotpAuthenticator.objects.filter(user=cast.alice.user).exists()
    refused(update(regenerateRecoveryCodes=True), 400, INVALID, "No recovery codes to update")
    # In binary a false is not sent: the mask alone says that it is meant.
    off = update(user=named(cast.alice), updateMask="mfaEnabled")
    assert off.told == user_of(cast.alice)
    assert not TotpAuthenticator.objects.filter(user=cast.alice.user).exists()


def test_title_phone_and_password_are_changed(caller: Caller, cast: Cast) -> None:
    token = caller.token(cast.alice)
    new = "another battery of horses"
    user = named(cast.alice, title="Alice II", phone="+4930123456", password=new, groups=["x"])
    message = {"user": user, "updateMask": "title,phone,password,groups,noSuchField"}
    changed = caller.call(UPDATE, message, token=token)
    assert changed.told == user_of(cast.alice, phone="+4930123456")
    assert changed.told["title"] == "Alice II"
    refused(caller.log_in(cast.alice), 401, UNAUTHENTICATED, NOBODY)
    Group.objects.create(tenant=cast.alpha, name="ops@alpha.example").members.add(cast.alice.user)
    login = caller.call(LOGIN, {"email": ALICE, "password": new}).told
    assert login["user"]["groups"] == ["groups/ops@alpha.example"]


def test_what_cannot_be_meant_is_refused_after_the_token_is_judged(
    caller: Caller, cast: Cast
) -> None:
    token = caller.token(cast.alice)
    mask = {"updateMask": "title"}
    table: list[tuple[str, dict[str, Any], int, str, str]] = [
        (UPDATE, mask, 400, INVALID, "user must be set"),
        (UPDATE, {"user": named(cast.alice)}, 400, INVALID, "update_mask must be set"),
        (UPDATE, {"user": {}, **mask}, 400, INVALID, 'invalid request ""'),
        (GET, {}, 400, INVALID, 'invalid request ""'),
        (GET, {"name": "users/"}, 400, INVALID, 'invalid request "users/"'),
        (GET, {"name": "users/a/b"}, 400, INVALID, 'invalid request "users/a/b"'),
        (GET, {"name": ALICE}, 400, INVALID, f'invalid request "{ALICE}"'),
        (
            GET,
            {"name": f"groups/{ALICE}"},
            400,
            INVALID,
            f'invalid prefix "users/" in request "groups/{ALICE}"',
        ),
        (
            UPDATE,
            {"user": {"name": "users/no@alpha.example"}, **mask},
            404,
            "not_found",
            'user "no@alpha.example" not found',
        ),
        (
            UPDATE,
            {"user": named(cast.bob), **mask},
            403,
            DENIED,
            'user does not have permission "bb.users.update"',
        ),
        (
            UPDATE,
            {"user": named(cast.alice), "updateMask": "email"},
            400,
            INVALID,
            "email updates are not supported through UpdateUser, use UpdateEmail API instead",
        ),
    ]
    for path, message, http, code, text in table:
        refused(caller.call(path, message, token=token), http, code, text)
        refused(caller.call(path, message), 401, UNAUTHENTICATED, "access token not found")
    denied = caller.call(GET, named(cast.bob), token=token)
    assert (denied.status_code, denied.json()["code"]) == (403, DENIED)
    assert 'permission "bb.users.get"' in denied.json()["message"]


def test_refusals_of_the_login_say_what_rest_says(caller: Caller, cast: Cast) -> None:
    svc = {"email": cast.svc.email, "password": cast.svc.client_secret}
    table: list[tuple[dict[str, Any], int, str, str]] = [
        ({}, 401, UNAUTHENTICATED, NOBODY),
        ({"email": ALICE, "password": "wrong"}, 401, UNAUTHENTICATED, NOBODY),
        ({"email": "no@alpha.example", "password": "x"}, 401, UNAUTHENTICATED, NOBODY),
        (
            {"email": cast.carol.email, "password": cast.carol.password},
            401,
            UNAUTHENTICATED,
            "user has been deactivated by administrators",
        ),
        ({**svc, "web": True}, 403, DENIED, "only users can use web login"),
        ({"idpName": "idps/x"}, 404, "not_found", "identity provider not found"),
        (
            {"idpName": "foo"},
            400,
            INVALID,
            'failed to get identity provider ID: invalid request "foo"',
        ),
        ({"mfaTempToken": "x"}, 401, UNAUTHENTICATED, "failed to parse claim"),
        (
            {"mfaTempToken": caller.token(cast.alice)},
            401,
            UNAUTHENTICATED,
            "invalid MFA temp token, audience mismatch",
        ),
    ]
    for message, http, code, text in table:
        refused(caller.call(LOGIN, message), http, code, text)
    for _ in range(8):
        caller.call(LOGIN, {"email": ALICE, "password": "wrong"})
    Api().post("/v1/auth/login", {"email": ALICE, "password": "wrong"})
    locked = "too many failed login attempts, please try again later"
    refused(caller.log_in(cast.alice), 429, "resource_exhausted", locked)
    expected = user_of(cast.svc) | {"title": "svc"}
    assert caller.log_in(cast.svc).told["user"] == expected


def test_a_workloads_token_is_refused_in_the_products_order(caller: Caller, cast: Cast) -> None:
    table = [
        ({}, 400, INVALID, "token is required"),
        ({"token": "x"}, 400, INVALID, "email is required"),
        (
            {"token": "x", "email": ALICE},
            400,
            INVALID,
            "email must end with @workload.bytebase.com",
        ),
        (
            {"token": "x", "email": "no@workload.bytebase.com"},
            404,
            "not_found",
            'workload identity "no@workload.bytebase.com" not found',
        ),
    ]
    for message, http, code, text in table:
        refused(caller.call(EXCHANGE, message), http, code, text)


def test_tokens_are_not_swapped(caller: Caller, cast: Cast) -> None:
    token, temp = caller.token(cast.alice), caller.log_in(cast.bob).told["mfaTempToken"]
    beta = Caller(caller.media_type, "/t/beta")
    swaps = [(caller, temp), (caller, flip(token)), (caller, "a.b.c"), (beta, token)]
    for who, swapped in swaps:
        refused(who.call(CURRENT, {}, token=swapped), 401, UNAUTHENTICATED, NOT_FOUND)
        for path, message in [
            (GET, named(cast.alice)),
            (UPDATE, {"user": named(cast.alice, title="x"), "updateMask": "title"}),
        ]:
            assert who.call(path, message, token=swapped).status_code == 401
        assert who.call(LOGOUT, {}, token=swapped).told == {}
    assert caller.call(CURRENT, {}, token=token).told == user_of(cast.alice)
    # A temp token of one face is good at the other; elsewhere it is nobody's.
    answer = beta.call(LOGIN, {"mfaTempToken": temp, "otpCode": cast.bob.code()})
    refused(answer, 401, UNAUTHENTICATED, "failed to parse claim")
    body = {"mfaTempToken": temp, "otpCode": cast.bob.code()}
    assert Api().post("/v1/auth/login", body).status_code == 200


def test_where_a_factor_is_required_the_token_only_sets_one_up(caller: Caller, cast: Cast) -> None:
    TenantPolicy.objects.create(tenant=cast.alpha, second_factor="required")
    token = caller.token(cast.alice)
    assert part(token, 1)["aud"] == ["bb.user.mfa-setup.prod"]
    text = "2FA is required, please set it up first"
    refused(caller.call(GET, named(cast.alice), token=token), 403, DENIED, text)
    title = {"user": named(cast.alice, title="x"), "updateMask": "title"}
    refused(caller.call(UPDATE, title, token=token), 403, DENIED, text)
    start = {"user": named(cast.alice), "updateMask": "", "regenerateTempMfaSecret": True}
    assert caller.call(UPDATE, start, token=token).told == user_of(cast.alice, **PENDING)


def test_every_call_stays_within_its_budget(caller: Caller, cast: Cast) -> None:
    token = caller.token(cast.alice)
    assert statements(lambda: caller.log_in(cast.alice)) <= 5
    assert statements(lambda: caller.call(CURRENT, {}, token=token)) == 1
    assert statements(lambda: caller.call(GET, named(cast.alice), token=token)) == 1
    assert statements(lambda: caller.call(CURRENT, {}, token=flip(token))) == 0
    assert statements(lambda: caller.send(LOGIN, b"\xff")) == 0


def test_newer_programs_send_more_fields(cast: Cast) -> None:
    known = {"email": ALICE, "password": cast.alice.password}
    message = {**known, "workspace": "workspaces/x", "idpContext": {"ldap": {"a": [1]}}}
    assert Caller(JSON).call(LOGIN, message).told["user"] == user_of(cast.alice) | {
        "profile": {"lastChangePasswordTime": timestamp(cast.alice.user.password_changed_at)}
    }
    # Number 10 is the workspace of later releases; 2000 is nobody's.
    binary = encode("LoginRequest", known) + b"\x52\x01x" + b"\x82\x7d\x01y"
    assert Caller(PROTO).send(LOGIN, binary).status_code == 200
