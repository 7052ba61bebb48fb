"""A bound on slow hashes: each costs about 19 MiB and a core, so only so many run at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from tenants.conf import conf


class Overloaded(Exception):
    """No hash slot became free in time; the caller answers 503 with ``Retry-After``."""


@cache
def _slots(count: int) -> threading.BoundedSemaphore:
    return threading.BoundedSemaphore(count)


@contextmanager
def slot() -> Iterator[None]:
    """Hold one of the process's hash slots. Raises :class:`Overloaded` (ASVS 15.2.2)."""
    slots = _slots(conf().hash_slots)
    if not slots.acquire(timeout=conf().hash_wait):
        raise Overloaded
    try:
        yield
    finally:
        slots.release()
