"""The second step: codes are good once, challenges open only what they were made for."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.login.attempt import (
    Attempt,
    ChallengeToken,
    Identifier,
    NameForm,
    OneTimePassword,
    Password,
    RecoveryCodeInput,
)
from accounts.login.outcome import Authenticated, ChallengeRequired, Factor, Obligation, Reason
from accounts.login.pipeline import authenticate
from accounts.login.profile import ChallengeForm, ObligationForm
from accounts.models import Session, User
from mfa import recovery_codes
from mfa.models import Challenge, RecoveryCode, TotpAuthenticator
from mfa.totp import PERIOD, code_at, step_at
from tenants import resolve
from tenants.hint import TenantHint
from tests.login.gate import (
    CODES,
    PASSWORD,
    REPEAT,
    TOKEN,
    Town,
    challenged,
    context,
    give_second_factors,
    last_event,
    logged_in,
    login,
    reason_of,
    second,
)

# The middle of a time step: neighbours are half a minute away on both sides.
NOW = timezone.now().replace(second=15, microsecond=0)
OTHER = replace(TOKEN, contract="another")


def accepted(*args: Any, **more: Any) -> Authenticated:
    outcome = second(*args, **more)
    assert isinstance(outcome, Authenticated), outcome
    return outcome


class TestTotp:
    @pytest.mark.parametrize(("steps", "good"), [(-2, False), (-1, True), (0, True), (1, False)])
    def test_one_step_back_is_taken_and_none_ahead(
        self, town: Town, steps: int, good: bool
    ) -> None:
        token, code = challenged(now=NOW).token, town.code(NOW, steps=steps)
        if good:
            accepted(token, code, now=NOW)
        else:
            assert reason_of(second, token, code, now=NOW) is Reason.WRONG_CODE

    def test_a_code_is_good_once_over_all_contracts_and_challenges(self, town: Town) -> None:
        code = town.code(NOW)
        accepted(challenged(now=NOW).token, code, now=NOW)
        for profile, contract in ((TOKEN, "probe"), (OTHER, "another")):
            token = challenged(profile=profile, now=NOW, contract=contract).token
            again = reason_of(second, token, code, profile, now=NOW, contract=contract)
            assert again is Reason.SPENT_CODE
        # Still within the tolerance, half a minute later.
        later = NOW + timedelta(seconds=PERIOD)
        assert reason_of(second, challenged(now=later).token, code, now=later) is Reason.SPENT_CODE

    def test_after_a_newer_code_an_older_one_is_spent(self, town: Town) -> None:
        accepted(challenged(now=NOW).token, town.code(NOW), now=NOW)
        older = town.code(NOW, steps=-1)
        assert reason_of(second, challenged(now=NOW).token, older, now=NOW) is Reason.SPENT_CODE

    def test_the_next_code_is_good(self, town: Town) -> None:
        accepted(challenged(now=NOW).token, town.code(NOW), now=NOW)
        later = NOW + timedelta(seconds=PERIOD)
        accepted(challenged(now=later).token, town.code(later), now=later)

    @pytest.mark.parametrize(
        "shape", ["+{}", " {}", "{} ", "{}\n", "0{}", "{:.3}_{:.3}", "１{}", "", "{}{}"]
    )
    def test_only_six_plain_digits_are_a_code(self, town: Town, shape: str) -> None:
        code = town.code(NOW)
        text = shape.format(code, code)
        assert reason_of(second, challenged(now=NOW).token, text, now=NOW) is Reason.WRONG_CODE

    def test_a_spent_code_does_not_use_up_the_challenge(self, town: Town) -> None:
        accepted(challenged(now=NOW).token, town.code(NOW), now=NOW)
        later = NOW + timedelta(seconds=PERIOD)
        token = challenged(now=later).token
        assert reason_of(second, token, town.code(NOW), now=later) is Reason.SPENT_CODE
        accepted(token, town.code(later), now=later)

    def test_the_authenticator_of_another_user_is_of_no_use(self, town: Town) -> None:
        theirs = give_second_factors(town.alice)
        token = challenged(now=NOW).token
        code = code_at(theirs, step_at(NOW))
        assert reason_of(second, token, code, now=NOW) is Reason.WRONG_CODE

    def test_an_unconfirmed_authenticator_neither_demands_nor_opens(self, town: Town) -> None:
        TotpAuthenticator.objects.update(confirmed=False)
        logged_in("bob", profile=TOKEN)


class TestRecoveryCodes:
    def test_a_code_is_good_once_and_says_how_the_user_came_in(self, town: Town) -> None:
        done = accepted(challenged(now=NOW).token, RecoveryCodeInput(CODES[0]), now=NOW)
        assert [record["method"] for record in done.session.amr] == ["pwd", "recovery"]
        assert last_event().factor == "recovery_code"
        assert recovery_codes.remaining(town.bob.pk) == len(CODES) - 1
        again = reason_of(second, challenged(now=NOW).token, RecoveryCodeInput(CODES[0]), now=NOW)
        assert again is Reason.WRONG_RECOVERY_CODE
        accepted(challenged(now=NOW).token, RecoveryCodeInput(CODES[1]), now=NOW)

    def test_a_users_code_is_of_no_use_to_another(self, town: Town) -> None:
        give_second_factors(town.alice)
        RecoveryCode.objects.filter(user=town.bob).delete()
        recovery_codes.replace(town.bob.pk, ["q" * 16], by="test")
        token = challenged(now=NOW).token
        answer = reason_of(second, token, RecoveryCodeInput(CODES[0]), now=NOW)
        assert answer is Reason.WRONG_RECOVERY_CODE
        assert recovery_codes.remaining(town.alice.pk) == len(CODES)

    def test_a_recovery_code_in_the_field_of_the_app_is_wrong(self, town: Town) -> None:
        token = challenged(now=NOW).token
        assert reason_of(second, token, CODES[0], now=NOW) is Reason.WRONG_CODE
        code = RecoveryCodeInput(town.code(NOW))
        assert reason_of(second, token, code, now=NOW) is Reason.WRONG_RECOVERY_CODE

    def test_without_an_authenticator_saved_codes_are_no_factor(self, town: Town) -> None:
        TotpAuthenticator.objects.all().delete()
        logged_in("bob", profile=TOKEN)


class TestBinding:
    """A challenge is open to nobody but who opened it, and a stranger's try does it no harm."""

    def foreign(
        self, town: Town, token: str, reason: Reason, profile: Any = TOKEN, **by: Any
    ) -> None:
        for _ in range(7):
            assert reason_of(second, token, town.code(NOW), profile, now=NOW, **by) is reason
        assert Challenge.objects.get().attempts == 0
        assert not Session.objects.exists()

    def test_of_another_contract(self, town: Town) -> None:
        token = challenged(now=NOW).token
        self.foreign(town, token, Reason.CHALLENGE_FOREIGN, OTHER, contract="another")
        accepted(token, town.code(NOW), now=NOW)

    @pytest.mark.parametrize("hint", [TenantHint(slug="beta"), TenantHint(host="beta.example.com")])
    def test_at_another_tenants_address(self, town: Town, hint: TenantHint) -> None:
        token = challenged(now=NOW).token
        self.foreign(town, token, Reason.CHALLENGE_FOREIGN, hint=hint)
        accepted(token, town.code(NOW), now=NOW, hint=TenantHint(slug="alpha"))

    @pytest.mark.parametrize("client", ["", "theirs"])
    def test_of_another_client(self, town: Town, client: str) -> None:
        token = challenged(now=NOW, client_id="mine").token
        self.foreign(town, token, Reason.CHALLENGE_FOREIGN, client_id=client)
        accepted(token, town.code(NOW), now=NOW, client_id="mine")

    @pytest.mark.parametrize("nonce", [None, "", "theirs", "mine "])
    def test_with_another_nonce(self, town: Town, nonce: str | None) -> None:
        token = challenged(now=NOW, nonce="mine").token
        self.foreign(town, token, Reason.CHALLENGE_FOREIGN, nonce=nonce)
        accepted(token, town.code(NOW), now=NOW, nonce="mine")

    def test_a_challenge_opened_without_a_nonce_takes_any(self, town: Town) -> None:
        token = challenged(now=NOW).token
        accepted(token, town.code(NOW), now=NOW, nonce="any")

    def test_of_another_user_named_beside_it(self, town: Town) -> None:
        token = challenged(now=NOW).token

        def named(name: str) -> Any:
            presented = (ChallengeToken(token), OneTimePassword(town.code(NOW)))
            who = Identifier(NameForm.ANY, name)
            return authenticate(Attempt(presented, TenantHint(), context(NOW), who), TOKEN)

        assert reason_of(named, "alice") is Reason.CHALLENGE_FOREIGN
        assert isinstance(named("bob@alpha.example"), Authenticated)

    def test_a_password_beside_a_challenge_changes_nothing(self, town: Town) -> None:
        token = challenged(now=NOW).token
        presented = (Password(PASSWORD), ChallengeToken(token), OneTimePassword("000000"))
        who = Identifier(NameForm.ANY, "alice")
        attempt = Attempt(presented, TenantHint(), context(NOW), who)
        assert reason_of(authenticate, attempt, TOKEN) is Reason.CHALLENGE_FOREIGN
        assert not Session.objects.exists()


class TestEnd:
    def test_a_challenge_is_good_once(self, town: Town) -> None:
        token = challenged(now=NOW).token
        accepted(token, town.code(NOW), now=NOW)
        later = NOW + timedelta(seconds=PERIOD)
        assert reason_of(second, token, town.code(later), now=later) is Reason.CHALLENGE_SPENT

    def test_a_challenge_runs_out(self, town: Town) -> None:
        token = challenged(now=NOW).token
        late = NOW + TOKEN.challenge_lifetime
        assert reason_of(second, token, town.code(late), now=late) is Reason.CHALLENGE_EXPIRED

    def test_its_tries_are_limited(self, town: Town) -> None:
        short = replace(TOKEN, challenge_attempts=3)
        token = challenged(profile=short, now=NOW).token
        for _ in range(3):
            assert reason_of(second, token, "bad", now=NOW) is Reason.WRONG_CODE
        assert reason_of(second, token, town.code(NOW), now=NOW) is Reason.CHALLENGE_SPENT

    def test_a_change_of_the_password_closes_it(self, town: Town) -> None:
        token = challenged(now=NOW).token
        User.objects.filter(pk=town.bob.pk).update(security_epoch=1)
        assert reason_of(second, token, town.code(NOW), now=NOW) is Reason.CHALLENGE_EXPIRED

    def test_it_closes_with_its_tenant_and_contract(self, town: Town) -> None:
        token = challenged(now=NOW).token
        town.alpha.contracts = {"probe": {"enabled": False}}
        town.alpha.save()
        resolve.invalidate()
        assert reason_of(second, token, town.code(NOW), now=NOW) is Reason.CONTRACT_OFF

    @pytest.mark.parametrize("cut", [slice(1, None), slice(-1), slice(0, 0)])
    def test_it_counts_in_its_full_length(self, town: Town, cut: slice) -> None:
        token = challenged(now=NOW).token
        for other in (token[cut], token + "A", token.swapcase()):
            assert reason_of(second, other, town.code(NOW), now=NOW) is Reason.CHALLENGE_UNKNOWN

    def test_a_challenge_for_another_step_takes_no_code(self, town: Town) -> None:
        form = {Obligation.CHANGE_PASSWORD: ObligationForm.CHALLENGE}
        User.objects.filter(pk=town.alice.pk).update(must_change_password=True)
        outcome = login("alice", PASSWORD, profile=replace(TOKEN, obligations=form), now=NOW)
        assert isinstance(outcome, ChallengeRequired)
        assert outcome.step == Challenge.Step.NEW_PASSWORD
        assert reason_of(second, outcome.token, "000000", now=NOW) is Reason.FACTOR_MISSING
        assert not Session.objects.exists()


def test_a_factor_that_the_contract_cannot_carry_is_not_asked_for(town: Town) -> None:
    only_app = replace(TOKEN, factors=frozenset({Factor.OTP}))
    assert challenged(profile=only_app).factors == {Factor.OTP}
    none = replace(TOKEN, challenge=ChallengeForm.NONE)
    assert reason_of(login, "bob", PASSWORD, profile=none) is Reason.FACTOR_UNSUPPORTED


def test_a_code_is_not_needed_where_there_is_no_factor(town: Town) -> None:
    logged_in("alice", PASSWORD, OneTimePassword("000000"), profile=REPEAT)
