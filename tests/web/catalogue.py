"""What the source marks for translation and what a catalogue holds, without gettext's tools."""

from __future__ import annotations

import ast
import gettext
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from django.utils.translation import templatize

ROOT = Path(__file__).parents[2]
FOLDERS = ("accounts", "config", "mfa", "tenants", "templates")
GERMAN = ROOT / "locale" / "de" / "LC_MESSAGES" / "django.po"
# What marks a text: where its context stands among the arguments, and where its forms.
_CALLS: dict[str, tuple[int | None, slice]] = {
    "gettext": (None, slice(0, 1)),
    "ngettext": (None, slice(0, 2)),
    "pgettext": (0, slice(1, 2)),
    "npgettext": (0, slice(1, 3)),
}
_CALLS |= {f"{name}_{more}": form for name, form in _CALLS.items() for more in ("lazy", "noop")}
_STRING = r"u?('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
_IN_TEMPLATE = re.compile(rf"(\w*gettext|\b_)\(({_STRING}(?:, *{_STRING})*)")
_LINE = re.compile(r'(?:(msgctxt|msgid|msgid_plural|msgstr)(?:\[(\d)\])? )?(".*")')
# How gettext joins a context to its text.
_JOINT = "\x04"


@dataclass(frozen=True, slots=True)
class Marked:
    """A text as its programmer wrote it, with its plural where it counts something."""

    text: str
    plural: str = ""


@dataclass(slots=True)
class Entry:
    """A text of a catalogue with its translation, one form or several."""

    parts: dict[str, str] = field(default_factory=dict)
    flags: str = ""

    @property
    def marked(self) -> Marked:
        context = self.parts.get("msgctxt")
        text = self.parts["msgid"]
        joined = text if context is None else f"{context}{_JOINT}{text}"
        return Marked(joined, self.parts.get("msgid_plural", ""))

    @property
    def forms(self) -> list[str]:
        return [text for name, text in self.parts.items() if name.startswith("msgstr")]


def files(*suffixes: str) -> Iterator[Path]:
    """The files of the product with one of these endings."""
    for name in FOLDERS:
        for folder, _, names in os.walk(ROOT / name):
            yield from (Path(folder, each) for each in names if each.endswith(suffixes))


def marked() -> set[Marked]:
    """Every text that the source marks."""
    found: set[Marked] = set()
    for path in files(".py"):
        found.update(_in_python(path.read_text("utf-8")))
    for path in files(".html", ".txt"):
        found.update(in_template(path.read_text("utf-8"), str(path)))
    return found


def _in_python(source: str) -> Iterator[Marked]:
    if "gettext" not in source:
        return
    tree = ast.parse(source)
    known = {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation"
        for alias in node.names
        if alias.name in _CALLS
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            name = known.get(node.func.id)
            texts = [each.value for each in node.args if isinstance(each, ast.Constant)]
            # A variable is looked up; what it may hold is marked elsewhere.
            if name and texts:
                yield _shaped(name, [str(text) for text in texts])


def in_template(source: str, origin: str) -> Iterator[Marked]:
    """The texts of one template, after Django's own lexer."""
    for name, arguments, *_ in _IN_TEMPLATE.findall(templatize(source, origin=origin)):
        texts = [ast.literal_eval(text) for text in re.findall(_STRING, arguments)]
        yield _shaped("gettext" if name == "_" else name, texts)


def _shaped(name: str, texts: list[str]) -> Marked:
    context, forms = _CALLS[name]
    text, *plural = texts[forms]
    joined = text if context is None else f"{texts[context]}{_JOINT}{text}"
    return Marked(joined, *plural)


def entries(lines: Iterable[str]) -> list[Entry]:
    """A catalogue's entries, its header among them; a line that it cannot have is an error."""
    found, key = [Entry()], ""
    for line in lines:
        if not line.strip():
            found.append(Entry())
        elif line.startswith("#"):
            found[-1].flags += line
        else:
            match = _LINE.fullmatch(line.strip())
            assert match, line
            if match[1]:
                key = match[1] + (match[2] or "")
                found[-1].parts[key] = ""
            found[-1].parts[key] += ast.literal_eval(match[3])
    return [entry for entry in found if entry.parts or entry.flags]


def compiled(path: Path) -> gettext.GNUTranslations:
    """What the server loads."""
    with path.open("rb") as file:
        return gettext.GNUTranslations(file)
