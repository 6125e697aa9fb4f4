"""What came out, for programs (`results/<engine>.json`) and for people (`results/<engine>.md`, and the README)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

import yaml

from tests.bench.row import Row

FOLDER = Path(__file__).parent / "results"
_REASONS = Path(__file__).parent / "reasons.yml"
NO_REASON = "not found yet"
_HEAD = ("what", "against", "ours", "theirs", "ratio (min to max)", "aim", "", "client's CPU")


def keep(engine: str, group: str, rows: Iterable[Row], run: Mapping[str, Any], folder: Path = FOLDER) -> None:
    """Write a group's rows into the engine's files; what other groups came to before stays.

    Args:
        engine: name and version, such as `elasticsearch-8.17.2`.
        group: title of what was measured.
        rows: what came out.
        run: what is told of the run: date, commit, machine.
        folder: where the files are.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{engine}.json"
    groups = read(file) if file.exists() else {}
    groups[group] = {**run, "rows": {row.name: row.as_json() for row in rows}}
    file.write_text(json.dumps(groups, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    file.with_suffix(".md").write_text(page(engine, groups), encoding="utf-8")


def read(file: Path) -> dict[str, Any]:
    """The groups of an engine's file."""
    groups: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return groups


def page(engine: str, groups: Mapping[str, Any]) -> str:
    """Everything that was measured on an engine, as Markdown."""
    parts = [f"# Benchmarks on {engine}\n\nWritten by `make bench`; every ratio is the median of its repeats.\n"]
    for title, group in groups.items():
        told = ", ".join(f"{key} {value}" for key, value in group.items() if key != "rows")
        parts.append(f"## {title}\n\n{told}\n\n{table(engine, rows_of(group))}")
    return "\n".join(parts)


def rows_of(group: Mapping[str, Any]) -> list[Row]:
    """The rows of one group of a file."""
    return [Row.from_json(name, said) for name, said in group["rows"].items()]


def table(engine: str, rows: Iterable[Row]) -> str:
    """Rows as a table of Markdown, and below it what is to be said of each."""
    rows = list(rows)
    lines = [f"| {' | '.join(_HEAD)} |", "|---" * len(_HEAD) + "|", *(f"| {' | '.join(_cells(row))} |" for row in rows)]
    remarks = [f"- {remark}" for row in rows for remark in _remarks(engine, row)]
    return "\n".join([*lines, *([""] if remarks else []), *remarks, ""])


def _cells(row: Row) -> tuple[str, ...]:
    ratios = row.ratios
    met = {None: "", True: "met", False: "**missed**"}[row.met]
    return (
        row.what,
        row.against,
        f"{_figure(median(row.ours))} {row.unit}",
        f"{_figure(median(row.theirs))} {row.unit}",
        f"**{row.ratio:.2f}** ({min(ratios):.2f} to {max(ratios):.2f})",
        str(row.aim or "-"),
        met,
        "" if row.client_share is None else f"{row.client_share:.0%}",
    )


def _figure(figure: float) -> str:
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.3g}"


def _remarks(engine: str, row: Row) -> Iterator[str]:
    if row.note:
        yield f"{row.what}, against {row.against}: {row.note}"
    if row.met is False:
        yield f"Missed: {row.what}, against {row.against}. Reason: {reason(engine, row.name)}"


def reason(engine: str, name: str) -> str:
    """Why a row's aim is missed on an engine; for all engines where no reason of its own stands there."""
    found = _reasons(_REASONS).get(name, NO_REASON)
    return str(found if isinstance(found, str) else found.get(engine, found.get("others", NO_REASON)))


@cache
def _reasons(file: Path) -> dict[str, Any]:
    return yaml.safe_load(file.read_text(encoding="utf-8")) or {}
