"""Every refusal of the login, byte for byte, and what it may tell to whom."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from unittest.mock import patch

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from accounts.login import passwords
from accounts.models import Session, ThrottleBucket, User
from mfa.models import Passkey
from tenants import resolve
from tenants.hashing import Overloaded
from tenants.models import TenantPolicy
from tests.contracts.rocketchat.exchange import (
    LOGIN,
    NOT_FOUND,
    UNAUTHORIZED,
    judged,
    log_in,
    plain,
    refused,
    signed_in,
)
from tests.fixtures import PASSWORD, Cast

BLOCKED_USER = judged("error-login-blocked-for-user", "Login has been temporarily blocked For User")
BLOCKED_ADDRESS = judged("error-login-blocked-for-ip", "Login has been temporarily blocked For IP")
UNAVAILABLE = (
    b'{"success":false,"error":"error-service-unavailable","status":"error",'
    b'"message":"Service temporarily unavailable"}'
)


@contextmanager
def later(seconds: float) -> Iterator[None]:
    """The clock of the edge, moved on."""
    moved = timezone.now() + timedelta(seconds=seconds)
    with patch("accounts.wire.call.timezone.now", return_value=moved):
        yield


def test_who_cannot_log_in_is_refused_in_the_same_bytes(client: Client, cast: Cast) -> None:
    bodies = [
        {"user": "alice", "password": "wrong"},
        {"user": "nobody", "password": PASSWORD},
        {"user": "nobody@nowhere.example", "password": PASSWORD},
        # Deactivated and of another tenant: told apart only with the right password.
        {"user": "carol", "password": "wrong"},
        {"user": "dave", "password": PASSWORD},
        # Has no password at all.
        {"user": "svc", "password": PASSWORD},
        # Has a second factor, which is told only with the right password.
        {"user": "bob", "password": "wrong"},
        {"user": "bob", "password": "wrong", "code": cast.bob.code()},
    ]
    answers = [log_in(client, body) for body in bodies]
    for answer in answers:
        refused(answer, 401, UNAUTHORIZED)
    assert len({tuple(sorted(answer.headers.items())) for answer in answers}) == 1


def test_unknown_names_cost_a_hash_like_known_ones(client: Client, cast: Cast) -> None:
    hasher = passwords.DragomanHasher
    with patch.object(hasher, "verify_digest", autospec=True, return_value=False) as verify:
        for name in ("alice", "nobody", "carol", "svc"):
            log_in(client, {"user": name, "password": "wrong"})
    assert verify.call_count == 4


def test_a_deactivated_account_is_told_after_a_right_password(client: Client, cast: Cast) -> None:
    answer = log_in(client, {"user": "carol", "password": PASSWORD})
    refused(answer, 401, judged("error-user-is-not-activated", "User is not activated"))
    assert not Session.objects.exists()


def test_an_app_account_does_not_log_in(client: Client, cast: Cast) -> None:
    User.objects.filter(pk=cast.alice.user.pk).update(kind=User.Kind.WORKLOAD)
    refused(
        log_in(client, {"user": "alice", "password": PASSWORD}),
        401,
        judged("error-app-user-is-not-allowed-to-login", "App user is not allowed to login"),
    )


def test_where_the_tenant_asks_for_a_proven_address_others_do_not_log_in(
    client: Client, cast: Cast
) -> None:
    unverified = {"username__in": ["alice", "bob", "carol", "erin", "svc"]}
    User.objects.filter(**unverified).update(email_verified=False)
    assert log_in(client, {"user": "alice", "password": PASSWORD}).status_code == 200
    cast.alpha.contracts = {"rocketchat": {"options": {"verified_email_only": True}}}
    cast.alpha.save()
    resolve.invalidate()
    body = b'{"success":false,"error":"error-invalid-email","status":"error",'
    body += b'"message":"Invalid email __email__"}'
    refused(log_in(client, {"user": "alice", "password": PASSWORD}), 401, body)
    # Before the second factor, after deactivation, and only to who knows the password.
    refused(log_in(client, {"user": "bob", "password": PASSWORD}), 401, body)
    deactivated = judged("error-user-is-not-activated", "User is not activated")
    refused(log_in(client, {"user": "carol", "password": PASSWORD}), 401, deactivated)
    refused(log_in(client, {"user": "alice", "password": "wrong"}), 401, UNAUTHORIZED)
    # Neither machines nor administrators are held up by it.
    machine = {"user": "svc", "password": cast.svc.client_secret}
    assert log_in(client, machine).status_code == 200
    User.objects.filter(pk=cast.erin.user.pk).update(is_superuser=True)
    assert log_in(client, {"user": "erin", "password": PASSWORD}).status_code == 200
    told = client.get("/api/v1/settings.public?_id=Accounts_EmailVerification").json()
    assert told["settings"] == [{"_id": "Accounts_EmailVerification", "value": True}]


def test_a_security_key_alone_is_refused_with_the_remedy(client: Client, cast: Cast) -> None:
    Passkey.objects.create(user=cast.alice.user, credential_id=b"1", public_key=b"1", name="key")
    body = judged(
        "error-security-key-not-supported",
        "The second factor of this account does not work here: ask your administrator",
    )
    refused(log_in(client, {"user": "alice", "password": PASSWORD}), 401, body)


def test_a_tenant_that_demands_a_second_factor_says_where_to_set_it_up(
    client: Client, cast: Cast
) -> None:
    TenantPolicy.objects.create(tenant=cast.alpha, second_factor="required")
    resolve.invalidate()
    body = judged(
        "error-two-factor-setup-required",
        "Your organization requires a second factor: ask your administrator",
    )
    refused(log_in(client, {"user": "alice", "password": PASSWORD}), 401, body)
    assert not Session.objects.exists()


class TestBlocking:
    def test_ten_failures_block_a_user_even_with_the_right_password(
        self, client: Client, cast: Cast
    ) -> None:
        for _ in range(10):
            refused(log_in(client, {"user": "alice", "password": "wrong"}), 401, UNAUTHORIZED)
        for password in ("wrong", PASSWORD):
            answer = log_in(client, {"user": "alice", "password": password})
            refused(answer, 401, BLOCKED_USER)
            assert not answer.has_header("Retry-After")
        assert not Session.objects.exists()

    def test_a_name_that_nobody_has_blocks_alike(self, client: Client, cast: Cast) -> None:
        for _ in range(10):
            refused(log_in(client, {"user": "nobody", "password": "wrong"}), 401, UNAUTHORIZED)
        refused(log_in(client, {"user": "nobody", "password": "wrong"}), 401, BLOCKED_USER)

    def test_a_block_ends_after_five_minutes(self, client: Client, cast: Cast) -> None:
        for _ in range(10):
            log_in(client, {"user": "alice", "password": "wrong"})
        with later(270):
            refused(log_in(client, {"user": "alice", "password": PASSWORD}), 401, BLOCKED_USER)
        with later(301):
            assert log_in(client, {"user": "alice", "password": PASSWORD}).status_code == 200

    def test_failures_count_since_the_last_success(self, client: Client, cast: Cast) -> None:
        for _ in range(2):
            for _ in range(9):
                log_in(client, {"user": "alice", "password": "wrong"})
            assert log_in(client, {"user": "alice", "password": PASSWORD}).status_code == 200

    def test_fifty_failures_block_an_address_for_everybody(
        self, client: Client, cast: Cast
    ) -> None:
        log_in(client, {"user": "nobody", "password": "wrong"})
        bucket = ThrottleBucket.objects.filter(kind=ThrottleBucket.Kind.ADDRESS)
        assert bucket.get().limit == 50
        now = timezone.now()
        bucket.update(failures=[now - timedelta(seconds=n) for n in range(50)])
        for password in ("wrong", PASSWORD):
            answer = log_in(client, {"user": "alice", "password": password})
            refused(answer, 401, BLOCKED_ADDRESS)

    def test_a_success_does_not_forget_the_failures_of_an_address(
        self, client: Client, cast: Cast
    ) -> None:
        log_in(client, {"user": "nobody", "password": "wrong"})
        signed_in(client, "alice", PASSWORD)
        bucket = ThrottleBucket.objects.get(kind=ThrottleBucket.Kind.ADDRESS)
        assert len(bucket.failures) == 1

    def test_the_block_of_the_address_speaks_before_the_users(
        self, client: Client, cast: Cast
    ) -> None:
        log_in(client, {"user": "alice", "password": "wrong"})
        now = timezone.now()
        ThrottleBucket.objects.update(failures=[now - timedelta(seconds=n) for n in range(50)])
        refused(log_in(client, {"user": "alice", "password": PASSWORD}), 401, BLOCKED_ADDRESS)

    def test_a_machine_is_not_locked_out_by_strangers(self, client: Client, cast: Cast) -> None:
        for _ in range(11):
            log_in(client, {"user": "svc", "password": "wrong"})
        answer = log_in(client, {"user": "svc", "password": cast.svc.client_secret})
        assert answer.status_code == 200


class TestUnavailable:
    def test_no_free_hash_slot_says_when_to_come_back(self, client: Client, cast: Cast) -> None:
        with patch("accounts.login.passwords.slot", side_effect=Overloaded):
            answer = log_in(client, {"user": "alice", "password": PASSWORD})
        refused(answer, 503, UNAVAILABLE)
        assert answer["Retry-After"] == "1"

    @pytest.mark.parametrize("path", [LOGIN, "/api/v1/me"])
    def test_a_database_that_is_away_says_so(self, client: Client, cast: Cast, path: str) -> None:
        headers = signed_in(client, "alice", PASSWORD)
        with (
            patch("accounts.login.identify.candidate", side_effect=OperationalError),
            patch("accounts.login.sessions.find", side_effect=OperationalError),
        ):
            answer = (
                client.get(path, headers=headers)
                if path != LOGIN
                else log_in(client, {"user": "alice", "password": PASSWORD})
            )
        refused(answer, 503, UNAVAILABLE)
        assert answer["Retry-After"] == "1"

    def test_a_defect_is_told_without_its_inside(self, client: Client, cast: Cast) -> None:
        with patch("accounts.login.identify.candidate", side_effect=RuntimeError("inside")):
            answer = log_in(client, {"user": "alice", "password": PASSWORD})
        refused(answer, 500, b'{"success":false,"error":"Internal server error"}')


class TestPaths:
    @pytest.mark.parametrize(
        "path",
        [
            "/api/v1/login/",
            "/api/v1/unknown",
            "/api/v1/",
            "/api/v1/users.2fa.unknown",
            "/api/info/",
            "/t/beta/api/v1/unknown",
            "/t/nowhere/api/v1/login",
        ],
    )
    def test_an_unknown_path_is_told_in_the_contracts_shape(
        self, client: Client, cast: Cast, path: str
    ) -> None:
        refused(client.get(path), 404, NOT_FOUND)
        refused(client.post(path, b"{", content_type="application/json"), 404, NOT_FOUND)

    @pytest.mark.parametrize(
        ("method", "path", "allowed"),
        [
            ("GET", LOGIN, "POST"),
            ("PUT", LOGIN, "POST"),
            ("OPTIONS", LOGIN, "POST"),
            ("TRACE", LOGIN, "POST"),
            ("BREW", LOGIN, "POST"),
            ("POST", "/api/v1/me", "GET, HEAD"),
            ("DELETE", "/api/v1/logout", "GET, HEAD, POST"),
        ],
    )
    def test_a_wrong_method_names_the_right_ones(
        self, client: Client, cast: Cast, method: str, path: str, allowed: str
    ) -> None:
        answer = client.generic(method, path)
        refused(answer, 405, b'{"success":false,"error":"Method not allowed"}')
        assert answer["Allow"] == allowed

    def test_a_tenant_without_this_contract_has_none_of_its_paths(
        self, client: Client, cast: Cast
    ) -> None:
        headers = signed_in(
            client,
            "alice",
            PASSWORD,
        )
        cast.alpha.contracts = {"rocketchat": {"enabled": False}}
        cast.alpha.save()
        resolve.invalidate()
        refused(log_in(client, {"user": "alice", "password": PASSWORD}), 404, NOT_FOUND)
        refused(client.get("/api/v1/me", headers=headers), 404, NOT_FOUND)
        refused(client.get("/api/info"), 404, NOT_FOUND)
        # Beta still has it, and what alpha's user holds opens nothing there.
        assert client.get("/t/beta/api/info").status_code == 200
        answer = client.get("/t/beta/api/v1/me", headers=headers)
        assert answer.status_code == 401

    def test_the_domain_of_an_address_leads_into_no_tenant_that_switched_it_off(
        self, client: Client, cast: Cast
    ) -> None:
        cast.beta.contracts = {"rocketchat": {"enabled": False}}
        cast.beta.save()
        resolve.invalidate()
        refused(log_in(client, {"user": cast.dave.email, "password": PASSWORD}), 401, UNAUTHORIZED)

    def test_a_host_that_is_not_served_gets_json(self, client: Client, cast: Cast) -> None:
        answer = log_in(client, {}, headers={"Host": "evil.test"})
        refused(answer, 400, b'{"success":false,"error":"Bad request"}')


def test_no_cookie_opens_or_closes_anything(client: Client, cast: Cast) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies["sessionid"] = "x" * 32
    answer = log_in(strict, {"user": "alice", "password": PASSWORD})
    assert answer.status_code == 200
    plain(answer)
    assert json.loads(answer.content)["status"] == "success"
