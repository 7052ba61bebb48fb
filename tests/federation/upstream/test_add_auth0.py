"""A datarhei Core's Auth0 tenants are taken over as it had them configured."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tenants.models import IdentityProvider
from tests.fixtures import Cast

SETTINGS = {"domain": "a.eu.auth0.com", "audience": "urn:a", "clientid": "c", "users": ["auth0|1"]}


def test_the_environment_form_is_read_and_read_again(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded = base64.b64encode(json.dumps(SETTINGS).encode()).decode()
    short = "auth0://c%7C2:x@b.eu.auth0.com?aud=urn%3Ab&user=auth0|2&user=auth0%7C3"
    monkeypatch.setenv("CORE_API_AUTH_AUTH0_TENANTS", f"{encoded},{short}")
    for _ in range(2):
        call_command("add_auth0", "alpha")
    rows = IdentityProvider.objects.filter(tenant=cast.alpha).order_by("name")
    assert [row.name for row in rows] == ["auth0-a-eu-auth0-com", "auth0-b-eu-auth0-com"]
    assert rows[0].settings == SETTINGS
    assert rows[1].settings == {
        "domain": "b.eu.auth0.com",
        "audience": "urn:b",
        "clientid": "c|2",
        "users": ["auth0|2", "auth0|3"],
    }


@pytest.mark.parametrize("text", ["", "x", "auth0://c@b c?aud=a", "auth0://b.eu.auth0.com"])
def test_what_cannot_be_meant_is_refused_whole(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("CORE_API_AUTH_AUTH0_TENANTS", text)
    with pytest.raises(CommandError):
        call_command("add_auth0", "alpha")
    with pytest.raises(CommandError):
        call_command("add_auth0", "nobody")
    assert not IdentityProvider.objects.exists()


def from_file(monkeypatch: pytest.MonkeyPatch, told: Any) -> None:
    """The command with this on its standard input."""
    text = told if isinstance(told, str) else json.dumps(told)
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    call_command("add_auth0", "alpha", json=True)


def test_the_file_form_is_read_from_standard_input(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    from_file(monkeypatch, {"enable": True, "tenants": [SETTINGS]})
    assert IdentityProvider.objects.get(tenant=cast.alpha).settings == SETTINGS


def test_where_a_core_has_auth0_off_nobody_is_let_in_by_it_here(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CommandError, match="not enabled"):
        from_file(monkeypatch, {"enable": False, "tenants": [SETTINGS]})
    monkeypatch.setenv("CORE_API_AUTH_AUTH0_TENANTS", "auth0://c@b.eu.auth0.com?aud=a&user=u")
    monkeypatch.setenv("CORE_API_AUTH_AUTH0_ENABLE", "false")
    with pytest.raises(CommandError, match="CORE_API_AUTH_AUTH0_ENABLE is off"):
        call_command("add_auth0", "alpha")
    assert not IdentityProvider.objects.exists()


@pytest.mark.parametrize(
    "told",
    [
        "{",
        "[" * 100_000,
        {"enable": True, "tenants": []},
        {"enable": True, "tenants": ["x"]},
        {"enable": True, "tenants": [SETTINGS, {**SETTINGS, "domain": "\0"}]},
        {"enable": True, "tenants": [SETTINGS, {**SETTINGS, "domain": ["b"]}]},
        {"enable": True, "tenants": [{**SETTINGS, "users": ["u\0"]}]},
    ],
)
def test_a_file_that_cannot_be_meant_is_refused_whole_and_in_a_sentence(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, told: Any
) -> None:
    with pytest.raises(CommandError):
        from_file(monkeypatch, told)
    assert not IdentityProvider.objects.exists()
