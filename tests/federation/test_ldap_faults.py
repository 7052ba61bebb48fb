"""A directory that is away, slow, broken or not supported harms nobody but its own people."""

from __future__ import annotations

import os
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from accounts.models import LoginEvent, Session
from tenants.federation import ldap, outbound
from tenants.federation.identity import ProviderRefused, ProviderUnavailable
from tenants.federation.provider import Provider
from tests.federation.certificates import certificate
from tests.federation.directory import SECRET, Slapd
from tests.federation.doors import Relay, door, garbage, server_context, silent
from tests.federation.providers import ldap_provider, ldap_row
from tests.fixtures import PASSWORD, Cast
from tests.ops.demo import ROOT


def failure(provider: Provider, name: str = "anna", password: str = SECRET) -> tuple[str, float]:
    """What went wrong, and after how many seconds it was told."""
    begun = time.monotonic()
    with pytest.raises(ProviderUnavailable) as failed:
        ldap.authenticate(provider, name, password)
    return str(failed.value), time.monotonic() - begun


def over_tls(corp: Slapd, port: int, **changes: Any) -> Provider:
    return ldap_provider(corp, securityProtocol="LDAPS", port=port, **changes)


def drip(client: socket.socket) -> None:
    """One octet of an endless answer after another."""
    client.sendall(b"\x30\x84\x7f\xff\xff\xff")
    while True:
        client.sendall(b"\x02")
        time.sleep(0.03)


def test_a_directory_that_hangs_at_any_stage_is_given_up_in_time(
    corp: Slapd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert outbound.SECONDS + outbound.PLACE < 5
    monkeypatch.setattr(outbound, "SECONDS", 0.4)
    corp.person("anna")
    context = server_context(certificate(), tmp_path)
    stages: dict[str, tuple[Callable[[socket.socket], None], str]] = {
        "no answer to StartTLS": (silent, "START_TLS"),
        "an endless answer to StartTLS": (drip, "START_TLS"),
        "no TLS": (silent, "LDAPS"),
        "endless TLS": (drip, "LDAPS"),
        "no answer to the first bind": (Relay(corp.port, context, most=0), "LDAPS"),
        "no answer to the search": (Relay(corp.port, context, most=1), "LDAPS"),
        "no answer to the bind of the person": (Relay(corp.port, context, most=2), "LDAPS"),
    }
    slow, told = [], {}
    for stage, (handler, protection) in stages.items():
        outbound.forget()
        with door(handler) as hanging:
            provider = ldap_provider(corp, securityProtocol=protection, port=hanging.port)
            said, seconds = failure(provider)
        told[stage] = said
        if seconds > 0.8:
            slow.append((stage, seconds))
    assert slow == []
    in_time = ("in time", "within 5 seconds")
    odd = {stage: said for stage, said in told.items() if not said.endswith(in_time)}
    assert set(odd) <= {"endless TLS"}, odd


def test_the_servers_of_a_directory_are_tried_in_their_order(
    corp: Slapd, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    hosts = frozenset({"localhost", "127.0.0.2", "127.0.0.3"})
    settings.DRAGOMAN = replace(settings.DRAGOMAN, outbound_hosts=hosts)
    monkeypatch.setattr(outbound, "SECONDS", 0.9)
    corp.person("anna")
    # Nobody listens at the third address; at the second one nobody answers.
    hanging = socket.create_server(("127.0.0.2", corp.port))
    with hanging:
        provider = ldap_provider(corp, host=["127.0.0.2", "127.0.0.3", "localhost"])
        assert ldap.authenticate(provider, "anna", SECRET).identifier == "anna"
        with pytest.raises(ProviderRefused) as refused:
            ldap.authenticate(provider, "anna", "wrong")
        assert not isinstance(refused.value, ProviderUnavailable)
        said, _ = failure(ldap_provider(corp, host=["127.0.0.2", "127.0.0.3"]))
    assert said.startswith("127.0.0.2: no answer")
    assert said.endswith("; 127.0.0.3: no connection: ConnectionRefusedError")


def message(number: bytes, body: bytes) -> bytes:
    """An LDAP message with a body of less than 128 octets."""
    inner = b"\x02" + bytes([len(number)]) + number + body
    return b"\x30" + bytes([len(inner)]) + inner


def test_answers_that_are_none_log_nobody_in_and_break_nothing(corp: Slapd, tmp_path: Path) -> None:
    corp.person("anna")
    context = server_context(certificate(), tmp_path)
    success = b"\x61\x07\x0a\x01\x00\x04\x00\x04\x00"
    nonsense = [
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"\x00" * 64,
        b"\x30\x00",
        b"\x30\x80\x00\x00",
        b"\x30\x84\xff\xff\xff\xff",
        b"\x30\x03\x02\x01\x01",
        # A success that answers another question, and one without a number.
        message(b"\x7f", success),
        message(b"", success),
        # A notice of disconnection.
        message(b"\x00", b"\x78\x0a\x0a\x01\x34\x04\x00\x04\x00" + b"\x8a\x01x"),
        b"\x30\x82\x27\x10" + b"\x30\x82\x27\x0c" * 2500,
    ]
    harmed = []
    for number in (1, 2, 3):
        for answer in nonsense:
            outbound.forget()
            relay = Relay(corp.port, context, replaced={number: answer}, closes=True)
            with door(relay) as broken:
                provider = over_tls(corp, broken.port)
                try:
                    known = ldap.authenticate(provider, "anna", SECRET)
                    harmed.append((number, answer, str(known)))
                except ProviderRefused:
                    # One connection, never a second one behind the first.
                    if broken.connections != 1:
                        harmed.append((number, answer, str(broken.connections)))
    assert harmed == []
    outbound.forget()
    with door(garbage) as broken:
        provider = ldap_provider(corp, port=broken.port)
        assert failure(provider)[0].startswith("localhost: ")


def test_a_directory_that_failed_is_left_alone_for_a_while(corp: Slapd) -> None:
    corp.person("anna")
    gone, others = ldap_provider(corp, port=1), ldap_provider(corp, port=1)
    for _ in range(3):
        assert failure(gone)[0] == "localhost: no connection: ConnectionRefusedError"
    said, seconds = failure(gone)
    assert said == "localhost: it did not answer before; it is asked again in a few seconds"
    assert seconds < 0.1
    # Another tenant's failures at the same server are its own.
    assert failure(others)[0] == "localhost: no connection: ConnectionRefusedError"
    # Refusals are answers.
    provider = ldap_provider(corp)
    for _ in range(5):
        with pytest.raises(ProviderRefused, match="does not take"):
            ldap.authenticate(provider, "anna", "wrong")
    assert ldap.authenticate(provider, "anna", SECRET).identifier == "anna"


@pytest.mark.django_db(transaction=True)
def test_a_stopped_directory_slows_nobody_elses_login_down(
    client: Client, cast: Cast, corp: Slapd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbound, "SECONDS", 2.0)
    ldap_row(cast.alpha, corp)
    corp.person("anna")
    assert log_in(client, "anna", SECRET).status_code == 200
    usual = statistics.median(seconds_of(client) for _ in range(5))
    answers: list[tuple[int, bytes]] = []

    def hang() -> None:
        told = log_in(Client(), "anna", SECRET)
        answers.append((told.status_code, told.content))
        connection.close()

    waiting = [threading.Thread(target=hang) for _ in range(8)]
    corp.process.send_signal(signal.SIGSTOP)
    try:
        for thread in waiting:
            thread.start()
        meanwhile = statistics.median(seconds_of(client) for _ in range(5))
        assert any(thread.is_alive() for thread in waiting)
        for thread in waiting:
            thread.join(10)
    finally:
        corp.process.send_signal(signal.SIGCONT)
    assert meanwhile < max(4 * usual, usual + 0.25), (usual, meanwhile)
    assert len(answers) == 8
    away = (
        b'{"success":false,"error":"error-service-unavailable","status":"error",'
        b'"message":"Service temporarily unavailable"}'
    )
    assert set(answers) == {(503, away)}
    assert Session.objects.filter(user__username="anna").count() == 1
    rows = LoginEvent.objects.filter(reason="external_unavailable")
    assert rows.count() == 8
    said = [dict(row.trace)["provider said"] for row in rows]
    assert all(each.startswith("localhost: ") for each in said), said
    # Nobody was locked out by it.
    outbound.forget()
    assert log_in(client, "anna", SECRET).status_code == 200


def log_in(client: Client, name: str, password: str) -> Any:
    return client.post(
        "/api/v1/login", {"user": name, "password": password}, content_type="application/json"
    )


def seconds_of(client: Client) -> float:
    begun = time.monotonic()
    assert log_in(client, "alice", PASSWORD).status_code == 200
    return time.monotonic() - begun


WITHOUT = """
import sys
sys.modules["ldap3"] = None
import django
django.setup()
from config import urls, wsgi
from tenants.federation import ldap
print(ldap.is_installed())
"""


def test_the_product_starts_without_the_library() -> None:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"}
    command = [sys.executable, "-c", WITHOUT]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "False\n"), done.stderr


def test_without_the_library_only_directories_are_not_served(
    client: Client, cast: Cast, corp: Slapd, monkeypatch: pytest.MonkeyPatch
) -> None:
    ldap_row(cast.alpha, corp)
    corp.person("anna")
    monkeypatch.setattr(ldap, "INSTALLED", False)
    assert log_in(client, "alice", PASSWORD).status_code == 200
    assert log_in(client, "anna", SECRET).status_code == 503
    row = LoginEvent.objects.get(reason="external_unavailable")
    assert dict(row.trace)["provider said"] == "LDAP support is not installed"
    assert ldap.check(ldap_provider(corp)) == ["LDAP support is not installed"]
