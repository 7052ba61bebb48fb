"""A table kept in memory: loaded whole, asked for changes at most every few seconds."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from django.db import DatabaseError

from tenants.conf import conf

_log = logging.getLogger("dragoman.memory")

T = TypeVar("T")


class Snapshot(Generic[T]):
    """The latest ``load()`` of a rarely changing table, shared by the threads of one process.

    ``version()`` must be one cheap statement whose answer differs after any change. It is asked at
    most every ``conf().key_poll`` seconds, so a hot path costs no statement.
    """

    def __init__(self, version: Callable[[], Hashable], load: Callable[[], T]) -> None:
        self._version = version
        self._load = load
        self._lock = threading.Lock()
        self._state: tuple[Hashable, T] | None = None
        self._asked_at = 0.0

    def current(self) -> T:
        """The table as of at most ``conf().key_poll`` seconds ago."""
        state = self._state
        if state is not None and time.monotonic() - self._asked_at < conf().key_poll:
            return state[1]
        with self._lock:
            return self._refreshed()

    def _refreshed(self) -> T:
        state = self._state
        if state is not None and time.monotonic() - self._asked_at < conf().key_poll:
            return state[1]
        try:
            state = self._reloaded(state)
        except DatabaseError:
            # What is known stays good for a while: key sets are served through an outage.
            if state is None:
                raise
            _log.warning("the database is away; serving what is in memory")
        self._state = state
        self._asked_at = time.monotonic()
        return state[1]

    def _reloaded(self, state: tuple[Hashable, T] | None) -> tuple[Hashable, T]:
        # The version is read before the rows: a change in between is then seen at the next poll.
        version = self._version()
        if state is not None and state[0] == version:
            return state
        return version, self._load()

    def invalidate(self) -> None:
        """Forget the rows: this process has just changed them."""
        # Under the lock: a load that began before the change must not put its rows back after it.
        with self._lock:
            self._state = None
