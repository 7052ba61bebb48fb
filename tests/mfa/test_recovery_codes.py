"""Saved codes: random, hashed slowly, spent once, bound to their owner."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from mfa import binding, passkeys, recovery_codes
from mfa.models import Passkey, RecoveryCode
from mfa.recovery_codes import _normalised
from tests.login.gate import CODES, Town, give_codes

NOW = timezone.now()


def test_codes_have_more_than_64_random_bits() -> None:
    codes = recovery_codes.new_codes()
    assert len(set(codes)) == recovery_codes.SET_SIZE == 10
    assert recovery_codes.LENGTH * math.log2(len(set(recovery_codes.ALPHABET))) >= 64
    assert not set("ilou") & set(recovery_codes.ALPHABET)
    other = recovery_codes.new_codes(12, 8, "ab")
    assert [len(code) for code in other] == [8] * 12
    assert set("".join(other)) <= {"a", "b"}


@given(st.text(alphabet=recovery_codes.ALPHABET, min_size=16, max_size=16))
def test_our_own_form_is_taken_as_people_type_it(code: str) -> None:
    shown = recovery_codes.grouped(code)
    assert len(shown) == 19
    for typed in (shown, shown.upper(), shown.replace("-", " "), f" {code}\n", code):
        assert _normalised(typed) == code


@given(st.text(max_size=70))
def test_normalising_never_fails_and_is_done_once(code: str) -> None:
    assert _normalised(_normalised(code)) == _normalised(code)


@pytest.mark.parametrize("code", ["ABC-defgh", "12345678", "AbCdEfGh", "abc--defghijklmnop"])
def test_other_forms_are_taken_exactly(code: str) -> None:
    assert _normalised(code) == code


def test_only_hashes_are_stored_under_one_salt_a_set(town: Town) -> None:
    codes = recovery_codes.new_codes(3)
    recovery_codes.replace(town.alice.pk, codes, by="alice")
    rows = list(RecoveryCode.objects.filter(user=town.alice))
    assert len({bytes(row.salt) for row in rows}) == 1
    assert len({bytes(row.digest) for row in rows}) == 3
    assert {row.created_by for row in rows} == {"alice"}
    recovery_codes.replace(town.alice.pk, codes, by="alice")
    assert {bytes(row.salt) for row in rows}.isdisjoint(
        bytes(row.salt) for row in RecoveryCode.objects.filter(user=town.alice)
    )


def test_a_new_set_voids_the_old_one_and_leaves_others_alone(town: Town) -> None:
    give_codes(town.alice)
    recovery_codes.replace(town.alice.pk, ["z" * 16], by="alice")
    assert recovery_codes.find(town.alice.pk, CODES[0]) is None
    assert recovery_codes.find(town.alice.pk, "z" * 16)
    assert recovery_codes.remaining(town.bob.pk) == len(CODES)


def test_a_found_code_is_spent_once(town: Town) -> None:
    found = recovery_codes.find(town.bob.pk, CODES[0].upper())
    assert found
    assert [recovery_codes.spend(found, NOW), recovery_codes.spend(found, NOW)] == [True, False]
    assert recovery_codes.find(town.bob.pk, CODES[0]) is None


@pytest.mark.parametrize("code", ["", "   ", "x" * 65, "nonsense", "\x00"])
def test_nonsense_finds_nothing(town: Town, code: str) -> None:
    assert recovery_codes.find(town.bob.pk, code) is None


def test_who_has_no_codes_finds_none(town: Town) -> None:
    assert recovery_codes.find(town.alice.pk, CODES[0]) is None
    assert recovery_codes.revoke(town.bob.pk) == len(CODES)
    assert recovery_codes.remaining(town.bob.pk) == 0


@pytest.mark.parametrize("first", ["app", "passkey"])
def test_codes_go_with_the_last_authenticator_whichever_it_is(town: Town, first: str) -> None:
    passkey = Passkey.objects.create(user=town.bob, credential_id=b"1", public_key=b"1", name="key")
    steps: list[Callable[[], bool]] = [
        lambda: binding.remove_totp(town.bob.pk),
        lambda: passkeys.remove(town.bob.pk, passkey.pk) == "key",
    ]
    one, other = steps if first == "app" else reversed(steps)
    assert one()
    assert recovery_codes.remaining(town.bob.pk) == len(CODES)
    assert other()
    assert recovery_codes.remaining(town.bob.pk) == 0


def test_with_every_factor_the_codes_go_too(town: Town) -> None:
    Passkey.objects.create(user=town.bob, credential_id=b"1", public_key=b"1", name="key")
    binding.remove_all(town.bob.pk)
    assert not RecoveryCode.objects.exists()
    assert not Passkey.objects.exists()
