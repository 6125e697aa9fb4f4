"""The report as one HTML file: no script, no other address, fit to be mailed and printed."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from toolkit import __version__
from toolkit.errors import ToolkitError
from toolkit.render import Renderer
from toolkit.report import charts
from toolkit.report.clock import full, length, moment
from toolkit.report.colour import Shown, shown
from toolkit.resources import data_folder
from toolkit.uses.report import Group, Report

_FONT = "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', 'Noto Sans', Arial, sans-serif"
_FOLDER = "dashboards/report"
_CHART_NAME_MAX = 120
"""Characters of a name that go into a chart, which cuts them further to fit; the table has the whole name."""
_MARKS_MAX = {"timeline": 14, "changes": 9}
"""Marks of time that find room below each chart."""
_EXTRA = "pip install 'ocs-elastic-toolkit[report]'"


def require_renderer() -> None:
    """Find out whether charts can be drawn, before a server is asked for anything.

    Raises:
        ToolkitError: what draws them is not installed.
    """
    try:
        import vl_convert  # noqa: F401, PLC0415 - an optional extra
    except ImportError as error:
        raise ToolkitError(
            f"the report's charts are drawn by vl-convert-python, which cannot be used: {error}",
            hint=f"`{_EXTRA}` installs it; `ocs-elastic report --json` needs none",
        ) from error


def page(report: Report, made: datetime) -> str:
    """The whole page.

    Args:
        report: what it tells.
        made: now, with a timezone.

    Raises:
        ToolkitError: what draws the charts is not installed.
        RenderError: a file of `dashboards/report` is damaged.
    """
    require_renderer()
    root = data_folder("dashboards").parent
    view = {
        "report": report,
        "font": _FONT,
        "version": __version__,
        **_heading(report, made),
        **_sections(root, report),
    }
    return Renderer(root, view).page(f"{_FOLDER}/page.html.j2")


def _heading(report: Report, made: datetime) -> dict[str, Any]:
    window = report.window
    last_ms = max((window.ms(group.state.seen) for group in report.groups), default=None)
    return {
        "start": full(window, window.from_ms),
        "end": full(window, window.before_ms),
        "made": full(window, int(made.timestamp() * 1000)),
        "url": readable(report.url),
        "last_message": None if last_ms is None else moment(window, last_ms),
        "states": [
            {"look": shown(report.catalogue.enums["state"], code), "count": count}
            for code, count in report.states.items()
        ],
    }


def _sections(root: Path, report: Report) -> dict[str, Any]:
    shown_groups = charts.timelines(report)
    return {
        "rows": [_row(report, group) for group in report.groups],
        "timelines": [_svg(root, report, "timeline", _timeline(report, groups)) for groups in shown_groups],
        "drawn": sum(map(len, shown_groups)),
        "untold": sum(not group.spells for group in report.groups),
        "step": length(charts.bar_step_s(report)),
        "changes": [_changes(root, report, enum) for enum in ("actor", "action")] if report.change_count else [],
        "cross": _cross(report),
        "dead_letters": [
            {"message": readable(reason.message or "other reasons"), "count": reason.count}
            for reason in report.dead_letters
        ],
    }


def _row(report: Report, group: Group) -> dict[str, Any]:
    state, values, window = group.state, group.values, report.window
    return {
        "tenant": _name(state.tenant),
        "name": _name(state.name),
        "guid": readable(state.guid),
        "state": shown(report.catalogue.enums["state"], values.state),
        "since": moment(window, window.ms(state.since)) if state.since else None,
        "dial_mode": report.label("dial_mode", values.dial_mode),
        "action": report.label("action", values.action),
        "actor": report.label("actor", values.actor),
        "changes": len(group.changes),
        "seen": moment(window, window.ms(state.seen)),
    }


def _timeline(report: Report, groups: list[Group]) -> dict[str, Any]:
    chart = charts.timeline(report, groups)
    return {**chart, "rows": [{**row, "name": _short(row["name"])} for row in chart["rows"]]}


def _changes(root: Path, report: Report, enum: str) -> dict[str, Any]:
    """The chart of one enum, with its legend."""
    bars = charts.bars(report, enum)
    legend = {(bar["order"], bar["label"]): bar["colour"] for bar in bars}
    return {
        "enum": enum,
        "svg": _svg(root, report, "changes", {"bars": bars, "step": length(charts.bar_step_s(report))}),
        "legend": [{"label": label, "colour": colour} for (_, label), colour in sorted(legend.items())],
    }


def _cross(report: Report) -> dict[str, Any]:
    """Changes by action (rows) and actor (columns), in the catalogue's order, with sums."""
    counts: Counter[tuple[Shown, Shown]] = Counter()
    for action, actor, count in _requests(report):
        counts[action, actor] += count
    actors = sorted({actor for _, actor in counts}, key=_by_order)
    actions = sorted({action for action, _ in counts}, key=_by_order)
    rows = [
        {"look": action, "counts": (row := [counts[action, actor] for actor in actors]), "sum": sum(row)}
        for action in actions
    ]
    sums = [sum(counts[action, actor] for action in actions) for actor in actors]
    return {"actors": actors, "rows": rows, "sums": sums}


def _requests(report: Report) -> Iterator[tuple[Shown, Shown, int]]:
    codes = Counter((change.after.action, change.after.actor) for group in report.groups for change in group.changes)
    enums = report.catalogue.enums
    for (action, actor), count in codes.items():
        yield shown(enums["action"], action), shown(enums["actor"], actor), count


def _by_order(look: Shown) -> tuple[int, str]:
    return look.order, look.label


def _svg(root: Path, report: Report, name: str, chart: dict[str, Any]) -> str:
    import vl_convert  # noqa: PLC0415 - an optional extra; see require_renderer

    variables = {"axis": charts.axis(report, _MARKS_MAX[name]), "chart": chart, "font": _FONT}
    spec = Renderer(root, variables).body(f"{_FOLDER}/{name}.vega.json.j2")
    drawn: str = vl_convert.vega_to_svg(spec, allowed_base_urls=[])
    return drawn


def readable(text: str) -> str:
    """A text that every browser and mail program shows: no control characters, no halves of characters."""
    bad = {"Cc", "Cs", "Co", "Cn"}
    return "".join("\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) in bad else c for c in text)


def _name(text: str | None) -> str:
    return charts.NO_NAME if text is None else readable(text)


def _short(text: str) -> str:
    text = readable(text)
    return text if len(text) <= _CHART_NAME_MAX else text[: _CHART_NAME_MAX - 1] + "…"
