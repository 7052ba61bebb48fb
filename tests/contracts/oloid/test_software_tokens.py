"""Authenticator apps of a signed-in user, over Cognito's operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from accounts.models import LoginEvent
from mfa import binding, totp
from mfa.models import Enrolment, TotpAuthenticator
from tests.contracts.oloid.authenticators import (
    ADDED,
    DENIED,
    EITHER,
    INVALID,
    NO_TOKEN,
    NOT_FRESH,
    NOTHING_WAITS,
    OFF,
    ON,
    SECRET,
    USED,
    WRONG_CODE,
    access_of_bob,
    answered,
    apps,
    associate,
    code_of,
    let_pass,
    prefer,
    settings_of,
    verify,
    wrong,
)
from tests.contracts.oloid.calls import (
    Answer,
    Pool,
    Statements,
    assert_refused,
    body_of,
)
from tests.fixtures import Cast


def test_a_signed_in_user_binds_an_app(pool: Pool, cast: Cast) -> None:
    other, token = (pool.log_in(cast.alice)["AccessToken"] for _ in range(2))
    assert settings_of(pool, token) == (None, None)
    made = answered(associate(pool, AccessToken=token), {"SecretCode": SECRET})
    assert made["SecretCode"] not in Enrolment.objects.get().state_sealed
    assert (apps(cast.alice), len(mail.outbox)) == ([], 0)
    assert_refused(verify(pool, wrong(made["SecretCode"]), AccessToken=token), *WRONG_CODE)
    code = code_of(made["SecretCode"])
    answer = verify(pool, code, AccessToken=token, FriendlyDeviceName="My\u202e phone\n")
    answered(answer, {"Status": "SUCCESS"})
    assert apps(cast.alice) == ["My phone"]
    assert [each.subject for each in mail.outbox] == [ADDED]
    assert LoginEvent.objects.filter(event="factor:authenticator:bound").count() == 1
    # Clients switch it on next; it is on already. Other logins are over.
    answered(prefer(pool, token, ON), {})
    assert settings_of(pool, token) == (["SOFTWARE_TOKEN_MFA"], "SOFTWARE_TOKEN_MFA")
    assert_refused(pool.get_user(other), DENIED, "Access Token has been revoked")
    # The code is spent, at the next login too.
    assert_refused(verify(pool, code, AccessToken=token), *NOTHING_WAITS)
    session = body_of(pool.by_password("alice", cast.alice.password))["Session"]
    assert_refused(pool.code(session, "alice", code), *USED)


def test_an_app_is_replaced_only_once_the_new_one_is_proved(pool: Pool, cast: Cast) -> None:
    token = access_of_bob(pool, cast)
    made = body_of(associate(pool, AccessToken=token))
    assert TotpAuthenticator.objects.get(user=cast.bob.user).secret() == cast.bob.totp_secret
    answered(verify(pool, code_of(made["SecretCode"]), AccessToken=token), {"Status": "SUCCESS"})
    assert apps(cast.bob) == ["Authenticator app"]
    stored = TotpAuthenticator.objects.get(user=cast.bob.user).secret()
    assert totp.base32(stored) == made["SecretCode"]


def test_without_a_secret_there_is_nothing_to_verify(pool: Pool, cast: Cast) -> None:
    token = pool.log_in(cast.alice)["AccessToken"]
    assert_refused(verify(pool, "000000", AccessToken=token), *NOTHING_WAITS)
    made = body_of(associate(pool, AccessToken=token))
    Enrolment.objects.update(expires_at=timezone.now())
    answer = verify(pool, code_of(made["SecretCode"]), AccessToken=token)
    assert_refused(answer, *NOTHING_WAITS)


def test_another_login_of_the_user_neither_sees_nor_finishes_it(pool: Pool, cast: Cast) -> None:
    token, other = (pool.log_in(cast.alice)["AccessToken"] for _ in range(2))
    code = code_of(body_of(associate(pool, AccessToken=token))["SecretCode"])
    assert_refused(verify(pool, code, AccessToken=other), *NOTHING_WAITS)
    answered(verify(pool, code, AccessToken=token), {"Status": "SUCCESS"})


def test_wrong_codes_of_a_signed_in_user_are_limited(pool: Pool, cast: Cast) -> None:
    token = pool.log_in(cast.alice)["AccessToken"]
    secret = body_of(associate(pool, AccessToken=token))["SecretCode"]
    for _ in range(5):
        assert_refused(verify(pool, wrong(secret), AccessToken=token), *WRONG_CODE)
    answer = verify(pool, code_of(secret), AccessToken=token)
    assert_refused(answer, "TooManyRequestsException", "Too many requests")


@pytest.mark.parametrize("who", ["alice", "bob"])
def test_a_stolen_old_token_changes_nothing(pool: Pool, cast: Cast, who: str) -> None:
    plain = who == "alice"
    token = pool.log_in(cast.alice)["AccessToken"] if plain else access_of_bob(pool, cast)
    code = code_of(body_of(associate(pool, AccessToken=token))["SecretCode"])
    before = apps(getattr(cast, who))
    let_pass(15 * 60 + 1)
    for answer in (
        associate(pool, AccessToken=token),
        verify(pool, code, AccessToken=token),
        *(() if plain else (prefer(pool, token, OFF),)),
    ):
        assert_refused(answer, *NOT_FRESH)
    assert (apps(getattr(cast, who)), mail.outbox) == (before, [])
    # It still opens what changes nothing.
    assert pool.get_user(token).status_code == 200


def test_a_login_without_the_second_factor_is_never_fresh(pool: Pool, cast: Cast) -> None:
    """A session from before the app was bound has proved less than the account's level."""
    token = pool.log_in(cast.alice)["AccessToken"]
    binding.bind_totp(cast.alice.user.pk, totp.new_secret())
    assert_refused(associate(pool, AccessToken=token), *NOT_FRESH)
    assert_refused(prefer(pool, token, OFF), *NOT_FRESH)


def test_a_machine_binds_no_app(pool: Pool, cast: Cast) -> None:
    token = body_of(pool.by_password(cast.svc.client_id, cast.svc.client_secret))
    access = token["AuthenticationResult"]["AccessToken"]
    assert_refused(associate(pool, AccessToken=access), *NOT_FRESH)


def test_only_a_live_access_token_of_this_place_is_taken(pool: Pool, cast: Cast) -> None:
    tokens = pool.log_in(cast.alice)
    elsewhere = Pool(pool.client, cast.beta, "/t/beta/")
    calls: tuple[Callable[[Pool, str], Answer], ...] = (
        lambda where, token: associate(where, AccessToken=token),
        lambda where, token: verify(where, "000000", AccessToken=token),
        lambda where, token: prefer(where, token, ON),
    )
    for call in calls:
        for bad in ("x", tokens["IdToken"], tokens["RefreshToken"]):
            assert_refused(call(pool, bad), *NO_TOKEN)
        assert_refused(call(elsewhere, tokens["AccessToken"]), *NO_TOKEN)
    pool.call("GlobalSignOut", {"AccessToken": tokens["AccessToken"]})
    for call in calls:
        refusal = (DENIED, "Access Token has been revoked")
        assert_refused(call(pool, tokens["AccessToken"]), *refusal)
    assert not Enrolment.objects.exists()


SWITCHES = "must hold Enabled and PreferredMfa as true or false"
NO_SWITCHES: list[Any] = [[], "x", True, {"Enabled": "false"}, {"Enabled": 0}]
NO_DELIVERY = "User does not have delivery config set to turn on"


WRONG: list[tuple[str, dict[str, Any], tuple[str, str]]] = [
    ("AssociateSoftwareToken", {}, EITHER),
    ("AssociateSoftwareToken", {"AccessToken": "x", "Session": "x" * 20}, EITHER),
    ("AssociateSoftwareToken", {"AccessToken": None, "Session": None}, EITHER),
    (
        "AssociateSoftwareToken",
        {"AccessToken": ["x"]},
        (INVALID, "AccessToken must be a string"),
    ),
    ("AssociateSoftwareToken", {"AccessToken": ""}, (INVALID, "AccessToken must not be empty")),
    (
        "AssociateSoftwareToken",
        {"Session": "x" * 19},
        (INVALID, "Session must have 20 to 4096 characters"),
    ),
    ("VerifySoftwareToken", {"Session": "x" * 20}, (INVALID, "UserCode is missing")),
    ("VerifySoftwareToken", {"UserCode": "000000"}, EITHER),
    *(
        (
            "VerifySoftwareToken",
            {"Session": "x" * 20, "UserCode": code},
            (INVALID, "UserCode must be six digits"),
        )
        for code in ("12345", "1234567", "abcdef", "１２３４５６", "123 456")
    ),
    (
        "VerifySoftwareToken",
        {"Session": "x" * 20, "UserCode": 123456},
        (INVALID, "UserCode must be a string"),
    ),
    (
        "VerifySoftwareToken",
        {"Session": "x" * 20, "UserCode": "000000", "FriendlyDeviceName": 1},
        (INVALID, "FriendlyDeviceName must be a string"),
    ),
    ("SetUserMFAPreference", ON, (INVALID, "AccessToken is missing")),
    *(
        (
            "SetUserMFAPreference",
            {"AccessToken": "x", "SoftwareTokenMfaSettings": settings},
            (INVALID, f"SoftwareTokenMfaSettings {SWITCHES}"),
        )
        for settings in NO_SWITCHES
    ),
]


def test_a_wrong_parameter_is_named(pool: Pool) -> None:
    for operation, body, refusal in WRONG:
        assert_refused(pool.call(operation, body), *refusal)


def test_who_am_i_still_costs_one_statement(pool: Pool, cast: Cast) -> None:
    token = access_of_bob(pool, cast)
    with Statements() as statements:
        assert settings_of(pool, token)[0] == ["SOFTWARE_TOKEN_MFA"]
    assert statements.count == 1
