"""Providers for the tests of this folder; what was learned of one is forgotten after each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from pytest_django import Settings

from tenants.federation import issuers, outbound
from tests.federation.upstream.issuer import Issuer, running


@pytest.fixture(scope="session")
def _running_issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issuer]:
    with (
        running(tmp_path_factory.mktemp("issuer")) as (issuer, certificate),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("SSL_CERT_FILE", str(certificate))
        outbound.tls.cache_clear()
        yield issuer
    outbound.tls.cache_clear()


@pytest.fixture(autouse=True)
def nothing_learned() -> Iterator[None]:
    outbound.forget()
    issuers.forget()
    yield
    outbound.forget()
    issuers.forget()


@pytest.fixture
def loopback(settings: Settings) -> None:
    """This machine may be asked, as in development."""
    conf: Any = settings.DRAGOMAN
    settings.DRAGOMAN = replace(conf, outbound_hosts=frozenset({"127.0.0.1"}))


@pytest.fixture
def issuer(_running_issuer: Issuer, loopback: None) -> Issuer:
    """A provider that tokens can come from, new for each test."""
    _running_issuer.reset()
    return _running_issuer
