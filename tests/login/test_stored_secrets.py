"""Nothing that opens a door stands in the database: not in clear, hex, base32 or base64."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from dataclasses import replace

import pytest
from django.db import connection
from django.utils import timezone

from accounts.login import grants
from accounts.login.attempt import OneTimePassword, RecoveryCodeInput
from accounts.login.outcome import Authenticated, Obligation
from accounts.login.profile import ObligationForm
from accounts.models import User
from accounts.tokens import keys
from mfa import binding, email_codes, totp
from tests.login.gate import (
    ACCESS,
    CODES,
    PASSWORD,
    PLAIN,
    REPEAT,
    TOKEN,
    Town,
    challenged,
    context,
    credential,
    logged_in,
    login,
    reason_of,
    second,
)


def dump() -> str:
    """Every row of every table as PostgreSQL writes it; byte columns come as hex."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = [name for (name,) in cursor.fetchall()]
        out = io.BytesIO()
        for table in tables:
            with cursor.copy(f'COPY "{table}" TO STDOUT') as copy:
                for block in copy:
                    out.write(bytes(block))
    return out.getvalue().decode()


def spellings(secret: bytes) -> set[str]:
    """How a secret could stand in a text, alone or inside of something longer."""
    found = {secret.hex(), base64.b32encode(secret).decode().rstrip("=")}
    found |= {base64.b85encode(secret).decode(), str(int.from_bytes(secret)), str([*secret])[1:-1]}
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        # Three bytes are four characters: what begins amid three is written otherwise.
        for before in range(3):
            text = encode(bytes(before) + secret).decode()
            found.add(text[-(-before * 8 // 6) : (before + len(secret)) * 8 // 6])
    try:
        found.add(secret.decode())
        found.add(json.dumps(secret.decode())[1:-1])
    except UnicodeDecodeError:
        found.add(repr(secret)[2:-1])
    return {each for each in found if each}


@pytest.mark.parametrize("before", range(4))
def test_a_secret_is_found_in_every_encoding(before: int) -> None:
    secret = b"kpv7-p5mv-7k69-jkhx"
    whole = b"x" * before + secret + b"yz"
    for encoded in (
        whole.decode(),
        whole.hex(),
        json.dumps({"code": whole.decode()}),
        base64.b64encode(whole).decode(),
        base64.urlsafe_b64encode(whole).decode(),
        str([*whole]),
    ):
        assert any(each in encoded for each in spellings(secret)), encoded


def test_a_life_with_everything_leaves_no_secret_in_any_column(town: Town) -> None:
    now = timezone.now()
    known: dict[str, bytes] = {
        "password": PASSWORD.encode(),
        # The hash that a client may send in place of the password opens the door like it.
        "password digest": hashlib.sha256(PASSWORD.encode()).hexdigest().encode(),
        "totp secret": town.totp_secret,
        "client secret": town.svc_secret.encode(),
        "app password": b"Ap" * 20,
        "nonce": b"the nonce of a client",
        "wrong password": b"a mistyped password",
        "wrong code": b"zzz-wrong-code",
        "wrong token": b"zzz-wrong-token",
        **{f"recovery code {n}": code.encode() for n, code in enumerate(CODES)},
    }
    token = challenged(now=now, nonce=known["nonce"].decode()).token
    reason_of(second, token, "zzz-wrong-code", now=now, nonce="the nonce of a client")
    reason_of(second, "zzz-wrong-token", "000000", now=now)
    code = town.code(now)
    done = second(token, code, now=now, nonce="the nonce of a client")
    assert isinstance(done, Authenticated)
    fresh = grants.rotate(done.tokens.refresh, PLAIN, context(now), None)
    again = grants.rotate(fresh.token, PLAIN, context(now), None)
    other = challenged(now=now).token
    assert isinstance(second(other, RecoveryCodeInput(CODES[0]), now=now), Authenticated)
    reason_of(login, "bob", PASSWORD, OneTimePassword(code), profile=REPEAT, now=now)
    reason_of(login, "bob", "a mistyped password")
    logged_in("svc-client", town.svc_secret)
    credential(town.bob, "app", "Ap" * 20, contract="probe")
    logged_in("bob", "Ap" * 20, profile=replace(PLAIN, app_passwords=True))
    # What waits in the middle of a login or an enrolment is sealed.
    pending = binding.begin(town.alice.pk, now, codes=["pendingcode12345"])
    known |= {"pending secret": pending.secret, "pending code": b"pendingcode12345"}
    mailed = email_codes.issue(town.alice.pk, now)
    User.objects.filter(pk=town.alice.pk).update(must_change_password=True)
    form = {Obligation.CHANGE_PASSWORD: ObligationForm.CHALLENGE}
    login("alice", PASSWORD, profile=replace(TOKEN, obligations=form))
    known |= {
        "challenge": token.encode(),
        "second challenge": other.encode(),
        "refresh": done.tokens.refresh.encode(),
        "successor": fresh.token.encode(),
        "its successor": again.token.encode(),
        "access": done.tokens.access.encode(),
        "signature": done.tokens.access.rpartition(".")[2].encode(),
        "private key": keys.signer(town.alpha.id, ACCESS, now)
        .material.private_numbers()
        .private_value.to_bytes(32, "big"),
    }
    stored = dump()
    assert len(stored) > 5000
    # The search finds what is there, in the forms in which it could be there.
    assert town.bob.email in stored
    assert hashlib.sha256(done.tokens.refresh.encode()).hexdigest() not in stored, "rotated away"
    assert hashlib.sha256(again.token.encode()).hexdigest() in stored
    lower = stored.lower()
    for name, secret in known.items():
        for spelling in spellings(secret):
            assert spelling.lower() not in lower, name
    for short in (code, mailed.code):
        assert f"\t{short}\t" not in stored
        assert f'"{short}"' not in stored
    assert totp.base32(town.totp_secret).lower() not in lower


def test_secrets_do_not_print(town: Town) -> None:
    now = timezone.now()
    challenge = challenged(now=now)
    done = second(challenge.token, OneTimePassword(town.code(now)), now=now)
    assert isinstance(done, Authenticated)
    fresh = grants.rotate(done.tokens.refresh, PLAIN, context(now), None)
    pending = binding.begin(town.alice.pk, now, codes=["pendingcode12345"])
    texts = [
        repr(each)
        for each in (
            challenge,
            done,
            fresh,
            pending,
            OneTimePassword("123456"),
            RecoveryCodeInput("saved"),
            context(now, nonce="nonce"),
        )
    ]
    for secret in (
        challenge.token,
        done.tokens.access,
        done.tokens.refresh,
        fresh.token,
        repr(pending.secret),
        "pendingcode12345",
        "123456",
        "saved",
        "nonce='nonce'",
        PASSWORD,
    ):
        assert not any(secret in text for text in texts), secret[:8]
