"""Secrets at rest."""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from tenants.conf import conf
from tenants.sealing import SealBroken, derive, seal, sealed_with_newest, unseal

KEYS = tuple(secrets.token_bytes(32) for _ in range(3))


def use(settings: Settings, *keys: bytes) -> None:
    settings.DRAGOMAN = replace(conf(), sealing_keys=keys)


@given(st.binary(max_size=200), st.text(alphabet=st.characters(codec="utf-8")))
def test_what_was_sealed_opens_in_its_own_context(plain: bytes, context: str) -> None:
    assert unseal(seal(plain, context), context) == plain


def test_sealing_twice_gives_different_texts() -> None:
    assert seal(b"x", "c") != seal(b"x", "c")


def test_a_seal_opens_in_no_other_context() -> None:
    text = seal(b"secret", "row:1")
    for context in ("row:2", "", "row:1 "):
        with pytest.raises(SealBroken):
            unseal(text, context)


def test_an_altered_seal_does_not_open() -> None:
    version, key_id, body = seal(b"secret", "c").split(".")
    raw = bytearray(urlsafe_b64decode(body))
    for position in (0, 12, len(raw) - 1):
        altered = bytearray(raw)
        altered[position] ^= 1
        with pytest.raises(SealBroken):
            unseal(f"{version}.{key_id}.{urlsafe_b64encode(altered).decode()}", "c")


@pytest.mark.parametrize(
    "text", ["", ".", "v1", "v1..", "v2.00000000.AAAA", "v1.00000000.AAAA", "v1.ü.ü", "secret"]
)
def test_what_is_no_seal_does_not_open(text: str) -> None:
    with pytest.raises(SealBroken):
        unseal(text, "c")


@pytest.mark.parametrize("body", ["", "A", "AAAA", "!!!!", "ü", "A" * 15])
def test_a_short_or_garbled_body_does_not_open(body: str) -> None:
    head = seal(b"x", "c").rpartition(".")[0]
    with pytest.raises(SealBroken):
        unseal(f"{head}.{body}", "c")


def test_the_newest_key_seals_and_the_older_ones_still_open(settings: Settings) -> None:
    use(settings, KEYS[0])
    old = seal(b"old", "c")
    use(settings, KEYS[1], KEYS[0])
    new = seal(b"new", "c")
    assert (unseal(old, "c"), unseal(new, "c")) == (b"old", b"new")
    assert (sealed_with_newest(old), sealed_with_newest(new)) == (False, True)
    use(settings, KEYS[1])
    assert unseal(new, "c") == b"new"
    with pytest.raises(SealBroken):
        unseal(old, "c")


def test_a_lost_key_opens_nothing(settings: Settings) -> None:
    use(settings, KEYS[0])
    text = seal(b"x", "c")
    use(settings, KEYS[2])
    with pytest.raises(SealBroken):
        unseal(text, "c")


def test_derived_bytes_depend_on_purpose_message_and_key(settings: Settings) -> None:
    use(settings, KEYS[0])
    derived = {derive("a", b"m"), derive("b", b"m"), derive("a", b"n")}
    assert derive("a", b"m") in derived
    use(settings, KEYS[1], KEYS[0])
    derived.add(derive("a", b"m"))
    assert len(derived) == 4
    assert all(len(each) == 32 for each in derived)


def test_sealing_keys_do_not_print() -> None:
    assert repr(conf().sealing_keys[0]) not in repr(conf())
