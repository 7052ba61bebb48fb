"""Console transcripts in Markdown: commands after ``$``, the output they print below."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Transcript:
    """One command of a page with the output that the page shows; ``…`` stands for anything."""

    page: str
    command: str
    shown: str

    def fits(self, printed: str) -> bool:
        """Whether the real output is what the page shows."""
        parts = [re.escape(part) for part in self.shown.strip().split("…")]
        return re.fullmatch("(?s:.*?)".join(parts), printed.strip()) is not None


def pages() -> list[Path]:
    """README and every page of the documentation."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def transcripts() -> list[Transcript]:
    """All transcripts of all pages."""
    found = []
    for page in pages():
        for block in _BLOCK.findall(page.read_text()):
            for entry in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                command, _, shown = entry.partition("\n")
                found.append(Transcript(str(page.relative_to(ROOT)), command, shown))
    return found
