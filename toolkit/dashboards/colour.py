"""Colours that people can read: which text stands out on which background."""

from __future__ import annotations

UNKNOWN = "#BDBDBD"
"""The colour of a code that the catalogue does not have."""
BLACK, WHITE = "#000000", "#FFFFFF"


def text_on(background: str) -> str:
    """Black or white, whichever stands out more on `#RRGGBB`."""
    return max((BLACK, WHITE), key=lambda text: contrast(text, background))


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours `#RRGGBB`, 1 to 21 (WCAG 2.1, 1.4.3: text needs 4.5, large text 3)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(int(colour[i : i + 2], 16) / 255) for i in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
