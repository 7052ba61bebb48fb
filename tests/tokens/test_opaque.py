"""Opaque tokens: no tables."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import replace

from pytest_django.fixtures import Settings

from accounts.tokens import opaque
from tenants.conf import conf


def test_a_token_has_256_random_bits_in_url_safe_letters() -> None:
    made = {opaque.mint() for _ in range(500)}
    assert len(made) == 500
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", token) for token in made)


def test_the_stored_form_is_the_hash_of_the_whole_text() -> None:
    token = opaque.mint()
    assert opaque.digest(token) == hashlib.sha256(token.encode()).digest()
    assert len({opaque.digest(t) for t in (token, token[:-1], token + "=", token + " ")}) == 4


def test_the_successor_is_the_same_for_all_who_ask_and_new_for_each_token() -> None:
    token = opaque.mint()
    chain = [token]
    for _ in range(50):
        chain.append(opaque.successor(chain[-1]))
    assert len(set(chain)) == 51
    assert opaque.successor(token) == chain[1]
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", each) for each in chain)


def test_nobody_without_the_installations_key_can_compute_a_successor(
    settings: Settings,
) -> None:
    token = opaque.mint()
    ours = opaque.successor(token)
    settings.DRAGOMAN = replace(conf(), sealing_keys=(secrets.token_bytes(32),))
    assert opaque.successor(token) != ours
