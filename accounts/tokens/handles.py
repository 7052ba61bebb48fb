"""A session's handle inside a version 4 UUID, for tokens whose only free claim is ``jti``.

datarhei's tokens have no claim for a session and no ``kid``, and every token has a fresh ``jti``.
So the 122 free bits of that UUID are laid out as 60 bits of the session's random handle, 16 bits
that name candidates for the tenant, and 46 fresh random bits.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from uuid import UUID

_TAG_BITS = 16
_FRESH_BITS = 46


@dataclass(frozen=True, slots=True)
class Handle:
    """What a ``jti`` points to."""

    session: int
    tenant_tag: int


def tenant_tag(tenant_id: UUID) -> int:
    """16 bits derived from the tenant's id; several tenants may share them."""
    return int.from_bytes(hashlib.sha256(tenant_id.bytes).digest()[:2], "big")


def mint(session_handle: int, tenant_id: UUID) -> UUID:
    """A fresh version 4 UUID that leads back to the session."""
    free = (session_handle << _TAG_BITS | tenant_tag(tenant_id)) << _FRESH_BITS
    free |= secrets.randbits(_FRESH_BITS)
    high, middle, low = free >> 74, free >> 62 & 0xFFF, free & (1 << 62) - 1
    return UUID(int=high << 80 | 0x4 << 76 | middle << 64 | 0x2 << 62 | low)


def read(text: object) -> Handle | None:
    """The handle in a ``jti``, or None where it is no hyphenated version 4 UUID."""
    if not isinstance(text, str):
        return None
    try:
        value = UUID(text)
    except ValueError:
        return None
    if value.version != 4 or str(value) != text:
        return None
    free = (value.int >> 80) << 74 | (value.int >> 64 & 0xFFF) << 62 | value.int & (1 << 62) - 1
    return Handle(
        session=free >> _TAG_BITS + _FRESH_BITS,
        tenant_tag=free >> _FRESH_BITS & (1 << _TAG_BITS) - 1,
    )
