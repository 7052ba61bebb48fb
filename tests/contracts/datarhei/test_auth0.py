"""Auth0's place: behind ``localjwt`` in the list, behind the password in the login."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from accounts.contracts.datarhei import auth0
from accounts.contracts.datarhei.auth0 import Auth0Tenant
from accounts.models import LoginEvent, Session
from tests.contracts.datarhei.core import NO_CREDENTIALS, call, tokens, told
from tests.fixtures import PASSWORD, Cast

JSON = "application/json"
EXAMPLE = Auth0Tenant("example.eu.auth0.com", "https://api.example/", "abc123")
ELEMENT = "auth0 domain=example.eu.auth0.com audience=https://api.example/ clientid=abc123"
# A token as Auth0 makes it, of an issuer that nobody has named here.
FOREIGN = (
    "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsxIn0."
    "eyJpc3MiOiJodHRwczovL2V4YW1wbGUuZXUuYXV0aDAuY29tLyIsInN1YiI6ImF1dGgwfDEifQ.c2ln"
)


def test_every_auth0_tenant_is_one_element_after_localjwt(
    client: Client, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = Auth0Tenant("b.auth0.com", "b", "b")
    monkeypatch.setattr(
        auth0, "offered", lambda tenant: (EXAMPLE, second) if tenant.slug == "alpha" else ()
    )
    expected = ["localjwt", ELEMENT, "auth0 domain=b.auth0.com audience=b clientid=b"]
    access, _ = tokens(client, cast.alice)
    for answer in (client.get("/api"), client.get("/t/alpha/api/"), call(client, "/api", access)):
        assert answer.json()["auths"] == expected
    assert client.get("/t/beta/api").json()["auths"] == ["localjwt"]


@pytest.mark.parametrize(
    "wrong",
    [
        Auth0Tenant("", "a", "c"),
        Auth0Tenant("d", "", "c"),
        Auth0Tenant("d", "a", ""),
        Auth0Tenant("d d", "a", "c"),
        Auth0Tenant("d", "a=b", "c"),
        Auth0Tenant("d", "a", "c\n"),
    ],
)
def test_a_value_that_clients_would_take_apart_is_refused(wrong: Auth0Tenant) -> None:
    with pytest.raises(ValueError, match="empty or holds a separator"):
        wrong.element()


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"null", b'{"username":"","password":""}', b'{"username":"alice"}']
)
def test_without_an_auth0_tenant_no_token_stands_in_for_credentials(
    client: Client, cast: Cast, body: bytes
) -> None:
    access, refresh = tokens(client, cast.alice)
    before = Session.objects.count(), LoginEvent.objects.count()
    wrong = []
    for header in (
        *(f"Bearer {token}" for token in (FOREIGN, access, refresh, "x", "")),
        f"Basic {FOREIGN}",
        FOREIGN,
        "",
    ):
        answer = client.post(
            "/api/login", body, content_type=JSON, headers={"Authorization": header}
        )
        if told(answer) != (400, NO_CREDENTIALS):
            wrong.append((header, answer.content))
    assert wrong == []
    assert (Session.objects.count(), LoginEvent.objects.count()) == before


def test_a_password_decides_whatever_token_comes_with_it(client: Client, cast: Cast) -> None:
    statuses: list[Any] = []
    for password in (PASSWORD, "wrong"):
        body = json.dumps({"username": "alice", "password": password})
        answer = call(client, "/api/login", FOREIGN, "POST", data=body, content_type=JSON)
        statuses.append(answer.status_code)
    assert statuses == [200, 401]
