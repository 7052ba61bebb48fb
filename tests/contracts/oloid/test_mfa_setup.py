"""``MFA_SETUP``: an authenticator app is set up in the middle of a login."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from accounts.models import LoginEvent, Session, User
from mfa import binding, totp
from mfa.models import Challenge, TotpAuthenticator
from tests.contracts.oloid.authenticators import (
    ADDED,
    EXPIRED,
    FOREIGN,
    NEW_PASSWORD,
    SPENT,
    SUCCESS,
    USED,
    WRONG_CODE,
    answered,
    apps,
    associate,
    begun,
    code_of,
    set_up,
    settings_of,
    verify,
    wrong,
)
from tests.contracts.oloid.calls import (
    SESSION,
    Answer,
    Pool,
    assert_refused,
    body_of,
    credentials,
    post_login,
)
from tests.fixtures import Cast, Persona


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
    # What is told to wait was not looked at, so it does not use the session up.
    for _ in range(6):
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
    chosen = {"USERNAME": "alice", "ANSWER": "SOFTWARE_TOKEN_MFA"}
    assert_refused(pool.respond("SELECT_MFA_TYPE", proved, **chosen), *FOREIGN)
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
