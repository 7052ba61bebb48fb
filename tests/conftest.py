"""What every test can ask for. Personas and their tenants are in `tests/fixtures.py`."""

import gc
import importlib.util
import itertools
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django import DjangoDbBlocker

from tests.ops import throwaway
from tests.ops.demo import Demo, running_demo

pytest_plugins = ["tests.fixtures"] if importlib.util.find_spec("tests.fixtures") else []


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each process of the test runner begins with its share of the slow tests.

    What is left at the end, when one process takes over the other's tests, is short.
    """
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    slow = [item for item in items if _is_slow(item)]
    fast = [item for item in items if not _is_slow(item)]
    items[:] = [
        item
        for n in range(processes)
        for part in (slow, fast)
        for item in part[len(part) * n // processes : len(part) * (n + 1) // processes]
    ]


def pytest_collection_finish() -> None:
    """What was imported and collected stays: the garbage collector need not look at it again."""
    gc.collect()
    gc.freeze()


def _is_slow(item: pytest.Item) -> bool:
    marked = item.get_closest_marker("slow") or item.get_closest_marker("peers")
    return bool(marked) or (isinstance(item, pytest.Function) and "demo" in item.fixturenames)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """A random value makes no name: the processes of the test runner must agree on all names."""
    return argname if isinstance(val, str) and re.search("[0-9a-fA-F]{8}", val) else None


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Where every tool must be there, a test that would be skipped has failed."""
    outcome: Any = yield
    report: pytest.TestReport = outcome.get_result()
    if (
        report.skipped
        and not hasattr(report, "wasxfail")
        and os.environ.get("DRAGOMAN_REQUIRE_ALL")
    ):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped: {report.longrepr}"


@pytest.fixture(scope="session")
def demo() -> Iterator[Demo]:
    """The real demo as its user starts it, in a directory and with a database of its own."""
    with throwaway.empty_directory() as directory, running_demo(directory) as started:
        yield started


@pytest.fixture(scope="session")
def _newcomers(demo: Demo) -> Iterator[dict[str, Any]]:
    return itertools.chain.from_iterable(demo.newcomers(8) for _ in itertools.count())


@pytest.fixture
def newcomer(_newcomers: Iterator[dict[str, Any]]) -> dict[str, Any]:
    """Somebody of the demo with an authenticator app, for this test alone."""
    return next(_newcomers)


@pytest.fixture
def var_dir() -> Iterator[Path]:
    """An empty directory that the database's account may enter, unlike pytest's `tmp_path`."""
    with throwaway.empty_directory() as directory:
        yield directory


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None,
    django_db_blocker: DjangoDbBlocker,
) -> None:
    """Copy tables that were migrated once, instead of migrating in every process."""
    with django_db_blocker.unblock():
        throwaway.use_template_database()
