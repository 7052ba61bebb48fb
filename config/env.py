"""Every environment variable that Dragoman reads, declared once: name, parser, default, help."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Generic, TypeVar

from config import values
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


# Stands where no secret was given, so that a check can say so instead of a traceback.
MISSING_SECRET = "missing"  # noqa: S105

DATABASE_URL = Variable(
    "DATABASE_URL",
    values.database_url,
    "",
    "PostgreSQL 15 or newer, as `postgresql://user:password@host:port/name?sslmode=verify-full`. "
    "Empty: an embedded PostgreSQL in `DRAGOMAN_VAR_DIR`",
    secret=True,
)
MODE = Variable(
    "DRAGOMAN_MODE", values.choice(*MODES), "production", "`production`, `demo` or `test`"
)
SECRET_KEY = Variable(
    "DRAGOMAN_SECRET_KEY",
    values.text,
    "",
    "Secret of at least 50 random characters; signs cookies and reset links",
    required_in_production=True,
    secret=True,
)
SEALING_KEYS: Variable[tuple[bytes, ...]] = Variable(
    "DRAGOMAN_SEALING_KEYS",
    values.keys,
    (),
    "Base64 of 32 random bytes, several separated by commas, newest first; seal secrets at rest",
    required_in_production=True,
    secret=True,
)
BASE_URL = Variable(
    "DRAGOMAN_BASE_URL",
    values.url,
    "",
    "Public address of the service, as clients type it; the issuer of its tokens",
    required_in_production=True,
)
ALLOWED_HOSTS: Variable[tuple[str, ...]] = Variable(
    "DRAGOMAN_ALLOWED_HOSTS",
    values.names,
    (),
    "Host names that requests may carry, separated by commas",
    required_in_production=True,
)
TRUSTED_PROXIES = Variable(
    "DRAGOMAN_TRUSTED_PROXIES",
    values.integer,
    0,
    "How many reverse proxies in front may be believed about the client's address",
)
HOST = Variable("DRAGOMAN_HOST", values.text, "127.0.0.1", "Address that `serve` listens on")
PORT = Variable("DRAGOMAN_PORT", values.port, 8000, "Port that `serve` listens on")
WORKERS = Variable(
    "DRAGOMAN_WORKERS",
    values.positive,
    min(os.cpu_count() or 1, 8),
    "Server processes",
    default_text="number of CPUs, at most 8",
)
THREADS = Variable("DRAGOMAN_THREADS", values.positive, 8, "Threads of each server process")
HASH_SLOTS = Variable(
    "DRAGOMAN_HASH_SLOTS",
    values.positive,
    os.cpu_count() or 1,
    "Password hashes computed at once in one process",
    default_text="number of CPUs",
)
HASH_WAIT_MS = Variable(
    "DRAGOMAN_HASH_WAIT_MS",
    values.natural,
    2000,
    "How long a login waits for a hash slot before it is told to retry",
)
ADDRESS_FAILURES = Variable(
    "DRAGOMAN_ADDRESS_FAILURES",
    # Each failure is kept with its moment for as long as it counts.
    values.up_to(10_000),
    300,
    "Failed logins that one source address may cause in 300 seconds; at most 10000",
)
REFRESH_GRACE_SECONDS = Variable(
    "DRAGOMAN_REFRESH_GRACE_SECONDS",
    values.natural,
    3,
    "How long a rotated refresh token may be repeated by a client that lost the answer; at most 10",
)
KEY_POLL_SECONDS = Variable(
    "DRAGOMAN_KEY_POLL_SECONDS",
    # A revoked key is to be dead everywhere within a minute, also where one look came to nothing.
    values.up_to(30),
    5,
    "How often a process looks for rotated and revoked signing keys; at most 30",
)
BODY_LIMIT = Variable(
    "DRAGOMAN_BODY_LIMIT", values.positive, 65536, "Longest request body, in bytes"
)
COGNITO_ISSUER = Variable(
    "DRAGOMAN_COGNITO_ISSUER",
    values.url,
    "",
    "Replaces the base URL in the issuer of Oloid tokens, for clients that pin a Cognito address",
)
OUTBOUND_HOSTS: Variable[tuple[str, ...]] = Variable(
    "DRAGOMAN_OUTBOUND_HOSTS",
    values.names,
    (),
    "Host names of directories and identity providers, separated by commas, that may be asked at "
    "private addresses; an identity provider also without TLS, a directory never",
)
VAR_DIR = Variable(
    "DRAGOMAN_VAR_DIR", Path, Path("var"), "Directory of the embedded database and the demo"
)
CONTRACTS = Variable(
    "DRAGOMAN_CONTRACTS", values.text, "", "One more folder with contracts of your own"
)
API_DOCS = Variable(
    "DRAGOMAN_API_DOCS",
    values.choice("on", "off"),
    "",
    "Whether the OpenAPI document and its page are served, at `/api/schema/` and `/api/docs/`",
    default_text="`on` in a demo, else `off`",
)
LOG_LEVEL = Variable(
    "DRAGOMAN_LOG_LEVEL", values.choice(*LOG_LEVELS), "INFO", "Least severe level that is logged"
)
DATABASE_POOL = Variable(
    "DRAGOMAN_DATABASE_POOL",
    values.natural,
    8,
    "Most database connections of one process; 0 opens one per request, for a transaction pooler",
)
EMAIL_URL = Variable(
    "DRAGOMAN_EMAIL_URL",
    values.email_url,
    "",
    "Mail server, as `smtp+tls://user:password@host:587`; empty: none is sent, a demo shows it",
    secret=True,
)
EMAIL_FROM = Variable(
    "DRAGOMAN_EMAIL_FROM", values.text, "Dragoman <dragoman@localhost>", "Sender of the mail"
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

    mode = value(MODE)
    return Environment(
        conf=Conf(
            mode=mode,
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
            outbound_hosts=frozenset(host.lower() for host in value(OUTBOUND_HOSTS)),
            var_dir=value(VAR_DIR).absolute(),
            contracts=value(CONTRACTS),
            api_docs=(value(API_DOCS) or ("on" if mode == "demo" else "off")) == "on",
            # Whoever tries the demo reads its passwords in a file beside it.
            staff_second_factor=mode != "demo",
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
