"""A misconfigured service does not start: every condition has an id that stays, and a hint."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings

# Django's name for it.
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004
from django.db import connections
from django.http.request import validate_host

from accounts import notices
from tenants.conf import conf

# Carried by every check without which no server may start, whichever server it is.
TAG = "dragoman"
SHORTEST_SECRET_KEY = 50
FEWEST_CHARACTERS = 10
SEALING_KEY_BYTES = 32
LONGEST_REFRESH_GRACE = timedelta(seconds=10)
OLDEST_POSTGRES = 15
SAMPLES = ("changeme", "change-me", "change_me", "django-insecure", "example", "secret", "password")

MAKE_TEXT = "python3 -c 'import secrets; print(secrets.token_urlsafe(64))'"
MAKE_BYTES = "python3 -c 'import base64, os; print(base64.b64encode(os.urandom(32)).decode())'"

Found = Iterator[CheckMessage]


@register(TAG)
def check_settings(
    app_configs: Sequence[AppConfig] | None = None, **options: Any
) -> Iterable[CheckMessage]:
    del app_configs, options
    return [
        *_secret_key(),
        *_sealing_keys(),
        *_addresses(),
        *_figures(),
        *_mail(),
        *_variables(),
    ]


@register(Tags.database)
def check_database(
    app_configs: Sequence[AppConfig] | None = None,
    databases: Sequence[str] | None = None,
    **options: Any,
) -> Iterable[CheckMessage]:
    del app_configs, options
    return [message for alias in databases or () for message in _postgres(alias)]


def _secret_key() -> Found:
    key = str(settings.SECRET_KEY)
    # The placeholder of config.env: no secret was given.
    if key == "missing":
        yield Error(
            "DRAGOMAN_SECRET_KEY is not set.",
            hint=f"Make one and keep it: {MAKE_TEXT}",
            id="accounts.E001",
        )
    elif len(key) < SHORTEST_SECRET_KEY or len(set(key)) < FEWEST_CHARACTERS or _is_sample(key):
        yield Error(
            f"DRAGOMAN_SECRET_KEY is weak: it needs {SHORTEST_SECRET_KEY} random characters.",
            hint=f"Make a new one; every browser session ends: {MAKE_TEXT}",
            id="accounts.E002",
        )


def _is_sample(key: str) -> bool:
    return any(sample in key.lower() for sample in SAMPLES)


def _sealing_keys() -> Found:
    keys = conf().sealing_keys
    # A list that cannot be decoded is reported once, as a malformed variable.
    malformed = any(p.variable == "DRAGOMAN_SEALING_KEYS" for p in settings.DRAGOMAN_PROBLEMS)
    if not keys and not malformed:
        yield Error(
            "DRAGOMAN_SEALING_KEYS is not set.",
            hint=f"Make one and keep it beside your backups: {MAKE_BYTES}",
            id="accounts.E003",
        )
    if any(len(key) != SEALING_KEY_BYTES for key in keys):
        yield Error(
            f"A sealing key is not exactly {SEALING_KEY_BYTES} bytes long.",
            hint=f"Each key is the base64 of {SEALING_KEY_BYTES} bytes: {MAKE_BYTES}",
            id="accounts.E004",
        )
    if len(set(keys)) != len(keys):
        yield Error(
            "A sealing key is listed twice.",
            hint="Put the new key first, the old ones once each behind it.",
            id="accounts.E005",
        )
    if any(len(key) == SEALING_KEY_BYTES and len(set(key)) < FEWEST_CHARACTERS for key in keys):
        yield Error(
            "A sealing key is no random value.",
            hint=f"Make one: {MAKE_BYTES}",
            id="accounts.E006",
        )


def _addresses() -> Found:
    """What the world calls this service; a demo finds it out by itself."""
    if conf().mode != "production":
        return
    url, hosts = conf().base_url, list(settings.ALLOWED_HOSTS)
    if not url:
        yield Error(
            "DRAGOMAN_BASE_URL is not set.",
            hint="Set it to the public address, such as https://id.example.com",
            id="accounts.E007",
        )
    elif not url.startswith("https://"):
        yield Warning(
            "DRAGOMAN_BASE_URL is not https: passwords and cookies travel in the clear.",
            hint="Put a reverse proxy with TLS in front and give its https address.",
            id="accounts.W008",
        )
    if not hosts:
        yield Error(
            "DRAGOMAN_ALLOWED_HOSTS is not set.",
            hint="List the host names that clients use, separated by commas.",
            id="accounts.E009",
        )
    elif "*" in hosts:
        yield Error(
            "DRAGOMAN_ALLOWED_HOSTS allows every host, so a request can choose its own issuer.",
            hint="List the host names that clients use, separated by commas.",
            id="accounts.E010",
        )
    elif url and not validate_host((urlsplit(url).hostname or "").lower(), hosts):
        yield Error(
            "The host of DRAGOMAN_BASE_URL is not in DRAGOMAN_ALLOWED_HOSTS.",
            hint="Add it there, or its requests are refused.",
            id="accounts.E011",
        )


def _figures() -> Found:
    if conf().trusted_proxies < 0:
        yield Error(
            "DRAGOMAN_TRUSTED_PROXIES is negative.",
            hint="Count the reverse proxies in front of Dragoman; 0 believes none.",
            id="accounts.E012",
        )
    if conf().refresh_grace > LONGEST_REFRESH_GRACE:
        yield Error(
            "DRAGOMAN_REFRESH_GRACE_SECONDS is over 10.",
            hint="A longer grace lets a stolen refresh token be used unnoticed.",
            id="accounts.E013",
        )


def _mail() -> Found:
    # An address that cannot be used is reported once, as a malformed variable.
    malformed = any(p.variable == "DRAGOMAN_EMAIL_URL" for p in settings.DRAGOMAN_PROBLEMS)
    if conf().mode == "production" and not notices.are_sent() and not malformed:
        yield Warning(
            "DRAGOMAN_EMAIL_URL is not set: no mail is sent, neither codes nor warnings to owners.",
            hint="Give your mail server, such as smtp+tls://user:password@mail.example.com:587",
            id="accounts.W017",
        )


def _variables() -> Found:
    for problem in settings.DRAGOMAN_PROBLEMS:
        yield Error(
            f"{problem.variable} {problem.message}.",
            hint="docs/operations.md lists every variable and what it takes.",
            id="accounts.E014",
        )
    for name in settings.DRAGOMAN_UNKNOWN:
        yield Warning(
            f"{name} is set, but no such setting exists.",
            hint="docs/operations.md lists every variable; remove or correct this one.",
            id="accounts.W015",
        )


def _postgres(alias: str) -> Found:
    connection = connections[alias]
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version_num")
        (number,) = cursor.fetchone()
    if int(number) < OLDEST_POSTGRES * 10000:
        yield Error(
            f"The database is PostgreSQL {int(number) // 10000}.",
            hint=f"Dragoman needs PostgreSQL {OLDEST_POSTGRES} or newer.",
            id="accounts.E016",
        )
