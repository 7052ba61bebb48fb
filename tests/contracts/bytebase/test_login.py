"""The login with a password or a service credential."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.http import HttpResponse

from accounts import provisioning
from accounts.contracts.bytebase.protojson import timestamp
from accounts.models import Group, LoginEvent, Session, User
from tests.contracts.bytebase.conversation import LOGIN, MOMENT, Api, Clock, part, refused
from tests.fixtures import PASSWORD, Cast, Persona

NOBODY = "invalid email or password"
LOCKED = "too many failed login attempts, please try again later"


def profile_of(persona: Persona, **more: str) -> dict[str, Any]:
    changed = timestamp(persona.user.password_changed_at)
    return more | ({"lastChangePasswordTime": changed} if changed else {})


def test_a_right_password_gives_a_token_and_the_user(api: Api, cast: Cast) -> None:
    answer = api.log_in(cast.alice)
    assert answer.status_code == 200, answer.content
    token = answer.json()["token"]
    assert answer.json() == {
        "token": token,
        "user": {
            "name": "users/alice@alpha.example",
            "state": "ACTIVE",
            "email": "alice@alpha.example",
            "title": "Alice",
            "userType": "USER",
            "profile": profile_of(cast.alice),
        },
    }
    assert list(answer.json()) == ["token", "user"]
    assert list(answer.json()["user"]) == ["name", "state", "email", "title", "userType", "profile"]
    assert not answer.cookies


def test_the_token_has_exactly_the_documented_claims(api: Api, cast: Cast) -> None:
    token = api.token(cast.alice)
    claims, header = part(token, 1), part(token, 0)
    issued = claims["iat"]
    assert claims == {
        "iss": "bytebase",
        "sub": "alice@alpha.example",
        "aud": ["bb.user.access.prod"],
        "name": "alice@alpha.example",
        "iat": issued,
        "exp": issued + 7 * 24 * 3600,
    }
    assert type(issued) is int
    assert (header["alg"], header["typ"]) == ("ES256", "JWT")
    assert set(header) == {"alg", "typ", "kid", "jti"}


def test_the_last_login_of_the_answer_is_the_one_before(api: Api, cast: Cast) -> None:
    assert "lastLoginTime" not in api.log_in(cast.alice).json()["user"]["profile"]
    first = User.objects.get(pk=cast.alice.user.pk).last_login
    second = api.log_in(cast.alice).json()["user"]["profile"]
    assert second == profile_of(cast.alice, lastLoginTime=timestamp(first) or "")
    assert MOMENT.fullmatch(second["lastLoginTime"])


def test_phone_and_groups_are_told_in_proto_order(api: Api, cast: Cast) -> None:
    User.objects.filter(pk=cast.alice.user.pk).update(phone="+15550100")
    for name in ("ops@alpha.example", "dev@alpha.example"):
        Group.objects.create(tenant=cast.alpha, name=name).members.add(cast.alice.user)
    user = api.log_in(cast.alice).json()["user"]
    assert user["phone"] == "+15550100"
    assert user["groups"] == ["groups/dev@alpha.example", "groups/ops@alpha.example"]
    assert list(user)[-3:] == ["phone", "profile", "groups"]


@pytest.mark.parametrize(
    ("micros", "text"),
    [
        (0, "2025-12-15T08:09:10Z"),
        (120_000, "2025-12-15T08:09:10.120Z"),
        (123_456, "2025-12-15T08:09:10.123456Z"),
        (1, "2025-12-15T08:09:10.000001Z"),
    ],
)
def test_a_moment_has_as_many_digits_as_it_needs(micros: int, text: str) -> None:
    assert timestamp(datetime(2025, 12, 15, 8, 9, 10, micros, tzinfo=UTC)) == text


def test_the_address_is_folded_before_it_is_looked_up(api: Api, cast: Cast) -> None:
    answer = api.post(LOGIN, {"email": "  Alice@ALPHA.example\n", "password": PASSWORD})
    assert answer.json()["user"]["email"] == "alice@alpha.example"


def test_an_address_stored_in_mixed_case_is_told_in_lower_case(api: Api, cast: Cast) -> None:
    provisioning.create_user(cast.alpha, "ada", email="Ada@alpha.example", password=PASSWORD)
    answer = api.post(LOGIN, {"email": "Ada@alpha.example", "password": PASSWORD}).json()
    user = answer["user"]
    assert (user["name"], user["email"]) == ("users/ada@alpha.example", "ada@alpha.example")
    # An account without a display name still has a title.
    assert user["title"] == "ada"
    assert part(answer["token"], 1)["sub"] == "ada@alpha.example"


def test_the_password_is_compared_exactly(api: Api, cast: Cast) -> None:
    for wrong in (f" {PASSWORD}", f"{PASSWORD}\n", PASSWORD.upper(), PASSWORD[:-1], ""):
        answer = api.post(LOGIN, {"email": cast.alice.email, "password": wrong})
        refused(answer, 401, 16, NOBODY)


def test_unknown_wrong_disabled_and_unset_are_refused_byte_for_byte_alike(
    api: Api, cast: Cast
) -> None:
    provisioning.create_user(cast.alpha, "nopass", email="nopass@alpha.example")
    tries = {
        "alice@alpha.example": "wrong",
        "nobody@alpha.example": "wrong",
        "carol@alpha.example": "wrong",
        "nopass@alpha.example": "wrong",
        "dave@beta.example ": "wrong",
        "alice": PASSWORD,
        "svc@service.bytebase.com": "bbs_" + "a" * 20,
        "": PASSWORD,
    }
    answers: list[HttpResponse] = [
        api.post(LOGIN, {"email": email, "password": password}) for email, password in tries.items()
    ]
    refused(answers[0], 401, 16, NOBODY)
    assert len({(a.status_code, a.content, str(sorted(a.items()))) for a in answers}) == 1
    assert LoginEvent.objects.filter(event="login:subject:refused").count() == len(tries)


def test_a_disabled_account_is_told_so_after_the_right_password_only(api: Api, cast: Cast) -> None:
    refused(api.log_in(cast.carol), 401, 16, "user has been deactivated by administrators")


def test_the_eleventh_wrong_password_in_ten_minutes_is_locked_out(
    api: Api, cast: Cast, clock: Clock
) -> None:
    wrong = {"email": cast.alice.email, "password": "wrong"}
    for _ in range(5):
        refused(api.post(LOGIN, wrong), 401, 16, NOBODY)
    # A success in between forgets nothing.
    assert api.log_in(cast.alice).status_code == 200
    for _ in range(5):
        refused(api.post(LOGIN, wrong), 401, 16, NOBODY)
    refused(api.post(LOGIN, wrong), 429, 8, LOCKED)
    refused(api.log_in(cast.alice), 429, 8, LOCKED)
    refused(api.post(LOGIN, {**wrong, "email": "ALICE@alpha.example "}), 429, 8, LOCKED)
    # By name, not by address: others log in from the same place.
    assert api.log_in(cast.erin).status_code == 200
    clock.forward(minutes=10, seconds=1)
    assert api.log_in(cast.alice).status_code == 200


def test_a_name_that_nobody_has_is_locked_out_alike(api: Api, cast: Cast) -> None:
    wrong = {"email": "nobody@alpha.example", "password": "wrong"}
    for _ in range(10):
        refused(api.post(LOGIN, wrong), 401, 16, NOBODY)
    refused(api.post(LOGIN, wrong), 429, 8, LOCKED)


def test_a_service_account_logs_in_for_an_hour(api: Api, cast: Cast) -> None:
    answer = api.log_in(cast.svc)
    assert answer.json() == {
        "token": answer.json()["token"],
        "user": {
            "name": "users/svc@service.bytebase.com",
            "state": "ACTIVE",
            "email": "svc@service.bytebase.com",
            "title": "svc",
            "userType": "SERVICE_ACCOUNT",
            "profile": {},
        },
    }
    claims = part(answer.json()["token"], 1)
    assert claims["exp"] - claims["iat"] == 3600


def test_a_key_in_the_products_form_is_a_service_credential_like_any_other(
    api: Api, cast: Cast
) -> None:
    key = "bbs_0123456789abcdefWXYZ"
    provisioning.issue_credential(
        cast.svc.user, client_id="svc-key", contract="bytebase", secret=key
    )
    body = {"email": cast.svc.email, "password": key}
    assert api.post(LOGIN, body).status_code == 200
    assert api.log_in(cast.svc).status_code == 200


def test_a_key_of_another_contract_or_a_revoked_one_opens_nothing(
    api: Api, cast: Cast, clock: Clock
) -> None:
    foreign = provisioning.issue_credential(cast.svc.user, client_id="other", contract="datarhei")
    revoked = provisioning.issue_credential(cast.svc.user, client_id="old")
    revoked.credential.revoked_at = clock.now()
    revoked.credential.save()
    for secret in (foreign.secret, revoked.secret):
        answer = api.post(LOGIN, {"email": cast.svc.email, "password": secret})
        refused(answer, 401, 16, NOBODY)


def test_a_persons_app_password_is_no_password_here(api: Api, cast: Cast) -> None:
    issued = provisioning.issue_credential(cast.alice.user, client_id="app")
    answer = api.post(LOGIN, {"email": cast.alice.email, "password": issued.secret})
    refused(answer, 401, 16, NOBODY)


@pytest.mark.parametrize("web", [False, True])
def test_a_workload_has_no_password_login(api: Api, cast: Cast, web: bool) -> None:
    email = "ci@workload.bytebase.com"
    provisioning.create_user(
        cast.alpha, "ci", kind=User.Kind.WORKLOAD, email=email, password=PASSWORD
    )
    answer = api.post(LOGIN, {"email": email, "password": PASSWORD, "web": web})
    refused(answer, 401, 16, "user type WORKLOAD_IDENTITY cannot login")
    wrong = api.post(LOGIN, {"email": email, "password": "wrong", "web": web})
    refused(wrong, 401, 16, NOBODY)


def test_a_due_reset_is_advice_and_the_token_works(api: Api, cast: Cast) -> None:
    User.objects.filter(pk=cast.alice.user.pk).update(must_change_password=True)
    answer = api.log_in(cast.alice).json()
    assert list(answer) == ["token", "requireResetPassword", "user"]
    assert answer["requireResetPassword"] is True
    assert api.get("/v1/users/me", token=answer["token"]).status_code == 200


def test_a_reset_is_no_advice_for_a_service_account(api: Api, cast: Cast) -> None:
    User.objects.filter(pk=cast.svc.user.pk).update(must_change_password=True)
    assert list(api.log_in(cast.svc).json()) == ["token", "user"]


NO_ID = "failed to get identity provider ID: "


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("idps/github", (404, 5, "identity provider not found")),
        ("foo", (400, 3, f'{NO_ID}invalid request "foo"')),
        ("a/b/c", (400, 3, f'{NO_ID}invalid request "a/b/c"')),
        ('a"\n', (400, 3, f'{NO_ID}invalid request "a\\"\\n"')),
        ("x/y", (400, 3, f'{NO_ID}invalid prefix "idps/" in request "x/y"')),
    ],
)
def test_a_provider_that_is_not_there_is_refused_even_beside_a_right_password(
    api: Api, cast: Cast, name: str, expected: tuple[int, int, str]
) -> None:
    answer = api.log_in(cast.alice, idpName=name, idpContext={"oauth2Context": {"code": "x"}})
    refused(answer, *expected)
    assert not Session.objects.exists()


def test_codes_without_a_temp_token_are_ignored(api: Api, cast: Cast) -> None:
    code = cast.bob.code()
    answer = api.log_in(cast.bob, otpCode=code)
    assert list(answer.json()) == ["mfaTempToken"]
    assert api.log_in(cast.alice, otpCode="1", recoveryCode="2").status_code == 200
