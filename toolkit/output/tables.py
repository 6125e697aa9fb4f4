"""Tables for people."""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from toolkit.questions import GroupState
    from toolkit.uses.verification import Check, Verification

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
            shown(state.tenant),
            shown(state.name),
            shown(state.state),
            moment(state.since),
            shown(state.dial_mode),
            shown(state.last_action),
            shown(state.last_actor),
        )
        for state in states
    )
    return table("Campaign groups now", columns, rows)


def verification(found: Verification) -> str:
    """What was checked, each with its result; of what failed, each field as it must be and as it is."""
    rows = [row for check in found.checks for row in _check_rows(check)]
    title = f"Two messages to {found.target}, {_POSTED[found.credential.value]}"
    ok = sum(check.ok for check in found.checks)
    not_made = f", {len(found.not_made)} not made" if found.not_made else ""
    return "\n".join(
        [
            table(title, ("Result", "Checked", "Found"), rows),
            "",
            f"{ok} of {len(found.checks)} checks ok{not_made}, in {found.seconds:.1f} s, campaign group {found.guid}",
            *(f"still there: {place}" for place in found.left),
        ]
    )


_POSTED = {
    "ocs": "with OCS's own credential",
    "connection": "with this connection's credential, not OCS's",
    "none": "without any credential",
}
_VALUES_MAX = 4


def _check_rows(check: Check) -> Iterable[Sequence[str]]:
    if check.ok:
        values = list(check.expected.values())  # the same as what was found, but in an order to read
        as_text = ", ".join(map(_value, values)) if len(values) <= _VALUES_MAX else f"{len(values)} of {len(values)}"
        yield "ok", check.name, as_text
    if check.not_made:
        yield "not made", check.name, check.not_made
    for difference in check.differences if check.failed else ():
        yield "FAILED", check.name, shown(str(difference))


def _value(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(map(_value, value))
    if isinstance(value, dict):
        return ", ".join(map(_value, value.values()))
    return shown("-" if value is None else str(value))


def readable(text: str) -> str:
    """A text in one line, whatever it holds: a control character must not reach the terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def shown(text: str | None) -> str:
    """The same, and a dash for what is not known."""
    return "-" if text is None else readable(text)


def moment(time: str | None) -> str:
    """A time as the engine writes it, for people."""
    return time[:19].replace("T", " ") if time else "-"
