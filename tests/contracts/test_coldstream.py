"""ColdStream's documented exchanges, whole."""

from __future__ import annotations

from django.test import Client

from tests.fixtures import Cast


def test_a_right_password_gives_an_access_token_that_opens_users_me(
    client: Client, cast: Cast
) -> None:
    answer = client.post(
        "/account/login",
        {"email": cast.alice.email, "password": cast.alice.password},
        content_type="application/json",
    )
    assert answer.status_code == 200, answer.content
    assert list(answer.json()) == ["accessToken"]
    me = client.get("/users/me", headers={"Authorization": f"Bearer {answer.json()['accessToken']}"})
    assert me.json()["email"] == cast.alice.email, me.content


def test_wrong(client: Client, cast: Cast) -> None:
    answer = client.post(
        "/account/login",
        {"email": cast.alice.email, "password": "wrong"},
        content_type="application/json",
    )
    assert answer.status_code == 401, answer.content


def test_bob(client: Client, cast: Cast) -> None:
    answer = client.post(
        "/account/login",
        {"email": cast.bob.email, "password": cast.bob.password},
        content_type="application/*+json",
        headers={"Authorization": "abc"},
    )
    assert list(answer.json()) == ["mfaToken"], answer.content
    bad = client.post(
        "/account/login/otp",
        {"otp": "000000", "mfaToken": answer.json()["mfaToken"]},
        content_type="application/*+json",
        headers={"Authorization": "abc"},
    )
    assert bad.status_code == 401
    good = client.post(
        "/account/login/otp",
        {"otp": cast.bob.code(), "mfaToken": answer.json()["mfaToken"]},
        content_type="application/*+json",
        headers={"Authorization": "abc"},
    )
    assert list(good.json()) == ["accessToken"], good.content
