"""Authenticators: sealed to their row and owner, and safe through django-otp's own door."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from django_otp import verify_token

from mfa import binding, challenges, totp
from mfa.models import Challenge, EmailFactor, Passkey, TotpAuthenticator
from mfa.totp import CodeVerdict
from tenants.sealing import SealBroken
from tests.login.gate import Town

NOW = timezone.now()


def test_the_secret_is_sealed(town: Town) -> None:
    row = TotpAuthenticator.objects.get()
    assert row.secret() == town.totp_secret
    assert totp.base32(town.totp_secret) not in row.secret_sealed
    assert town.totp_secret.hex() not in row.secret_sealed


def test_a_secret_that_was_moved_to_another_row_or_user_does_not_open(town: Town) -> None:
    binding.bind_totp(town.alice.pk, totp.new_secret())
    mine, theirs = (TotpAuthenticator.objects.get(user=u) for u in (town.bob, town.alice))
    theirs.secret_sealed = mine.secret_sealed
    with pytest.raises(SealBroken):
        theirs.secret()
    mine.user = town.alice
    with pytest.raises(SealBroken):
        mine.secret()


def test_a_code_is_accepted_once(town: Town) -> None:
    row = TotpAuthenticator.objects.get()
    code = town.code(NOW)
    assert row.accept(code, NOW) is CodeVerdict.ACCEPTED
    assert row.accept(code, NOW) is CodeVerdict.SPENT
    assert TotpAuthenticator.objects.get().accept(code, NOW) is CodeVerdict.SPENT
    assert row.accept("000000" if code != "000000" else "000001", NOW) is CodeVerdict.WRONG


def test_django_otps_own_door_spends_the_same_step(town: Town) -> None:
    row = TotpAuthenticator.objects.get()
    code = town.code(timezone.now())
    assert verify_token(town.bob, row.persistent_id, code) == row
    assert verify_token(town.bob, row.persistent_id, code) is None
    assert verify_token(town.alice, row.persistent_id, town.code(timezone.now())) is None


def test_an_unconfirmed_authenticator_spends_nothing(town: Town) -> None:
    TotpAuthenticator.objects.update(confirmed=False)
    assert not TotpAuthenticator.objects.get().spend_step(totp.step_at(NOW))


def opening(town: Town, **changes: object) -> challenges.Opening:
    values = {
        "tenant_id": town.alpha.pk,
        "user_id": town.bob.pk,
        "contract": "probe",
        "step": Challenge.Step.SECOND_FACTOR,
        "security_epoch": 0,
        "amr": [],
        "now": NOW,
        "lifetime": timedelta(minutes=5),
        "max_attempts": 2,
        **changes,
    }
    return challenges.Opening(**values)  # type: ignore[arg-type]  # wrong on purpose


def test_a_challenge_is_found_by_its_token_and_stores_neither_token_nor_nonce(town: Town) -> None:
    token = challenges.new_token()
    assert len(token) == 43
    challenges.build(opening(town, nonce="once"), token).save()
    row = challenges.find(token)
    assert row is not None
    assert (bytes(row.token_hash), len(bytes(row.nonce_hash or b""))) == (
        challenges.token_hash(token),
        32,
    )
    assert challenges.find(token + " ") is None
    assert "once" not in repr(opening(town, nonce="once"))


def test_a_nonce_is_not_hashed_like_a_token() -> None:
    assert challenges.nonce_hash("x") != challenges.token_hash("x")
    assert challenges.nonce_hash(None) is None
    assert challenges.nonce_hash("") is not None


def test_tries_and_the_spending_of_a_challenge_are_counted_in_the_row(town: Town) -> None:
    row = challenges.build(opening(town), challenges.new_token())
    row.save()
    assert [challenges.count_attempt(row) for _ in range(3)] == [True, True, False]
    assert not challenges.spend(row, NOW + timedelta(minutes=5))
    assert [challenges.spend(row, NOW), challenges.spend(row, NOW)] == [True, False]
    assert not challenges.count_attempt(row)


def test_the_first_factor_of_an_account_is_no_second_one(town: Town) -> None:
    secret = totp.new_secret()
    Passkey.objects.create(user=town.alice, credential_id=b"1", public_key=b"1", name="key")
    with pytest.raises(binding.AlreadyBound):
        binding.bind_totp(town.alice.pk, secret, first=True)
    Passkey.objects.all().delete()
    EmailFactor.objects.create(user=town.alice)
    with pytest.raises(binding.AlreadyBound):
        binding.bind_totp(town.alice.pk, secret, first=True)
    EmailFactor.objects.all().delete()
    binding.bind_totp(town.alice.pk, secret, first=True)
    with pytest.raises(binding.AlreadyBound):
        binding.bind_totp(town.alice.pk, secret, first=True)
