"""``POST /Login``: the product's own call."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts import provisioning
from accounts.models import LoginEvent, ServiceCredential, Session, User
from tests.contracts.oloid.calls import (
    TOKENS,
    Like,
    Pool,
    Statements,
    alpha,
    body_of,
    credentials,
    parts,
    post_login,
)
from tests.contracts.oloid.login_answers import (
    DENIED,
    as_machine,
    challenge,
    configure,
    demand_second_factors,
    whole,
)
from tests.fixtures import PASSWORD, Cast


@pytest.mark.parametrize("path", ["/Login", "/login", "/t/alpha/Login", "/t/alpha/login"])
def test_a_right_password_gives_the_documented_answer(
    client: Client, cast: Cast, path: str
) -> None:
    answer = post_login(client, credentials(cast.alice, cast.alpha), path)
    assert (answer.status_code, body_of(answer)) == (200, whole(cast.alice, cast.alpha))
    assert answer["Content-Type"] == "application/json"
    assert answer["Cache-Control"] == "no-store"
    assert body_of(answer)["user"]["TenantID"] == Like("[0-9A-F]{16}")
    assert list(body_of(answer)["cognitoToken"]["AuthenticationResult"]) == [
        "IdToken",
        "TokenType",
        "ExpiresIn",
        "RefreshToken",
        "AccessToken",
    ]


@pytest.mark.parametrize("name", ["alpha", "ALPHA", "aLpHa"])
def test_the_tenants_name_is_compared_without_regard_to_case(
    client: Client, cast: Cast, name: str
) -> None:
    answer = post_login(client, credentials(cast.alice, cast.alpha, TenantName=name))
    assert body_of(answer) == whole(cast.alice, cast.alpha)


def test_the_same_user_name_in_two_tenants_means_two_accounts(client: Client, cast: Cast) -> None:
    first = post_login(client, credentials(cast.alice, cast.alpha))
    second = post_login(client, credentials(cast.alice_of_beta, cast.beta))
    assert body_of(first) == whole(cast.alice, cast.alpha)
    assert body_of(second) == whole(cast.alice_of_beta, cast.beta)
    assert cast.alice.user.pk != cast.alice_of_beta.user.pk


def test_an_email_is_a_user_name(client: Client, cast: Cast) -> None:
    answer = post_login(client, credentials(cast.alice, cast.alpha, UserName=cast.alice.email))
    assert body_of(answer) == whole(cast.alice, cast.alpha)


def test_the_requests_id_is_the_one_in_the_audit_trail(client: Client, cast: Cast) -> None:
    answer = body_of(post_login(client, credentials(cast.alice, cast.alpha)))
    recorded = LoginEvent.objects.get(event="login:subject:accepted").request_id
    told = answer["cognitoToken"]["$metadata"]["requestId"]
    assert told.replace("-", "").startswith(recorded)


def test_a_machine_sends_its_client_id_and_secret(client: Client, cast: Cast) -> None:
    answer = post_login(client, as_machine(cast))
    assert body_of(answer) == whole(cast.svc, cast.alpha)
    _, claims = parts(body_of(answer)["cognitoToken"]["AuthenticationResult"]["AccessToken"])
    assert (claims["sub"], claims["username"]) == (str(cast.svc.user.pk), "svc")


def test_a_machine_is_never_asked_for_a_second_factor(client: Client, cast: Cast) -> None:
    demand_second_factors(cast.alpha)
    assert body_of(post_login(client, as_machine(cast))) == whole(cast.svc, cast.alpha)


def test_a_persons_secret_is_not_a_machines(client: Client, cast: Cast) -> None:
    issued = provisioning.issue_credential(cast.alice.user, client_id="alices-app")
    asked = credentials(cast.alice, cast.alpha, UserName="alices-app", Password=issued.secret)
    assert body_of(post_login(client, asked)) == DENIED


def test_a_second_factor_is_asked_for_as_cognito_does(client: Client, cast: Cast) -> None:
    answer = post_login(client, credentials(cast.bob, cast.alpha))
    assert answer.status_code == 200
    assert body_of(answer) == challenge("SOFTWARE_TOKEN_MFA", USER_ID_FOR_SRP="bob")
    assert Session.objects.count() == 0


def test_the_session_of_a_challenge_is_answered_with_cognitos_operation(
    client: Client, cast: Cast
) -> None:
    asked = body_of(post_login(client, credentials(cast.bob, cast.alpha)))["cognitoToken"]
    answer = alpha(client, cast).code(asked["Session"], "bob", cast.bob.code())
    assert body_of(answer) == {"ChallengeParameters": {}, "AuthenticationResult": TOKENS}


def test_a_password_that_must_be_changed_is_a_challenge(client: Client, cast: Cast) -> None:
    User.objects.filter(pk=cast.alice.user.pk).update(must_change_password=True)
    answer = post_login(client, credentials(cast.alice, cast.alpha))
    assert body_of(answer) == challenge(
        "NEW_PASSWORD_REQUIRED",
        USER_ID_FOR_SRP="alice",
        requiredAttributes="[]",
        userAttributes='{"email_verified":"true","name":"Alice","email":"alice@alpha.example"}',
    )


def test_a_second_factor_that_must_be_bound_is_a_challenge(client: Client, cast: Cast) -> None:
    demand_second_factors(cast.alpha)
    answer = post_login(client, credentials(cast.alice, cast.alpha))
    assert body_of(answer) == challenge(
        "MFA_SETUP", USER_ID_FOR_SRP="alice", MFAS_CAN_SETUP='["SOFTWARE_TOKEN_MFA"]'
    )


def test_every_wrong_credential_gets_the_same_bytes(client: Client, cast: Cast) -> None:
    revoked = provisioning.issue_credential(cast.svc.user, client_id="old-client")
    ServiceCredential.objects.filter(client_id="old-client").update(
        revoked_at=cast.svc.user.created_at
    )
    nameless = provisioning.create_user(cast.alpha, "nameless")
    wrong = [
        credentials(cast.alice, cast.alpha, Password="wrong"),
        credentials(cast.alice, cast.alpha, Password=f" {PASSWORD}"),
        credentials(cast.alice, cast.alpha, UserName="nobody"),
        credentials(cast.alice, cast.alpha, TenantName="no such tenant"),
        credentials(cast.dave, cast.alpha),
        credentials(cast.carol, cast.alpha),
        credentials(cast.carol, cast.alpha, Password="wrong"),
        credentials(cast.bob, cast.alpha, Password="wrong"),
        credentials(cast.alice, cast.alpha, UserName=nameless.username),
        as_machine(cast, Password="wrong"),
        as_machine(cast, UserName="no-client"),
        as_machine(cast, TenantName="beta"),
        as_machine(cast, UserName="old-client", Password=revoked.secret),
    ]
    answers = [post_login(client, asked) for asked in wrong]
    assert body_of(answers[0]) == DENIED
    assert {(a.status_code, a.content, str(sorted(a.items()))) for a in answers} == {
        (401, answers[0].content, str(sorted(answers[0].items())))
    }
    assert Session.objects.count() == 0


def test_why_a_login_was_refused_is_in_the_audit_trail(client: Client, cast: Cast) -> None:
    post_login(client, credentials(cast.alice, cast.alpha, TenantName="no such tenant"))
    post_login(client, credentials(cast.carol, cast.alpha))
    told = LoginEvent.objects.filter(contract="oloid").order_by("at")
    assert list(told.values_list("reason", flat=True)) == ["unknown_tenant", "disabled"]


@pytest.mark.parametrize(
    ("path", "host"), [("/t/beta/Login", "testserver"), ("/Login", "beta.example.com")]
)
def test_one_tenants_address_opens_no_other_tenant(
    client: Client, cast: Cast, path: str, host: str
) -> None:
    answer = post_login(client, credentials(cast.alice, cast.alpha), path, headers={"host": host})
    assert (answer.status_code, body_of(answer)) == (401, DENIED)
    at_home = post_login(
        client, credentials(cast.alice_of_beta, cast.beta), path, headers={"host": host}
    )
    assert body_of(at_home) == whole(cast.alice_of_beta, cast.beta)


def test_a_tenant_that_switched_the_contract_off_looks_like_no_tenant(
    client: Client, cast: Cast
) -> None:
    configure(cast.beta, enabled=False)
    answer = post_login(client, credentials(cast.dave, cast.beta))
    assert (answer.status_code, body_of(answer)) == (401, DENIED)
    below = post_login(client, credentials(cast.dave, cast.beta), "/t/beta/Login")
    assert (below.status_code, body_of(below)) == (404, {"status": "404", "message": "Not Found"})


def test_the_default_tenant_switching_off_leaves_the_others_served(
    client: Client, cast: Cast
) -> None:
    configure(cast.alpha, enabled=False)
    assert post_login(client, credentials(cast.alice, cast.alpha)).status_code == 401
    assert body_of(post_login(client, credentials(cast.dave, cast.beta))) == whole(
        cast.dave, cast.beta
    )


def test_after_ten_wrong_passwords_the_right_one_has_to_wait(client: Client, cast: Cast) -> None:
    for _ in range(10):
        post_login(client, credentials(cast.alice, cast.alpha, Password="wrong"))
    answer = post_login(client, credentials(cast.alice, cast.alpha))
    assert (answer.status_code, body_of(answer)) == (
        429,
        {"status": "429", "message": "Too Many Requests"},
    )
    assert 0 < int(answer["Retry-After"]) <= 600


def test_who_has_to_wait_after_one_tenant_learns_of_no_other(client: Client, cast: Cast) -> None:
    def answers(tenants: list[str], path: str = "/Login") -> set[int]:
        asked = [
            credentials(cast.alice, cast.alpha, UserName="x", TenantName=name) for name in tenants
        ]
        return {post_login(client, each, path).status_code for each in asked}

    assert answers(["none"] * 11) == answers(["alpha"] * 11) == {401, 429}
    assert answers(["NONE"]) == answers(["Alpha"]) == {429}
    assert answers(["no other", "beta"]) == {401}
    # Nor by asking at another tenant's address, and then at the bare one.
    for name in ("not one", "beta"):
        assert answers([name] * 11, "/t/alpha/Login") == {401, 429}
        assert answers([name]) == {401}


def test_a_machine_is_not_locked_out_by_wrong_guesses(client: Client, cast: Cast) -> None:
    for _ in range(11):
        post_login(client, as_machine(cast, Password="wrong"))
    assert body_of(post_login(client, as_machine(cast))) == whole(cast.svc, cast.alpha)


def test_a_second_factor_without_a_field_here_is_named_after_the_right_password_only(
    client: Client, cast: Cast
) -> None:
    cast.alice.user.passkeys.create(credential_id=b"1", public_key=b"2", name="key")
    answer = post_login(client, credentials(cast.alice, cast.alpha))
    assert (answer.status_code, body_of(answer)) == (
        401,
        {
            "status": "401",
            "message": "The second factor of this account does not work with this API. "
            "Ask your administrator.",
        },
    )
    wrong = post_login(client, credentials(cast.alice, cast.alpha, Password="wrong"))
    assert body_of(wrong) == DENIED


def test_a_login_costs_five_statements_at_most(client: Client, cast: Cast) -> None:
    post_login(client, credentials(cast.alice, cast.alpha))
    with Statements() as statements:
        post_login(client, credentials(cast.alice, cast.alpha))
    assert statements.count <= 5


def test_a_machines_login_costs_two_statements(client: Client, cast: Cast) -> None:
    post_login(client, as_machine(cast))
    with Statements() as statements:
        post_login(client, as_machine(cast))
    assert statements.count == 2


def test_a_tenants_lifetimes_hold_for_tokens_and_sessions(client: Client, cast: Cast) -> None:
    configure(cast.alpha, lifetimes={"access": 600, "refresh": 3600})
    answer = body_of(post_login(client, credentials(cast.alice, cast.alpha)))
    result = answer["cognitoToken"]["AuthenticationResult"]
    assert result["ExpiresIn"] == 600
    for name in ("IdToken", "AccessToken"):
        _, claims = parts(result[name])
        assert claims["exp"] - claims["iat"] == 600
    opened = Session.objects.get()
    assert (opened.expires_at - opened.auth_time).total_seconds() == 3600
    assert opened.grants.get().expires_at == opened.expires_at


def test_tokens_outlive_neither_a_day_nor_their_session(client: Client, cast: Cast) -> None:
    configure(cast.alpha, lifetimes={"access": 999_999})
    answer = body_of(post_login(client, credentials(cast.alice, cast.alpha)))
    assert answer["cognitoToken"]["AuthenticationResult"]["ExpiresIn"] == 86_400
    configure(cast.alpha, lifetimes={"session": 1200})
    short = body_of(post_login(client, credentials(cast.alice, cast.alpha)))
    assert short["cognitoToken"]["AuthenticationResult"]["ExpiresIn"] == 1200


def test_the_refresh_token_belongs_to_the_tenants_client(client: Client, cast: Cast) -> None:
    answer = body_of(post_login(client, credentials(cast.alice, cast.alpha)))
    token = answer["cognitoToken"]["AuthenticationResult"]["RefreshToken"]
    assert alpha(client, cast).refresh(token).status_code == 200
    assert Pool(client, cast.beta).refresh(token).status_code == 400


def test_the_end_is_announced_to_who_belongs_there_and_to_no_stranger(
    client: Client, cast: Cast
) -> None:
    """A header on a refusal would tell that there is a tenant of this name."""
    configure(cast.beta, sunset="2031-05-06", deprecated="2026-01-31")
    told = {
        "Deprecation": "@1769817600",
        "Sunset": "Tue, 06 May 2031 00:00:00 GMT",
    }

    def heard(**changes: Any) -> tuple[int, dict[str, str]]:
        answer = post_login(client, credentials(cast.alice_of_beta, cast.beta, **changes))
        return answer.status_code, {name: answer[name] for name in told if name in answer}

    assert heard() == (200, told)
    assert heard(Password="wrong") == (401, {})
    assert heard(TenantName="nowhere") == (401, {})
    assert heard(TenantName=7) == (400, {})
    answer = post_login(client, credentials(cast.alice, cast.alpha))
    assert (answer.status_code, "Sunset" in answer) == (200, False)
