from datetime import timedelta
from typing import Any

import pytest
from django.core.checks import CheckMessage
from django.db import connection
from pytest_django import Settings

from accounts import checks, notices
from config import database, env

GOOD = {
    "DRAGOMAN_MODE": "production",
    "DRAGOMAN_SECRET_KEY": "k7Jw0s-2fQx9Zr4uVb6Nc1Ld8Tm3Py5Ga_HeIjKoWqRtYuXzBvCnM",
    "DRAGOMAN_SEALING_KEYS": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    "DRAGOMAN_BASE_URL": "https://id.example.com",
    "DRAGOMAN_ALLOWED_HOSTS": "id.example.com,.internal.example",
    "DRAGOMAN_EMAIL_URL": "smtp+tls://mail.example.com",
}
TWO_KEYS = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=," * 2


def found(settings: Settings, **changes: str | None) -> list[CheckMessage]:
    """What the checks say of a good production environment with these changes."""
    environ = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    read = env.read(environ)
    settings.SECRET_KEY = read.secret_key or env.MISSING_SECRET
    settings.ALLOWED_HOSTS = list(read.allowed_hosts)
    settings.DRAGOMAN = read.conf
    settings.EMAIL_BACKEND = database.mail(read.email_url, read.conf.mode)["EMAIL_BACKEND"]
    settings.DRAGOMAN_PROBLEMS = read.problems
    settings.DRAGOMAN_UNKNOWN = read.unknown
    return list(checks.check_settings())


def identifiers(messages: list[CheckMessage]) -> list[str | None]:
    assert all(message.hint for message in messages), "every message says what to do"
    return [message.id for message in messages]


def test_a_good_production_environment_passes(settings: Settings) -> None:
    assert found(settings) == []


def test_a_missing_secret_key_stops_the_start(settings: Settings) -> None:
    assert identifiers(found(settings, DRAGOMAN_SECRET_KEY=None)) == ["accounts.E001"]


@pytest.mark.parametrize(
    "key",
    [
        "k7Jw0s-2fQx9Zr4uVb6Nc1Ld8Tm3Py5Ga_HeIjKoWqRtYuXz",
        "ab" * 40,
        "django-insecure-k7Jw0s-2fQx9Zr4uVb6Nc1Ld8Tm3Py5Ga_HeIjKoWqRtYuXzBvCnM",
        "please-CHANGEME-before-production-please-CHANGEME-before-production",
    ],
)
def test_a_weak_secret_key_stops_the_start(settings: Settings, key: str) -> None:
    messages = found(settings, DRAGOMAN_SECRET_KEY=key)

    assert identifiers(messages) == ["accounts.E002"]
    assert key not in str(messages)


def test_missing_sealing_keys_stop_the_start(settings: Settings) -> None:
    assert identifiers(found(settings, DRAGOMAN_SEALING_KEYS=None)) == ["accounts.E003"]


def test_a_short_sealing_key_stops_the_start(settings: Settings) -> None:
    messages = found(settings, DRAGOMAN_SEALING_KEYS="AAECAwQFBgcICQoLDA0ODw==")

    assert identifiers(messages) == ["accounts.E004"]


def test_a_sealing_key_listed_twice_stops_the_start(settings: Settings) -> None:
    assert identifiers(found(settings, DRAGOMAN_SEALING_KEYS=TWO_KEYS)) == ["accounts.E005"]


def test_a_sealing_key_of_equal_bytes_stops_the_start(settings: Settings) -> None:
    zeros = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

    assert identifiers(found(settings, DRAGOMAN_SEALING_KEYS=zeros)) == ["accounts.E006"]


def test_a_missing_base_url_stops_the_start_in_production(settings: Settings) -> None:
    assert identifiers(found(settings, DRAGOMAN_BASE_URL=None)) == ["accounts.E007"]


def test_a_base_url_without_tls_is_warned_of_in_production(settings: Settings) -> None:
    messages = found(settings, DRAGOMAN_BASE_URL="http://id.example.com")

    assert identifiers(messages) == ["accounts.W008"]


def test_missing_allowed_hosts_stop_the_start_in_production(settings: Settings) -> None:
    assert identifiers(found(settings, DRAGOMAN_ALLOWED_HOSTS=None)) == ["accounts.E009"]


def test_allowing_every_host_stops_the_start_in_production(settings: Settings) -> None:
    messages = found(settings, DRAGOMAN_ALLOWED_HOSTS="id.example.com,*")

    assert identifiers(messages) == ["accounts.E010"]


def test_a_base_url_whose_host_is_not_allowed_stops_the_start(settings: Settings) -> None:
    messages = found(settings, DRAGOMAN_BASE_URL="https://other.example.com")

    assert identifiers(messages) == ["accounts.E011"]


def test_a_base_url_below_an_allowed_domain_passes(settings: Settings) -> None:
    assert found(settings, DRAGOMAN_BASE_URL="https://ID.internal.example:8443") == []


def test_a_negative_number_of_proxies_stops_the_start(settings: Settings) -> None:
    assert identifiers(found(settings, DRAGOMAN_TRUSTED_PROXIES="-1")) == ["accounts.E012"]


def test_a_long_refresh_grace_stops_the_start(settings: Settings) -> None:
    assert identifiers(found(settings, DRAGOMAN_REFRESH_GRACE_SECONDS="11")) == ["accounts.E013"]
    assert found(settings, DRAGOMAN_REFRESH_GRACE_SECONDS="10") == []
    assert settings.DRAGOMAN.refresh_grace == timedelta(seconds=10)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DRAGOMAN_PORT", "eighty"),
        ("DRAGOMAN_WORKERS", "0"),
        ("DRAGOMAN_ADDRESS_FAILURES", "10001"),
        ("DRAGOMAN_BODY_LIMIT", "64k"),
        ("DRAGOMAN_SEALING_KEYS", "not base64 at all!"),
        ("DRAGOMAN_LOG_LEVEL", "LOUD"),
        ("DATABASE_URL", "mysql://localhost/dragoman"),
        ("DRAGOMAN_EMAIL_URL", "https://mail.example.com"),
        ("DRAGOMAN_COGNITO_ISSUER", "cognito-idp.example"),
    ],
)
def test_a_malformed_variable_stops_the_start_and_is_named_without_its_value(
    settings: Settings, name: str, value: str
) -> None:
    messages = found(settings, **{name: value})

    assert identifiers(messages) == ["accounts.E014"]
    assert name in messages[0].msg
    assert value not in messages[0].msg


def test_a_revoked_key_is_looked_for_every_half_minute_at_least(settings: Settings) -> None:
    assert found(settings, DRAGOMAN_KEY_POLL_SECONDS="30") == []
    assert settings.DRAGOMAN.key_poll == 30.0
    assert identifiers(found(settings, DRAGOMAN_KEY_POLL_SECONDS="31")) == ["accounts.E014"]


def test_an_unknown_mode_counts_as_production(settings: Settings) -> None:
    messages = found(settings, DRAGOMAN_MODE="develop", DRAGOMAN_BASE_URL=None)

    assert identifiers(messages) == ["accounts.E007", "accounts.E014"]


def test_production_without_a_mail_server_is_warned_that_none_is_sent(settings: Settings) -> None:
    assert identifiers(found(settings, DRAGOMAN_EMAIL_URL=None)) == ["accounts.W017"]
    assert not notices.are_sent()


def test_a_demo_needs_no_mail_server(settings: Settings) -> None:
    assert found(settings, DRAGOMAN_EMAIL_URL=None, DRAGOMAN_MODE="demo") == []
    assert notices.are_sent()


def test_a_misspelt_variable_is_warned_of(settings: Settings) -> None:
    messages = found(settings, DRAGOMAN_TRUSTED_PROXY="1")

    assert identifiers(messages) == ["accounts.W015"]


@pytest.mark.django_db
@pytest.mark.parametrize(("version", "expected"), [(140012, ["accounts.E016"]), (150000, [])])
def test_an_old_postgresql_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, version: int, expected: list[str]
) -> None:
    def answer(cursor: Any, *arguments: Any) -> tuple[str]:
        return (str(version),)

    with connection.cursor() as cursor:
        monkeypatch.setattr(type(cursor.cursor), "fetchone", answer)

        assert identifiers(list(checks.check_database(databases=["default"]))) == expected


def test_the_database_is_left_alone_unless_it_is_asked_for() -> None:
    assert list(checks.check_database(databases=None)) == []
