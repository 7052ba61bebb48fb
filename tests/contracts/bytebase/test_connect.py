"""The Connect face: every call in JSON and in binary, with one meaning."""

from __future__ import annotations

import base64
from typing import Any

from django.utils import timezone

from accounts.contracts.bytebase.protojson import timestamp
from accounts.models import Group, LoginEvent, Session
from mfa import totp
from mfa.models import TotpAuthenticator
from tenants.models import TenantPolicy
from tests.contracts.bytebase.connect_calls import (
    ALICE,
    BOB,
    CURRENT,
    DENIED,
    GET,
    INVALID,
    JSON,
    LOGIN,
    LOGOUT,
    NOBODY,
    NOT_FOUND,
    PROTO,
    UNAUTHENTICATED,
    UPDATE,
    Caller,
    named,
    refused,
    user_of,
)
from tests.contracts.bytebase.conversation import (
    COOKIES,
    Api,
    Clock,
    cookies,
    flip,
    part,
    statements,
)
from tests.contracts.bytebase.setups import PENDING
from tests.contracts.bytebase.wire_format import encode
from tests.fixtures import Cast


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


def test_an_officer_sees_others_as_over_rest(caller: Caller, cast: Cast) -> None:
    token = caller.token(cast.erin)
    told = caller.call(GET, named(cast.bob), token=token).told
    assert told == Api().get(f"/v1/users/{BOB}", token=token).json()
    assert told["name"] == f"users/{BOB}"
    unknown = caller.call(GET, {"name": "users/no@alpha.example"}, token=token)
    refused(unknown, 404, "not_found", 'user "no@alpha.example" not found')


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
