"""Passwords that some directories would take for none."""

from __future__ import annotations

from pathlib import Path

from tests.federation.certificates import certificate
from tests.federation.directory import Slapd
from tests.federation.doors import Relay, door, server_context
from tests.federation.providers import ldap_provider
from tests.federation.test_ldap import WRONG, refusal

# Printable to the Unicode tables, and yet nothing is left of them once a directory has prepared
# the text (RFC 4013, 2.1): marks that join, choose a variant or break a word.
NOTHING = ["\u034f", "\u1806", "\u180b\u180c", "\ufe0f", "\u00ad\ufe00", "\U000e0100", "\u0300"]


def test_a_password_of_marks_alone_never_reaches_a_directory(corp: Slapd, tmp_path: Path) -> None:
    corp.person("anna")
    relay = Relay(corp.port, server_context(certificate(), tmp_path))
    with door(relay) as counted:
        provider = ldap_provider(corp, securityProtocol="LDAPS", port=counted.port)
        assert {refusal(provider, "anna", password) for password in NOTHING} == {WRONG}
        assert counted.connections == 0
