"""The key ring: every tenant's signing keys, loaded and parsed once per process."""

from __future__ import annotations

import base64
import json
import secrets
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.db import connection, transaction
from django.db.models import Count, Max, Sum
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from accounts.models import SigningKey
from accounts.tokens.handles import tenant_tag
from accounts.tokens.profile import Algorithm, KidForm, TokenProfile
from tenants.conf import conf
from tenants.resolve import directory
from tenants.sealing import seal, unseal
from tenants.snapshot import Snapshot

_RSA_BITS = 2048
_HMAC_BYTES = 32
# What clocks may differ by, and a tenant's setting be younger than the token that it applied to.
_MARGIN = timedelta(minutes=5)


@dataclass(frozen=True)
class Key:
    """One key of the ring; its private part is unsealed at first use and kept."""

    row: SigningKey

    @cached_property
    def material(self) -> Any:
        """The parsed private key, or the bytes of a symmetric one."""
        plain = unseal(self.row.sealed, seal_context(self.row))
        if self.row.algorithm == Algorithm.HS256:
            return plain
        return serialization.load_der_private_key(plain, None)

    @cached_property
    def verifier(self) -> Any:
        """What checks a signature: the public half, or the same symmetric key."""
        if self.row.algorithm == Algorithm.HS256:
            return self.material
        return self.material.public_key()


@dataclass(frozen=True)
class Ring:
    """All keys under the two ways that lead to one: ``kid``, and tenant with purpose."""

    by_kid: Mapping[str, Key]
    by_line: Mapping[tuple[UUID, str], list[Key]]
    by_tag: Mapping[tuple[int, str], list[Key]]

    def signer(self, tenant_id: UUID, purpose: str, now: datetime) -> Key | None:
        """The key that signs now, or None where there is none yet."""
        active = [
            key
            for key in self.by_line.get((tenant_id, purpose), ())
            if key.row.state(now) is SigningKey.State.ACTIVE
        ]
        return max(active, key=lambda key: key.row.active_from, default=None)

    def published(self, tenant_id: UUID, now: datetime) -> Iterable[Key]:
        """The tenant's keys that a relying party may need: next, active and retired."""
        for (owner, _), keys in self.by_line.items():
            if owner == tenant_id:
                yield from (k for k in keys if k.row.state(now) is not SigningKey.State.GONE)


def _version() -> Hashable:
    return tuple(
        SigningKey.objects.aggregate(
            count=Count("*"), revisions=Sum("revision"), newest=Max("created_at")
        ).values()
    )


def _load() -> Ring:
    by_kid: dict[str, Key] = {}
    by_line: dict[tuple[UUID, str], list[Key]] = defaultdict(list)
    by_tag: dict[tuple[int, str], list[Key]] = defaultdict(list)
    for row in SigningKey.objects.order_by("active_from"):
        key = Key(row)
        by_kid[row.kid] = key
        by_line[row.tenant_id, row.purpose].append(key)
        by_tag[tenant_tag(row.tenant_id), row.purpose].append(key)
    return Ring(by_kid, dict(by_line), dict(by_tag))


_ring = Snapshot(_version, _load)


def ring() -> Ring:
    """All signing keys, from memory."""
    return _ring.current()


def invalidate() -> None:
    """Read the keys anew at the next call: this process has just changed one."""
    _ring.invalidate()


def signer(tenant_id: UUID, profile: TokenProfile, now: datetime) -> Key:
    """The key that signs this kind of token now; the tenant's first one is made on demand."""
    key = ring().signer(tenant_id, profile.purpose, now)
    if key is None:
        create_first(tenant_id, [profile], now)
        key = ring().signer(tenant_id, profile.purpose, now)
    if key is None:  # pragma: no cover  # only if another process retires the key right now
        raise LookupError(f"no key signs {profile.purpose}")
    return key


def create_first(tenant_id: UUID, profiles: Iterable[TokenProfile], now: datetime) -> None:
    """Make a tenant's first keys of these kinds; of two processes that try, one does."""
    wanted = {profile.purpose: profile for profile in profiles}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"keys:{tenant_id}"])
        line = SigningKey.objects.filter(
            tenant_id=tenant_id, purpose__in=list(wanted), retired_at=None
        )
        missing = wanted.keys() - set(line.values_list("purpose", flat=True))
        # Dated back: a key must also serve a request that began before it, or on a slower clock.
        rows = [_new_row(tenant_id, wanted[purpose], now - _MARGIN) for purpose in sorted(missing)]
        SigningKey.objects.bulk_create(rows)
    invalidate()


def rotate(tenant_id: UUID, profile: TokenProfile, now: datetime, *, lead: timedelta) -> SigningKey:
    """Publish a new key that signs from ``now + lead`` on; the old one then only verifies.

    ``lead`` is stretched so that every process has loaded the key before anyone signs with it.
    The old key verifies until the last token that it can have signed has run out. Where there is
    no old key the new one signs at once.
    """
    effective = now + max(lead, timedelta(seconds=2 * conf().key_poll))
    fresh = _new_row(tenant_id, profile, effective)
    with transaction.atomic():
        line = SigningKey.objects.select_for_update().filter(
            tenant_id=tenant_id, purpose=profile.purpose, retired_at=None
        )
        replaced = list(line)
        for old in replaced:
            old.retired_at = effective
            old.verify_until = effective + _longest_life(tenant_id, profile) + _MARGIN
            old.save(update_fields=["retired_at", "verify_until"])
        if not replaced:
            fresh.active_from = now - _MARGIN
        fresh.save(force_insert=True)
    invalidate()
    return fresh


def revoke(key_id: UUID, profile: TokenProfile, now: datetime) -> SigningKey:
    """Let a key verify nothing any more: its private half is in wrong hands.

    Every process knows it after at most ``conf().key_poll`` seconds. Where no other key signs now
    a new one does at once, so that logins go on; verifiers elsewhere have to read the key set anew.
    Raises SigningKey.DoesNotExist.
    """
    with transaction.atomic():
        key = SigningKey.objects.select_for_update().get(pk=key_id)
        # Also a key that was to sign later only: what it has signed already is no good.
        key.active_from = min(key.active_from, now)
        key.retired_at = now if key.retired_at is None else min(key.retired_at, now)
        key.verify_until = now
        key.save(update_fields=["active_from", "retired_at", "verify_until"])
        line = SigningKey.objects.select_for_update().filter(
            tenant_id=key.tenant_id, purpose=key.purpose
        )
        states = {each: each.state(now) for each in line}
        if SigningKey.State.ACTIVE not in states.values():
            waiting = [each for each, state in states.items() if state is SigningKey.State.NEXT]
            fresh = min(waiting, key=lambda each: each.active_from, default=None)
            if fresh is None:
                fresh = _new_row(key.tenant_id, profile, now)
            fresh.active_from = now - _MARGIN
            fresh.save()
    transaction.on_commit(invalidate)
    return key


def _longest_life(tenant_id: UUID, profile: TokenProfile) -> timedelta:
    """How long a token of this kind may live at most: the tenant can set any of the lifetimes."""
    tenant = directory().by_id.get(tenant_id)
    lifetimes = tenant.contract(profile.contract).lifetimes.values() if tenant else ()
    return max([profile.lifetime, *(timedelta(seconds=life) for life in lifetimes)])


def seal_context(row: SigningKey) -> str:
    """The context that seals a private key to its row, tenant and purpose."""
    return f"signing:{row.id}:{row.tenant_id}:{row.purpose}"


def _new_row(tenant_id: UUID, profile: TokenProfile, active_from: datetime) -> SigningKey:
    private, public = _generate(profile.algorithm)
    row = SigningKey(
        tenant_id=tenant_id,
        purpose=profile.purpose,
        algorithm=profile.algorithm,
        kid=_new_kid(profile.kid),
        public_jwk=public,
        active_from=active_from,
    )
    row.sealed = seal(private, seal_context(row))
    return row


def _new_kid(form: KidForm) -> str:
    if form is KidForm.BASE64:
        return base64.b64encode(secrets.token_bytes(32)).decode()
    return secrets.token_urlsafe(16)


def _generate(algorithm: Algorithm) -> tuple[bytes, dict[str, str]]:
    """The private key (DER, or raw for HMAC) and its public JWK members."""
    if algorithm is Algorithm.HS256:
        return secrets.token_bytes(_HMAC_BYTES), {}
    private: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    if algorithm is Algorithm.ES256:
        private = ec.generate_private_key(ec.SECP256R1())
        public = json.loads(ECAlgorithm.to_jwk(private.public_key()))
    else:
        private = rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS)
        public = json.loads(RSAAlgorithm.to_jwk(private.public_key()))
    der = private.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return der, {k: v for k, v in public.items() if k in {"kty", "crv", "x", "y", "n", "e"}}
