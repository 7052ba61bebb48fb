"""The login by the token of an earlier one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Grant, Session, User
from tests.contracts.rocketchat.exchange import (
    LOGIN,
    UNAUTHORIZED,
    log_in,
    plain,
    refused,
    signed_in,
    statements,
    token_headers,
)
from tests.fixtures import PASSWORD, Cast


class TestResume:
    def test_the_same_token_comes_back_and_its_end_stays(self, client: Client, cast: Cast) -> None:
        first = log_in(client, {"user": "alice", "password": PASSWORD})
        ends = Grant.objects.values("expires_at", "session__expires_at").get()
        again = log_in(client, {"resume": first.json()["data"]["authToken"]})
        assert (again.status_code, again.json()) == (200, first.json())
        plain(again)
        assert Grant.objects.values("expires_at", "session__expires_at").get() == ends
        assert Session.objects.count() == 1

    def test_it_runs_one_statement(self, client: Client, cast: Cast) -> None:
        token = signed_in(client, "alice", PASSWORD)["X-Auth-Token"]
        with statements(1):
            assert log_in(client, {"resume": token}).status_code == 200

    def test_it_asks_for_no_second_factor(self, client: Client, cast: Cast) -> None:
        body = {"user": "bob", "password": PASSWORD, "code": cast.bob.code()}
        token = token_headers(log_in(client, body))["X-Auth-Token"]
        assert log_in(client, {"resume": token}).status_code == 200

    def test_a_form_resumes_too(self, client: Client, cast: Cast) -> None:
        token = signed_in(client, "alice", PASSWORD)["X-Auth-Token"]
        answer = client.post(
            LOGIN, urlencode({"resume": token}), content_type="application/x-www-form-urlencoded"
        )
        assert answer.json()["data"]["authToken"] == token

    def test_the_token_speaks_before_a_password(self, client: Client, cast: Cast) -> None:
        token = signed_in(client, "alice", PASSWORD)["X-Auth-Token"]
        body = {"resume": token, "user": "bob", "password": "wrong"}
        assert log_in(client, body).json()["data"]["me"]["username"] == "alice"

    def test_an_unknown_token_is_unauthorized(self, client: Client, cast: Cast) -> None:
        tokens: list[Any] = ["x" * 43, "x" * 42, "x" * 65_000, "é" * 43, 7, ["x"], {}]
        for token in tokens:
            refused(log_in(client, {"resume": token}), 401, UNAUTHORIZED)

    def test_a_token_of_another_form_costs_no_statement(self, client: Client, cast: Cast) -> None:
        log_in(client, {"resume": "x" * 42})
        with statements(0):
            log_in(client, {"resume": "x" * 42})

    def test_a_cut_or_padded_token_is_unknown(self, client: Client, cast: Cast) -> None:
        token = signed_in(client, "alice", PASSWORD)["X-Auth-Token"]
        for other in (token[:-1], token + "A", token.swapcase(), token + "=", " " + token):
            refused(log_in(client, {"resume": other}), 401, UNAUTHORIZED)

    def test_an_expired_token_is_unauthorized(self, client: Client, cast: Cast) -> None:
        token = signed_in(client, "alice", PASSWORD)["X-Auth-Token"]
        past = timezone.now() - timedelta(seconds=1)
        Grant.objects.update(expires_at=past)
        refused(log_in(client, {"resume": token}), 401, UNAUTHORIZED)

    @pytest.mark.parametrize(
        "change",
        [
            {"state": User.State.DISABLED},
            {"security_epoch": 1},
        ],
    )
    def test_a_deactivated_account_has_no_tokens_left(
        self, client: Client, cast: Cast, change: dict[str, Any]
    ) -> None:
        token = signed_in(client, "alice", PASSWORD)["X-Auth-Token"]
        User.objects.filter(pk=cast.alice.user.pk).update(**change)
        refused(log_in(client, {"resume": token}), 401, UNAUTHORIZED)

    def test_a_token_of_another_contract_resumes_nothing(self, client: Client, cast: Cast) -> None:
        token = signed_in(client, "alice", PASSWORD)["X-Auth-Token"]
        Session.objects.update(contract="bytebase")
        refused(log_in(client, {"resume": token}), 401, UNAUTHORIZED)

    def test_a_refresh_token_resumes_nothing(self, client: Client, cast: Cast) -> None:
        token = signed_in(client, "alice", PASSWORD)["X-Auth-Token"]
        Grant.objects.update(kind=Grant.Kind.REFRESH)
        refused(log_in(client, {"resume": token}), 401, UNAUTHORIZED)
