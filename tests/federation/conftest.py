"""A company's directory for the tests of this folder: one server, emptied after each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from pytest_django import Settings

from tenants.federation import issuers, outbound
from tests.federation.directory import Slapd, program, slapd


@pytest.fixture(autouse=True)
def nothing_learned() -> Iterator[None]:
    """What a process has learned of other systems belongs to the test that learned it."""
    outbound.forget()
    issuers.forget()
    yield
    outbound.forget()
    issuers.forget()


@pytest.fixture(scope="session")
def _running_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    if program() is None:
        pytest.skip("needs slapd")
    with slapd(tmp_path_factory.mktemp("slapd")) as running:
        yield running


@pytest.fixture
def on_loopback(settings: Settings) -> None:
    """This machine may be asked by its name, as in development."""
    settings.DRAGOMAN = replace(settings.DRAGOMAN, outbound_hosts=frozenset({"localhost"}))


@pytest.fixture
def corp(_running_directory: Slapd, on_loopback: None) -> Iterator[Slapd]:
    """The directory, with nobody in it."""
    yield _running_directory
    _running_directory.forget()
