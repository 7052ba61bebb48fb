"""Logins of several steps: a new password, a first authenticator; no change before the end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone

from accounts.login import association, password_change, passwords
from accounts.login.attempt import Attempt, ChallengeToken, NewPassword, Password
from accounts.login.outcome import Authenticated, ChallengeRequired, Obligation, Reason
from accounts.login.profile import ObligationForm
from accounts.models import Session, User
from mfa import totp
from mfa.models import Challenge, TotpAuthenticator
from tenants import resolve
from tenants.hint import TenantHint
from tenants.models import TenantPolicy
from tests.login.gate import (
    PASSWORD,
    PLAIN,
    TOKEN,
    Town,
    challenged,
    context,
    logged_in,
    login,
    reason_of,
    second,
)

NOW = timezone.now().replace(second=15, microsecond=0)
STEPS = replace(
    TOKEN,
    obligations={
        Obligation.CHANGE_PASSWORD: ObligationForm.CHALLENGE,
        Obligation.BIND_FACTOR: ObligationForm.CHALLENGE,
    },
)
CHOSEN = "an altogether different phrase"


def due(outcome: Any) -> ChallengeRequired:
    assert isinstance(outcome, ChallengeRequired), outcome
    return outcome


def begun(name: str) -> ChallengeRequired:
    return due(login(name, PASSWORD, profile=STEPS, now=NOW))


def must_change(user: User) -> None:
    User.objects.filter(pk=user.pk).update(must_change_password=True)


def step(token: str) -> Attempt:
    return Attempt((ChallengeToken(token),), TenantHint(), context(NOW))


class TestNewPassword:
    def test_the_new_password_takes_effect_with_the_session(self, town: Town) -> None:
        before = logged_in(now=NOW)
        must_change(town.alice)
        first = begun("alice")
        assert first.step == Challenge.Step.NEW_PASSWORD
        done = second(first.token, NewPassword(CHOSEN), STEPS, now=NOW)
        assert isinstance(done, Authenticated)
        row = User.objects.get(pk=town.alice.pk)
        assert passwords.verify(Password(CHOSEN), row.password)
        assert (row.must_change_password, row.password_changed_at) == (False, NOW)
        # Older sessions bear an older epoch and are dead; the new one lives.
        assert row.security_epoch == Session.objects.get(pk=done.session.pk).security_epoch == 1
        assert Session.objects.get(pk=before.session.pk).security_epoch == 0
        again = reason_of(second, first.token, NewPassword(CHOSEN), STEPS, now=NOW)
        assert again in {Reason.CHALLENGE_SPENT, Reason.CHALLENGE_EXPIRED}

    def test_nothing_changes_before_the_second_factor(self, town: Town) -> None:
        must_change(town.bob)
        stored = User.objects.get(pk=town.bob.pk).password
        then = due(second(begun("bob").token, NewPassword(CHOSEN), STEPS, now=NOW))
        assert then.step == Challenge.Step.SECOND_FACTOR
        assert User.objects.get(pk=town.bob.pk).password == stored
        assert not Session.objects.exists()
        assert reason_of(second, then.token, "bad", STEPS, now=NOW) is Reason.WRONG_CODE
        assert User.objects.get(pk=town.bob.pk).password == stored
        assert isinstance(second(then.token, town.code(NOW), STEPS, now=NOW), Authenticated)
        assert passwords.verify(Password(CHOSEN), User.objects.get(pk=town.bob.pk).password)

    @pytest.mark.parametrize("weak", ["short", "", "x" * 40, "x" * 2000, "password1234567"])
    def test_a_weak_password_is_refused_and_leaves_the_step_open(
        self, town: Town, weak: str
    ) -> None:
        must_change(town.alice)
        token = begun("alice").token
        refused = reason_of(second, token, NewPassword(weak), STEPS, now=NOW)
        assert refused is Reason.PASSWORD_REJECTED
        assert isinstance(second(token, NewPassword(CHOSEN), STEPS, now=NOW), Authenticated)

    def test_the_challenge_of_a_code_takes_no_password(self, town: Town) -> None:
        token = begun("bob").token
        assert reason_of(second, token, NewPassword(CHOSEN), STEPS, now=NOW) is (
            Reason.FACTOR_MISSING
        )


class TestBinding:
    @pytest.fixture(autouse=True)
    def _required(self, town: Town) -> None:
        TenantPolicy(tenant=town.alpha, second_factor="required").save()
        resolve.invalidate()

    def test_an_authenticator_is_bound_with_the_session(self, town: Town) -> None:
        first = begun("alice")
        assert first.step == Challenge.Step.BIND_FACTOR
        made = association.associate(step(first.token), STEPS)
        assert not TotpAuthenticator.objects.filter(user=town.alice).exists()
        code = totp.code_at(made.secret, totp.step_at(NOW))
        proved = association.prove(step(made.token), code, STEPS)
        assert not Session.objects.exists()
        done = second(proved, None, STEPS, now=NOW)
        assert isinstance(done, Authenticated)
        assert done.session.acr == "aal2"
        assert TotpAuthenticator.objects.get(user=town.alice).secret() == made.secret
        # The code that proved it is spent.
        then = begun("alice").token
        assert reason_of(second, then, code, STEPS, now=NOW) is Reason.SPENT_CODE

    def test_without_the_proof_there_is_no_session(self, town: Town) -> None:
        first = begun("alice").token
        for code in (None, "000000"):
            assert reason_of(second, first, code, STEPS, now=NOW) is Reason.CHALLENGE_FOREIGN
        made = association.associate(step(first), STEPS)
        for code in (None, totp.code_at(made.secret, totp.step_at(NOW))):
            assert reason_of(second, made.token, code, STEPS, now=NOW) is Reason.CHALLENGE_FOREIGN
        assert not Session.objects.exists()

    def test_each_step_is_good_once_and_wrong_codes_are_counted(self, town: Town) -> None:
        first = begun("alice").token
        made = association.associate(step(first), STEPS)
        assert reason_of(association.associate, step(first), STEPS) is Reason.CHALLENGE_SPENT
        for _ in range(STEPS.challenge_attempts):
            assert reason_of(association.prove, step(made.token), "bad", STEPS) is Reason.WRONG_CODE
        code = totp.code_at(made.secret, totp.step_at(NOW))
        assert reason_of(association.prove, step(made.token), code, STEPS) is Reason.CHALLENGE_SPENT

    def test_the_steps_do_not_prolong_the_login(self, town: Town) -> None:
        made = association.associate(step(begun("alice").token), STEPS)
        late = NOW + STEPS.challenge_lifetime
        attempt = Attempt((ChallengeToken(made.token),), TenantHint(), context(late))
        assert reason_of(association.prove, attempt, "000000", STEPS) is Reason.CHALLENGE_EXPIRED

    def test_the_challenge_of_a_code_binds_nothing(self, town: Town) -> None:
        token = begun("bob").token
        assert reason_of(association.associate, step(token), STEPS) is Reason.CHALLENGE_FOREIGN


class TestNewPasswordAgainstOthers:
    def test_the_old_password_is_no_new_one(self, town: Town) -> None:
        User.objects.filter(pk=town.alice.pk).update(password=passwords.encode(CHOSEN))
        User.objects.filter(pk=town.alice.pk).update(must_change_password=True)
        first = due(login("alice", CHOSEN, profile=STEPS, now=NOW))
        refused = reason_of(second, first.token, NewPassword(CHOSEN), STEPS, now=NOW)
        assert refused is Reason.PASSWORD_REJECTED

    def test_an_officers_reset_during_the_step_is_not_undone(
        self, town: Town, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        must_change(town.alice)
        token = begun("alice").token
        prepare = password_change.prepare

        def while_an_officer_resets(*args: Any) -> str:
            User.objects.filter(pk=town.alice.pk).update(
                security_epoch=F("security_epoch") + 1, password="!"
            )
            return prepare(*args)

        monkeypatch.setattr(password_change, "prepare", while_an_officer_resets)
        refused = reason_of(second, token, NewPassword(CHOSEN), STEPS, now=NOW)
        assert refused is Reason.CHALLENGE_EXPIRED
        assert User.objects.get(pk=town.alice.pk).password == "!"
        assert not Session.objects.filter(user=town.alice).exists()


class TestRightPasswordsThatGoNoFurther:
    def test_they_do_not_lock_the_account(self, town: Town) -> None:
        for _ in range(12):
            assert reason_of(login, "bob", PASSWORD, profile=PLAIN, now=NOW) is (
                Reason.FACTOR_UNSUPPORTED
            )
        challenged(now=NOW)

    def test_a_disabled_account_costs_tries_like_a_wrong_password(self, town: Town) -> None:
        reasons = [reason_of(login, "carol", PASSWORD, now=NOW) for _ in range(11)]
        assert reasons == [Reason.DISABLED] * 10 + [Reason.THROTTLED_SUBJECT]
