"""``users.createToken``: a token in another's name, and everybody to whom it is refused."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from accounts.login import sessions
from accounts.models import LoginEvent, Session, User
from tenants import resolve
from tests.contracts.rocketchat.exchange import (
    DIGEST,
    NOT_SIGNED_IN,
    TOKEN,
    MailingClient,
    failure,
    plain,
    post,
    refused,
    signed_in,
)
from tests.contracts.rocketchat.personal_tokens import end_all_first
from tests.contracts.rocketchat.test_guard import PASSWORD_REQUIRED
from tests.fixtures import PASSWORD, Cast

CALL = "users.createToken"
SECRET = "a deployment secret of many random letters"
OF_NOTHING = hashlib.sha256(b"").hexdigest()
NOT_AUTHORIZED = failure("error-not-authorized", "Not authorized")


@pytest.fixture
def client() -> Client:
    return MailingClient()


@pytest.fixture
def erin(client: Client, cast: Cast) -> dict[str, str]:
    """Staff of alpha, whose tenant has a deployment secret."""
    configure(cast, hashlib.sha256(SECRET.encode()).hexdigest())
    return signed_in(client, "erin", PASSWORD)


def configure(cast: Cast, digest: Any) -> None:
    options = {"create_token_secret_sha256": digest}
    cast.alpha.contracts = {"rocketchat": {"options": options}}
    cast.alpha.save()
    resolve.invalidate()


def user_id(client: Client, headers: dict[str, str], name: str) -> str:
    answer = client.get("/api/v1/users.info", {"username": name}, headers=headers)
    told: str = answer.json()["user"]["_id"]
    return told


def test_an_officer_with_the_secret_makes_a_token_in_anothers_name(
    client: Client, cast: Cast, erin: dict[str, str]
) -> None:
    alice = user_id(client, erin, "alice")
    answer = post(client, CALL, erin, {"userId": alice, "secret": SECRET})
    expected = {"data": {"userId": alice, "authToken": TOKEN}, "success": True}
    assert (answer.status_code, answer.json()) == (200, expected)
    assert list(answer.json()["data"]) == ["userId", "authToken"]
    plain(answer)
    headers = {"X-Auth-Token": answer.json()["data"]["authToken"], "X-User-Id": alice}
    assert client.get("/api/v1/me", headers=headers).json()["username"] == "alice"
    # A token like that of a login: it ends after the same time.
    session = Session.objects.get(user=cast.alice.user)
    assert (session.expires_at - session.auth_time).days == 90
    event = LoginEvent.objects.get(event="session:subject:opened_by_officer")
    assert (event.user_id, event.trace) == (
        cast.alice.user.pk,
        [["by", "erin"], ["session", str(session.pk)], ["contract", "rocketchat"]],
    )
    assert event.session_id == Session.objects.get(user=cast.erin.user).pk
    assert mail.outbox[-1].to == [cast.alice.email]
    assert mail.outbox[-1].subject == "A sign-in token was made by an administrator"
    # Nobody has proved anything in it.
    body = {"tokenName": "bot"}
    refused(
        post(client, "users.generatePersonalAccessToken", headers, body), 400, PASSWORD_REQUIRED
    )
    sent = {**headers, "x-2fa-code": DIGEST}
    assert post(client, "users.generatePersonalAccessToken", sent, body).status_code == 200


@pytest.mark.parametrize("digest", [None, "", OF_NOTHING])
def test_without_a_configured_secret_it_is_refused(
    client: Client, cast: Cast, erin: dict[str, str], digest: Any
) -> None:
    configure(cast, digest)
    for secret in (SECRET, "", str(digest)):
        refused(
            post(client, CALL, erin, {"username": "alice", "secret": secret}), 400, NOT_AUTHORIZED
        )
    assert not Session.objects.filter(user=cast.alice.user).exists()


def test_whoever_may_not_is_told_the_same(client: Client, cast: Cast, erin: dict[str, str]) -> None:
    alice, right = signed_in(client, "alice", PASSWORD), {"secret": SECRET}
    User.objects.filter(pk=cast.bob.user.pk).update(is_superuser=True)
    tries: list[tuple[dict[str, str], dict[str, Any]]] = [
        (erin, {"username": "alice", "secret": "wrong"}),
        (erin, {"username": "alice", "secret": "é"}),
        # No officer, not even for oneself.
        (alice, {"username": "svc", **right}),
        (alice, {"userId": alice["X-User-Id"], **right}),
        # A superuser, staff, the officer himself, a disabled account, nobody, another tenant's.
        (erin, {"username": "bob", **right}),
        (erin, {"username": "erin", **right}),
        (erin, {"username": "carol", **right}),
        (erin, {"username": "nobody", **right}),
        (erin, {"username": "dave", **right}),
        (erin, {"userId": 7, **right}),
        (erin, {"userId": "x" * 5000, **right}),
    ]
    before = Session.objects.count()
    for headers, body in tries:
        refused(post(client, CALL, headers, body), 400, NOT_AUTHORIZED)
    assert Session.objects.count() == before
    assert not mail.outbox


def test_a_superuser_acts_for_staff_but_for_no_superuser(
    client: Client, cast: Cast, erin: dict[str, str]
) -> None:
    User.objects.filter(pk=cast.erin.user.pk).update(is_superuser=True)
    User.objects.filter(pk=cast.alice.user.pk).update(is_staff=True)
    body = {"username": "alice", "secret": SECRET}
    assert post(client, CALL, erin, body).status_code == 200
    refused(post(client, CALL, erin, {**body, "username": "erin"}), 400, NOT_AUTHORIZED)


def test_a_body_that_misses_something_is_told(
    client: Client, cast: Cast, erin: dict[str, str]
) -> None:
    def missing(name: str) -> bytes:
        return failure("invalid-params", f"must have required property '{name}'")

    bodies: list[tuple[Any, bytes]] = [
        (None, missing("userId")),
        ({"secret": SECRET}, missing("userId")),
        ({"username": "alice"}, missing("secret")),
        ({"username": "alice", "secret": 7}, failure("invalid-params", "must be string")),
    ]
    for body, told in bodies:
        refused(post(client, CALL, erin, body), 400, told)
    refused(post(client, CALL, {}, {"username": "alice", "secret": SECRET}), 401, NOT_SIGNED_IN)


def test_an_officer_who_is_thrown_out_meanwhile_makes_none(
    client: Client, cast: Cast, erin: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "judge", end_all_first)
    body = {"username": "alice", "secret": SECRET}
    refused(post(client, CALL, erin, body), 401, NOT_SIGNED_IN)
    assert not Session.objects.filter(user=cast.alice.user).exists()
