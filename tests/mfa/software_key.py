"""An authenticator in software, for tests: makes passkeys and signs with them, also wrongly."""

from __future__ import annotations

import hashlib
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

UP, UV, BE, BS, AT, ED = 0x01, 0x04, 0x08, 0x10, 0x40, 0x80
ORIGIN, HOST = "http://testserver", "testserver"


def b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def raw(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _pair(algorithm: int) -> tuple[Any, dict[int, Any]]:
    if algorithm == -8:
        edwards = ed25519.Ed25519PrivateKey.generate()
        return edwards, {1: 1, 3: -8, -1: 6, -2: edwards.public_key().public_bytes_raw()}
    if algorithm == -257:
        rivest = rsa.generate_private_key(65537, 2048)
        modulus = rivest.public_key().public_numbers().n
        return rivest, {1: 3, 3: -257, -1: modulus.to_bytes(256, "big"), -2: b"\x01\x00\x01"}
    curve = ec.generate_private_key(ec.SECP256R1())
    point = curve.public_key().public_numbers()
    x, y = point.x.to_bytes(32, "big"), point.y.to_bytes(32, "big")
    return curve, {1: 2, 3: -7, -1: 1, -2: x, -3: y}


@dataclass
class SoftwareKey:
    """One passkey on one device. Every argument of its two acts is what an attacker would bend."""

    algorithm: int = -7
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    count: int = 0
    synced: bool = False
    user_handle: bytes = b""

    def __post_init__(self) -> None:
        self.private, self.cose = _pair(self.algorithm)

    def create(self, options: dict[str, Any], **bent: Any) -> str:
        """The answer to ``navigator.credentials.create`` as JSON."""
        self.user_handle = raw(options["user"]["id"])
        key = cbor2.dumps(bent.pop("cose", self.cose))
        credential = bent.pop("credential", self.credential_id)
        attested = (
            bytes(16) + len(credential).to_bytes(2, "big") + credential + bent.pop("key", key)
        )
        flags = bent.pop("flags", UP | UV | AT | ((BE | BS) if self.synced else 0))
        data = self._data(bent.pop("rp_id", options["rp"]["id"]), flags, attested)
        statement = {
            "fmt": bent.pop("fmt", "none"),
            "attStmt": bent.pop("statement", {}),
            "authData": data,
        }
        response = {
            "clientDataJSON": b64(self._client_data("webauthn.create", options, bent)),
            "attestationObject": b64(cbor2.dumps(statement)),
            "transports": ["internal", "hybrid", "teleport", 7],
        }
        return self._answer(response, bent)

    def get(self, options: dict[str, Any], **bent: Any) -> str:
        """The answer to ``navigator.credentials.get`` as JSON."""
        if not self.synced:
            self.count = bent.pop("count", self.count + 1)
        flags = bent.pop("flags", UP | UV | ((BE | BS) if self.synced else 0))
        data = self._data(bent.pop("rp_id", options["rpId"]), flags)
        client_data = self._client_data("webauthn.get", options, bent)
        signature = self._sign(data + hashlib.sha256(client_data).digest())
        response = {
            "clientDataJSON": b64(client_data),
            "authenticatorData": b64(data),
            "signature": b64(bent.pop("signature", signature)),
        }
        if handle := bent.pop("user_handle", self.user_handle):
            response["userHandle"] = b64(handle)
        return self._answer(response, bent)

    def _data(self, rp_id: str, flags: int, rest: bytes = b"") -> bytes:
        head = hashlib.sha256(rp_id.encode()).digest() + bytes([flags])
        return head + self.count.to_bytes(4, "big") + rest

    def _client_data(self, kind: str, options: dict[str, Any], bent: dict[str, Any]) -> bytes:
        members = {
            "type": bent.pop("type", kind),
            "challenge": bent.pop("challenge", options["challenge"]),
            "origin": bent.pop("origin", ORIGIN),
            "crossOrigin": False,
        }
        members |= bent.pop("client_data", {})
        return json.dumps(members).encode()

    def _answer(self, response: dict[str, Any], bent: dict[str, Any]) -> str:
        named = b64(bent.pop("named", self.credential_id))
        response |= bent.pop("response", {})
        answer = {"id": named, "rawId": named, "type": "public-key", "response": response}
        answer |= bent.pop("answer", {})
        assert not bent, bent
        return json.dumps(answer)

    def _sign(self, message: bytes) -> bytes:
        signed: bytes
        if isinstance(self.private, ed25519.Ed25519PrivateKey):
            return self.private.sign(message)
        if isinstance(self.private, rsa.RSAPrivateKey):
            return self.private.sign(message, padding.PKCS1v15(), hashes.SHA256())
        signed = self.private.sign(message, ec.ECDSA(hashes.SHA256()))
        return signed
