"""Files against history: what was done, what is left, and what does not fit. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from toolkit.errors import ToolkitError, UsageError
from toolkit.migrate.file import Migration
from toolkit.migrate.history import APPLIED, BASELINE, FAILED, RUNNING, Row
from toolkit.model import Body

PENDING, CHANGED, MISSING, INTERRUPTED = "pending", "changed", "missing", "interrupted"
SAID = {APPLIED: "was applied", BASELINE: "was declared to be done", FAILED: "failed", RUNNING: "was interrupted"}
"""Outcomes as predicates of a sentence about a migration that is not under way."""


class ChangedMigrationError(ToolkitError):
    """Files and history contradict each other: an applied file was changed, or is gone."""


@dataclass(frozen=True, slots=True)
class Item:
    """One version: its file, its history, or both."""

    migration: Migration | None
    row: Row | None
    under_way: bool = False
    """Whether somebody is migrating the namespace at this moment."""

    @property
    def version(self) -> int:
        """Of whichever there is."""
        return self.migration.version if self.migration else self.row.version if self.row else 0

    @property
    def name(self) -> str:
        """As the file is called, without what every name has."""
        return self.migration.name if self.migration else self.row.name if self.row else ""

    @property
    def state(self) -> str:
        """`applied`, `baseline`, `failed`, `running`, `interrupted`, `pending`, `changed` or `missing`.

        An applied one is changed when its file says something else by now, and missing when it has none.
        """
        if self.row is None:
            return PENDING
        if self.migration is None:
            return MISSING
        if self.row.is_done and self.row.outcome != BASELINE and self.row.checksum != self.migration.checksum:
            return CHANGED
        return INTERRUPTED if self.row.outcome == RUNNING and not self.under_way else self.row.outcome

    @property
    def pending(self) -> bool:
        """Whether `up` would run it."""
        return self.state in (PENDING, FAILED, INTERRUPTED, RUNNING)

    @property
    def contradicts(self) -> bool:
        """Whether file and history do not fit, so that nothing is run."""
        return self.state in (CHANGED, MISSING)

    def as_json(self) -> Body:
        """For programs."""
        return {
            "version": self.version,
            "name": self.name,
            "state": self.state,
            "description": self.migration.description if self.migration else None,
            "source": self.migration.source if self.migration else None,
            "history": self.row.as_json() if self.row else None,
        }

    def __str__(self) -> str:
        return f"V{self.version:04d}__{self.name}"


def sequence(migrations: Iterable[Migration], rows: Mapping[int, Row]) -> list[Item]:
    """Every version that has a file or a history, in order."""
    files = {migration.version: migration for migration in migrations}
    return [Item(files.get(version), rows.get(version)) for version in sorted(files.keys() | rows.keys())]


def to_run(items: Sequence[Item], to: int | None = None) -> list[Migration]:
    """What `up` runs, in order.

    Args:
        items: all of them.
        to: the last version to run; None: all.

    Raises:
        UsageError: there is no such version.
        ChangedMigrationError: an applied file was changed, or is gone.
    """
    if to is not None and to not in {item.version for item in items if item.migration}:
        known = ", ".join(str(item.version) for item in items if item.migration) or "none"
        raise UsageError(f"there is no migration of version {to}", hint=f"there are: {known}")
    require_unchanged(items)
    return [item.migration for item in items if item.migration and item.pending and (to is None or item.version <= to)]


def require_unchanged(items: Iterable[Item]) -> None:
    """Whether every applied migration still has the file that it was applied from.

    Raises:
        ChangedMigrationError: one was changed, or is gone.
    """
    for item in items:
        if item.state == CHANGED and item.row and item.migration:
            raise ChangedMigrationError(
                f"{item.migration.source} was changed after it was applied (by {item.row.by} on {item.row.host}, "
                f"{item.row.ended})",
                hint="bring its old content back and put the change into a new migration: ocs-elastic migrate new; if "
                "the cluster already is as the file says, ocs-elastic migrate repair accepts it",
            )
        if item.state == MISSING and item.row:
            raise ChangedMigrationError(
                f"{item} {SAID[item.row.outcome]} on this cluster (by {item.row.by} on {item.row.host}, "
                f"{item.row.begun}), and has no file",
                hint="bring the file back, or use the ocs-elastic that has it: the cluster was migrated by "
                f"{item.row.toolkit}; a folder of your own is named under 'migrations' in ocs-elastic.yml"
                + (
                    ""
                    if item.row.is_done
                    else "; if it shall never be run again, ocs-elastic migrate repair forgets it"
                ),
            )
