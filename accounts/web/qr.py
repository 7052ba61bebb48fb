"""QR codes as plain SVG: no image file, no inline style, nothing from elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import segno

# The quiet zone that scanners want around a code (ISO/IEC 18004): four modules.
_MARGIN = 4


@dataclass(frozen=True, slots=True)
class Picture:
    """A square of ``size`` modules; ``path`` draws the dark ones."""

    size: int
    path: str


def picture(text: str) -> Picture:
    """The QR code of ``text``. Raises segno.DataOverflowError for more than fits into one."""
    code = segno.make_qr(text, error="m", boost_error=False)
    rows = [
        f"M{column + _MARGIN} {line + _MARGIN}h1v1h-1z"
        for line, modules in enumerate(code.matrix)
        for column, dark in enumerate(modules)
        if dark
    ]
    return Picture(len(code.matrix) + 2 * _MARGIN, "".join(rows))
