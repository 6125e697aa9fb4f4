"""Migrations, for people: what was done, what would be done, what was repaired."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from toolkit.output.console import counted
from toolkit.output.tables import table

if TYPE_CHECKING:
    from toolkit.lock import Holder
    from toolkit.migrate.history import Row
    from toolkit.migrate.repair import Repair
    from toolkit.migrate.sequence import Item
    from toolkit.migrate.sources import Source
    from toolkit.uses.migrate import Forecast, Overview

_KEPT_COLUMNS = ("Index", "Documents", "Now in", "By", "Until", "")
_COLUMNS = ("Version", "Name", "State", "When (UTC)", "Seconds", "By", "")


def overview_text(found: Overview) -> str:
    """Every migration, and who is changing the cluster."""
    lines = [f"Migrations of namespace {found.namespace} on {found.url}", ""]
    if found.items:
        lines += [table("", _COLUMNS, map(_cells, found.items)), ""]
    if found.kept:
        lines += [table("Replaced by a reindexing, and kept", _KEPT_COLUMNS, map(_kept, found.kept)), ""]
    lines += [f"NOTE: {lock_text(lock)}" for lock in found.locks]
    return "\n".join([*lines, _to_do(found)])


def _to_do(found: Overview) -> str:
    if any(item.contradicts for item in found.items):
        return "Files and history contradict each other: nothing is run until that is settled."
    pending = sum(item.pending for item in found.items)
    return f"{counted(pending, 'migration')} pending: ocs-elastic migrate up" if pending else "Nothing to do."


def lock_text(lock: Holder) -> str:
    """Who has a lock, what they do, and when they were last heard of."""
    gone = ""
    if lock.gone:
        gone = "; that process is gone, so the next run takes the lock over"
    elif lock.expired:
        gone = "; by the clock here its time is over, so the next run takes it over unless it shows that it lives"
    return f"{lock} {lock.doing} since {lock.taken}; last heard of at {lock.heartbeat}{gone}"


def forecast_text(found: Sequence[Forecast], dropped: Sequence[Source], *, at_once: bool) -> str:
    """What `up` would do, step by step, and what it would delete; `at_once`: what it replaces itself, too."""
    parts = ["\n".join(_forecast(each)) for each in found]
    if dropped:
        lines = [f"  {source.index}: {counted(source.documents, 'document')}, now in {source.by}" for source in dropped]
        parts.append("\n".join(["To delete, since a reindexing has replaced it:", *lines]))
    if found and at_once:
        parts.append("Whatever a reindexing among these replaces is deleted as well, at once (--drop-source).")
    return "\n\n".join(parts) or "Nothing to do."


def dropped_text(source: Source) -> str:
    """An index that is gone."""
    return f"deleted: {source.index}, which {source.by} has replaced"


def applied_text(row: Row) -> str:
    """A migration that came to its end."""
    return f"V{row.version:04d}__{row.name}: applied, {counted(len(row.steps), 'step')}, {row.seconds:.1f} s"


def repair_text(found: Repair, *, done: bool) -> str:
    """What was done about one version, or would be, or why nothing is."""
    word = ("repaired" if done else "to repair") if found.pending else "left as it is"
    return f"{word}: V{found.version:04d}__{found.name} {found.said}"


def _cells(item: Item) -> tuple[str, ...]:
    row = item.row
    when = "" if row is None else (row.ended or row.begun)[:19].replace("T", " ")
    seconds = f"{row.seconds:,.1f}" if row and row.seconds else ""
    by = f"{row.by} on {row.host}" if row else ""
    note = (row.error if row and row.error else "") or (item.migration.description if item.migration else "")
    return f"V{item.version:04d}", item.name, item.state, when, seconds, by, note


def _kept(source: Source) -> tuple[str, ...]:
    until = f"{source.until:%Y-%m-%d %H:%M} UTC" if source.until else "until --drop-source"
    return source.index, f"{source.documents:,}", source.by, f"V{source.migration:04d}", until, source.needed


def _forecast(found: Forecast) -> Iterator[str]:
    yield f"{found.migration} ({found.migration.source}): {found.migration.description}"
    first = next((step for step in found.steps if step.lines or step.hindrances), None)
    for number, step in enumerate(found.steps, 1):
        yield f"  {number}. {step.title}"
        yield from (f"       {line}" for line in step.lines or ["nothing is left to do"])
        word = "IN THE WAY:" if step is first else "in the way now, unless an earlier step removes it:"
        yield from (f"     {word} {hindrance}" for hindrance in step.hindrances)
