"""Django's database and mail settings from their URLs."""

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

# A request never waits longer for the database than this, so a stuck one cannot hold a thread.
STATEMENT_TIMEOUT = "15s"
LOCK_TIMEOUT = "5s"
IDLE_IN_TRANSACTION_TIMEOUT = "30s"
CONNECT_TIMEOUT = 5
POOL_WAIT = 4.0


def database(url: str, pool: int) -> dict[str, Any]:
    """The `default` entry of DATABASES; `pool` 0 suits a transaction pooler such as PgBouncer."""
    parts = urlsplit(url)
    options: dict[str, Any] = {"connect_timeout": CONNECT_TIMEOUT, **dict(parse_qsl(parts.query))}
    host = options.pop("host", "") or unquote(parts.hostname or "")
    if pool:
        options |= _session_options(pool)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")) or "dragoman",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 0,  # the pool keeps connections, not the threads
        "CONN_HEALTH_CHECKS": True,
        "ATOMIC_REQUESTS": False,
        "OPTIONS": options,
    }


def _session_options(pool: int) -> dict[str, Any]:
    """What needs a connection of its own: time-outs, server-side binding, prepared statements."""
    return {
        "pool": {
            "min_size": 1,
            "max_size": pool,
            "timeout": POOL_WAIT,
            "max_idle": 300.0,
            "reconnect_timeout": 30.0,
        },
        "server_side_binding": True,
        "prepare_threshold": 2,
        "options": (
            f"-c statement_timeout={STATEMENT_TIMEOUT} -c lock_timeout={LOCK_TIMEOUT}"
            f" -c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_TIMEOUT}"
        ),
    }


def mail(url: str, mode: str) -> dict[str, Any]:
    """Django's EMAIL_* settings. Without a URL a demo shows its mail; nobody else sends any.

    A production log must not hold the codes that mails carry.
    """
    if not url:
        shown = "dummy" if mode == "production" else "console"
        return {"EMAIL_BACKEND": f"django.core.mail.backends.{shown}.EmailBackend"}
    parts = urlsplit(url)
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname or "localhost",
        "EMAIL_PORT": parts.port or {"smtp": 25, "smtps": 465}.get(parts.scheme, 587),
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_USE_TLS": parts.scheme == "smtp+tls",
        "EMAIL_TIMEOUT": 10,
    }
