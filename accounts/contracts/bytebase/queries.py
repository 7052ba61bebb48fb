"""Fields of a request in its query: each in either spelling; unknown ones do not matter."""

from __future__ import annotations

import re

from accounts.contracts.bytebase.protojson import camel, is_int32, quoted
from accounts.wire.call import Call
from accounts.wire.contract import Fault, Faulted

_BOOLEANS = dict.fromkeys(("1", "t", "T", "true", "TRUE", "True"), True) | dict.fromkeys(
    ("0", "f", "F", "false", "FALSE", "False"), False
)
# No number of 32 bits has more digits.
_NUMBER = re.compile(r"[+-]?[0-9]{1,10}", re.ASCII)


def texts(call: Call, name: str) -> list[str]:
    """All values of a repeated field. Raises Faulted(INVALID)."""
    spellings = dict.fromkeys((name, camel(name)))
    given = [value for key in spellings for value in call.request.GET.getlist(key)]
    if any("\x00" in value for value in given):
        raise _invalid(name)
    return given


def text(call: Call, name: str) -> str | None:
    """The value of a field, None where it is absent. Raises Faulted(INVALID)."""
    given = texts(call, name)
    if len(given) > 1:
        raise Faulted(Fault.INVALID, f"too many values for field {quoted(camel(name))}")
    return given[0] if given else None


def flag(call: Call, name: str) -> bool:
    """The value of a boolean field. Raises Faulted(INVALID)."""
    given = text(call, name)
    if given is not None and given not in _BOOLEANS:
        raise _invalid(name)
    return given is not None and _BOOLEANS[given]


def number(call: Call, name: str) -> int:
    """The value of a number field of 32 bits, 0 where it is absent. Raises Faulted(INVALID)."""
    given = text(call, name)
    if given is None:
        return 0
    if not _NUMBER.fullmatch(given) or not is_int32(int(given)):
        raise _invalid(name)
    return int(given)


def _invalid(name: str) -> Faulted:
    return Faulted(Fault.INVALID, f"invalid value for field {quoted(camel(name))}")
