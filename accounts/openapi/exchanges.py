"""The examples of the document: requests that were sent to a real demo, with what it answered.

They lie beside their contract: ``examples.json`` in its package, ``<slug>.examples.json`` beside
a module. ``make examples`` records them anew; a test sends them and compares. ``…`` stands for
what is different in every demo.
"""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_WORD = re.compile(r"\$(\w+)")
# What readers see for a word; others may be anything.
_SHOWN = {"client_id": "1example23456789"}


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer."""

    name: str
    # The method and the path as the document has them.
    action: str
    about: str = ""
    # The path as it was called, where it is not the action's.
    path: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    # A text is sent as it is, everything else as JSON; words after a $ are filled in before.
    body: Any = None
    # What later exchanges call parts of the answer: their names with the ways there.
    keeps: dict[str, list[str | int]] = field(default_factory=dict)
    # Members whose value is another in every demo and shows by nothing but its name.
    varies: list[str] = field(default_factory=list)
    status: int = 0
    media: str = ""
    answer_body: Any = None

    @property
    def shown_body(self) -> Any:
        """The request's body for readers."""
        return _hidden(self.body)


def _hidden(value: Any) -> Any:
    if isinstance(value, str):
        return _WORD.sub(lambda word: _SHOWN.get(word[1], "…"), value)
    if isinstance(value, dict):
        return {name: _hidden(each) for name, each in value.items()}
    return [_hidden(each) for each in value] if isinstance(value, list) else value


def file_of(slug: str) -> Path:
    """Where the exchanges of a contract are or would be."""
    module = importlib.util.find_spec(f"accounts.contracts.{slug}")
    if module is None or module.origin is None:
        raise LookupError(f"no contract {slug}")
    origin = Path(module.origin)
    name = "examples.json" if module.submodule_search_locations else f"{slug}.examples.json"
    return origin.parent / name


def exchanges(slug: str) -> Sequence[Exchange]:
    """The exchanges of a contract, in the order in which they happen."""
    file = file_of(slug)
    if not file.is_file():
        return ()
    return [Exchange(**each) for each in json.loads(file.read_text(encoding="utf-8"))]
