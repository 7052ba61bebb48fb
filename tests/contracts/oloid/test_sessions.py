"""``GetUser``, ``GlobalSignOut``, ``RevokeToken``: what a token opens, and what ends it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts import provisioning
from accounts.client import ClientContext
from accounts.contracts.oloid.tokens import ACCESS, ID
from accounts.login import custody
from accounts.models import LoginEvent, ServiceCredential, Session, User
from accounts.tokens import jwt
from accounts.tokens.profile import TokenProfile
from tests.contracts.oloid.calls import (
    JSON_1_1,
    UUID,
    Pool,
    Statements,
    alpha,
    assert_refused,
    body_of,
    parts,
)
from tests.fixtures import Cast

INVALID = ("NotAuthorizedException", "Invalid Access Token")
REVOKED = ("NotAuthorizedException", "Access Token has been revoked")


@pytest.fixture
def pool(client: Client, cast: Cast) -> Pool:
    return alpha(client, cast)


def revoke(pool: Pool, token: str) -> Any:
    return pool.call("RevokeToken", {"Token": token, "ClientId": pool.tenant.client_id})


def alices_attributes(cast: Cast) -> list[dict[str, str]]:
    return [
        {"Name": "sub", "Value": str(cast.alice.user.pk)},
        {"Name": "email_verified", "Value": "true"},
        {"Name": "name", "Value": "Alice"},
        {"Name": "email", "Value": "alice@alpha.example"},
    ]


def test_get_user_tells_who_the_bearer_is(pool: Pool, cast: Cast) -> None:
    answer = pool.get_user(pool.log_in(cast.alice)["AccessToken"])
    assert (answer.status_code, body_of(answer)) == (
        200,
        {"Username": "alice", "UserAttributes": alices_attributes(cast)},
    )
    assert answer["Content-Type"] == JSON_1_1
    assert answer["x-amzn-RequestId"] == UUID
    assert answer["Cache-Control"] == "no-store"


def test_get_user_tells_of_an_authenticator(pool: Pool, cast: Cast) -> None:
    session = body_of(pool.by_password("bob", cast.bob.password))["Session"]
    tokens = body_of(pool.code(session, "bob", cast.bob.code()))["AuthenticationResult"]
    answer = body_of(pool.get_user(tokens["AccessToken"]))
    assert answer["PreferredMfaSetting"] == "SOFTWARE_TOKEN_MFA"
    assert answer["UserMFASettingList"] == ["SOFTWARE_TOKEN_MFA"]


def test_get_user_knows_a_machine(pool: Pool, cast: Cast) -> None:
    answer = pool.by_password(cast.svc.client_id, cast.svc.client_secret)
    token = body_of(answer)["AuthenticationResult"]["AccessToken"]
    told = body_of(pool.get_user(token))
    assert told["Username"] == "svc"
    assert {"Name": "sub", "Value": str(cast.svc.user.pk)} in told["UserAttributes"]


def test_get_user_costs_one_statement_and_a_bad_token_none(pool: Pool, cast: Cast) -> None:
    tokens = pool.log_in(cast.alice)
    pool.get_user(tokens["AccessToken"])
    with Statements() as statements:
        assert pool.get_user(tokens["AccessToken"]).status_code == 200
    assert statements.count == 1
    with Statements() as statements:
        assert_refused(pool.get_user(tokens["AccessToken"][:-4] + "AAAA"), *INVALID)
        assert_refused(pool.get_user(tokens["IdToken"]), *INVALID)
    assert statements.count == 0


def test_only_an_access_token_opens_anything(pool: Pool, cast: Cast) -> None:
    tokens = pool.log_in(cast.alice)
    for operation in ("GetUser", "GlobalSignOut"):
        for name in ("IdToken", "RefreshToken"):
            assert_refused(pool.call(operation, {"AccessToken": tokens[name]}), *INVALID)
    assert pool.get_user(tokens["AccessToken"]).status_code == 200


@pytest.mark.parametrize("token", ["x", "a.b.c", "a.b", "." * 2, "x" * 9000, "\u00e4.b.c"])
def test_what_is_no_token_is_refused(pool: Pool, token: str) -> None:
    assert_refused(pool.get_user(token), *INVALID)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "AccessToken is missing"),
        ({"AccessToken": None}, "AccessToken is missing"),
        ({"AccessToken": ""}, "AccessToken must not be empty"),
        ({"AccessToken": ["x"]}, "AccessToken must be a string"),
    ],
)
def test_a_missing_token_is_an_invalid_parameter(
    pool: Pool, body: dict[str, Any], message: str
) -> None:
    assert_refused(pool.call("GetUser", body), "InvalidParameterException", message)


def _forged(pool: Pool, token: str, profile: TokenProfile, **changes: Any) -> str:
    """A token signed by us after all, with other claims or another key."""
    claims = {**parts(token)[1], **changes}
    return jwt.sign(profile, pool.tenant.pk, claims, timezone.now())


def test_a_token_of_another_kind_of_key_is_refused(pool: Pool, cast: Cast) -> None:
    token = pool.log_in(cast.alice)["AccessToken"]
    assert pool.get_user(_forged(pool, token, ACCESS)).status_code == 200
    assert_refused(pool.get_user(_forged(pool, token, ID)), *INVALID)
    assert_refused(pool.get_user(_forged(pool, token, ACCESS, scope="openid")), *INVALID)
    coldstream = TokenProfile("coldstream.access", ACCESS.lifetime)
    assert_refused(pool.get_user(_forged(pool, token, coldstream)), *INVALID)


def test_an_expired_token_says_so(pool: Pool, cast: Cast) -> None:
    token = pool.log_in(cast.alice)["AccessToken"]
    now = int(timezone.now().timestamp())
    expired = _forged(pool, token, ACCESS, iat=now - 3600, exp=now)
    assert_refused(pool.get_user(expired), "NotAuthorizedException", "Access Token has expired")
    Session.objects.update(expires_at=timezone.now())
    assert_refused(pool.get_user(token), "NotAuthorizedException", "Access Token has expired")


def test_a_token_opens_nothing_at_another_tenants_address(client: Client, cast: Cast) -> None:
    token = alpha(client, cast).log_in(cast.alice)["AccessToken"]
    assert Pool(client, cast.alpha, "/t/alpha/").get_user(token).status_code == 200
    assert_refused(Pool(client, cast.beta, "/t/beta/").get_user(token), *INVALID)
    at_host = alpha(client, cast).call("GetUser", {"AccessToken": token}, host="beta.example.com")
    assert_refused(at_host, *INVALID)


def test_global_sign_out_ends_every_session_of_the_user(pool: Pool, cast: Cast) -> None:
    first, second = pool.log_in(cast.alice), pool.log_in(cast.alice)
    erins = pool.log_in(cast.erin)
    answer = pool.call("GlobalSignOut", {"AccessToken": first["AccessToken"]})
    assert (answer.status_code, body_of(answer)) == (200, {})
    for tokens in (first, second):
        assert_refused(pool.get_user(tokens["AccessToken"]), *REVOKED)
        assert_refused(
            pool.refresh(tokens["RefreshToken"]),
            "NotAuthorizedException",
            "Refresh Token has been revoked",
        )
    again = pool.call("GlobalSignOut", {"AccessToken": first["AccessToken"]})
    assert_refused(again, *REVOKED)
    assert pool.get_user(erins["AccessToken"]).status_code == 200
    assert LoginEvent.objects.filter(event="session:subject:ended").count() == 1


def test_global_sign_out_leaves_other_contracts_alone(pool: Pool, cast: Cast) -> None:
    token = pool.log_in(cast.alice)["AccessToken"]
    answer = pool.client.post(
        "/account/login",
        {"email": cast.alice.email, "password": cast.alice.password},
        content_type="application/json",
    )
    elsewhere = {"Authorization": f"Bearer {answer.json()['accessToken']}"}
    pool.call("GlobalSignOut", {"AccessToken": token})
    assert pool.client.get("/users/me", headers=elsewhere).status_code == 200


def test_revoking_a_refresh_token_ends_its_session_only(pool: Pool, cast: Cast) -> None:
    first, second = pool.log_in(cast.alice), pool.log_in(cast.alice)
    renewed = body_of(pool.refresh(first["RefreshToken"]))["AuthenticationResult"]
    answer = revoke(pool, first["RefreshToken"])
    assert (answer.status_code, body_of(answer)) == (200, {})
    assert_refused(
        pool.refresh(first["RefreshToken"]),
        "NotAuthorizedException",
        "Refresh Token has been revoked",
    )
    for token in (first["AccessToken"], renewed["AccessToken"]):
        assert_refused(pool.get_user(token), *REVOKED)
    assert pool.get_user(second["AccessToken"]).status_code == 200
    assert pool.refresh(second["RefreshToken"]).status_code == 200


def test_revoking_costs_two_statements(pool: Pool, cast: Cast) -> None:
    token = pool.log_in(cast.alice)["RefreshToken"]
    with Statements() as statements:
        revoke(pool, token)
    assert statements.count == 2


def test_revoking_again_or_revoking_nothing_is_fine(pool: Pool, cast: Cast) -> None:
    token = pool.log_in(cast.alice)["RefreshToken"]
    for each in (token, token, "nothing-of-ours", "eyJjdHkiOiJKV1QifQ.a.b.c.d"):
        answer = revoke(pool, each)
        assert (answer.status_code, body_of(answer)) == (200, {})


def test_an_access_or_id_token_cannot_be_revoked(pool: Pool, cast: Cast) -> None:
    tokens = pool.log_in(cast.alice)
    for name in ("AccessToken", "IdToken"):
        assert_refused(
            revoke(pool, tokens[name]),
            "UnsupportedTokenTypeException",
            "The token is not a refresh token",
        )
    assert pool.get_user(tokens["AccessToken"]).status_code == 200


def test_another_client_revokes_nothing(client: Client, pool: Pool, cast: Cast) -> None:
    tokens = pool.log_in(cast.alice)
    answer = revoke(Pool(client, cast.beta), tokens["RefreshToken"])
    assert (answer.status_code, body_of(answer)) == (200, {})
    assert pool.get_user(tokens["AccessToken"]).status_code == 200


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        ({"ClientId": "x"}, "InvalidParameterException", "Token is missing"),
        ({"Token": "x"}, "InvalidParameterException", "ClientId is missing"),
        (
            {"Token": "x", "ClientId": "x"},
            "ResourceNotFoundException",
            "User pool client x does not exist.",
        ),
    ],
)
def test_a_revocation_names_token_and_client(
    pool: Pool, body: dict[str, str], kind: str, message: str
) -> None:
    assert_refused(pool.call("RevokeToken", body), kind, message)


def test_a_disabled_users_access_token_opens_nothing(pool: Pool, cast: Cast) -> None:
    token = pool.log_in(cast.alice)["AccessToken"]
    User.objects.filter(pk=cast.alice.user.pk).update(state=User.State.DISABLED)
    assert_refused(pool.get_user(token), "NotAuthorizedException", "User is disabled.")


def test_a_changed_password_revokes_access_tokens(pool: Pool, cast: Cast) -> None:
    token = pool.log_in(cast.alice)["AccessToken"]
    User.objects.filter(pk=cast.alice.user.pk).update(security_epoch=1)
    assert_refused(pool.get_user(token), *REVOKED)


def test_a_deleted_users_token_is_no_token(pool: Pool, cast: Cast) -> None:
    token = pool.log_in(cast.alice)["AccessToken"]
    User.objects.filter(pk=cast.alice.user.pk).delete()
    assert_refused(pool.get_user(token), *INVALID)


def by_officer(credential: ServiceCredential) -> None:
    act = custody.Act(ClientContext("console", timezone.now()), by="erin")
    custody.revoke_credential(credential, act)


def revoked_meanwhile(credential: ServiceCredential) -> None:
    """As when the login was being written at that moment: its session is not marked as ended."""
    ServiceCredential.objects.filter(pk=credential.pk).update(revoked_at=timezone.now())


def run_out(credential: ServiceCredential) -> None:
    ServiceCredential.objects.filter(pk=credential.pk).update(expires_at=timezone.now())


def deleted(credential: ServiceCredential) -> None:
    credential.delete()


@pytest.mark.parametrize("end", [by_officer, revoked_meanwhile, run_out, deleted])
def test_with_a_machines_secret_end_the_logins_that_it_opened(
    pool: Pool, cast: Cast, end: Callable[[ServiceCredential], None]
) -> None:
    other = provisioning.issue_credential(cast.svc.user, client_id="other-client")
    machine, twin = (
        body_of(pool.by_password(client_id, secret))["AuthenticationResult"]
        for client_id, secret in (
            (cast.svc.client_id, cast.svc.client_secret),
            (other.credential.client_id, other.secret),
        )
    )
    end(ServiceCredential.objects.get(client_id=cast.svc.client_id))
    refused = pool.refresh(machine["RefreshToken"])
    assert_refused(refused, "NotAuthorizedException", "Refresh Token has been revoked")
    assert_refused(pool.get_user(machine["AccessToken"]), *REVOKED)
    # What the account's other secret has opened goes on.
    with Statements() as statements:
        assert pool.refresh(twin["RefreshToken"]).status_code == 200
    assert statements.count == 1
    with Statements() as statements:
        assert pool.get_user(twin["AccessToken"]).status_code == 200
    assert statements.count == 1
    ended = Session.objects.filter(end_reason="credential revoked").count()
    assert ended == (1 if end is by_officer else 0)
