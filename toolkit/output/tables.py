"""Tables for people."""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Iterable, Sequence

from toolkit.questions import GroupState

_WIDE = 200
"""Columns where nobody looks at a terminal: a table that is piped must not lose words."""


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table as text, as wide as the terminal; anything else than ASCII keeps its own width."""
    from rich import box  # noqa: PLC0415 - rich costs start-up time
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    drawn = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        drawn.add_column(column, overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(cell) for cell in row))  # as text: a name such as [red] is no colour
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else _WIDE
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(drawn)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    return "\n".join(line.rstrip() for line in text.splitlines()).strip("\n")


def group_states(states: Iterable[GroupState]) -> str:
    """Each campaign group's present state."""
    columns = ("Tenant", "Campaign group", "State", "Since (UTC)", "Dial mode", "Last action", "By")
    rows = (
        (
            _shown(state.tenant),
            _shown(state.name),
            _shown(state.state),
            _moment(state.since),
            _shown(state.dial_mode),
            _shown(state.last_action),
            _shown(state.last_actor),
        )
        for state in states
    )
    return table("Campaign groups now", columns, rows)


def _shown(text: str | None) -> str:
    """Readable, whatever the name holds: a control character must not reach the terminal."""
    return "-" if text is None else "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _moment(time: str | None) -> str:
    return time[:19].replace("T", " ") if time else "-"
