"""Colours and words of a code, and the ink that can be read on a colour; pure."""

from __future__ import annotations

from dataclasses import dataclass

from toolkit.catalogue import Enum

_UNKNOWN = "#BDBDBD"


@dataclass(frozen=True, slots=True)
class Shown:
    """How a code is shown."""

    label: str
    colour: str
    ink: str
    """Black or white: what can be read on the colour."""
    order: int
    """Its place in the catalogue; behind all of them for a code that is not there."""


def shown(enum: Enum, code: int | None) -> Shown:
    """A code's label, colour and place; None: what no message said."""
    if code is None:
        return Shown(
            "State not known" if enum.name == "state" else "Not known", _UNKNOWN, ink(_UNKNOWN), len(enum.values) + 1
        )
    for order, value in enumerate(enum.values):
        if value.code == code:
            return Shown(value.label, value.colour, ink(value.colour), order)
    return Shown(enum.label(code), _UNKNOWN, ink(_UNKNOWN), len(enum.values))


def ink(colour: str) -> str:
    """Black or white, whichever contrasts more with a colour such as `#0072B2` (WCAG 2.1, contrast ratio)."""
    light = luminance(colour)
    return "#000000" if (light + 0.05) / 0.05 >= 1.05 / (light + 0.05) else "#FFFFFF"


def luminance(colour: str) -> float:
    """The relative luminance of a colour, 0 to 1 (WCAG 2.1)."""
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
