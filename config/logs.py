"""Structured logs on standard error: one JSON object a line, and nothing can break the line."""

import json
import logging
import traceback
from datetime import UTC, datetime
from typing import Any

# A terminal or a viewer acts on these although JSON lets them through: C1 controls, line and
# paragraph separators, and the marks that turn the direction of text.
_CONTROLS = (*range(0x7F, 0xA0), 0xFEFF)
_DIRECTIONS = (0x061C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A))
_ESCAPES = {code: f"\\u{code:04x}" for code in (*_CONTROLS, *_DIRECTIONS)}
_LONGEST_MESSAGE = 4096


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage()[:_LONGEST_MESSAGE],
        }
        status = getattr(record, "status_code", None)
        if isinstance(status, int):
            line["status"] = status
        # A refused request (4xx) is no fault of ours: one line, no traceback.
        refused = isinstance(status, int) and status < 500
        if record.exc_info and record.exc_info[0] is not None and not refused:
            line["exception"] = _without_values(record)
        # JSON itself escapes C0 controls (CR, LF, ESC) and lone surrogates would not encode.
        printed = json.dumps(line, ensure_ascii=False).translate(_ESCAPES)
        return printed.encode("utf-8", "backslashreplace").decode()


def _without_values(record: logging.LogRecord) -> list[str]:
    """Where it happened and which type it was; messages of exceptions can quote a request."""
    assert record.exc_info is not None
    kind, _, trace = record.exc_info
    frames = [f"{f.filename}:{f.lineno} {f.name}" for f in traceback.extract_tb(trace)]
    return [*frames[-25:], kind.__qualname__ if kind else "unknown"]


def configuration(level: str) -> dict[str, Any]:
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": JsonFormatter}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Django's own handlers (console in DEBUG, mail to admins) are replaced by the root's.
            "django": {"handlers": [], "level": level, "propagate": True},
            # One line for every 4xx is noise; the audit trail has the refusals.
            "django.request": {"level": "ERROR"},
            "django.security": {"level": "ERROR"},
            "django.security.RequestDataTooBig": {"level": "CRITICAL"},
            # A stranger may name any host, as often as he likes.
            "django.security.DisallowedHost": {"level": "CRITICAL"},
            "psycopg.pool": {"level": "ERROR"},
        },
    }
