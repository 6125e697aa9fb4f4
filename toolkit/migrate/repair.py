"""History and live state compared: what of the history can be put right, and what a person has to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from toolkit.migrate.file import Migration
from toolkit.migrate.history import FAILED, History, Row
from toolkit.migrate.place import Place
from toolkit.migrate.runner import steps, unverified
from toolkit.migrate.sequence import CHANGED, INTERRUPTED, MISSING, SAID, Item


@dataclass(frozen=True, slots=True)
class Repair:
    """What is done about one version, or why nothing is."""

    version: int
    name: str
    said: str
    """In words that follow the migration's name."""
    row: Row | None = None
    """What its row becomes."""
    forget: bool = False
    """Whether its row goes."""

    @property
    def pending(self) -> bool:
        """Whether something is done."""
        return self.row is not None or self.forget

    def as_json(self, *, done: bool) -> dict[str, object]:
        """For programs; `done`: whether it was carried out."""
        repaired = self.pending and done
        return {
            "version": self.version,
            "name": self.name,
            "repaired": repaired,
            "to_repair": self.pending and not repaired,
            "said": self.said,
        }


def repairs(items: Iterable[Item], place: Callable[[int], Place]) -> list[Repair]:
    """What can be put right, and what not; nothing for versions that are as they should be. Reads only.

    Args:
        items: all versions.
        place: where the migration of a version runs.
    """
    return [repair for item in items if item.row and (repair := _repair(item, item.row, place))]


def carry_out(found: Iterable[Repair], history: History) -> None:
    """Write the history anew; nothing else is touched.

    Raises:
        LockHeldError: somebody else has written meanwhile.
        UnreachableError, RejectedError: the server does not answer, or refuses.
    """
    for repair in found:
        if repair.forget:
            history.forget([repair.version])
        elif repair.row:
            history.write(repair.row)


def _repair(item: Item, row: Row, place: Callable[[int], Place]) -> Repair | None:
    if item.state == CHANGED and item.migration:
        return _changed(item, row, item.migration, place(item.version))
    if item.state == INTERRUPTED:
        said = "was interrupted, and is marked as failed now; ocs-elastic migrate up goes on with it"
        error = f"interrupted: {row.by} on {row.host} began it and did not end it"
        return Repair(item.version, item.name, said, row=replace(row, outcome=FAILED, error=error))
    if item.state == MISSING and not row.is_done:
        done = sum(step.done for step in row.steps)
        begun = sum(step.begun and not step.done for step in row.steps)
        said = f"{SAID[row.outcome]} and has no file: it is forgotten. Nothing is undone: {done} of its "
        said += f"{len(row.steps)} steps are done" + (f", {begun} in part" if begun else "")
        return Repair(item.version, item.name, said, forget=True)
    if item.state == MISSING:
        return Repair(item.version, item.name, f"{SAID[row.outcome]} and has no file; only you can bring it back")
    if item.state == FAILED:
        return Repair(
            item.version,
            item.name,
            f"failed: {row.error}. Mend file or cluster; ocs-elastic migrate up goes on with it",
        )
    return None


def _changed(item: Item, row: Row, migration: Migration, place: Place) -> Repair:
    """An applied file that was changed holds if the cluster is as it says now, which is verified step by step."""
    if reasons := unverified(place, migration, row):
        return Repair(
            item.version,
            item.name,
            "was changed after it was applied, and the cluster is not as it says now, so its history stays: "
            + "; ".join(reasons),
        )
    accepted = tuple(replace(step, done=True) for step in steps(place, migration, row))
    return Repair(
        item.version,
        item.name,
        "was changed after it was applied, and the cluster is as it says now: its checksum is accepted. None of its "
        "steps was run again",
        row=replace(row, checksum=migration.checksum, name=migration.name, steps=accepted),
    )
