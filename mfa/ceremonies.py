"""WebAuthn's two ceremonies as values: options for the browser, judgements of what it answers.

No tables and no clock here. The checks of WebAuthn Level 3, sections 7.1 and 7.2, are the
library's; what it leaves open is closed around it: exact encoding, sizes, frames, algorithms.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any

import cbor2
import webauthn
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from webauthn import helpers
from webauthn.helpers import structs
from webauthn.helpers.cose import COSEAlgorithmIdentifier as Algorithm

from mfa.relying_parties import RelyingParty

# What browsers and authenticators of today can do; nothing weaker is asked for or taken.
ALGORITHMS = [
    Algorithm.ECDSA_SHA_256,
    Algorithm.EDDSA,
    Algorithm.RSASSA_PKCS1_v1_5_SHA_256,
]
_RSA_BITS = range(2048, 4097)
# Of the members of an answer, decoded, in bytes; real ones have about a tenth of it.
_LIMITS = {
    "rawId": 1023,
    "clientDataJSON": 4096,
    "authenticatorData": 4096,
    "attestationObject": 12288,
    "signature": 1024,
    "userHandle": 64,
}
_MAX_TEXT = 32768
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")
_TRANSPORTS = {each.value for each in structs.AuthenticatorTransport}
_WAIT = timedelta(minutes=5)


class Rejected(Exception):
    """The answer proves nothing; the text says why, for the audit trail."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is stored of a passkey, as far as a ceremony needs it."""

    credential_id: bytes
    public_key: bytes = field(repr=False, default=b"")
    synced: bool = False
    transports: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """A browser's answer in the right form. Nothing in it is verified yet."""

    credential_id: bytes
    # What it claims to have signed.
    challenge: bytes
    user_handle: bytes | None
    members: dict[str, Any] = field(repr=False)
    transports: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Signed:
    """A verified assertion."""

    sign_count: int
    user_verified: bool


@dataclass(frozen=True, slots=True)
class Made:
    """A verified new passkey."""

    credential_id: bytes
    public_key: bytes = field(repr=False)
    sign_count: int
    synced: bool
    transports: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose passkey it becomes: a random handle, and the names that the device shows."""

    handle: bytes
    name: str
    display_name: str
    organization: str


def creation_options(
    rp: RelyingParty, owner: Owner, challenge: bytes, known: Sequence[Known]
) -> dict[str, Any]:
    """The argument of ``navigator.credentials.create`` as JSON."""
    options = webauthn.generate_registration_options(
        rp_id=rp.id,
        rp_name=owner.organization,
        user_id=owner.handle,
        user_name=owner.name,
        user_display_name=owner.display_name or owner.name,
        challenge=challenge,
        timeout=int(_WAIT.total_seconds() * 1000),
        attestation=structs.AttestationConveyancePreference.NONE,
        # Preferred, not required: an old security key still makes a good second factor.
        authenticator_selection=structs.AuthenticatorSelectionCriteria(
            resident_key=structs.ResidentKeyRequirement.PREFERRED,
            user_verification=structs.UserVerificationRequirement.PREFERRED,
        ),
        exclude_credentials=[_descriptor(each) for each in known],
        supported_pub_key_algs=ALGORITHMS,
    )
    return helpers.options_to_json_dict(options)


def request_options(
    rp: RelyingParty, challenge: bytes, known: Sequence[Known] = (), *, alone: bool
) -> dict[str, Any]:
    """The argument of ``navigator.credentials.get`` as JSON.

    ``alone``: no password went before, so the device must check who holds it.
    """
    need = structs.UserVerificationRequirement
    options = webauthn.generate_authentication_options(
        rp_id=rp.id,
        challenge=challenge,
        timeout=int(_WAIT.total_seconds() * 1000),
        allow_credentials=[_descriptor(each) for each in known],
        user_verification=need.REQUIRED if alone else need.PREFERRED,
    )
    return helpers.options_to_json_dict(options)


def _descriptor(known: Known) -> structs.PublicKeyCredentialDescriptor:
    transports = [structs.AuthenticatorTransport(each) for each in known.transports]
    return structs.PublicKeyCredentialDescriptor(
        id=known.credential_id, transports=transports or None
    )


def read(text: str) -> Answer:
    """The parts of an answer, exact in form and size. Raises Rejected."""
    if len(text) > _MAX_TEXT:
        raise Rejected("too long")
    try:
        members = _object(json.loads(text, object_pairs_hook=_once))
        response = _object(members["response"])
        signed = _object(json.loads(_bytes(response, "clientDataJSON"), object_pairs_hook=_once))
        if members["id"] != members["rawId"] or members["type"] != "public-key":
            raise Rejected("malformed")
        # This service's pages stand in no frame (Level 3, 7.1 steps 9 to 11).
        if signed.get("crossOrigin") not in (None, False) or "topOrigin" in signed:
            raise Rejected("made in another site's frame")
        handle = response.get("userHandle")
        return Answer(
            credential_id=_bytes(members, "rawId"),
            challenge=_decoded(signed["challenge"]),
            user_handle=None if handle is None else _bytes(response, "userHandle"),
            members=_without_hints(members, response),
            transports=_transports(response.get("transports")),
        )
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise Rejected("malformed") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member appears twice")
    return members


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("not an object")
    return value


def _decoded(text: Any) -> bytes:
    # Python's decoder skips what does not belong there; an identifier has one form only.
    if not isinstance(text, str) or not _BASE64URL.fullmatch(text):
        raise TypeError("no base64url")
    decoded = helpers.base64url_to_bytes(text)
    if helpers.bytes_to_base64url(decoded) != text:
        raise ValueError("not the shortest form")
    return decoded


def _bytes(members: dict[str, Any], name: str) -> bytes:
    value = _decoded(members[name])
    if not 0 < len(value) <= _LIMITS[name]:
        raise ValueError(f"{name} is too long")
    return value


def _without_hints(members: dict[str, Any], response: dict[str, Any]) -> dict[str, Any]:
    """Only what is judged goes to the library."""
    judged = {name: response[name] for name in _LIMITS if response.get(name) is not None}
    for name in judged:
        _bytes(judged, name)
    return {**{name: members[name] for name in ("id", "rawId", "type")}, "response": judged}


def _transports(named: Any) -> tuple[str, ...]:
    if not isinstance(named, list):
        return ()
    return tuple(sorted({each for each in named if isinstance(each, str)} & _TRANSPORTS))


def verify_assertion(
    answer: Answer, known: Known, rp: RelyingParty, challenge: bytes, *, alone: bool
) -> Signed:
    """Judge a signature. Raises Rejected. The signature counter is the caller's to compare."""
    try:
        verified = webauthn.verify_authentication_response(
            credential=answer.members,
            expected_challenge=challenge,
            expected_rp_id=rp.id,
            expected_origin=rp.origin,
            credential_public_key=known.public_key,
            credential_current_sign_count=0,
            require_user_verification=alone,
        )
    except Exception as error:  # what a stranger sends may break a parser anywhere
        raise Rejected(_why(error)) from error
    multiple = verified.credential_device_type is structs.CredentialDeviceType.MULTI_DEVICE
    if multiple != known.synced:
        # Level 3, 7.2 step 19: it is decided when the passkey is made and never changes.
        raise Rejected("another kind of device than before")
    return Signed(verified.new_sign_count, verified.user_verified)


def verify_creation(answer: Answer, rp: RelyingParty, challenge: bytes) -> Made:
    """Judge a new passkey. Raises Rejected."""
    try:
        verified = webauthn.verify_registration_response(
            credential=answer.members,
            expected_challenge=challenge,
            expected_rp_id=rp.id,
            expected_origin=rp.origin,
            require_user_verification=False,
            supported_pub_key_algs=ALGORITHMS,
        )
        sound = _is_sound(verified.credential_public_key)
    except Exception as error:  # as above
        raise Rejected(_why(error)) from error
    if verified.credential_id != answer.credential_id or not sound:
        raise Rejected("an unsuitable key")
    return Made(
        verified.credential_id,
        verified.credential_public_key,
        verified.sign_count,
        verified.credential_device_type is structs.CredentialDeviceType.MULTI_DEVICE,
        answer.transports,
    )


def _is_sound(public_key: bytes) -> bool:
    """Whether a key is a real one of its algorithm. The library would find out at the first use."""
    decoded = helpers.decode_credential_public_key(public_key)
    key = helpers.decoded_public_key_to_cryptography(decoded)
    # Read anew: the library also takes a bare point, which names no algorithm.
    if cbor2.loads(public_key)[3] != decoded.alg:
        return False
    match decoded.alg:
        case Algorithm.ECDSA_SHA_256:
            return isinstance(key, ec.EllipticCurvePublicKey) and isinstance(
                key.curve, ec.SECP256R1
            )
        case Algorithm.EDDSA:
            return isinstance(key, ed25519.Ed25519PublicKey)
        case Algorithm.RSASSA_PKCS1_v1_5_SHA_256:
            return isinstance(key, rsa.RSAPublicKey) and (
                key.key_size in _RSA_BITS and key.public_numbers().e == 65537
            )
    return False


def _why(error: Exception) -> str:
    """A few words for the audit trail. The library quotes what was sent; the trail must not."""
    text = str(error).lower()
    told = (
        ("signature", "the signature is wrong"),
        ("challenge", "another challenge"),
        ("origin", "another origin"),
        ("rp id", "another relying party"),
        ("verification is required", "the device did not check its holder"),
        ("client data type", "another ceremony"),
    )
    return next((words for part, words in told if part in text), "malformed")


@cache
def decoy() -> bytes:
    """A key of nobody: judging with it costs what judging with a real one does."""
    numbers = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
    x, y = numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big")
    return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y})
