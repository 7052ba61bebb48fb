"""A tenant's colour as a stylesheet, made readable whatever was chosen.

The address holds the colour itself, so the answer never changes and asks nothing of anybody.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

# The brightest of the light surfaces that text stands on is white; the darkest of them counts, and
# the lightest of the dark ones (see pages.css).
_LIGHT, _DARK = (0xF7, 0xF5, 0xF0), (0x1D, 0x24, 0x27)
_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)
# WCAG 2.2, success criterion 1.4.3.
CONTRAST = 4.5
_STEPS = 20

Colour = tuple[int, int, int]


def stylesheet(request: HttpRequest, code: str) -> HttpResponse:
    """``/brand/<rrggbb>.css``: the colour on light and on dark pages."""
    del request
    chosen = read(code)
    on_light, on_dark = readable(chosen, _LIGHT, _BLACK), readable(chosen, _DARK, _WHITE)
    text = (
        f":root{{--accent:{write(on_light)};--accent-ink:#ffffff}}\n"
        "@media (prefers-color-scheme: dark)"
        f"{{:root{{--accent:{write(on_dark)};--accent-ink:#0d1b1d}}}}\n"
    )
    answer = HttpResponse(text, content_type="text/css; charset=utf-8")
    answer["Cache-Control"] = "public, max-age=31536000, immutable"
    return answer


def read(code: str) -> Colour:
    """Six hex digits as red, green and blue."""
    red, green, blue = bytes.fromhex(code)
    return red, green, blue


def write(colour: Colour) -> str:
    """A colour as a stylesheet spells it."""
    return f"#{bytes(colour).hex()}"


def readable(chosen: Colour, surface: Colour, towards: Colour) -> Colour:
    """The colour nearest to ``chosen``, on its way ``towards`` another, that can be read."""
    mixes = (_mixed(chosen, towards, step / _STEPS) for step in range(_STEPS + 1))
    return next(mix for mix in mixes if contrast(mix, surface) >= CONTRAST)


def contrast(one: Colour, other: Colour) -> float:
    """The contrast ratio of two colours, 1 to 21 (WCAG 2.2)."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _mixed(one: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _luminance(colour: Colour) -> float:
    red, green, blue = (_linear(part / 255) for part in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)
