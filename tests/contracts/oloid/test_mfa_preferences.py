"""``SetUserMFAPreference``: second factors are switched off and on, and one is preferred."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from accounts.models import LoginEvent, User
from mfa import email_codes
from mfa.models import RecoveryCode
from tests.contracts.oloid.authenticators import (
    DENIED,
    INVALID,
    NOT_FRESH,
    OFF,
    ON,
    REMOVED,
    SUCCESS,
    access_of_bob,
    answered,
    apps,
    associate,
    by_mail,
    code_of,
    let_pass,
    mailed,
    prefer,
    settings_of,
    verify,
)
from tests.contracts.oloid.calls import (
    Pool,
    assert_refused,
    body_of,
)
from tests.fixtures import Cast


def test_the_app_is_switched_off_by_a_fresh_login(pool: Pool, cast: Cast) -> None:
    token = access_of_bob(pool, cast)
    answered(prefer(pool, token, OFF), {})
    assert settings_of(pool, token) == (None, None)
    assert (apps(cast.bob), RecoveryCode.objects.filter(user=cast.bob.user).count()) == ([], 0)
    assert [each.subject for each in mail.outbox] == [REMOVED]
    assert LoginEvent.objects.filter(event="factor:authenticator:removed").count() == 1
    assert body_of(pool.by_password("bob", cast.bob.password)) == SUCCESS
    # It is gone, so it is not switched on again but set up again.
    answer = prefer(pool, token, ON)
    assert_refused(answer, INVALID, "User has not verified software token mfa")


def test_an_app_that_was_just_bound_may_be_switched_off(pool: Pool, cast: Cast) -> None:
    token = pool.log_in(cast.alice)["AccessToken"]
    secret = body_of(associate(pool, AccessToken=token))["SecretCode"]
    verify(pool, code_of(secret), AccessToken=token)
    answered(prefer(pool, token, OFF), {})
    assert apps(cast.alice) == []


@pytest.mark.usefixtures("demanded")
def test_an_app_that_the_tenant_demands_stays_on(pool: Pool, cast: Cast) -> None:
    token = access_of_bob(pool, cast)
    answer = prefer(pool, token, OFF)
    assert_refused(answer, INVALID, "Software token MFA is required and cannot be turned off")
    assert apps(cast.bob) == ["Authenticator app"]


NO_DELIVERY = "User does not have delivery config set to turn on"
CONFLICT = "Software token MFA cannot be preferred and not enabled"
ONLY_ONE = "Only one MFA method can be preferred"
EMAIL_ON: dict[str, Any] = {"EmailMfaSettings": {"Enabled": True}}
EMAIL_OFF: dict[str, Any] = {"EmailMfaSettings": {"Enabled": False}}
EMAIL_FIRST: dict[str, Any] = {"EmailMfaSettings": {"Enabled": True, "PreferredMfa": True}}
WANTED: list[tuple[dict[str, Any], str | None]] = [
    ({}, None),
    ({"SoftwareTokenMfaSettings": {}}, None),
    ({"SoftwareTokenMfaSettings": None, "SMSMfaSettings": None}, None),
    ({"SoftwareTokenMfaSettings": {"Enabled": None, "PreferredMfa": None}}, None),
    ({"SoftwareTokenMfaSettings": {"PreferredMfa": False}}, None),
    ({"SoftwareTokenMfaSettings": {"Enabled": True, "PreferredMfa": False}}, None),
    ({**ON, "SMSMfaSettings": {"Enabled": False, "PreferredMfa": False}}, None),
    (EMAIL_OFF, None),
    ({**OFF, "SMSMfaSettings": {"Enabled": True}}, f"{NO_DELIVERY} SMS_MFA"),
    ({**OFF, "WebAuthnMfaSettings": {"Enabled": True}}, f"{NO_DELIVERY} WEB_AUTHN"),
    ({"SoftwareTokenMfaSettings": {"Enabled": False, "PreferredMfa": True}}, CONFLICT),
    (
        {"EmailMfaSettings": {"Enabled": False, "PreferredMfa": True}},
        "Email MFA cannot be preferred and not enabled",
    ),
    ({**ON, **EMAIL_FIRST}, ONLY_ONE),
]


def test_a_preference_that_is_none_changes_nothing(pool: Pool, cast: Cast) -> None:
    token = access_of_bob(pool, cast)
    let_pass(3600)
    for wanted, message in WANTED:
        answer = prefer(pool, token, wanted)
        if message is None:
            answered(answer, {})
        else:
            assert_refused(answer, INVALID, message)
        assert settings_of(pool, token) == (["SOFTWARE_TOKEN_MFA"], "SOFTWARE_TOKEN_MFA")


def test_codes_by_mail_are_switched_on_and_off(pool: Pool, cast: Cast) -> None:
    other, token = (pool.log_in(cast.alice)["AccessToken"] for _ in range(2))
    answered(prefer(pool, token, EMAIL_ON), {})
    assert settings_of(pool, token) == (["EMAIL_OTP"], "EMAIL_OTP")
    assert [each.subject for each in mail.outbox] == ["Sign-in by mailed code was added"]
    assert_refused(pool.get_user(other), DENIED, "Access Token has been revoked")
    # This login has proved no mailbox: it cannot go on changing.
    assert_refused(prefer(pool, token, EMAIL_OFF), *NOT_FRESH)
    session = body_of(pool.by_password("alice", cast.alice.password))["Session"]
    done = body_of(by_mail(pool, session, "alice", mailed()))
    token = done["AuthenticationResult"]["AccessToken"]
    answered(prefer(pool, token, EMAIL_OFF), {})
    assert settings_of(pool, token) == (None, None)
    events = LoginEvent.objects.filter(event__startswith="factor:authenticator:").order_by("at")
    assert [event.factor for event in events] == ["email", "email"]


def test_codes_by_mail_need_an_address_that_was_proved(pool: Pool, cast: Cast) -> None:
    token = pool.log_in(cast.alice)["AccessToken"]
    refusal = (INVALID, f"{NO_DELIVERY} EMAIL_OTP")
    for address, proved in (("alice@alpha.example", False), ("", False)):
        User.objects.filter(pk=cast.alice.user.pk).update(email=address, email_verified=proved)
        assert_refused(prefer(pool, token, EMAIL_ON), *refusal)
        assert_refused(prefer(pool, token, EMAIL_FIRST), *refusal)


def test_the_last_kind_stays_where_the_tenant_demands_one(
    pool: Pool, cast: Cast, demanded: None
) -> None:
    email_codes.enable(cast.alice.user.pk, timezone.now())
    session = body_of(pool.by_password("alice", cast.alice.password))["Session"]
    done = body_of(by_mail(pool, session, "alice", mailed()))
    answer = prefer(pool, done["AuthenticationResult"]["AccessToken"], EMAIL_OFF)
    assert_refused(answer, INVALID, "Email MFA is required and cannot be turned off")
    # Of two kinds one may go.
    email_codes.enable(cast.bob.user.pk, timezone.now())
    User.objects.filter(pk=cast.bob.user.pk).update(preferred_factor="otp")
    token = access_of_bob(pool, cast)
    answered(prefer(pool, token, OFF), {})
    assert settings_of(pool, token) == (["EMAIL_OTP"], "EMAIL_OTP")
    assert User.objects.get(pk=cast.bob.user.pk).preferred_factor == ""


def test_a_kind_is_preferred_and_no_longer(pool: Pool, cast: Cast) -> None:
    email_codes.enable(cast.bob.user.pk, timezone.now())
    User.objects.filter(pk=cast.bob.user.pk).update(preferred_factor="otp")
    token = access_of_bob(pool, cast)
    both = ["SOFTWARE_TOKEN_MFA", "EMAIL_OTP"]
    no_mail: dict[str, Any] = {"EmailMfaSettings": {"Enabled": True, "PreferredMfa": False}}
    for wanted, preferred in ((EMAIL_FIRST, "EMAIL_OTP"), (no_mail, None), (ON, both[0])):
        answered(prefer(pool, token, wanted), {})
        assert settings_of(pool, token) == (both, preferred)
    told = LoginEvent.objects.filter(event="admin:user:changed").order_by("at")
    assert [event.factor for event in told] == ["email", "", "otp"]
    let_pass(15 * 60 + 1)
    assert_refused(prefer(pool, token, EMAIL_FIRST), *NOT_FRESH)


def test_switching_off_what_is_not_there_is_fine(pool: Pool, cast: Cast) -> None:
    token = pool.log_in(cast.alice)["AccessToken"]
    let_pass(3600)
    answered(prefer(pool, token, OFF), {})
