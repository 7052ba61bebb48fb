"""Every environment variable that Dragoman reads, declared once: name, parser, default, help."""

import base64
import binascii
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Generic, TypeVar

from tenants.conf import Conf, Problem

T = TypeVar("T")

MODES = ("production", "demo", "test")
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


@dataclass(frozen=True, slots=True)
class Variable(Generic[T]):
    name: str
    parse: Callable[[str], T]
    default: T
    help: str
    required_in_production: bool = False
    secret: bool = False
    # How documentation writes the default, where the value itself depends on the machine.
    default_text: str = ""

    def read(self, environ: Mapping[str, str], problems: list[Problem]) -> T:
        raw = environ.get(self.name, "").strip()
        if not raw:
            return self.default
        try:
            return self.parse(raw)
        except ValueError as error:
            problems.append(Problem(self.name, str(error)))
            return self.default


def text(raw: str) -> str:
    if any(ord(character) < 32 for character in raw):
        raise ValueError("contains control characters")
    return raw


def integer(raw: str) -> int:
    # int() would also take "1_000", "+5" and digits of other scripts.
    if not re.fullmatch(r"-?[0-9]{1,9}", raw):
        raise ValueError("is not a whole number")
    return int(raw)


def positive(raw: str) -> int:
    value = integer(raw)
    if value < 1:
        raise ValueError("must be at least 1")
    return value


def natural(raw: str) -> int:
    value = integer(raw)
    if value < 0:
        raise ValueError("must not be negative")
    return value


def port(raw: str) -> int:
    value = natural(raw)
    if value > 65535:
        raise ValueError("is no TCP port")
    return value


def url(raw: str) -> str:
    if not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", raw):
        raise ValueError("is not an http(s) URL without query")
    return raw.rstrip("/")


def database_url(raw: str) -> str:
    if not re.match(r"postgres(ql)?://", raw):
        raise ValueError("must start with postgresql://; Dragoman runs on PostgreSQL alone")
    return raw


def email_url(raw: str) -> str:
    if not re.match(r"(smtp|smtps|smtp\+tls)://[^\s/]+/?$", raw):
        raise ValueError("must be smtp://, smtp+tls:// or smtps://user:password@host:port")
    return raw


def names(raw: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in raw.split(",") if part.strip())


def keys(raw: str) -> tuple[bytes, ...]:
    try:
        return tuple(base64.b64decode(part, validate=True) for part in names(raw))
    except binascii.Error:
        # The value is a secret: say what is wrong with it, never what it is.
        raise ValueError("is not a comma-separated list of base64 keys") from None


def choice(*allowed: str) -> Callable[[str], str]:
    def parse(raw: str) -> str:
        if raw not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return raw

    return parse


# Stands where no secret was given, so that a check can say so instead of a traceback.
MISSING_SECRET = "missing"  # noqa: S105

DATABASE_URL = Variable(
    "DATABASE_URL",
    database_url,
    "",
    "PostgreSQL 15 or newer, as `postgresql://user:password@host:port/name?sslmode=verify-full`. "
    "Empty: an embedded PostgreSQL in `DRAGOMAN_VAR_DIR`",
    secret=True,
)
MODE = Variable("DRAGOMAN_MODE", choice(*MODES), "production", "`production`, `demo` or `test`")
SECRET_KEY = Variable(
    "DRAGOMAN_SECRET_KEY",
    text,
    "",
    "Secret of at least 50 random characters; signs cookies and reset links",
    required_in_production=True,
    secret=True,
)
SEALING_KEYS: Variable[tuple[bytes, ...]] = Variable(
    "DRAGOMAN_SEALING_KEYS",
    keys,
    (),
    "Base64 of 32 random bytes, several separated by commas, newest first; seal secrets at rest",
    required_in_production=True,
    secret=True,
)
BASE_URL = Variable(
    "DRAGOMAN_BASE_URL",
    url,
    "",
    "Public address of the service, as clients type it; the issuer of its tokens",
    required_in_production=True,
)
ALLOWED_HOSTS: Variable[tuple[str, ...]] = Variable(
    "DRAGOMAN_ALLOWED_HOSTS",
    names,
    (),
    "Host names that requests may carry, separated by commas",
    required_in_production=True,
)
TRUSTED_PROXIES = Variable(
    "DRAGOMAN_TRUSTED_PROXIES",
    integer,
    0,
    "How many reverse proxies in front may be believed about the client's address",
)
HOST = Variable("DRAGOMAN_HOST", text, "127.0.0.1", "Address that `serve` listens on")
PORT = Variable("DRAGOMAN_PORT", port, 8000, "Port that `serve` listens on")
WORKERS = Variable(
    "DRAGOMAN_WORKERS",
    positive,
    min(os.cpu_count() or 1, 8),
    "Server processes",
    default_text="number of CPUs, at most 8",
)
THREADS = Variable("DRAGOMAN_THREADS", positive, 8, "Threads of each server process")
HASH_SLOTS = Variable(
    "DRAGOMAN_HASH_SLOTS",
    positive,
    os.cpu_count() or 1,
    "Password hashes computed at once in one process",
    default_text="number of CPUs",
)
HASH_WAIT_MS = Variable(
    "DRAGOMAN_HASH_WAIT_MS",
    natural,
    2000,
    "How long a login waits for a hash slot before it is told to retry",
)
ADDRESS_FAILURES = Variable(
    "DRAGOMAN_ADDRESS_FAILURES",
    positive,
    300,
    "Failed logins that one source address may cause in 300 seconds",
)
REFRESH_GRACE_SECONDS = Variable(
    "DRAGOMAN_REFRESH_GRACE_SECONDS",
    natural,
    3,
    "How long a rotated refresh token may be repeated by a client that lost the answer; at most 10",
)
KEY_POLL_SECONDS = Variable(
    "DRAGOMAN_KEY_POLL_SECONDS",
    positive,
    5,
    "How often a process looks for rotated signing keys",
)
BODY_LIMIT = Variable("DRAGOMAN_BODY_LIMIT", positive, 65536, "Longest request body, in bytes")
COGNITO_ISSUER = Variable(
    "DRAGOMAN_COGNITO_ISSUER",
    url,
    "",
    "Replaces the base URL in the issuer of Oloid tokens, for clients that pin a Cognito address",
)
VAR_DIR = Variable(
    "DRAGOMAN_VAR_DIR", Path, Path("var"), "Directory of the embedded database and the demo"
)
CONTRACTS = Variable("DRAGOMAN_CONTRACTS", text, "", "One more folder with contracts of your own")
LOG_LEVEL = Variable(
    "DRAGOMAN_LOG_LEVEL", choice(*LOG_LEVELS), "INFO", "Least severe level that is logged"
)
DATABASE_POOL = Variable(
    "DRAGOMAN_DATABASE_POOL",
    natural,
    8,
    "Most database connections of one process; 0 opens one per request, for a transaction pooler",
)
EMAIL_URL = Variable(
    "DRAGOMAN_EMAIL_URL",
    email_url,
    "",
    "Mail server, as `smtp+tls://user:password@host:587`; empty: none is sent, a demo shows it",
    secret=True,
)
EMAIL_FROM = Variable(
    "DRAGOMAN_EMAIL_FROM", text, "Dragoman <dragoman@localhost>", "Sender of the mail"
)

VARIABLES: tuple[Variable[Any], ...] = tuple(
    value for value in list(vars().values()) if isinstance(value, Variable)
)


@dataclass(frozen=True, slots=True)
class Environment:
    """All variables, read and parsed; a value that cannot be parsed is a problem, not an error."""

    conf: Conf
    database_url: str = field(repr=False)
    secret_key: str = field(repr=False)
    allowed_hosts: tuple[str, ...]
    host: str
    port: int
    workers: int
    threads: int
    log_level: str
    database_pool: int
    email_url: str = field(repr=False)
    email_from: str
    problems: tuple[Problem, ...]
    # Names with our prefix that nothing reads: usually a typing mistake.
    unknown: tuple[str, ...]


def read(environ: Mapping[str, str] = os.environ) -> Environment:
    problems: list[Problem] = []

    def value(variable: Variable[T]) -> T:
        return variable.read(environ, problems)

    return Environment(
        conf=Conf(
            mode=value(MODE),
            base_url=value(BASE_URL),
            sealing_keys=value(SEALING_KEYS),
            trusted_proxies=value(TRUSTED_PROXIES),
            hash_slots=value(HASH_SLOTS),
            hash_wait=value(HASH_WAIT_MS) / 1000,
            address_failures=value(ADDRESS_FAILURES),
            refresh_grace=timedelta(seconds=value(REFRESH_GRACE_SECONDS)),
            key_poll=float(value(KEY_POLL_SECONDS)),
            body_limit=value(BODY_LIMIT),
            cognito_issuer=value(COGNITO_ISSUER),
            var_dir=value(VAR_DIR).absolute(),
            contracts=value(CONTRACTS),
        ),
        database_url=value(DATABASE_URL),
        secret_key=value(SECRET_KEY),
        allowed_hosts=value(ALLOWED_HOSTS),
        host=value(HOST),
        port=value(PORT),
        workers=value(WORKERS),
        threads=value(THREADS),
        log_level=value(LOG_LEVEL),
        database_pool=value(DATABASE_POOL),
        email_url=value(EMAIL_URL),
        email_from=value(EMAIL_FROM),
        problems=tuple(problems),
        unknown=tuple(sorted(name for name in environ if _is_unknown(name))),
    )


def _is_unknown(name: str) -> bool:
    return name.startswith("DRAGOMAN_") and all(name != known.name for known in VARIABLES)
