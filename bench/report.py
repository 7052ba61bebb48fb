"""Where measurements are kept: bench/results/<name>.json, and the same as a table in <name>.md."""

import json
from collections.abc import Mapping

from bench.surroundings import ROOT

_RESULTS = ROOT / "bench" / "results"


def keep(name: str, figures: Mapping[str, float | str]) -> None:
    """Write the figures of one bench, and print them as a table."""
    rows = [f"| {what.replace('_', ' ')} | {_told(figure)} |" for what, figure in figures.items()]
    table = "\n".join(["| What | Figure |", "| --- | --- |", *rows, ""])
    _RESULTS.mkdir(exist_ok=True)
    (_RESULTS / f"{name}.json").write_text(json.dumps(figures, indent=2) + "\n")
    (_RESULTS / f"{name}.md").write_text(table)
    print(table)


def _told(figure: float | str) -> str:
    return figure if isinstance(figure, str) else f"{figure:.3g}"
