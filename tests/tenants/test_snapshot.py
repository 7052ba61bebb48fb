"""A table kept in memory, without a table."""

from __future__ import annotations

import threading
from dataclasses import replace
from itertools import count

import pytest
from pytest_django.fixtures import Settings

from tenants.conf import conf
from tenants.snapshot import Snapshot


@pytest.fixture(autouse=True)
def _always_poll(settings: Settings) -> None:
    settings.DRAGOMAN = replace(conf(), key_poll=0.0)


def test_rows_are_loaded_again_only_when_the_version_changed() -> None:
    version, loads = [1], count(1)
    snapshot = Snapshot(lambda: version[0], lambda: next(loads))
    assert [snapshot.current(), snapshot.current()] == [1, 1]
    version[0] = 2
    assert snapshot.current() == 2


def test_invalidating_loads_again_though_the_version_is_the_same() -> None:
    loads = count(1)
    snapshot = Snapshot(lambda: 1, lambda: next(loads))
    snapshot.current()
    snapshot.invalidate()
    assert snapshot.current() == 2


def test_a_failed_load_is_raised_and_not_kept() -> None:
    loads = count(1)

    def load() -> str:
        if next(loads) == 1:
            raise RuntimeError("away")
        return "rows"

    snapshot = Snapshot(lambda: 1, load)
    with pytest.raises(RuntimeError):
        snapshot.current()
    assert snapshot.current() == "rows"


def test_an_invalidation_during_a_load_is_not_lost(settings: Settings) -> None:
    """A load that began before the change must not outlive the invalidation that followed it."""
    settings.DRAGOMAN = replace(conf(), key_poll=3600.0)
    rows, loading, go_on = ["old"], threading.Event(), threading.Event()

    def load() -> str:
        read = rows[0]
        loading.set()
        go_on.wait(5)
        return read

    snapshot = Snapshot(lambda: 1, load)
    reader = threading.Thread(target=snapshot.current)
    reader.start()
    assert loading.wait(5)
    rows[0] = "new"
    changer = threading.Thread(target=snapshot.invalidate)
    changer.start()
    changer.join(0.2)
    go_on.set()
    reader.join(5)
    changer.join(5)
    assert snapshot.current() == "new"
