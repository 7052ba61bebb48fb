"""An app client with a secret: ``SECRET_HASH`` and ``ClientSecret``."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.models import LoginEvent, Session, User
from tenants import client_secret, resolve
from tenants.models import Tenant
from tests.contracts.oloid.authenticators import FOREIGN, NEW_PASSWORD, SUCCESS, answered
from tests.contracts.oloid.calls import (
    RENEWED,
    Answer,
    Like,
    Pool,
    assert_refused,
    body_of,
    credentials,
    post_login,
)
from tests.fixtures import Cast

DENIED = "NotAuthorizedException"
REFRESHED = {"ChallengeParameters": {}, "AuthenticationResult": RENEWED}


@dataclass
class Secured:
    """A pool whose client has a secret."""

    pool: Pool
    secret: str

    def hash(self, name: str, secret: str | None = None, client_id: str | None = None) -> str:
        message = f"{name}{client_id or self.pool.tenant.client_id}".encode()
        digest = hmac.digest((secret or self.secret).encode(), message, hashlib.sha256)
        return base64.b64encode(digest).decode()

    @property
    def unverified(self) -> tuple[str, str]:
        return DENIED, f"Unable to verify secret hash for client {self.pool.tenant.client_id}"

    @property
    def missing(self) -> tuple[str, str]:
        name = self.pool.tenant.client_id
        return DENIED, f"Client {name} is configured with secret but SECRET_HASH was not received"

    def log_in(self, name: str, password: str) -> Answer:
        return self.pool.initiate(
            "USER_PASSWORD_AUTH", USERNAME=name, PASSWORD=password, SECRET_HASH=self.hash(name)
        )


@pytest.fixture
def secured(pool: Pool, cast: Cast) -> Secured:
    return Secured(pool, client_secret.make(cast.alpha))


def wrong_hashes(secured: Secured, cast: Cast, name: str) -> list[str]:
    right = secured.hash(name)
    return [
        "x",
        "ä",
        right[:-1],
        right.lower(),
        secured.hash("another"),
        secured.hash(name, "x" * 51),
        secured.hash(name, client_id=cast.beta.client_id),
        secured.secret,
    ]


def test_a_login_proves_the_secret(secured: Secured, cast: Cast) -> None:
    pool = secured.pool
    asked = {"USERNAME": "alice", "PASSWORD": cast.alice.password}
    for more in ({}, {"SECRET_HASH": ""}):
        assert_refused(pool.initiate("USER_PASSWORD_AUTH", **asked, **more), *secured.missing)
    for wrong in wrong_hashes(secured, cast, "alice"):
        refused = pool.initiate("USER_PASSWORD_AUTH", **asked, SECRET_HASH=wrong)
        assert_refused(refused, *secured.unverified)
    # Nobody learns whether an account is there, and no password was tried.
    assert_refused(pool.by_password("nobody", "x"), *secured.missing)
    assert (Session.objects.count(), LoginEvent.objects.filter(contract="oloid").count()) == (0, 0)
    answered(secured.log_in("alice", cast.alice.password), SUCCESS)
    answered(secured.log_in("alice@alpha.example", cast.alice.password), SUCCESS)
    answered(secured.log_in(cast.svc.client_id, cast.svc.client_secret), SUCCESS)
    # The product's own call has no place for it, and other tenants' clients have none.
    assert post_login(pool.client, credentials(cast.alice, cast.alpha)).status_code == 200
    assert Pool(pool.client, cast.beta).log_in(cast.dave)


def test_every_step_of_a_login_proves_the_secret(secured: Secured, cast: Cast) -> None:
    pool, code = secured.pool, cast.bob.code()
    session = body_of(secured.log_in("bob", cast.bob.password))["Session"]
    given = {"USERNAME": "bob", "SOFTWARE_TOKEN_MFA_CODE": code}
    assert_refused(pool.code(session, "bob", code), *secured.missing)
    for wrong in wrong_hashes(secured, cast, "bob"):
        refused = pool.respond("SOFTWARE_TOKEN_MFA", session, **given, SECRET_HASH=wrong)
        assert_refused(refused, *secured.unverified)
    alices = {**given, "USERNAME": "alice", "SECRET_HASH": secured.hash("alice")}
    assert_refused(pool.respond("SOFTWARE_TOKEN_MFA", session, **alices), *FOREIGN)
    right = pool.respond("SOFTWARE_TOKEN_MFA", session, **given, SECRET_HASH=secured.hash("bob"))
    answered(right, SUCCESS)
    User.objects.filter(username="alice").update(must_change_password=True)
    session = body_of(secured.log_in("alice", cast.alice.password))["Session"]
    chosen = {"USERNAME": "alice", "NEW_PASSWORD": NEW_PASSWORD}
    assert_refused(pool.respond("NEW_PASSWORD_REQUIRED", session, **chosen), *secured.missing)


def test_a_refresh_proves_the_secret_under_any_name_of_the_user(
    secured: Secured, cast: Cast
) -> None:
    pool = secured.pool
    tokens = body_of(secured.log_in("alice", cast.alice.password))["AuthenticationResult"]
    asked = {"REFRESH_TOKEN": tokens["RefreshToken"]}
    for flow in ("REFRESH_TOKEN_AUTH", "REFRESH_TOKEN"):
        assert_refused(pool.initiate(flow, **asked), *secured.missing)
        for wrong in [*wrong_hashes(secured, cast, "alice"), secured.hash("bob")]:
            refused = pool.initiate(flow, **asked, SECRET_HASH=wrong)
            assert_refused(refused, *secured.unverified)
        for name in ("alice", str(cast.alice.user.pk), "alice@alpha.example"):
            renewed = pool.initiate(flow, **asked, SECRET_HASH=secured.hash(name))
            answered(renewed, REFRESHED)
    unknown = pool.initiate("REFRESH_TOKEN", REFRESH_TOKEN="x", SECRET_HASH=secured.hash("alice"))
    assert_refused(unknown, DENIED, "Invalid Refresh Token")
    machine = body_of(secured.log_in(cast.svc.client_id, cast.svc.client_secret))
    token = machine["AuthenticationResult"]["RefreshToken"]
    for name in (cast.svc.client_id, "svc"):
        answered(
            pool.initiate("REFRESH_TOKEN", REFRESH_TOKEN=token, SECRET_HASH=secured.hash(name)),
            REFRESHED,
        )


def test_the_secret_itself_is_sent_to_two_operations(secured: Secured, cast: Cast) -> None:
    pool, client_id = secured.pool, cast.alpha.client_id
    token = body_of(secured.log_in("alice", cast.alice.password))["AuthenticationResult"]
    missing = f"Client {client_id} is configured with secret but secret was not received"
    calls: dict[str, Callable[..., Answer]] = {
        "GetTokensFromRefreshToken": lambda **more: pool.call(
            "GetTokensFromRefreshToken",
            {"ClientId": client_id, "RefreshToken": token["RefreshToken"], **more},
        ),
        "RevokeToken": lambda **more: pool.call(
            "RevokeToken", {"ClientId": client_id, "Token": token["RefreshToken"], **more}
        ),
    }
    for call in calls.values():
        for more in ({}, {"ClientSecret": ""}, {"ClientSecret": None}):
            assert_refused(call(**more), DENIED, missing)
        for wrong in ("x", secured.secret[:-1], secured.secret.upper(), secured.hash("alice")):
            told = f"Unable to verify secret for client {client_id}"
            assert_refused(call(ClientSecret=wrong), DENIED, told)
        refused = call(ClientSecret=["x"])
        assert_refused(refused, "InvalidParameterException", "ClientSecret must be a string")
    renewed = calls["GetTokensFromRefreshToken"](ClientSecret=secured.secret)
    answered(renewed, {"AuthenticationResult": RENEWED})
    assert pool.get_user(token["AccessToken"]).status_code == 200
    answered(calls["RevokeToken"](ClientSecret=secured.secret), {})
    revoked = (DENIED, "Access Token has been revoked")
    assert_refused(pool.get_user(token["AccessToken"]), *revoked)


def command(*options: str) -> str:
    out = StringIO()
    call_command("client_secret", *options, stdout=out)
    return out.getvalue().strip()


def test_an_operator_makes_shows_replaces_and_removes_the_secret(pool: Pool, cast: Cast) -> None:
    none = "The client of alpha has no secret."
    assert command() == none
    first = command("--new")
    assert first == Like(r"[a-z0-9]{51}")
    assert command("--tenant", "alpha") == first
    assert first not in Tenant.objects.get(slug="alpha").client_secret_sealed
    second = command("--tenant", "alpha", "--new")
    resolve.invalidate()
    assert_refused(Secured(pool, first).log_in("alice", "x"), *Secured(pool, first).unverified)
    assert Secured(pool, second).log_in("alice", cast.alice.password).status_code == 200
    assert command("--remove") == none
    assert pool.log_in(cast.alice)
    told = LoginEvent.objects.filter(event="admin:tenant:changed").order_by("at")
    reasons = [event.reason for event in told]
    assert reasons == ["client secret made"] * 2 + ["client secret removed"]
    with pytest.raises(CommandError, match="no such tenant"):
        command("--tenant", "nobody")


def test_a_sealed_secret_opens_for_its_tenant_alone(secured: Secured, cast: Cast) -> None:
    Tenant.objects.filter(pk=cast.beta.pk).update(
        client_secret_sealed=Tenant.objects.get(pk=cast.alpha.pk).client_secret_sealed
    )
    resolve.invalidate()
    elsewhere = Secured(Pool(secured.pool.client, cast.beta), secured.secret)
    answer = elsewhere.log_in("dave", cast.dave.password)
    message = "The service is busy. Try again in a moment."
    assert_refused(answer, "ServiceUnavailableException", message, 503)
