"""Colours and words of a code; pure."""

from __future__ import annotations

from dataclasses import dataclass

from toolkit.catalogue import Enum
from toolkit.dashboards.colour import UNKNOWN, text_on


@dataclass(frozen=True, slots=True)
class Shown:
    """How a code is shown."""

    label: str
    colour: str
    text: str
    """The colour of text on it, black or white."""
    order: int
    """Its place in the catalogue; behind all of them for a code that is not there."""


def shown(enum: Enum, code: int | None) -> Shown:
    """A code's label, colour and place; None: what no message said."""
    if code is None:
        return Shown(
            "State not known" if enum.name == "state" else "Not known",
            UNKNOWN,
            text_on(UNKNOWN),
            len(enum.values) + 1,
        )
    for order, value in enumerate(enum.values):
        if value.code == code:
            return Shown(value.label, value.colour, text_on(value.colour), order)
    return Shown(enum.label(code), UNKNOWN, text_on(UNKNOWN), len(enum.values))
