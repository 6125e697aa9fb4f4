"""The table of README.md: what was measured on each engine, and the reason for each aim that is missed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.bench.row import Row
from tests.bench.table import FOLDER, read, reason, rows_of
from toolkit.capabilities import of_elasticsearch
from toolkit.config import Settings
from toolkit.output.sizing import text
from toolkit.uses.sizing import sizing

_NOT_MEASURED = "-"
_MANY = "queries"
"""A group with so many rows that those which meet their aim everywhere are told in one line."""


def summary(folder: Path = FOLDER) -> str:
    """Every row as Markdown, one column an engine, then reasons and runs."""
    engines = {file.stem: read(file) for file in sorted(folder.glob("*.json"), key=_age)}
    found = {
        name: {row.name: row for group in groups.values() for row in rows_of(group)} for name, groups in engines.items()
    }
    plain = {row.name for groups in engines.values() for row in _told_in_one_line(groups)}
    quiet = {name for name in plain if all(rows[name].met is not False for rows in found.values() if name in rows)}
    names = [name for name in _in_order(engines.values()) if name not in quiet]
    lines = [
        "| what | against | aim | " + " | ".join(map(_title, engines)) + " | client's CPU |",
        "|---" * (4 + len(engines)) + "|",
        *(_line(name, found) for name in names),
    ]
    if quiet:
        cells = (_greatest(rows, quiet) for rows in found.values())
        lines.append(f"| {len(quiet)} other searches of panels, the slowest | the same | ≤ 2 | {' | '.join(cells)} | |")
    reasons = list(dict.fromkeys(_reasons(found, names)))
    runs = "; ".join(f"{_title(name)}: {_runs(groups)}" for name, groups in engines.items())
    return "\n".join([*lines, "", "Why an aim is missed:", "", *reasons, "", f"Measured: {runs}."])


def sizing_of(groups: int) -> str:
    """What `ocs-elastic sizing --groups` says of a server that has logsdb."""
    return text(sizing(Settings(), groups=groups, server=of_elasticsearch((8, 17, 2))))


def _in_order(engines: Iterable[Mapping[str, Any]]) -> list[str]:
    """The names of all rows, group by group: a row that only one engine has stands with those of its group."""
    groups: dict[str, dict[str, None]] = {}
    for engine in engines:
        for title, group in engine.items():
            groups.setdefault(title, {}).update(dict.fromkeys(group["rows"]))
    return [name for names in groups.values() for name in names]


def _told_in_one_line(groups: Mapping[str, Any]) -> Iterator[Row]:
    if _MANY in groups:
        yield from (row for row in rows_of(groups[_MANY]) if row.aim and row.aim.limit == 2)


def _line(name: str, found: Mapping[str, Mapping[str, Row]]) -> str:
    row = next(rows[name] for rows in found.values() if name in rows)
    cells = (_cell(rows[name]) if name in rows else _NOT_MEASURED for rows in found.values())
    shares = [rows[name].client_share for rows in found.values() if name in rows]
    client = max((share for share in shares if share is not None), default=None)
    share = "" if client is None else f"{client:.0%}"
    return f"| {row.what} | {row.against} | {row.aim or '-'} | {' | '.join(cells)} | {share} |"


def _cell(row: Row) -> str:
    ratio = f"{row.ratio:.2f} ({min(row.ratios):.2f} to {max(row.ratios):.2f})"
    return f"**{ratio}**" if row.met is False else ratio


def _greatest(rows: Mapping[str, Row], names: set[str]) -> str:
    ratios = [rows[name].ratio for name in names if name in rows]
    return f"{max(ratios):.2f}" if ratios else _NOT_MEASURED


def _reasons(found: Mapping[str, Mapping[str, Row]], names: list[str]) -> Iterator[str]:
    for name in names:
        for engine, rows in found.items():
            if name in rows and rows[name].met is False:
                yield f"- {rows[name].what}, against {rows[name].against}: {reason(engine, name)}"


def _runs(groups: Mapping[str, Any]) -> str:
    runs = sorted({(group["date"], group["machine"]) for group in groups.values()})
    return ", ".join(f"{date}, {machine}, {_commits(groups, date)}" for date, machine in runs)


def _commits(groups: Mapping[str, Any], date: str) -> str:
    """Which commits were measured on a day; of a working tree with changes, the one below them."""
    commits = {str(group["commit"]).removesuffix("-dirty") for group in groups.values() if group["date"] == date}
    return f"commit{'s' * (len(commits) > 1)} {', '.join(sorted(commits))}"


def _title(engine: str) -> str:
    name, _, version = engine.partition("-")
    return f"{'embedded OpenSearch' if name == 'opensearch' else name.capitalize()} {version}"


def _age(file: Path) -> tuple[bool, tuple[int, ...]]:
    """Elasticsearch first, the oldest before the newest."""
    name, _, version = file.stem.partition("-")
    return name == "opensearch", tuple(map(int, version.split(".")))
