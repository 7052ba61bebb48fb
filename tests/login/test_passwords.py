"""Passwords: one digest form, equal work for every answer, caps before the work."""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import replace
from typing import Any

import pytest
from argon2.low_level import Type, hash_secret_raw
from django.contrib.auth.hashers import check_password, make_password
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from accounts.login import passwords
from accounts.login.attempt import Password, PasswordDigest, ServiceSecret
from accounts.login.outcome import Reason
from accounts.login.passwords import MAX_BYTES, MAX_CODE_POINTS, DragomanHasher
from accounts.models import LoginEvent, ThrottleBucket, User
from mfa import slow_hash
from tenants import hashing, resolve
from tenants.conf import conf
from tenants.hashing import Overloaded
from tenants.hint import TenantHint
from tests.login.gate import PASSWORD, Town, hashed, last_event, logged_in, login, reason_of


@pytest.fixture
def works(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the slow hash was asked to compare with, call by call."""
    calls: list[str] = []
    real = DragomanHasher.verify_digest

    def counted(self: DragomanHasher, digest: str, encoded: str) -> bool:
        calls.append(encoded)
        return real(self, digest, encoded)

    monkeypatch.setattr(DragomanHasher, "verify_digest", counted)
    return calls


def test_the_digest_form_is_the_sha256_of_the_text() -> None:
    assert passwords.digest_of("abc") == hashlib.sha256(b"abc").hexdigest()
    composed, apart = "pässwörd", unicodedata.normalize("NFD", "pässwörd")
    assert composed != apart
    assert passwords.digest_of(composed) == passwords.digest_of(apart)
    # Compatibility forms stay apart: only the spelling of one text is levelled.
    assert passwords.digest_of("ﬁsh") != passwords.digest_of("fish")


def test_stored_hashes_are_argon2id_with_the_chosen_cost(real_hashes: None) -> None:
    stored = passwords.encode(PASSWORD)
    assert stored.startswith("argon2_sha256hex$argon2id$v=19$m=19456,t=2,p=1$")
    assert passwords.encode(PASSWORD) != stored
    assert passwords.verify(Password(PASSWORD), stored)


def test_short_secrets_are_hashed_at_the_same_cost(real_hashes: None) -> None:
    salt = bytes(16)
    expected = hash_secret_raw(b"secret", salt, 2, 19456, 1, 32, Type.ID)
    assert slow_hash.digest("secret", salt) == expected


def test_djangos_own_functions_agree() -> None:
    stored = make_password("a password of its own")
    assert passwords.verify(Password("a password of its own"), stored)
    assert check_password("a password of its own", stored)
    assert not check_password("another password", stored)


@pytest.mark.parametrize(
    "wrong",
    [
        PASSWORD + " ",
        " " + PASSWORD,
        PASSWORD.upper(),
        PASSWORD[:-1],
        PASSWORD + "\x00",
        PASSWORD + "x",
        hashlib.sha256(PASSWORD.encode()).hexdigest(),
        "",
    ],
)
def test_a_password_is_compared_exactly(wrong: str) -> None:
    assert not passwords.verify(Password(wrong), hashed())


def test_long_passwords_count_to_their_last_character() -> None:
    stored = passwords.encode("x" * 1023 + "y")
    assert passwords.verify(Password("x" * 1023 + "y"), stored)
    assert not passwords.verify(Password("x" * 1023 + "z"), stored)


def test_the_digest_stands_for_the_password_in_lower_case_hex_only() -> None:
    digest = hashlib.sha256(PASSWORD.encode()).hexdigest()
    assert passwords.verify(PasswordDigest(digest), hashed())
    for other in (digest.upper(), digest + " ", digest[:-1], "", digest + "\n", "g" * 64):
        assert not passwords.verify(PasswordDigest(other), hashed())


@pytest.mark.parametrize(
    "factor",
    [
        Password(""),
        Password("x" * (MAX_CODE_POINTS + 1)),
        Password("\U0001f600" * (MAX_BYTES // 4 + 1)),
        PasswordDigest("x"),
    ],
)
def test_what_cannot_be_a_password_costs_no_hash(factor: Any, works: list[str]) -> None:
    assert not passwords.verify(factor, hashed())
    assert works == []


def test_four_byte_letters_fill_the_cap_of_bytes(works: list[str]) -> None:
    assert not passwords.verify(Password("\U0001f600" * (MAX_BYTES // 4)), hashed())
    assert len(works) == 1


@pytest.mark.parametrize("stored", ["", "!", "!unusable", "pbkdf2_sha256$1$a$b", "argon2$x"])
def test_an_account_without_a_password_costs_one_hash_all_the_same(
    stored: str, works: list[str]
) -> None:
    assert not passwords.verify(Password(PASSWORD), stored)
    assert works == [passwords.NEVER]


def test_the_hash_of_nobody_costs_what_a_real_one_costs(real_hashes: None) -> None:
    def shape(encoded: str) -> list[Any]:
        parts = encoded.split("$")
        return [*parts[:4], *(len(part) for part in parts[4:])]

    stored = passwords.encode(PASSWORD)
    assert shape(passwords.NEVER) == shape(stored)
    assert not passwords.needs_rehash(stored)
    assert not passwords.needs_rehash(passwords.NEVER)


REFUSALS: list[tuple[str, str, dict[str, Any], Reason]] = [
    ("alice", "wrong password", {}, Reason.WRONG_PASSWORD),
    ("nobody", PASSWORD, {}, Reason.UNKNOWN_SUBJECT),
    ("carol", PASSWORD, {}, Reason.DISABLED),
    ("carol", "wrong password", {}, Reason.WRONG_PASSWORD),
    ("svc", PASSWORD, {}, Reason.NO_PASSWORD),
    ("alice", PASSWORD, {"hint": TenantHint(name="ghost")}, Reason.UNKNOWN_TENANT),
    ("bob", PASSWORD, {"hint": TenantHint(name="Beta")}, Reason.UNKNOWN_SUBJECT),
    ("bob", PASSWORD, {}, Reason.FACTOR_UNSUPPORTED),
    ("x" * 400, PASSWORD, {}, Reason.UNKNOWN_SUBJECT),
    ("", PASSWORD, {}, Reason.UNKNOWN_SUBJECT),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda r: f"{r[3]}-{r[0][:6]}")
def test_every_refusal_costs_one_hash_and_one_audit_row(
    town: Town, works: list[str], refusal: tuple[str, str, dict[str, Any], Reason]
) -> None:
    name, password, more, reason = refusal
    assert reason_of(login, name, password, **more) is reason
    assert len(works) == 1
    assert LoginEvent.objects.count() == 1
    assert last_event().reason == reason


@pytest.mark.parametrize("state", ["suspended", "off"])
def test_a_closed_door_costs_one_hash_too(town: Town, works: list[str], state: str) -> None:
    if state == "off":
        town.alpha.contracts = {"probe": {"enabled": False}}
    else:
        town.alpha.state = town.alpha.State.SUSPENDED
    town.alpha.save()
    resolve.invalidate()
    expected = Reason.CONTRACT_OFF if state == "off" else Reason.TENANT_SUSPENDED
    open_door = _statements("alice", "wrong password", hint=TenantHint(name="Beta"))
    with CaptureQueriesContext(connection) as captured:
        assert reason_of(login, "alice", PASSWORD) is expected
    assert len(captured) == open_door
    assert works[1:] == [passwords.NEVER]


def _statements(name: str, password: str, **more: Any) -> int:
    resolve.directory()
    with CaptureQueriesContext(connection) as captured:
        reason_of(login, name, password, **more)
    return len(captured)


def test_statements_do_not_tell_who_exists_or_where(town: Town, works: list[str]) -> None:
    counts = {
        refusal: _statements(name, password, **more)
        for name, password, more, refusal in REFUSALS[:6]
    }
    assert len(set(counts.values())) == 1, counts


def test_without_a_free_slot_the_attempt_is_given_back(town: Town, settings: Settings) -> None:
    settings.DRAGOMAN = replace(conf(), hash_slots=1, hash_wait=0.0)
    with hashing.slot():
        assert reason_of(login, "alice", PASSWORD) is Reason.OVERLOADED
    assert not any(ThrottleBucket.objects.values_list("failures", flat=True))
    assert last_event().reason == "overloaded"
    logged_in("alice")


def test_slots_are_free_again_after_an_error(settings: Settings) -> None:
    settings.DRAGOMAN = replace(conf(), hash_slots=2, hash_wait=0.0)
    with hashing.slot(), hashing.slot(), pytest.raises(Overloaded), hashing.slot():
        pass
    with pytest.raises(ZeroDivisionError), hashing.slot():
        raise ZeroDivisionError
    with hashing.slot(), hashing.slot():
        pass


class TestRehash:
    OLD = DragomanHasher()
    OLD.time_cost = 3

    def old_hash(self, town: Town) -> str:
        stored = self.OLD.encode(PASSWORD, self.OLD.salt())
        assert passwords.needs_rehash(stored)
        User.objects.filter(pk=town.alice.pk).update(password=stored)
        return stored

    def test_a_login_brings_an_old_hash_up_to_date_and_notes_the_login(self, town: Town) -> None:
        stored = self.old_hash(town)
        done = logged_in("alice")
        row = User.objects.get(pk=town.alice.pk)
        assert row.password != stored
        assert not passwords.needs_rehash(row.password)
        assert passwords.verify(Password(PASSWORD), row.password)
        assert row.last_login == done.session.auth_time
        assert row.security_epoch == 0

    def test_a_wrong_password_or_a_bare_digest_changes_no_hash(self, town: Town) -> None:
        stored = self.old_hash(town)
        assert reason_of(login, "alice", "wrong password") is Reason.WRONG_PASSWORD
        logged_in("alice", PasswordDigest(passwords.digest_of(PASSWORD)))
        assert User.objects.get(pk=town.alice.pk).password == stored

    def test_a_password_changed_meanwhile_is_not_brought_back(
        self, town: Town, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.old_hash(town)
        chosen, renewed = hashed("quite another password"), hashed()

        def encode(password: str) -> str:
            # While the old password is hashed anew, its owner replaces it.
            User.objects.filter(pk=town.alice.pk).update(password=chosen, security_epoch=1)
            return renewed

        monkeypatch.setattr(passwords, "encode", encode)
        logged_in("alice")
        assert User.objects.get(pk=town.alice.pk).password == chosen

    def test_an_overload_on_the_way_does_not_hinder_the_login(
        self, town: Town, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stored = self.old_hash(town)

        def encode(password: str) -> str:
            raise Overloaded

        monkeypatch.setattr(passwords, "encode", encode)
        logged_in("alice")
        assert User.objects.get(pk=town.alice.pk).password == stored


class TestServiceSecrets:
    SECRET = "k" * 40
    DIGEST = passwords.secret_digest(SECRET)

    def test_the_secret_fits_its_digest(self) -> None:
        assert passwords.matching_secret(Password(self.SECRET), [self.DIGEST]) == self.DIGEST
        assert passwords.matching_secret(ServiceSecret(self.SECRET), ["x", self.DIGEST])

    def test_what_the_table_holds_opens_nothing(self) -> None:
        for factor in (PasswordDigest(self.DIGEST), Password(self.DIGEST), Password("")):
            assert passwords.matching_secret(factor, [self.DIGEST]) is None
