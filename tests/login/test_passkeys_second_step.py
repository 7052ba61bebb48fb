"""Passkeys at the gate after a password: the second factor."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts.login import passkey_login
from accounts.login.outcome import Authenticated, ChallengeRequired, Factor, Reason
from accounts.models import ThrottleBucket
from mfa.models import Challenge, Passkey
from tenants.hint import TenantHint
from tests.login.gate import (
    PASSWORD,
    PLAIN,
    TOKEN,
    Town,
    context,
    give_codes,
    last_event,
    login,
    reason_of,
)
from tests.login.keyring import (
    BETA_HOST,
    BROWSER,
    PASSKEYS,
    after,
    enrol,
    give,
    methods,
    second_session,
)
from tests.mfa.software_key import HOST, UP, SoftwareKey, b64


class TestSecondStep:
    def step(self, name: str = "alice", **more: Any) -> tuple[str, dict[str, Any]]:
        outcome = login(name, PASSWORD, profile=PASSKEYS, **more)
        assert isinstance(outcome, ChallengeRequired), outcome
        assert Factor.PASSKEY in outcome.factors
        options = passkey_login.step_options(outcome.token, HOST, context())
        assert options is not None
        return outcome.token, options

    def test_after_a_password_it_is_the_second_factor(self, town: Town) -> None:
        key = give("alice")
        token, options = self.step()
        assert options["allowCredentials"] == [
            {
                "id": b64(key.credential_id),
                "type": "public-key",
                "transports": ["hybrid", "internal"],
            }
        ]
        assert options["userVerification"] == "preferred"
        # Neither a check of its holder nor his handle is needed: the password named him.
        done = after(token, key.get(options, flags=UP, user_handle=b""))
        assert isinstance(done, Authenticated)
        assert (methods(done.session), done.session.acr) == (["pwd", "hwk"], "aal2")
        assert (last_event().factor, Passkey.objects.get().sign_count) == ("passkey", 1)

    def test_an_answer_and_its_challenge_are_good_once(self, town: Town) -> None:
        key = give("alice", SoftwareKey(synced=True))
        token, options = self.step()
        answer = key.get(options)
        assert isinstance(after(token, answer), Authenticated)
        assert reason_of(after, token, answer) is Reason.CHALLENGE_SPENT
        token, _ = self.step()
        assert reason_of(after, token, answer) is Reason.WRONG_CODE

    def test_what_is_wrong_opens_nothing(self, town: Town) -> None:
        key = give("alice")
        theirs = SoftwareKey()
        enrol(second_session(town), theirs)
        token, options = self.step()
        _, other_options = self.step()
        mine = passkey_login.options(HOST, context(), BROWSER)
        assert mine is not None
        wrong = {
            "of another user": theirs.get(options),
            "of another user under my id": theirs.get(options, named=key.credential_id),
            "of another login": key.get(other_options),
            "made for signing in alone": key.get(mine),
            "another origin": key.get(options, origin="http://testserver.evil"),
            "another party": key.get(options, rp_id="evil"),
            "a registration": key.get(options, type="webauthn.create"),
            "garbage": "{}",
        }
        short = replace(PASSKEYS, challenge_attempts=50)
        heard = {}
        for name, answer in wrong.items():
            ThrottleBucket.objects.all().delete()
            Challenge.objects.update(attempts=0)
            heard[name] = reason_of(after, token, answer, profile=short)
        assert heard == dict.fromkeys(wrong, Reason.WRONG_CODE)
        foreign: dict[str, dict[str, Any]] = {
            "another contract": {
                "contract": "another",
                "profile": replace(PASSKEYS, contract="another"),
            },
            "another tenant": {"hint": TenantHint(host=HOST, slug="beta")},
            "another client": {"client_id": "theirs"},
            "where passkeys are not carried": {"profile": TOKEN},
        }
        ThrottleBucket.objects.all().delete()
        token, options = self.step(client_id="mine")
        answer = key.get(options)
        for more in foreign.values():
            presented = {"client_id": "mine", **more}
            assert reason_of(after, token, answer, **presented) is Reason.CHALLENGE_FOREIGN
        late = timezone.now() + timedelta(minutes=6)
        assert (
            reason_of(after, token, answer, client_id="mine", now=late) is Reason.CHALLENGE_EXPIRED
        )
        assert isinstance(after(token, answer, client_id="mine"), Authenticated)

    def test_tries_are_counted_like_those_of_codes(self, town: Town) -> None:
        key = give("alice")
        many = replace(PASSKEYS, challenge_attempts=50)
        token, options = self.step()
        for _ in range(5):
            assert reason_of(after, token, "{}", profile=many) is Reason.WRONG_CODE
        assert reason_of(after, token, key.get(options)) is Reason.CHALLENGE_SPENT
        ThrottleBucket.objects.filter(kind="identifier").delete()
        outcome = login("alice", PASSWORD, profile=many)
        assert isinstance(outcome, ChallengeRequired)
        assert reason_of(after, outcome.token, "{}", profile=many) is Reason.THROTTLED_FACTOR

    def test_a_passkey_of_another_host_is_not_asked_for(self, town: Town) -> None:
        give("alice")
        token, _ = self.step()
        for host in (BETA_HOST, "other.example.com", None):
            assert passkey_login.step_options(token, host, context()) is None
        assert passkey_login.step_options("nonsense", HOST, context()) is None
        assert passkey_login.step_options(token, HOST, context(contract="another")) is None

    def test_codes_stand_in_for_a_passkey_and_an_app_beside_it_is_asked_for_too(
        self, town: Town
    ) -> None:
        give("alice")
        give_codes(town.alice)
        outcome = login("alice", PASSWORD, profile=PASSKEYS)
        assert isinstance(outcome, ChallengeRequired)
        assert outcome.factors == {Factor.PASSKEY, Factor.RECOVERY_CODE}

    def test_contracts_that_carry_none_refuse_as_before(self, town: Town) -> None:
        give("alice")
        for profile in (PLAIN, TOKEN):
            assert reason_of(login, "alice", PASSWORD, profile=profile) is Reason.FACTOR_UNSUPPORTED
