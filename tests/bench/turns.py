"""Takes sides in turn: A B C, then C B A, and so on, so that what drifts with time falls on all of them alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

T = TypeVar("T")


def in_turn(
    sides: Mapping[str, Callable[[], T]], repeats: int, say: Callable[[str], None] = lambda _: None
) -> dict[str, list[T]]:
    """Each side's figures, one a repeat.

    Args:
        sides: what is measured, by name.
        repeats: how often each.
        say: is told what is measured next.
    """
    figures: dict[str, list[T]] = {name: [] for name in sides}
    for repeat in range(repeats):
        names = list(sides) if repeat % 2 == 0 else list(sides)[::-1]
        for name in names:
            say(f"{name} ({repeat + 1} of {repeats})")
            figures[name].append(sides[name]())
    return figures
