"""The token: how it is kept, what it opens, how long it lives and what ends it."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.login import sessions
from accounts.models import Grant, LoginEvent, Session, User
from accounts.provisioning import operator
from tenants import resolve
from tests.contracts.rocketchat.exchange import (
    NOT_SIGNED_IN,
    TIME,
    log_in,
    plain,
    refused,
    signed_in,
    statements,
)
from tests.fixtures import PASSWORD, Cast

ME = "/api/v1/me"
GUARDED = [
    ("GET", ME),
    ("GET", "/api/v1/users.info"),
    ("GET", "/api/v1/users.getPersonalAccessTokens"),
    ("GET", "/api/v1/logout"),
    ("POST", "/api/v1/logout"),
    ("POST", "/api/v1/users.logoutOtherClients"),
    ("POST", "/api/v1/users.removeOtherTokens"),
]


def test_only_a_hash_of_the_token_is_kept(client: Client, cast: Cast) -> None:
    token = signed_in(client, "alice", PASSWORD)["X-Auth-Token"]
    grant = Grant.objects.get()
    assert bytes(grant.token_hash) == hashlib.sha256(token.encode()).digest()
    assert (grant.kind, grant.previous_hash) == ("resume", None)
    assert token not in str(Grant.objects.values().get())
    assert token not in str(Session.objects.values().get())
    assert token not in str(list(LoginEvent.objects.values()))


def test_a_token_lives_ninety_days_from_the_login(client: Client, cast: Cast) -> None:
    headers = signed_in(client, "alice", PASSWORD)
    session, grant = Session.objects.get(), Grant.objects.get()
    assert session.expires_at - session.auth_time == timedelta(days=90)
    assert grant.expires_at == session.expires_at
    client.get(ME, headers=headers)
    assert Grant.objects.get().expires_at == grant.expires_at


def test_a_tenant_may_shorten_the_life_of_a_token(client: Client, cast: Cast) -> None:
    cast.alpha.contracts = {"rocketchat": {"lifetimes": {"session": 3600}}}
    cast.alpha.save()
    resolve.invalidate()
    signed_in(client, "alice", PASSWORD)
    session = Session.objects.get()
    assert session.expires_at - session.auth_time == timedelta(hours=1)
    assert Grant.objects.get().expires_at == session.expires_at


class TestGuard:
    @pytest.mark.parametrize(("method", "path"), GUARDED)
    def test_a_call_without_a_good_token_is_refused(
        self, client: Client, cast: Cast, method: str, path: str
    ) -> None:
        alice = signed_in(client, "alice", PASSWORD)
        erin = signed_in(client, "erin", PASSWORD)
        bearer = {"Authorization": f"Bearer {alice['X-Auth-Token']}"}
        wrong: list[dict[str, str]] = [
            {},
            bearer,
            {"X-Auth-Token": alice["X-Auth-Token"]},
            {"X-User-Id": alice["X-User-Id"]},
            {**alice, "X-User-Id": erin["X-User-Id"]},
            {**alice, "X-User-Id": alice["X-User-Id"].swapcase()},
            {**alice, "X-User-Id": "alice"},
            {**alice, "X-Auth-Token": "x" * 43},
            {**alice, "X-Auth-Token": alice["X-Auth-Token"][:-1]},
            {**alice, "X-Auth-Token": f"{alice['X-Auth-Token']}, {erin['X-Auth-Token']}"},
            {**alice, "X-Auth-Token": "é" * 43},
        ]
        for headers in wrong:
            answer = client.generic(method, path, headers=headers)
            refused(answer, 401, NOT_SIGNED_IN)
        # No cookie and no parameter stands in for the headers.
        client.cookies.load(alice)
        refused(client.generic(method, path), 401, NOT_SIGNED_IN)
        assert Session.objects.filter(ended_at=None).count() == 2

    def test_headers_go_by_any_case(self, client: Client, cast: Cast) -> None:
        headers = {
            name.lower(): value for name, value in signed_in(client, "alice", PASSWORD).items()
        }
        assert client.get(ME, headers=headers).status_code == 200

    def test_a_get_may_carry_a_json_content_type(self, client: Client, cast: Cast) -> None:
        headers = {**signed_in(client, "alice", PASSWORD), "Content-Type": "application/json"}
        assert client.get(ME, headers=headers).status_code == 200

    def test_it_runs_one_statement_and_none_for_what_is_no_token(
        self, client: Client, cast: Cast
    ) -> None:
        headers = signed_in(client, "alice", PASSWORD)
        with statements(1):
            client.get(ME, headers=headers)
        with statements(1):
            client.get(ME, headers={**headers, "X-Auth-Token": "x" * 43})
        for bad in ({}, {**headers, "X-Auth-Token": "x"}, {**headers, "X-User-Id": "x"}):
            with statements(0):
                client.get(ME, headers=bad)

    @pytest.mark.parametrize(
        "change",
        [
            lambda: User.objects.update(state=User.State.DISABLED),
            lambda: User.objects.update(security_epoch=1),
            lambda: Session.objects.update(ended_at=timezone.now()),
            lambda: Session.objects.update(expires_at=timezone.now()),
            lambda: Grant.objects.update(expires_at=timezone.now()),
            lambda: Grant.objects.update(kind=Grant.Kind.REFRESH),
            lambda: Session.objects.update(contract="bytebase"),
        ],
        ids=["disabled", "epoch", "ended", "session over", "token over", "kind", "contract"],
    )
    def test_a_token_dies_with_what_it_hangs_on(
        self, client: Client, cast: Cast, change: Any
    ) -> None:
        headers = signed_in(client, "alice", PASSWORD)
        assert client.get(ME, headers=headers).status_code == 200
        change()
        refused(client.get(ME, headers=headers), 401, NOT_SIGNED_IN)

    def test_a_token_opens_nothing_at_another_tenants_address(
        self, client: Client, cast: Cast
    ) -> None:
        headers = signed_in(client, "alice", PASSWORD)
        for path, host in (("/t/beta" + ME, "testserver"), (ME, "beta.example.com")):
            answer = client.get(path, headers={**headers, "Host": host})
            refused(answer, 401, NOT_SIGNED_IN)
        assert client.get("/t/alpha" + ME, headers=headers).status_code == 200

    def test_a_token_from_an_address_with_a_claimed_domain_works_where_it_was_issued(
        self, client: Client, cast: Cast
    ) -> None:
        headers = signed_in(client, cast.dave.email, PASSWORD)
        assert client.get(ME, headers=headers).json()["username"] == "dave"


class TestLogout:
    @pytest.mark.parametrize("method", ["GET", "POST"])
    @pytest.mark.parametrize("content_type", ["", "application/json"])
    def test_it_ends_the_presented_session_and_no_other(
        self, client: Client, cast: Cast, method: str, content_type: str
    ) -> None:
        here, there = (signed_in(client, "alice", PASSWORD) for _ in range(2))
        answer = client.generic(
            method, "/api/v1/logout", b"", content_type=content_type, headers=here
        )
        assert answer.status_code == 200
        assert answer.content == (
            b'{"status":"success","data":{"message":"You\'ve been logged out!"}}'
        )
        plain(answer)
        refused(client.get(ME, headers=here), 401, NOT_SIGNED_IN)
        assert log_in(client, {"resume": here["X-Auth-Token"]}).status_code == 401
        assert client.get(ME, headers=there).status_code == 200
        event = LoginEvent.objects.get(event="session:subject:ended")
        assert (event.reason, event.user_id) == ("logout", cast.alice.user.pk)

    def test_it_runs_two_statements(self, client: Client, cast: Cast) -> None:
        headers = signed_in(client, "alice", PASSWORD)
        with statements(2):
            client.post("/api/v1/logout", headers=headers)

    def test_an_end_in_the_console_ends_the_token(self, client: Client, cast: Cast) -> None:
        headers = signed_in(client, "alice", PASSWORD)
        sessions.end(Session.objects.get(), "ended by an administrator", operator())
        refused(client.get(ME, headers=headers), 401, NOT_SIGNED_IN)


class TestOtherClients:
    def test_logging_out_the_others_keeps_the_presented_token(
        self, client: Client, cast: Cast
    ) -> None:
        here, there = (signed_in(client, "alice", PASSWORD) for _ in range(2))
        other = signed_in(client, "erin", PASSWORD)
        answer = client.post("/api/v1/users.logoutOtherClients", headers=here)
        assert (answer.status_code, answer.json()) == (
            200,
            {"token": here["X-Auth-Token"], "tokenExpires": TIME, "success": True},
        )
        plain(answer)
        assert client.get(ME, headers=here).status_code == 200
        refused(client.get(ME, headers=there), 401, NOT_SIGNED_IN)
        assert client.get(ME, headers=other).status_code == 200

    def test_removing_the_other_tokens_is_the_same(self, client: Client, cast: Cast) -> None:
        here, there = (signed_in(client, "alice", PASSWORD) for _ in range(2))
        answer = client.post("/api/v1/users.removeOtherTokens", headers=here)
        assert (answer.status_code, answer.content) == (200, b'{"success":true}')
        plain(answer)
        assert client.get(ME, headers=here).status_code == 200
        refused(client.get(ME, headers=there), 401, NOT_SIGNED_IN)

    def test_sessions_of_other_contracts_go_on(self, client: Client, cast: Cast) -> None:
        signed_in(client, "alice", PASSWORD)
        Session.objects.update(contract="bytebase")
        here = signed_in(client, "alice", PASSWORD)
        client.post("/api/v1/users.removeOtherTokens", headers=here)
        assert Session.objects.get(contract="bytebase").ended_at is None


class TestMostTokens:
    def test_of_fifty_one_tokens_the_oldest_goes(self, client: Client, cast: Cast) -> None:
        oldest = signed_in(client, "alice", PASSWORD)
        second = signed_in(client, "alice", PASSWORD)
        other = signed_in(client, "erin", PASSWORD)
        _copies(Session.objects.filter(user=cast.alice.user).latest("auth_time"), 48)
        assert client.get(ME, headers=oldest).status_code == 200
        newest = signed_in(client, "alice", PASSWORD)
        refused(client.get(ME, headers=oldest), 401, NOT_SIGNED_IN)
        for headers in (second, newest, other):
            assert client.get(ME, headers=headers).status_code == 200
        ended = Session.objects.exclude(ended_at=None).get()
        assert ended.end_reason == "more than 50 tokens"
        event = LoginEvent.objects.get(event="session:subject:ended")
        assert (event.user_id, event.reason) == (cast.alice.user.pk, "more than 50 tokens")

    def test_it_costs_no_more_than_the_budget(self, client: Client, cast: Cast) -> None:
        signed_in(client, "alice", PASSWORD)
        _copies(Session.objects.get(), 60)
        with statements(5):
            signed_in(client, "alice", PASSWORD)
        assert Session.objects.filter(ended_at=None).count() == 50

    def test_what_is_over_does_not_count(self, client: Client, cast: Cast) -> None:
        first = signed_in(client, "alice", PASSWORD)
        gone = _copies(Session.objects.get(), 60)
        Session.objects.filter(pk__in=gone[:30]).update(ended_at=timezone.now())
        Session.objects.filter(pk__in=gone[30:]).update(expires_at=timezone.now())
        signed_in(client, "alice", PASSWORD)
        assert client.get(ME, headers=first).status_code == 200


def _copies(session: Session, count: int) -> list[Any]:
    """More sessions like this one, a little younger each."""
    made = []
    for n in range(1, count + 1):
        fields = {
            field.attname: getattr(session, field.attname)
            for field in Session._meta.concrete_fields
            if field.name not in {"id", "handle"}
        }
        fields["auth_time"] = session.auth_time + timedelta(microseconds=n)
        made.append(Session.objects.create(**fields).pk)
    return made
