"""A directory judges a name and a password: against a real OpenLDAP server."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from pytest_django import Settings

from tenants.federation import ldap, ldap_connection, outbound
from tenants.federation.identity import ExternalIdentity, ProviderRefused, ProviderUnavailable
from tenants.federation.provider import Provider
from tenants.federation.settings import Kind, parse
from tenants.models import IdentityProvider
from tests.federation.certificates import authority, certificate
from tests.federation.directory import SECRET, SERVICE, SERVICE_PASSWORD, SUFFIX, Slapd, slapd
from tests.federation.doors import Relay, door, server_context, silent
from tests.federation.providers import ldap_provider, ldap_settings

WRONG = "the directory does not take this name with this password"


def refusal(provider: Provider, name: str, password: str) -> str:
    with pytest.raises(ProviderRefused) as refused:
        ldap.authenticate(provider, name, password)
    assert not isinstance(refused.value, ProviderUnavailable), refused.value
    return str(refused.value)


def objection(provider: Provider) -> str:
    """What the console's test of a connection says."""
    (said,) = ldap.check(provider)
    return said


@pytest.mark.parametrize("protection", ["START_TLS", "LDAPS"])
def test_a_person_is_known_by_name_and_password_over_either_protection(
    corp: Slapd, protection: str
) -> None:
    anna = corp.person(
        "anna", mail="Anna@alpha.example", displayName="Anna Ångström", telephoneNumber="+49 30 1"
    )
    corp.group(f"cn=Staff,ou=groups,{SUFFIX}", anna)
    provider = ldap_provider(corp, securityProtocol=protection)
    known = ldap.authenticate(provider, "anna", SECRET)
    assert known == ExternalIdentity(
        subject=known.subject,
        identifier="anna",
        email="anna@alpha.example",
        display_name="Anna Ångström",
        phone="+49 30 1",
        groups=("Staff",),
    )
    assert len(known.subject) == 36
    assert ldap.authenticate(provider, "ANNA@alpha.example", SECRET) == known
    assert refusal(provider, "anna", SECRET + "!") == WRONG
    assert refusal(provider, "nobody-here", SECRET) == WRONG
    assert ldap.check(provider) == []


def test_an_empty_password_never_reaches_a_directory_that_would_take_it(
    corp: Slapd, tmp_path: Path
) -> None:
    dn = corp.person("anna")
    # The directory calls a name without a password a success: here the trap is real.
    ask = ["ldapwhoami", "-x", "-H", f"ldap://127.0.0.1:{corp.port}", "-D", dn, "-w", ""]
    assert subprocess.run(ask, check=True, capture_output=True).stdout == b"anonymous\n"
    relay = Relay(corp.port, server_context(certificate(), tmp_path))
    with door(relay) as counted:
        provider = ldap_provider(corp, securityProtocol="LDAPS", port=counted.port)
        empty = [
            "",
            "\0",
            "\u00ad",
            "\u200b\u200d",
            "\ufeff",
            "\u3000",
            "\n",
            "x\0",
            "\ud800",
            "y" * 1025,
        ]
        assert {refusal(provider, "anna", password) for password in empty} == {WRONG}
        names = ["", " ", "\0", "anna\0", "anna\n", "\u00ad", "\ud800", "n" * 257]
        assert {refusal(provider, name, SECRET) for name in names} == {WRONG}
        assert counted.connections == 0
        assert ldap.authenticate(provider, "anna", SECRET).identifier == "anna"
        assert counted.connections == 1
    # Bind, search, bind, and a goodbye that may still be on its way; no bind is without a password.
    assert len(relay.requests) in (3, 4)
    assert SECRET.encode() in relay.requests[2]


def test_no_name_is_a_pattern_or_a_piece_of_a_filter(corp: Slapd) -> None:
    corp.person("anna", mail="anna@alpha.example")
    provider = ldap_provider(corp)
    hostile = [
        "*", "a*", "ann*", "*nna", "anna*", "*)(uid=*", "*)(uid=anna", "anna)(|(uid=*", "anna)",
        "(anna", "anna))%00", "\\61nna", "\\2a", "\\", "\\5c2a", "anna\\", "(uid=anna)", "|", "&",
        "%s", "%00", "uid=anna", f"uid=anna,ou=people,{SUFFIX}", "anna,ou=people", "a" * 256,
        "änna", "аnna", "anna#", "anna;", "~anna", ">=anna", "anna@alpha.example)(uid=*",
    ]  # fmt: skip
    let_in = [name for name in hostile if refusal(provider, name, SECRET) != WRONG]
    assert let_in == []


def test_names_and_passwords_with_every_special_character_are_taken_as_they_are(
    corp: Slapd,
) -> None:
    people = {
        "o'neill": (f'cn=O\\, Neill \\+ \\"x\\" \\<y\\>\\;\\\\z,ou=people,{SUFFIX}', "pä$$ (*)\\"),
        "a*b(c)d\\e": (f"cn=\\#first,ou=people,{SUFFIX}", " outer blanks "),
        "зоя": (f"cn=Зоя,ou=people,{SUFFIX}", "пароль"),
    }
    provider = ldap_provider(corp)
    for uid, (dn, password) in people.items():
        corp.person(uid, password.encode(), dn=dn)
        assert ldap.authenticate(provider, uid, password).identifier == uid
        assert refusal(provider, uid, password.strip() + "x") == WRONG
    assert refusal(provider, "a*b(c)d\\e", "outer blanks") == WRONG
    # Both spellings of an accent are one password.
    assert ldap.authenticate(provider, "o'neill", "pa\u0308$$ (*)\\").identifier == "o'neill"


def test_groups_are_called_by_their_own_names(corp: Slapd) -> None:
    anna = corp.person("anna")
    corp.group(f"cn=R&D\\, Berlin \\+ Köln,ou=groups,{SUFFIX}", anna)
    corp.group(f"cn=admins,ou=groups,{SUFFIX}", anna)
    found = ldap.authenticate(ldap_provider(corp), "anna", SECRET)
    assert found.groups is not None
    assert sorted(found.groups) == ["R&D, Berlin + Köln", "admins"]
    plain = ldap_provider(corp, fieldMapping={"identifier": "uid", "groups": "departmentNumber"})
    corp.change(anna, departmentNumber=["R&D", "no=dn,", "\u200bhidden"])
    assert ldap.authenticate(plain, "anna", SECRET).groups == ("R&D", "no=dn,")
    corp.change(anna, departmentNumber=[])
    assert ldap.authenticate(plain, "anna", SECRET).groups == ()
    unmapped = ldap_provider(corp, fieldMapping={"identifier": "uid"})
    assert ldap.authenticate(unmapped, "anna", SECRET).groups is None


def test_an_entry_is_known_by_its_id_under_whatever_name(corp: Slapd) -> None:
    dn = corp.person("anna")
    provider = ldap_provider(corp)
    first = ldap.authenticate(provider, "anna", SECRET)
    renamed = corp.rename(dn, "uid=anna.smith")
    moved = ldap.authenticate(provider, "anna.smith", SECRET)
    assert (moved.subject, moved.identifier) == (first.subject, "anna.smith")
    by_name = ldap_provider(corp, uniqueAttribute="")
    assert ldap.authenticate(by_name, "anna.smith", SECRET).subject == renamed.lower()


def test_ids_that_are_no_text_are_written_in_hex_and_missing_or_long_ones_open_nothing(
    corp: Slapd,
) -> None:
    dn = corp.person("anna")
    provider = ldap_provider(corp, uniqueAttribute="jpegPhoto")
    ids = {b"\x00\x01\xff" * 5: "0001ff" * 5, b"\x00\x01\x02": "000102", b"plain": "plain"}
    for value, text in ids.items():
        corp.change(dn, jpegPhoto=[value])
        assert ldap.authenticate(provider, "anna", SECRET).subject == text
    for values in ([], [b"one", b"two"], [b"x" * 256], [b"\xff" * 128]):
        corp.change(dn, jpegPhoto=values)
        with pytest.raises(ProviderUnavailable, match="jpegPhoto"):
            ldap.authenticate(provider, "anna", SECRET)
        # Whoever does not know the password is not told.
        assert refusal(provider, "anna", "wrong") == WRONG


def test_several_entries_of_one_name_are_nobody(corp: Slapd) -> None:
    corp.person("anna", mail="x@alpha.example")
    corp.person("ann", mail="x@alpha.example")
    corp.person("x@alpha.example")
    assert refusal(ldap_provider(corp), "x@alpha.example", SECRET) == WRONG


def test_attributes_that_are_no_text_or_have_no_end_do_no_harm(corp: Slapd) -> None:
    dn = corp.person("anna")
    photo = {"identifier": "uid", "displayName": "jpegPhoto", "phone": "JPEGPHOTO"}
    provider = ldap_provider(corp, fieldMapping=photo)
    corp.change(dn, jpegPhoto=[b"\xff\xfe\x00"])
    found = ldap.authenticate(provider, "anna", SECRET)
    assert (found.identifier, found.display_name) == ("anna", "")
    corp.change(dn, jpegPhoto=[b"A" * 500])
    found = ldap.authenticate(provider, "anna", SECRET)
    assert found.display_name == found.phone == "A" * 200
    corp.change(dn, jpegPhoto=[b"A" * (ldap_connection.MAX_BYTES + 1)])
    with pytest.raises(ProviderUnavailable, match="longer than 1 MiB"):
        ldap.authenticate(provider, "anna", SECRET)
    # One person's entry is no reason to leave the directory alone.
    corp.person("otto")
    for _ in range(4):
        with pytest.raises(ProviderUnavailable, match="longer than 1 MiB"):
            ldap.authenticate(provider, "anna", SECRET)
    assert ldap.authenticate(provider, "otto", SECRET).identifier == "otto"


def test_referrals_lead_nowhere(corp: Slapd) -> None:
    with door(silent) as elsewhere:
        target = f"ldap://127.0.0.1:{elsewhere.port}/ou=people,{SUFFIX}??sub"
        classes = ["referral", "extensibleObject"]
        other = corp.add(f"ou=other,ou=people,{SUFFIX}", classes, ou="other", ref=target)
        corp.person("anna")
        provider = ldap_provider(corp)
        assert ldap.authenticate(provider, "anna", SECRET).identifier == "anna"
        assert refusal(provider, "otto", SECRET) == WRONG
        assert "referrals are not followed" in objection(ldap_provider(corp, baseDn=other))
        assert elsewhere.connections == 0


def test_guesses_at_the_service_account_are_not_passed_on(corp: Slapd) -> None:
    base = ldap_provider(corp, baseDn=SUFFIX, userFilter="(cn=%s)", bindDn=SERVICE.upper())
    assert refusal(base, "dragoman", SERVICE_PASSWORD) == WRONG


def test_a_refused_bind_dn_is_left_alone_for_a_while(corp: Slapd, tmp_path: Path) -> None:
    corp.person("anna")
    relay = Relay(corp.port, server_context(certificate(), tmp_path))
    with door(relay) as counted:
        settings: dict[str, Any] = {"securityProtocol": "LDAPS", "port": counted.port}
        provider = ldap_provider(corp, secret="an old one", **settings)
        for _ in range(3):
            with pytest.raises(ProviderUnavailable, match="the bind DN was refused"):
                ldap.authenticate(provider, "anna", SECRET)
        binds = [each for each in relay.requests if b"an old one" in each]
        assert len(binds) == 1
        # The console's test asks at once, and a new password is tried at once.
        assert "the bind DN was refused: invalidCredentials" in objection(provider)
        mended = replace(ldap_provider(corp, **settings), name="corp")
        assert ldap.authenticate(mended, "anna", SECRET).identifier == "anna"


def test_what_is_wrong_with_a_connection_is_told_in_words(
    corp: Slapd, tmp_path: Path, settings: Settings
) -> None:
    allowed = frozenset({"localhost", "127.0.0.1"})
    settings.DRAGOMAN = replace(settings.DRAGOMAN, outbound_hosts=allowed)
    expired, stranger = certificate(expired=True), certificate("ldap.corp.example")
    told = {}
    for name, shown in (("expired", expired), ("another host", stranger)):
        relay = Relay(corp.port, server_context(shown, tmp_path))
        with door(relay) as listening:
            told[name] = objection(
                ldap_provider(corp, securityProtocol="LDAPS", port=listening.port)
            )
            assert relay.requests == []
    by_address = ldap_provider(corp, host="127.0.0.1")
    told["by address"] = objection(by_address)
    told["unknown authority"] = objection(ldap_provider(corp, caCertificate=None))
    told["plain port"] = objection(ldap_provider(corp, securityProtocol="LDAPS", port=corp.port))
    told["no secret"] = objection(ldap_provider(corp, secret=""))
    told["no base"] = objection(ldap_provider(corp, baseDn=f"ou=nowhere,{SUFFIX}"))
    told["bad filter"] = objection(ldap_provider(corp, userFilter="(|)uid=%s()"))
    told["nobody listens"] = objection(ldap_provider(corp, port=1))
    told["no host"] = objection(ldap_provider(corp, host="nowhere.invalid"))
    outbound.forget()
    untrusted = "localhost: its certificate is not trusted: "
    assert told.pop("unknown authority").startswith(untrusted)
    assert told == {
        "expired": "localhost: its certificate has expired",
        "another host": "localhost: its certificate is for another host",
        "by address": "127.0.0.1: its certificate is for another host",
        "plain port": "localhost: it does not speak TLS here",
        "no secret": "localhost: the password of the bind DN is missing",
        "no base": "localhost: the base DN does not exist, or may not be read",
        "bad filter": "localhost: userFilter is no filter",
        "nobody listens": "localhost: no connection: ConnectionRefusedError",
        "no host": "nowhere.invalid: the host name is unknown",
    }


def test_every_server_is_tried_and_somebody_is_looked_for(corp: Slapd) -> None:
    """Else a spare server's mistake shows on the day on which it is needed."""
    nobody = "nobody is found: look at the base DN, the filter, and what the bind DN may read"
    assert objection(ldap_provider(corp)) == f"localhost: {nobody}"
    corp.person("anna")
    assert ldap.check(ldap_provider(corp, host=["nowhere.invalid", "localhost"])) == [
        "nowhere.invalid: the host name is unknown"
    ]
    failing = "localhost: somebody is found whose login would fail: "
    assert objection(ldap_provider(corp, userFilter="(title=%s)")) == f"localhost: {nobody}"
    unknown = ldap_provider(corp, uniqueAttribute="employeeNumber")
    assert objection(unknown) == f"{failing}the entry has no employeeNumber"
    nameless = ldap_provider(corp, fieldMapping={"identifier": "title"})
    assert objection(nameless) == f"{failing}missing identifier"


def test_a_server_without_start_tls_hears_no_password(on_loopback: None, tmp_path: Path) -> None:
    with slapd(tmp_path, tls=False) as plain:
        said = objection(ldap_provider(plain))
    assert said == "localhost: it does not offer StartTLS"


def test_the_systems_authorities_count_where_none_is_named(
    corp: Slapd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corp.person("anna")
    known = tmp_path / "known.pem"
    known.write_text(authority())
    monkeypatch.setenv("SSL_CERT_FILE", str(known))
    outbound.tls.cache_clear()
    ldap_connection._context.cache_clear()
    try:
        provider = ldap_provider(corp, caCertificate=None)
        assert ldap.authenticate(provider, "anna", SECRET).identifier == "anna"
    finally:
        outbound.tls.cache_clear()
        ldap_connection._context.cache_clear()


def test_a_connection_older_than_tls_1_2_is_none(corp: Slapd, tmp_path: Path) -> None:
    context = server_context(certificate(), tmp_path)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with door(Relay(corp.port, context)) as old:
        said = objection(ldap_provider(corp, securityProtocol="LDAPS", port=old.port))
    assert said == "localhost: it does not speak TLS here"


def test_private_networks_are_for_the_operator_to_allow(corp: Slapd, settings: Settings) -> None:
    settings.DRAGOMAN = replace(settings.DRAGOMAN, outbound_hosts=frozenset())
    said = objection(ldap_provider(corp))
    assert said == "localhost: the host is at a private address, and not in DRAGOMAN_OUTBOUND_HOSTS"


def test_the_connection_goes_to_the_very_address_that_was_judged(
    corp: Slapd, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DRAGOMAN = replace(settings.DRAGOMAN, outbound_hosts=frozenset())
    asked: list[tuple[str, int]] = []

    def connect(address: tuple[str, int], **_: Any) -> None:
        asked.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(outbound, "_resolved", lambda *_: ["93.184.216.34"])
    monkeypatch.setattr("socket.create_connection", connect)
    said = objection(ldap_provider(corp, host="rebound.example"))
    assert said == "rebound.example: no connection: ConnectionRefusedError"
    assert asked == [("93.184.216.34", corp.port)]


def test_settings_that_could_not_be_used_are_refused_when_they_are_stored(corp: Slapd) -> None:
    good = ldap_settings(corp)
    pair = certificate()
    wrong: dict[str, list[Any]] = {
        "host": ["", [], "a b", "ldap://corp", 7],
        "port": [0, 65536, "389", True],
        "securityProtocol": ["NONE", "", None, 1],
        "bindDn": ["", None, 5],
        "baseDn": [""],
        "userFilter": ["(uid=anna)", "(uid=%s", "(uid=%d%s)", "(uid=%s)%"],
        "fieldMapping": [{"identifier": ""}, {"identifer": "uid"}, [], "uid"],
        "caCertificate": ["no certificate", 1, authority()[:200], pair.pem + pair.key],
        "surprise": ["x"],
    }  # fmt: skip
    taken = []
    for name, values in wrong.items():
        for value in values:
            row = IdentityProvider(name="corp", kind=Kind.LDAP, settings={**good, name: value})
            try:
                row.clean()
            except ValidationError:
                continue
            taken.append((name, value))
    assert taken == []
    assert parse(Kind.LDAP, {**good, "userFilter": "uid=%s"}) == parse(
        Kind.LDAP, {**good, "userFilter": "(uid=%s)"}
    )
