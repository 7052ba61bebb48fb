"""The two ceremonies: what a browser is asked for, and which of its answers prove something."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from mfa import ceremonies, passkeys, relying_parties
from mfa.ceremonies import Known, Owner, Rejected
from mfa.passkeys import Ticket
from mfa.relying_parties import RelyingParty
from tenants.conf import conf
from tests.login.gate import Town
from tests.mfa.software_key import AT, BE, BS, ED, ORIGIN, UP, UV, SoftwareKey, b64, raw

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
RP = RelyingParty("testserver", ORIGIN)
OWNER = Owner(b"h" * 43, "alice@alpha.example", "Alice", "Alpha")
CHALLENGE = b"c" * 32


def made(key: SoftwareKey, /, **bent: Any) -> ceremonies.Made:
    options = ceremonies.creation_options(RP, OWNER, CHALLENGE, [])
    return ceremonies.verify_creation(ceremonies.read(key.create(options, **bent)), RP, CHALLENGE)


def known(key: SoftwareKey) -> Known:
    return Known(key.credential_id, cbor2.dumps(key.cose), synced=key.synced)


def signed(key: SoftwareKey, /, *, alone: bool = True, **bent: Any) -> ceremonies.Signed:
    options = ceremonies.request_options(RP, CHALLENGE, alone=alone)
    answer = ceremonies.read(key.get(options, **bent))
    return ceremonies.verify_assertion(answer, known(key), RP, CHALLENGE, alone=alone)


def why(call: Any, *args: Any, **more: Any) -> str:
    try:
        return f"taken: {call(*args, **more)}"
    except Rejected as rejected:
        return str(rejected)


class TestOptions:
    def test_of_a_new_passkey(self) -> None:
        old = Known(b"one", transports=("usb",))
        assert ceremonies.creation_options(RP, OWNER, CHALLENGE, [old]) == {
            "rp": {"name": "Alpha", "id": "testserver"},
            "user": {"id": b64(b"h" * 43), "name": "alice@alpha.example", "displayName": "Alice"},
            "challenge": b64(CHALLENGE),
            "pubKeyCredParams": [{"type": "public-key", "alg": alg} for alg in (-7, -8, -257)],
            "timeout": 300000,
            "excludeCredentials": [
                {"id": b64(b"one"), "type": "public-key", "transports": ["usb"]}
            ],
            "authenticatorSelection": {
                "residentKey": "preferred",
                "requireResidentKey": False,
                "userVerification": "preferred",
            },
            "attestation": "none",
        }

    @pytest.mark.parametrize(("alone", "need"), [(True, "required"), (False, "preferred")])
    def test_of_an_assertion(self, alone: bool, need: str) -> None:
        assert ceremonies.request_options(RP, CHALLENGE, [Known(b"one")], alone=alone) == {
            "challenge": b64(CHALLENGE),
            "timeout": 300000,
            "rpId": "testserver",
            "allowCredentials": [{"id": b64(b"one"), "type": "public-key"}],
            "userVerification": need,
        }


class TestMaking:
    @pytest.mark.parametrize("algorithm", [-7, -8, -257])
    def test_every_offered_algorithm(self, algorithm: int) -> None:
        key = SoftwareKey(algorithm)
        new = made(key)
        assert (new.credential_id, cbor2.loads(new.public_key)) == (key.credential_id, key.cose)
        assert (new.sign_count, new.synced, new.transports) == (0, False, ("hybrid", "internal"))
        assert signed(key) == ceremonies.Signed(1, user_verified=True)

    def test_a_synced_one_is_known_as_such_and_counts_nothing(self) -> None:
        key = SoftwareKey(synced=True)
        assert made(key).synced
        assert signed(key) == ceremonies.Signed(0, user_verified=True)

    def test_a_security_key_without_a_pin_is_good_enough_for_a_second_factor(self) -> None:
        key = SoftwareKey()
        made(key, flags=UP | AT)
        assert signed(key, alone=False, flags=UP) == ceremonies.Signed(1, user_verified=False)
        assert why(signed, key, flags=UP) == "the device did not check its holder"

    def test_what_is_wrong_makes_no_passkey(self) -> None:
        p384 = ec.generate_private_key(ec.SECP384R1()).public_key().public_numbers()
        p256 = SoftwareKey().cose
        small = 2**1023 + 1
        wrong: dict[str, dict[str, Any]] = {
            "an assertion": {"type": "webauthn.get"},
            "another challenge": {"challenge": b64(b"d" * 32)},
            "another origin": {"origin": "http://testserver.example"},
            "another port": {"origin": "http://testserver:8080"},
            "another relying party": {"rp_id": "example"},
            "nobody there": {"flags": AT | UV},
            "no key": {"flags": UP | UV},
            "impossible backup": {"flags": UP | UV | AT | BS},
            "leftovers": {"key": cbor2.dumps(p256) + b"\x00"},
            "a bare point": {"key": b"\x04"},
            "no map": {"key": cbor2.dumps("key")},
            "off the curve": {"cose": {**p256, -2: bytes(31) + b"\x01"}},
            "empty coordinate": {"cose": {**p256, -2: b""}},
            "wrong curve": {
                "cose": {
                    **p256,
                    -1: 2,
                    -2: p384.x.to_bytes(48, "big"),
                    -3: p384.y.to_bytes(48, "big"),
                }
            },
            "algorithm of another key": {"cose": {**p256, 3: -257}},
            "an edwards algorithm on a curve": {"cose": {**p256, 3: -8}},
            "sha-1": {"cose": {**SoftwareKey(-257).cose, 3: -65535}},
            "no algorithm": {"cose": {k: v for k, v in p256.items() if k != 3}},
            "short rsa": {"cose": {1: 3, 3: -257, -1: small.to_bytes(128, "big"), -2: b"\x03"}},
            "rsa with exponent one": {"cose": {**SoftwareKey(-257).cose, -2: b"\x01"}},
            "unknown format": {"fmt": "magic"},
            "statement where none is": {"statement": {"sig": b"x"}},
            "packed without a signature": {"fmt": "packed"},
            "another id": {"credential": b"other"},
            "empty id": {"credential": b"", "named": b""},
            "long id": {"credential": b"x" * 1024, "named": b"x" * 1024},
            "in a frame": {"client_data": {"crossOrigin": True}},
            "in a frame of somebody": {"client_data": {"topOrigin": "https://evil.example"}},
        }
        taken = {
            name: bent
            for name, bent in wrong.items()
            if "taken" in why(made, SoftwareKey(), **bent)
        }
        assert taken == {}


class TestSigning:
    def test_what_is_wrong_proves_nothing(self) -> None:
        other = SoftwareKey()
        elsewhere = other.get(ceremonies.request_options(RP, CHALLENGE, alone=True))
        wrong: dict[str, tuple[str, dict[str, Any]]] = {
            "a registration": ("another ceremony", {"type": "webauthn.create"}),
            "another challenge": ("another challenge", {"challenge": b64(b"d" * 32)}),
            "a longer challenge": ("another challenge", {"challenge": b64(CHALLENGE + b"c")}),
            "another origin": ("another origin", {"origin": "https://testserver"}),
            "an origin list": ("another origin", {"origin": [ORIGIN]}),
            "another relying party": ("another relying party", {"rp_id": "evil.example"}),
            "holder not checked": ("the device did not check its holder", {"flags": UP}),
            "nobody there": ("malformed", {"flags": UV}),
            "impossible backup": ("malformed", {"flags": UP | UV | BS}),
            "synced all at once": ("another kind of device than before", {"flags": UP | UV | BE}),
            "extensions promised": ("malformed", {"flags": UP | UV | ED}),
            "a key promised": ("malformed", {"flags": UP | UV | AT}),
            "of another key": (
                "the signature is wrong",
                {"signature": raw(json.loads(elsewhere)["response"]["signature"])},
            ),
            "a signature of one byte": ("the signature is wrong", {"signature": b"0"}),
            "in a frame": ("made in another site's frame", {"client_data": {"crossOrigin": True}}),
        }
        heard = {name: why(signed, SoftwareKey(), **bent) for name, (_, bent) in wrong.items()}
        assert heard == {name: words for name, (words, _) in wrong.items()}

    def test_a_key_is_used_with_its_own_algorithm_alone(self) -> None:
        for algorithm in (-7, -8, -257):
            key = SoftwareKey(algorithm)
            answer = ceremonies.read(key.get({"challenge": b64(CHALLENGE), "rpId": RP.id}))
            for stored in (SoftwareKey(-7), SoftwareKey(-8), SoftwareKey(-257)):
                for alg in (-7, -8, -257, -65535, 0, None):
                    bent = Known(key.credential_id, cbor2.dumps({**stored.cose, 3: alg}))
                    assert "taken" not in why(
                        ceremonies.verify_assertion, answer, bent, RP, CHALLENGE, alone=True
                    )

    def test_malformed_answers_are_refused_and_break_nothing(self) -> None:
        good = json.loads(SoftwareKey().get({"challenge": b64(CHALLENGE), "rpId": RP.id}))

        def bent(**members: Any) -> str:
            return json.dumps({**good, **members})

        def response(**members: Any) -> str:
            return bent(response={**good["response"], **members})

        hostile = [
            "",
            "null",
            "[]",
            "7",
            '"x"',
            "{}",
            "{",
            "\x00",
            "NaN",
            "[" * 100_000,
            '{"a":' * 5000,
            "9" * 5000,
            "\ud800",
            json.dumps(good)[:-1] + ',"type":"public-key"}',
            bent(id="other"),
            bent(id=None),
            bent(rawId=7),
            bent(rawId="a b"),
            bent(type="password"),
            bent(response=[]),
            bent(padding="x" * 40_000),
            response(signature=""),
            response(signature=None),
            response(signature="=" * 8),
            response(signature="A"),
            response(signature="AB"),
            response(signature=b64(bytes(1025))),
            response(clientDataJSON=b64(b"{}")),
            response(clientDataJSON=b64(b"[]")),
            response(clientDataJSON=b64(b"\xff\xfe")),
            response(clientDataJSON=b64(b'{"type":1,"challenge":2,"origin":3}')),
            response(clientDataJSON=b64(b'{"challenge":"YQ","challenge":"YQ"}')),
            response(clientDataJSON=b64(b" " * 4097)),
            response(authenticatorData=b64(b"")),
            response(authenticatorData=b64(bytes(36))),
            response(authenticatorData=b64(bytes(37) + b"\x9f" * 4000)),
            response(authenticatorData=b64(bytes(32) + b"\xc5" + bytes(4) + b"\x81" * 4000)),
            response(userHandle=7),
            response(userHandle=""),
            response(userHandle=b64(bytes(65))),
            response(attestationObject=b64(bytes(12289))),
        ]

        def judged(text: str) -> None:
            answer = ceremonies.read(text)
            for alone in (True, False):
                with pytest.raises(Rejected):
                    ceremonies.verify_assertion(
                        answer, Known(b"", ceremonies.decoy()), RP, CHALLENGE, alone=alone
                    )
            ceremonies.verify_creation(answer, RP, CHALLENGE)

        assert [text[:80] for text in hostile if "taken" in why(judged, text)] == []

    def test_a_missing_handle_is_fine_where_the_name_is_known(self) -> None:
        key = SoftwareKey()
        assert (
            ceremonies.read(
                key.get({"challenge": b64(CHALLENGE), "rpId": RP.id}, response={"userHandle": None})
            ).user_handle
            is None
        )


class TestChallenges:
    def test_are_random_open_for_five_minutes_and_bound(self) -> None:
        one, other = (passkeys.new_challenge("sign in", ("a", "b"), NOW) for _ in range(2))
        assert one != other
        end = NOW + timedelta(minutes=5)
        assert passkeys.ticket(one, "sign in", ("a", "b"), NOW) == Ticket(one, end)
        assert isinstance(
            passkeys.ticket(one, "sign in", ("a", "b"), end - timedelta(seconds=1)), Ticket
        )
        assert passkeys.ticket(one, "sign in", ("a", "b"), end) == end
        for purpose, bound_to in (
            ("add", ("a", "b")),
            ("sign in", ("a", "c")),
            ("sign in", ("ab",)),
        ):
            assert passkeys.ticket(one, purpose, bound_to, NOW) is None

    def test_a_changed_one_is_not_ours(self) -> None:
        one = passkeys.new_challenge("sign in", (), NOW)
        later = one[:16] + (2**40).to_bytes(8, "big") + one[24:]
        for bent in (later, one[:-1], one + b"\x00", one[1:], b"", bytes(56), one[:24] + bytes(32)):
            assert passkeys.ticket(bent, "sign in", (), NOW) is None


def test_a_host_is_one_of_ours_or_no_relying_party(town: Town, settings: Any) -> None:
    expected = {
        ("https://id.example.com", "id.example.com"): "https://id.example.com",
        ("https://id.example.com", "ID.Example.com."): "https://id.example.com",
        ("https://id.example.com", "beta.example.com"): "https://beta.example.com",
        ("https://id.example.com:8443", "beta.example.com"): "https://beta.example.com:8443",
        ("https://id.example.com", "other.example.com"): None,
        ("https://id.example.com", "example.com"): None,
        ("https://id.example.com", "localhost"): None,
        ("https://id.example.com", ""): None,
        ("https://id.example.com", None): None,
        ("http://127.0.0.1:8000", "127.0.0.1"): None,
        ("http://127.0.0.1:8000", "localhost"): "http://localhost:8000",
        ("http://[::1]:8000", "localhost"): "http://localhost:8000",
        ("http://[::1]:8000", "[::1]"): None,
        ("http://localhost:8000", "localhost"): "http://localhost:8000",
        ("https://192.0.2.1", "localhost"): None,
        ("", "id.example.com"): None,
    }
    found = {}
    for base, host in expected:
        settings.DRAGOMAN = replace(conf(), base_url=base)
        rp = relying_parties.at(host)
        found[base, host] = rp.origin if rp else None
    assert found == expected
