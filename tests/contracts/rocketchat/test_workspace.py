"""What clients ask before a login, and the request limit that a tenant may switch on."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.models import ThrottleBucket, User
from tenants import resolve
from tests.contracts.rocketchat.exchange import (
    NOT_SIGNED_IN,
    UNAUTHORIZED,
    log_in,
    plain,
    refused,
    signed_in,
    statements,
)
from tests.fixtures import PASSWORD, Cast

SETTINGS = "/api/v1/settings.public"


@pytest.mark.parametrize("path", ["/api/info", "/api/v1/info", "/t/beta/api/info"])
def test_the_version_is_told_without_its_patch(client: Client, cast: Cast, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.content == (
        b'{"version":"8.8","minimumClientVersions":{"desktop":"3.9.6","mobile":"4.39.0"},'
        b'"success":true}'
    )
    plain(answer)


class TestPublicSettings:
    def test_the_named_settings_come_back_in_order(self, client: Client, cast: Cast) -> None:
        answer = client.get(f"{SETTINGS}?_id=Site_Name,LDAP_Enable,Unknown,Site_Url%0A%09&offset=0")
        assert answer.status_code == 200
        plain(answer)
        assert answer.json() == {
            "settings": [
                {"_id": "LDAP_Enable", "value": False},
                {"_id": "Site_Name", "value": "Alpha"},
                {"_id": "Site_Url", "value": "http://testserver"},
            ],
            "count": 3,
            "offset": 0,
            "total": 3,
            "success": True,
        }

    def test_a_tenants_prefix_is_part_of_its_address(self, client: Client, cast: Cast) -> None:
        answer = client.get(f"/t/beta{SETTINGS}?_id=Site_Name,Site_Url").json()
        assert [setting["value"] for setting in answer["settings"]] == [
            "Beta",
            "http://testserver/t/beta",
        ]

    def test_a_tenants_own_host_is_its_address(
        self, client: Client, cast: Cast, settings: Settings
    ) -> None:
        service = replace(settings.DRAGOMAN, base_url="https://id.example.org")
        settings.DRAGOMAN = service
        own = {"Host": "beta.example.com"}
        told = client.get(f"{SETTINGS}?_id=Site_Name,Site_Url", headers=own).json()["settings"]
        assert [each["value"] for each in told] == ["Beta", "https://beta.example.com"]
        me = log_in(client, {"user": "alice", "password": PASSWORD}, headers=own).json()["data"][
            "me"
        ]
        assert me["avatarUrl"] == "https://beta.example.com/avatar/alice"

    def test_all_are_told_in_pages(self, client: Client, cast: Cast) -> None:
        everything = client.get(SETTINGS).json()
        names = [setting["_id"] for setting in everything["settings"]]
        assert names == sorted(names)
        assert everything["count"] == everything["total"] == len(names)
        page = client.get(f"{SETTINGS}?count=2&offset=3").json()
        assert [setting["_id"] for setting in page["settings"]] == names[3:5]
        assert (page["count"], page["offset"], page["total"]) == (2, 3, len(names))
        # The product's word for "without a bound".
        assert client.get(f"{SETTINGS}?count=0").json() == everything

    @pytest.mark.parametrize(
        "query", ["count=x&offset=x", "count=-1&offset=-1", "count=²&offset=" + "9" * 5000]
    )
    def test_numbers_that_are_none_count_as_absent(
        self, client: Client, cast: Cast, query: str
    ) -> None:
        assert client.get(f"{SETTINGS}?{query}").json() == client.get(SETTINGS).json()

    def test_a_tenant_that_is_nowhere_has_no_name(self, client: Client, db: None) -> None:
        answer = client.get(f"{SETTINGS}?_id=Site_Name")
        assert answer.json()["settings"] == [{"_id": "Site_Name", "value": ""}]


def test_no_other_provider_is_offered(client: Client, cast: Cast) -> None:
    answer = client.get("/api/v1/settings.oauth")
    assert (answer.status_code, answer.content) == (200, b'{"services":[],"success":true}')
    plain(answer)


def test_what_strangers_ask_runs_no_statement(client: Client, cast: Cast) -> None:
    client.get("/api/info")
    with statements(0):
        for path in ("/api/info", SETTINGS, "/api/v1/settings.oauth"):
            client.get(path)


class TestRequestLimit:
    @pytest.fixture
    def limited(self, cast: Cast) -> Cast:
        set_limit(cast, 3)
        return cast

    def test_it_is_off_where_the_tenant_says_nothing(self, client: Client, cast: Cast) -> None:
        answer = client.get("/api/info")
        assert not [name for name in answer.headers if name.startswith("X-RateLimit")]
        assert not ThrottleBucket.objects.exists()

    @pytest.mark.parametrize("value", [0, None])
    def test_only_a_positive_number_switches_it_on(
        self, client: Client, cast: Cast, value: Any
    ) -> None:
        set_limit(cast, value)
        assert not client.get("/api/info").has_header("X-RateLimit-Limit")

    def test_every_answer_tells_what_is_left(self, client: Client, limited: Cast) -> None:
        now = timezone.now()
        for left in (2, 1, 0):
            answer = log_in(client, {"user": "alice", "password": "wrong"})
            refused(answer, 401, UNAUTHORIZED)
            assert answer["X-RateLimit-Limit"] == "3"
            assert answer["X-RateLimit-Remaining"] == str(left)
            wait = int(answer["X-RateLimit-Reset"]) / 1000 - now.timestamp()
            assert 59 < wait < 75

    def test_one_call_too_many_is_told_to_wait(self, client: Client, limited: Cast) -> None:
        for _ in range(3):
            assert log_in(client, {"user": "alice", "password": PASSWORD}).status_code == 200
        answer = log_in(client, {"user": "alice", "password": PASSWORD})
        assert answer.status_code == 429
        plain(answer)
        assert not answer.has_header("Retry-After")
        assert (answer["X-RateLimit-Limit"], answer["X-RateLimit-Remaining"]) == ("3", "0")
        seconds = _seconds(answer.content)
        assert 40 <= seconds <= 60
        assert list(json.loads(answer.content)) == ["success", "error"]

    def test_the_window_moves_on(self, client: Client, limited: Cast) -> None:
        for _ in range(4):
            answer = client.get("/api/info")
        assert answer.status_code == 429
        later = timezone.now() + timedelta(seconds=61)
        with patch("accounts.wire.call.timezone.now", return_value=later):
            assert client.get("/api/info")["X-RateLimit-Remaining"] == "2"

    def test_each_endpoint_address_and_tenant_has_its_own(
        self, client: Client, limited: Cast
    ) -> None:
        for _ in range(4):
            client.get("/api/info")
        assert client.get("/api/info").status_code == 429
        assert client.get("/api/v1/info").status_code == 200
        assert client.get("/t/beta/api/info").status_code == 200
        elsewhere = client.get("/api/info", REMOTE_ADDR="192.0.2.7")
        assert elsewhere.status_code == 200

    def test_a_call_without_a_token_uses_nothing_up(self, client: Client, limited: Cast) -> None:
        headers = signed_in(client, "alice", PASSWORD)
        for _ in range(5):
            answer = client.get("/api/v1/me")
            refused(answer, 401, NOT_SIGNED_IN)
            assert not answer.has_header("X-RateLimit-Limit")
        assert client.get("/api/v1/me", headers=headers)["X-RateLimit-Remaining"] == "2"
        for _ in range(3):
            answer = client.get("/api/v1/me", headers=headers)
        assert answer.status_code == 429

    @pytest.mark.parametrize("name", ["erin", "svc"])
    def test_administrators_and_machines_are_free_once_they_are_signed_in(
        self, client: Client, limited: Cast, name: str
    ) -> None:
        User.objects.filter(pk=limited.erin.user.pk).update(is_superuser=True)
        password = PASSWORD if name == "erin" else limited.svc.client_secret
        headers = signed_in(client, name, password)
        for _ in range(4):
            answer = client.get("/api/v1/me", headers=headers)
        assert answer.status_code == 200
        assert not answer.has_header("X-RateLimit-Limit")

    def test_a_refusal_by_the_limit_is_no_failed_login(self, client: Client, limited: Cast) -> None:
        for _ in range(20):
            log_in(client, {"user": "alice", "password": "wrong"})
        kinds = ThrottleBucket.objects.filter(kind=ThrottleBucket.Kind.IDENTIFIER)
        assert len(kinds.get().failures) == 3

    def test_another_way_to_write_the_address_is_the_same_caller(self, limited: Cast) -> None:
        for n in range(3):
            other = Client(REMOTE_ADDR=f"2001:db8::{n}")
            assert other.get("/t/alpha/api/info" if n else "/api/info").status_code == 200
        assert Client(REMOTE_ADDR="2001:db8::ffff").get("/api/info").status_code == 429

    def test_it_costs_two_statements(self, client: Client, limited: Cast) -> None:
        client.get("/api/info")
        with statements(2):
            client.get("/api/info")


def set_limit(cast: Cast, value: Any) -> None:
    """The tenant's option."""
    cast.alpha.contracts = {"rocketchat": {"options": {"request_limit": value}}}
    cast.alpha.save()
    resolve.invalidate()


def _seconds(body: bytes) -> int:
    told = re.fullmatch(
        r"Error, too many requests\. Please slow down\. You must wait (\d+) seconds before trying "
        r"this endpoint again\. \[error-too-many-requests\]",
        json.loads(body)["error"],
    )
    assert told is not None, body
    return int(told[1])
