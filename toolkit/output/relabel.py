"""What is to relabel, and what was, for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from toolkit.output.console import counted
from toolkit.output.tables import shown, table

if TYPE_CHECKING:
    from toolkit.uses.relabel import Relabelled, Survey


def survey_text(found: Survey, *, lift: bool) -> str:
    """Which labels become which, in how many documents, in which indices, and what is in the way."""
    where = f"{found.streams.campaign_groups} on {found.url}"
    if not found.parts:
        lines = [f"Nothing to relabel in {where}."]
    else:
        rows = [
            (change.field, shown(change.before), shown(change.after), f"{change.documents:,}")
            for change in found.changes
        ]
        lines = [f"{counted(found.documents, 'document')} to relabel in {where}", ""]
        lines += [table("", ("Field", "From", "To", "Documents"), rows), ""]
        lines += [table("", ("Index", "Documents", ""), _indices(found, lift=lift)), ""]
    return "\n".join([*lines, *_notes(found)]).rstrip("\n")


def relabelled_text(done: Relabelled) -> str:
    """What was done."""
    a_second = f", {done.documents / done.seconds:,.0f} a second" if done.seconds >= 1 and done.documents else ""
    left = f"{counted(done.left.documents, 'document')} left" if done.left.parts else "none is left"
    return f"Relabelled {counted(done.documents, 'document')} in {done.seconds:.1f} s{a_second}; {left}."


def _indices(found: Survey, *, lift: bool) -> Iterator[tuple[str, str, str]]:
    for part in found.parts:
        note = f"stays as it is: {part.hindrance}" if part.hindrance else ""
        if not note and part.write_block:
            note = "its write block is lifted meanwhile" if lift else "stays as it is: write block (index.blocks.write)"
        yield part.index, f"{part.documents:,}", note


def _notes(found: Survey) -> Iterator[str]:
    if found.under_way:
        yield f"NOTE: an earlier run has begun a task, and did not see it end: {found.under_way}"
    if found.lifted:
        yield f"NOTE: an earlier run has lifted the write block of {', '.join(found.lifted)}; it is put back"
    if found.others and found.parts:
        yield (
            "NOTE: labels hold for the whole cluster, but this relabels one namespace. The others keep what they have "
            f"until it is run there: {', '.join(found.others)}"
        )
