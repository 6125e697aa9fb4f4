"""The report's charts: their data, as rows that `dashboards/report/*.vega.json.j2` draws; pure."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from toolkit.model import Body
from toolkit.report.clock import boundaries, step_s, ticks
from toolkit.report.colour import shown
from toolkit.uses.report import Group, Report

ROWS_A_PAGE = 44
"""Campaign groups of one timeline at most: as many as an A4 page takes in landscape."""
ROWS_MAX = 5 * ROWS_A_PAGE
"""Campaign groups in all timelines together; the table has every one."""
NO_NAME = "(no name)"
_BARS_MAX = 60

Row = dict[str, Any]


def axis(report: Report, most: int) -> Body:
    """What all charts have in common: the limits of time, and at most so many marks."""
    marks = [{"time": tick.time_ms, "label": tick.label, "below": tick.below} for tick in ticks(report.window, most)]
    return {"from": report.window.from_ms, "to": report.window.before_ms, "ticks": marks}


def timelines(report: Report) -> list[list[Group]]:
    """The campaign groups of each timeline; of very many, those that changed most, in the table's order."""
    told = [group for group in report.groups if group.spells]
    if len(told) > ROWS_MAX:
        most = sorted(told, key=lambda group: -len(group.changes))[:ROWS_MAX]
        kept = {group.state.guid for group in most}
        told = [group for group in told if group.state.guid in kept]
    pages = -(-len(told) // ROWS_A_PAGE)
    size = -(-len(told) // max(pages, 1))  # even, so that no row stands on a page by itself
    return [told[page * size : (page + 1) * size] for page in range(pages)]


def timeline(report: Report, groups: Iterable[Group]) -> Body:
    """Rows and bars of one timeline: a bar is a stay in one state, pale from the group's last message on."""
    groups = list(groups)
    rows = [{"row": row, "name": group.state.name or NO_NAME} for row, group in enumerate(groups)]
    bars = [bar for row, group in enumerate(groups) for bar in _bars(report, row, group)]
    return {"rows": rows, "bars": bars}


def talking(report: Report, group: Group) -> bool:
    """Whether OCS should be sending messages for a group: its last known state is one in which it does."""
    return group.values.state not in report.catalogue.enums["state"].silent


def _bars(report: Report, row: int, group: Group) -> Iterator[Row]:
    heard_ms = report.window.ms(group.state.seen)
    for spell in group.spells:
        look = shown(report.catalogue.enums["state"], spell.state)
        bar = {"row": row, "label": look.label, "colour": look.colour, "text": look.text}
        last = spell is group.spells[-1]
        if last and talking(report, group) and heard_ms < spell.end_ms:
            heard_ms = max(heard_ms, spell.start_ms)
            yield {**bar, "from": spell.start_ms, "to": heard_ms, "pale": False}
            yield {**bar, "from": heard_ms, "to": spell.end_ms, "pale": True}
        else:
            yield {**bar, "from": spell.start_ms, "to": spell.end_ms, "pale": False}


def bar_step_s(report: Report) -> int:
    """The length of time that a bar of changes stands for, in seconds."""
    return step_s(report.window, _BARS_MAX)


def bars(report: Report, enum: str) -> list[Row]:
    """Changes over time, by `action` or `actor`: a row for each part of each bar."""
    window = report.window
    edges = [window.from_ms, *boundaries(window, bar_step_s(report)), window.before_ms]
    counts = Counter(
        (bisect_right(edges, change.time_ms) - 1, getattr(change.after, enum))
        for group in report.groups
        for change in group.changes
    )
    found = []
    for (place, code), count in counts.items():
        look = shown(report.catalogue.enums[enum], code)
        part = {"from": edges[place], "to": edges[place + 1], "count": count}
        found.append({**part, "label": look.label, "colour": look.colour, "order": look.order})
    return sorted(found, key=lambda row: (row["from"], row["order"], row["label"]))
