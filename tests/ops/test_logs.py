import json
import logging
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.logs import JsonFormatter


def line(message: str, **extra: object) -> str:
    record = logging.makeLogRecord({"name": "test", "levelname": "INFO", "msg": message, **extra})
    return JsonFormatter().format(record)


HOSTILE = "\r\n\x1b[2J\x85\u2028\u202e\u2066\u200f\x00\x9b"


def test_a_hostile_message_stays_one_harmless_line() -> None:
    printed = line(f"user {HOSTILE} failed")

    assert printed.isprintable()
    assert json.loads(printed)["message"] == f"user {HOSTILE} failed"


@given(st.text(alphabet=st.characters()))
def test_any_message_gives_one_line_that_can_be_encoded(message: str) -> None:
    printed = line("%s", args=(message,))

    assert len(printed.encode().splitlines()) == 1
    assert len(printed.splitlines()) == 1
    assert json.loads(printed)["level"] == "info"


def failure(message: str) -> object:
    try:
        int(message)
    except ValueError:
        return sys.exc_info()
    return None


def test_an_exception_is_located_without_what_it_says() -> None:
    printed = line("boom", exc_info=failure("password=hunter2"))

    *frames, kind = json.loads(printed)["exception"]
    assert kind == "ValueError"
    assert frames[-1].endswith(" failure")
    assert "hunter2" not in printed


@pytest.mark.parametrize(("status", "traced"), [(400, False), (500, True)])
def test_only_a_fault_of_ours_has_a_traceback(status: int, traced: bool) -> None:
    printed = json.loads(line("x", status_code=status, exc_info=failure("y")))

    assert printed["status"] == status
    assert ("exception" in printed) is traced
