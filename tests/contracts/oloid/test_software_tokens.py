"""Authenticator apps over Cognito's operations: during a login, and of a signed-in user."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client, TestCase
from django.utils import timezone

from accounts.contracts.oloid.wording import SIGN_IN_AGAIN
from accounts.models import LoginEvent, Session, User
from mfa import binding, totp
from mfa.models import Challenge, EmailFactor, Enrolment, Passkey, RecoveryCode, TotpAuthenticator
from tenants import resolve
from tenants.models import TenantPolicy
from tests.contracts.oloid.calls import (
    SESSION,
    TOKENS,
    Answer,
    Like,
    Pool,
    Statements,
    alpha,
    assert_refused,
    body_of,
    credentials,
    post_login,
)
from tests.fixtures import Cast, Persona

SECRET = Like(r"[A-Z2-7]{32}")
SUCCESS = {"ChallengeParameters": {}, "AuthenticationResult": TOKENS}
INVALID = "InvalidParameterException"
DENIED = "NotAuthorizedException"
WRONG_CODE = (
    "EnableSoftwareTokenMFAException",
    "Code mismatch and fail enable Software Token MFA",
)
NOTHING_WAITS = (
    "SoftwareTokenMFANotFoundException",
    "Software Token MFA does not exist for the user.",
)
USED = ("ExpiredCodeException", "Your software token has already been used once.")
NOT_FRESH = (DENIED, SIGN_IN_AGAIN)
FOREIGN = (DENIED, "Invalid session for the user.")
SPENT = (DENIED, "Invalid session for the user, session can only be used once.")
EXPIRED = (DENIED, "Invalid session for the user, session is expired.")
NO_TOKEN = (DENIED, "Invalid Access Token")
EITHER = (INVALID, "Either AccessToken or Session must be given")
NEW_PASSWORD = "another horse, another staple"
ADDED, REMOVED = "An authenticator app was added", "An authenticator app was removed"
ON: dict[str, Any] = {"SoftwareTokenMfaSettings": {"Enabled": True, "PreferredMfa": True}}
OFF: dict[str, Any] = {"SoftwareTokenMfaSettings": {"Enabled": False}}


class MailingClient(Client):
    """Sends what a call leaves to be mailed, as a commit would."""

    def post(self, *args: Any, **kwargs: Any) -> Any:
        with TestCase.captureOnCommitCallbacks(execute=True):
            return super().post(*args, **kwargs)


@pytest.fixture
def client(settings: Any) -> Client:
    settings.MAIL_INLINE = True
    return MailingClient()


@pytest.fixture
def pool(client: Client, cast: Cast) -> Pool:
    return alpha(client, cast)


@pytest.fixture
def demanded(cast: Cast) -> None:
    """Alpha demands a second factor of everybody."""
    TenantPolicy.objects.create(tenant=cast.alpha, second_factor="required")
    resolve.invalidate()


def associate(pool: Pool, **by: str) -> Answer:
    return pool.call("AssociateSoftwareToken", by)


def verify(pool: Pool, code: str, **by: str) -> Answer:
    return pool.call("VerifySoftwareToken", {**by, "UserCode": code})


def prefer(pool: Pool, token: str, settings: dict[str, Any]) -> Answer:
    return pool.call("SetUserMFAPreference", {"AccessToken": token, **settings})


def answered(answer: Answer, expected: Any) -> Any:
    """The body of a success, after it was compared whole."""
    assert (answer.status_code, body_of(answer)) == (200, expected)
    return body_of(answer)


def code_of(secret: str, steps: int = 0) -> str:
    return totp.code_at(base64.b32decode(secret), totp.step_at(timezone.now()) + steps)


def wrong(secret: str) -> str:
    """Six digits that the app shows at no time near."""
    near = {code_of(secret, steps) for steps in range(-3, 4)}
    return next(code for code in ("000000", "111111", *near) if code not in near)


def let_pass(seconds: int) -> None:
    """Make every session's proofs so much older."""
    for session in Session.objects.all():
        session.amr = [{**record, "at": record["at"] - seconds} for record in session.amr]
        session.save(update_fields=["amr"])


def apps(who: Persona) -> list[str]:
    return list(TotpAuthenticator.objects.filter(user=who.user).values_list("name", flat=True))


def settings_of(pool: Pool, token: str) -> Any:
    """What ``GetUser`` says of second factors: the list and the preference."""
    told = body_of(pool.get_user(token))
    return told.get("UserMFASettingList"), told.get("PreferredMfaSetting")


def access_of_bob(pool: Pool, cast: Cast) -> str:
    session = body_of(pool.by_password("bob", cast.bob.password))["Session"]
    token: str = body_of(pool.code(session, "bob", cast.bob.code()))["AuthenticationResult"][
        "AccessToken"
    ]
    return token


def begun(pool: Pool, cast: Cast) -> str:
    """The session of alice's MFA_SETUP challenge."""
    asked = body_of(pool.by_password("alice", cast.alice.password))
    assert asked["ChallengeName"] == "MFA_SETUP"
    return str(asked["Session"])


def set_up(pool: Pool, session: str) -> tuple[str, str]:
    """The code that proved a new app, and the session after it."""
    made = answered(associate(pool, Session=session), {"SecretCode": SECRET, "Session": SESSION})
    told = {"Status": "SUCCESS", "Session": SESSION}
    code = code_of(made["SecretCode"])
    proved = answered(verify(pool, code, Session=made["Session"], FriendlyDeviceName="Phone"), told)
    return code, proved["Session"]


# During a login


def by_initiate_auth(pool: Pool, who: Persona) -> Any:
    return body_of(pool.by_password(who.username, who.password))


def by_login(pool: Pool, who: Persona) -> Any:
    answer = post_login(pool.client, credentials(who, pool.tenant))
    told = body_of(answer)
    assert told.keys() == {"cognitoToken"}
    return {name: text for name, text in told["cognitoToken"].items() if name != "$metadata"}


@pytest.mark.usefixtures("demanded")
@pytest.mark.parametrize("start", [by_initiate_auth, by_login])
@pytest.mark.parametrize("owes_password", [False, True])
def test_a_login_goes_through_every_step_that_is_due(
    pool: Pool, cast: Cast, start: Callable[[Pool, Persona], Any], owes_password: bool
) -> None:
    older = Session.objects.create(
        tenant=cast.alpha,
        user=cast.alice.user,
        contract="rocketchat",
        auth_time=timezone.now(),
        expires_at=timezone.now() + timedelta(days=1),
        security_epoch=0,
    )
    User.objects.filter(username="alice").update(must_change_password=owes_password)
    asked = start(pool, cast.alice)
    if owes_password:
        assert asked["ChallengeName"] == "NEW_PASSWORD_REQUIRED"
        chosen = {"USERNAME": "alice", "NEW_PASSWORD": NEW_PASSWORD}
        asked = body_of(pool.respond("NEW_PASSWORD_REQUIRED", asked["Session"], **chosen))
    assert asked == {
        "ChallengeName": "MFA_SETUP",
        "Session": SESSION,
        "ChallengeParameters": {
            "USER_ID_FOR_SRP": "alice",
            "MFAS_CAN_SETUP": '["SOFTWARE_TOKEN_MFA"]',
        },
    }
    code, session = set_up(pool, asked["Session"])
    # Nothing has happened yet.
    assert (apps(cast.alice), len(mail.outbox), Session.objects.count()) == ([], 0, 1)
    done = answered(pool.respond("MFA_SETUP", session, USERNAME="alice"), SUCCESS)
    assert apps(cast.alice) == ["Phone"]
    changed = ["The password was changed"] if owes_password else []
    assert [each.subject for each in mail.outbox] == [*changed, ADDED]
    assert LoginEvent.objects.filter(event="factor:authenticator:bound").count() == 1
    older.refresh_from_db()
    assert older.end_reason == "second factor bound"
    token = done["AuthenticationResult"]["AccessToken"]
    assert settings_of(pool, token) == (["SOFTWARE_TOKEN_MFA"], "SOFTWARE_TOKEN_MFA")
    assert Session.objects.get(contract="oloid").acr == "aal2"
    # The code that proved the app is spent.
    password = NEW_PASSWORD if owes_password else cast.alice.password
    again = start(pool, Persona(cast.alice.user, password))
    assert again["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
    assert_refused(pool.code(again["Session"], "alice", code), *USED)


@pytest.mark.parametrize("start", [by_initiate_auth, by_login])
def test_a_new_password_is_followed_by_the_code(
    pool: Pool, cast: Cast, start: Callable[[Pool, Persona], Any]
) -> None:
    User.objects.filter(username="bob").update(must_change_password=True)
    first = start(pool, cast.bob)
    chosen = {"USERNAME": "bob", "NEW_PASSWORD": NEW_PASSWORD}
    second = body_of(pool.respond("NEW_PASSWORD_REQUIRED", first["Session"], **chosen))
    assert second["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
    answered(pool.code(second["Session"], "bob", cast.bob.code()), SUCCESS)


@pytest.mark.usefixtures("demanded")
def test_the_secret_of_a_login_is_sealed_and_replaced_by_asking_again(
    pool: Pool, cast: Cast
) -> None:
    first = body_of(associate(pool, Session=begun(pool, cast)))
    kept = Challenge.objects.get(spent_at=None).state_sealed
    assert kept
    assert first["SecretCode"] not in kept
    second = body_of(associate(pool, Session=first["Session"]))
    assert second["SecretCode"] != first["SecretCode"]
    assert_refused(associate(pool, Session=first["Session"]), *SPENT)
    old = verify(pool, wrong(second["SecretCode"]), Session=second["Session"])
    assert_refused(old, *WRONG_CODE)
    # A wrong code leaves the session for another try.
    told = {"Status": "SUCCESS", "Session": SESSION}
    answered(verify(pool, code_of(second["SecretCode"]), Session=second["Session"]), told)


@pytest.mark.usefixtures("demanded")
def test_five_wrong_codes_use_up_the_session_and_make_the_next_wait(pool: Pool, cast: Cast) -> None:
    made = body_of(associate(pool, Session=begun(pool, cast)))
    for _ in range(5):
        assert_refused(
            verify(pool, wrong(made["SecretCode"]), Session=made["Session"]), *WRONG_CODE
        )
    assert_refused(verify(pool, code_of(made["SecretCode"]), Session=made["Session"]), *SPENT)
    made = body_of(associate(pool, Session=begun(pool, cast)))
    answer = verify(pool, code_of(made["SecretCode"]), Session=made["Session"])
    assert_refused(answer, "TooManyRequestsException", "Too many requests")
    assert 0 < int(answer["Retry-After"]) <= 300


@pytest.mark.usefixtures("demanded")
def test_only_the_session_of_this_very_step_is_taken(pool: Pool, cast: Cast) -> None:
    elsewhere = Pool(pool.client, cast.beta, "/t/beta/")
    session = begun(pool, cast)
    made = body_of(associate(pool, Session=session))
    code = code_of(made["SecretCode"])
    bobs = body_of(pool.by_password("bob", cast.bob.password))["Session"]
    exchanges: list[tuple[Answer, tuple[str, str]]] = [
        # The password of an account with an app does not bind another one.
        (associate(pool, Session=bobs), FOREIGN),
        (verify(pool, code, Session=bobs), FOREIGN),
        (associate(pool, Session="x" * 43), FOREIGN),
        (verify(pool, code, Session="x" * 43), FOREIGN),
        (associate(elsewhere, Session=made["Session"]), FOREIGN),
        (verify(elsewhere, code, Session=made["Session"]), FOREIGN),
        (verify(pool, code, Session=session), SPENT),
        # Nothing was proved yet, so the login does not end here.
        (pool.respond("MFA_SETUP", made["Session"], USERNAME="alice"), FOREIGN),
    ]
    for answer, refusal in exchanges:
        assert_refused(answer, *refusal)
    proved = body_of(verify(pool, code, Session=made["Session"]))["Session"]
    assert_refused(pool.respond("MFA_SETUP", proved, USERNAME="bob"), *FOREIGN)
    assert_refused(pool.code(proved, "alice", code), *FOREIGN)
    foreign_client = Pool(pool.client, cast.beta).respond("MFA_SETUP", proved, USERNAME="alice")
    assert_refused(foreign_client, *FOREIGN)
    answered(pool.respond("MFA_SETUP", proved, USERNAME="alice"), SUCCESS)
    assert_refused(pool.respond("MFA_SETUP", proved, USERNAME="alice"), *SPENT)
    assert Session.objects.count() == 1


@pytest.mark.usefixtures("demanded")
def test_the_steps_do_not_prolong_a_login(pool: Pool, cast: Cast) -> None:
    session = begun(pool, cast)
    ends = Challenge.objects.get().expires_at
    _, proved = set_up(pool, session)
    assert set(Challenge.objects.values_list("expires_at", flat=True)) == {ends}
    Challenge.objects.update(expires_at=timezone.now())
    assert_refused(pool.respond("MFA_SETUP", proved, USERNAME="alice"), *EXPIRED)
    assert (apps(cast.alice), Session.objects.count()) == ([], 0)


@pytest.mark.usefixtures("demanded")
def test_a_login_that_lagged_behind_does_not_replace_an_app(pool: Pool, cast: Cast) -> None:
    """Who knows the password alone must not take over what its owner has bound meanwhile."""
    fresh, associated = begun(pool, cast), body_of(associate(pool, Session=begun(pool, cast)))
    _, proved = set_up(pool, begun(pool, cast))
    owners = totp.new_secret()
    binding.bind_totp(cast.alice.user.pk, owners)
    code = code_of(associated["SecretCode"])
    for answer in (
        associate(pool, Session=fresh),
        verify(pool, code, Session=associated["Session"]),
        pool.respond("MFA_SETUP", proved, USERNAME="alice"),
    ):
        assert_refused(answer, *EXPIRED)
    assert TotpAuthenticator.objects.get(user=cast.alice.user).secret() == owners
    assert Session.objects.count() == 0


# Of a signed-in user


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


@pytest.mark.usefixtures("demanded")
def test_an_app_that_the_tenant_demands_stays_on(pool: Pool, cast: Cast) -> None:
    token = access_of_bob(pool, cast)
    answer = prefer(pool, token, OFF)
    assert_refused(answer, INVALID, "Software token MFA is required and cannot be turned off")
    assert apps(cast.bob) == ["Authenticator app"]


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


def test_there_is_never_a_choice_among_several_kinds(pool: Pool, cast: Cast) -> None:
    """Recovery codes, mailed codes and passkeys are no kinds that this contract carries."""
    EmailFactor.objects.create(user=cast.bob.user)
    Passkey.objects.create(user=cast.bob.user, credential_id=b"1", public_key=b"2", name="Key")
    asked = body_of(pool.by_password("bob", cast.bob.password))
    assert asked["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
    assert asked["ChallengeParameters"] == {"USER_ID_FOR_SRP": "bob"}
    answer = {"USERNAME": "bob", "ANSWER": "SOFTWARE_TOKEN_MFA"}
    assert_refused(pool.respond("SELECT_MFA_TYPE", asked["Session"], **answer), *FOREIGN)
    done = body_of(pool.code(asked["Session"], "bob", cast.bob.code()))
    token = done["AuthenticationResult"]["AccessToken"]
    assert settings_of(pool, token) == (["SOFTWARE_TOKEN_MFA"], "SOFTWARE_TOKEN_MFA")


SWITCHES = "must hold Enabled and PreferredMfa as true or false"
NO_SWITCHES: list[Any] = [[], "x", True, {"Enabled": "false"}, {"Enabled": 0}]
NO_DELIVERY = "User does not have delivery config set to turn on"


@pytest.mark.parametrize(
    ("operation", "body", "refusal"),
    [
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
    ],
)
def test_a_wrong_parameter_is_named(
    pool: Pool, operation: str, body: dict[str, Any], refusal: tuple[str, str]
) -> None:
    assert_refused(pool.call(operation, body), *refusal)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({}, None),
        ({"SoftwareTokenMfaSettings": {}}, None),
        ({"SoftwareTokenMfaSettings": None, "SMSMfaSettings": None}, None),
        ({"SoftwareTokenMfaSettings": {"Enabled": None, "PreferredMfa": None}}, None),
        ({"SoftwareTokenMfaSettings": {"PreferredMfa": False}}, None),
        ({"SoftwareTokenMfaSettings": {"Enabled": True, "PreferredMfa": False}}, None),
        ({**ON, "SMSMfaSettings": {"Enabled": False, "PreferredMfa": False}}, None),
        ({**OFF, "SMSMfaSettings": {"Enabled": True}}, f"{NO_DELIVERY} SMS_MFA"),
        ({**OFF, "EmailMfaSettings": {"PreferredMfa": True}}, f"{NO_DELIVERY} EMAIL_OTP"),
        ({**OFF, "WebAuthnMfaSettings": {"Enabled": True}}, f"{NO_DELIVERY} WEB_AUTHN"),
        (
            {"SoftwareTokenMfaSettings": {"Enabled": False, "PreferredMfa": True}},
            "Software token MFA cannot be preferred and not enabled",
        ),
    ],
)
def test_a_preference_that_is_none_changes_nothing(
    pool: Pool, cast: Cast, wanted: dict[str, Any], message: str | None
) -> None:
    token = access_of_bob(pool, cast)
    answer = prefer(pool, token, wanted)
    if message is None:
        answered(answer, {})
    else:
        assert_refused(answer, INVALID, message)
    assert settings_of(pool, token) == (["SOFTWARE_TOKEN_MFA"], "SOFTWARE_TOKEN_MFA")


def test_switching_off_what_is_not_there_is_fine(pool: Pool, cast: Cast) -> None:
    token = pool.log_in(cast.alice)["AccessToken"]
    let_pass(3600)
    answered(prefer(pool, token, OFF), {})


def test_who_am_i_still_costs_one_statement(pool: Pool, cast: Cast) -> None:
    token = access_of_bob(pool, cast)
    with Statements() as statements:
        assert settings_of(pool, token)[0] == ["SOFTWARE_TOKEN_MFA"]
    assert statements.count == 1
