"""A datarhei Core's Auth0 tenants are taken over as it had them configured."""

from __future__ import annotations

import base64
import json

import pytest
from django.core.management import CommandError, call_command

from tenants.models import IdentityProvider
from tests.fixtures import Cast

SETTINGS = {"domain": "a.eu.auth0.com", "audience": "urn:a", "clientid": "c", "users": ["auth0|1"]}


def test_the_environment_form_is_read_and_read_again(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded = base64.b64encode(json.dumps(SETTINGS).encode()).decode()
    short = "auth0://c2@b.eu.auth0.com?aud=urn:b&user=auth0|2&user=auth0|3"
    monkeypatch.setenv("CORE_API_AUTH_AUTH0_TENANTS", f"{encoded},{short}")
    for _ in range(2):
        call_command("add_auth0", "alpha")
    rows = IdentityProvider.objects.filter(tenant=cast.alpha).order_by("name")
    assert [row.name for row in rows] == ["auth0-a-eu-auth0-com", "auth0-b-eu-auth0-com"]
    assert rows[0].settings == SETTINGS
    assert rows[1].settings["users"] == ["auth0|2", "auth0|3"]


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
