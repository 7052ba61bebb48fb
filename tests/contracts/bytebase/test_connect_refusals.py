"""The Connect face's refusals: those of REST, and of tokens at the wrong door, in both forms."""

from __future__ import annotations

from typing import Any

from tests.contracts.bytebase.connect_calls import (
    ALICE,
    BOB,
    CURRENT,
    DENIED,
    EXCHANGE,
    GET,
    INVALID,
    LOGIN,
    LOGOUT,
    NOBODY,
    NOT_FOUND,
    UNAUTHENTICATED,
    UPDATE,
    Caller,
    named,
    refused,
    user_of,
)
from tests.contracts.bytebase.conversation import Api, flip
from tests.fixtures import Cast

MASK = {"updateMask": "title"}
NOT_MEANT: list[tuple[str, dict[str, Any], int, str, str]] = [
    (UPDATE, MASK, 400, INVALID, "user must be set"),
    (UPDATE, {"user": {"name": f"users/{ALICE}"}}, 400, INVALID, "update_mask must be set"),
    (UPDATE, {"user": {}, **MASK}, 400, INVALID, 'invalid request ""'),
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
        {"user": {"name": "users/no@alpha.example"}, **MASK},
        403,
        DENIED,
        'user does not have permission "bb.users.update"',
    ),
    (
        UPDATE,
        {"user": {"name": f"users/{BOB}"}, **MASK},
        403,
        DENIED,
        'user does not have permission "bb.users.update"',
    ),
    (
        UPDATE,
        {"user": {"name": f"users/{ALICE}"}, "updateMask": "email"},
        400,
        INVALID,
        "email updates are not supported through UpdateUser, use UpdateEmail API instead",
    ),
]


def test_what_cannot_be_meant_is_refused_after_the_token_is_judged(
    caller: Caller, cast: Cast
) -> None:
    token = caller.token(cast.alice)
    for path, message, http, code, text in NOT_MEANT:
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
