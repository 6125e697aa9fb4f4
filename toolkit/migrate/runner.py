"""Runs one migration, step by step: each is looked at, noted, done, verified and noted again."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from toolkit import __version__
from toolkit.errors import LockHeldError, ToolkitError
from toolkit.lock import owner
from toolkit.migrate.check import faults
from toolkit.migrate.file import Migration, Part
from toolkit.migrate.history import APPLIED, BASELINE, FAILED, RUNNING, History, Row, StepRow
from toolkit.migrate.place import Place
from toolkit.migrate.step import FailedStepError, Note


class FailedMigrationError(ToolkitError):
    """A migration did not come to its end; the reason says what was done and what was not."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a step would do now."""

    title: str
    lines: tuple[str, ...]
    """Empty: nothing is left to do."""
    hindrances: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {"step": self.title, "would": list(self.lines), "hindrances": list(self.hindrances)}


class _Kept:
    """A step's note, kept in the history."""

    def __init__(self, history: History, row: Row, index: int) -> None:
        self._history, self._row, self._index = history, row, index

    @property
    def row(self) -> Row:
        """The migration's row with all that was kept."""
        return self._row

    def get(self, key: str, default: Any = None) -> Any:
        """What was kept under a key."""
        return self._row.steps[self._index].note.get(key, default)

    def begin(self) -> None:
        """Write down that from now on the step may have changed something."""
        if not self._row.steps[self._index].begun:
            self._write(replace(self._row.steps[self._index], begun=True))

    def keep(self, **values: Any) -> None:
        """Write values down."""
        step = self._row.steps[self._index]
        self._write(replace(step, note={**step.note, **values}))

    def _write(self, step: StepRow) -> None:
        self._row = _with_step(self._row, self._index, step)
        self._history.write(self._row)


def previews(place: Place, migration: Migration, row: Row | None) -> list[Preview]:
    """What each step would do now, if it were its turn. Reads only."""
    return list(_previews(place, migration, row))


def _previews(place: Place, migration: Migration, row: Row | None) -> Iterator[Preview]:
    for part, known in zip(migration.parts, steps(place, migration, row), strict=True):
        note = _ReadOnly(known.note)
        if known.done and not part.step.faults(place, note):
            yield Preview(part.step.title(place), (), ())
            continue
        hindrances = _hindrances(place, part, known, note)
        yield Preview(part.step.title(place), tuple(part.step.preview(place, note)), tuple(hindrances))


def unverified(place: Place, migration: Migration, row: Row) -> list[str]:
    """What is not as a migration's steps promise, by its file as it is now. Reads only."""
    found = []
    for part, known in zip(migration.parts, steps(place, migration, row), strict=True):
        note = _ReadOnly(known.note)
        for fault in (*part.step.faults(place, note), *faults(part.after, place)):
            found.append(f"{part.step.title(place)}: {fault}")
    return found


def run(place: Place, history: History, migration: Migration) -> Row:
    """Run a migration, or go on with one that failed or was interrupted.

    Raises:
        FailedMigrationError: a step cannot be done, or is not what it promises; history and reason say how far it came.
        LockHeldError: the lock was lost.
    """
    begun = time.monotonic()
    row = _begin(place, migration, history.rows.get(migration.version))
    history.write(row)
    for index, part in enumerate(migration.parts):
        try:
            row = _step(place, history, row, index, part)
        except LockHeldError as error:  # whoever holds it now may be writing the history too
            raise LockHeldError(_failed(place, migration, index, error).reason, hint=error.hint) from error
        except ToolkitError as error:
            row = history.rows[migration.version]  # with what the step has noted
            failed = replace(row, outcome=FAILED, ended=_now(), error=error.reason, seconds=_seconds(row, begun))
            _write_if_possible(history, failed)
            raise _failed(place, migration, index, error) from error
    row = replace(row, outcome=APPLIED, ended=_now(), error=None, seconds=_seconds(row, begun))
    history.write(row)
    return row


def baseline(migration: Migration) -> Row:
    """The row of a migration that is declared to be done, though it was never run here."""
    now = _now()
    return Row(
        version=migration.version, name=migration.name, checksum=migration.checksum, outcome=BASELINE,
        by=owner(), host=platform.node(), toolkit=__version__, begun=now, ended=now,
    )  # fmt: skip


def _step(place: Place, history: History, row: Row, index: int, part: Part) -> Row:
    note = _Kept(history, row, index)
    if row.steps[index].done and not part.step.faults(place, note):
        return row
    place.still_held()
    place.progress.say(part.step.title(place))
    if reasons := _hindrances(place, part, row.steps[index], note):
        raise FailedStepError("it cannot be done now: " + "; ".join(reasons), hint="remove what stands in the way")
    note.begin()
    part.step.run(place, note)
    if reasons := [*part.step.faults(place, note), *faults(part.after, place)]:
        raise FailedStepError(
            "it was done, but is not what it should be: " + "; ".join(reasons),
            hint="compare the step with the cluster; the file may be mended as long as it is not applied",
        )
    done = _with_step(note.row, index, replace(note.row.steps[index], done=True))
    history.write(done)
    return done


def _hindrances(place: Place, part: Part, known: StepRow, note: Note) -> list[str]:
    """Why a step cannot be done now; its own work may have made untrue what its file asked for before it was begun."""
    return [*part.step.hindrances(place, note), *(() if known.begun else faults(part.before, place))]


def _begin(place: Place, migration: Migration, before: Row | None) -> Row:
    """A new row; or the one of an earlier run, where what a step noted holds as long as its file says the same."""
    return Row(
        version=migration.version,
        name=migration.name,
        checksum=migration.checksum,
        outcome=RUNNING,
        by=owner(),
        host=platform.node(),
        toolkit=__version__,
        begun=before.begun if before else _now(),
        seconds=before.seconds if before else 0.0,
        steps=steps(place, migration, before),
    )


def steps(place: Place, migration: Migration, row: Row | None) -> tuple[StepRow, ...]:
    """The rows of a migration's steps, with what is known of those of which its file still says the same.

    Wherever they stand now: a step that was put before others does not make them begin anew.
    """
    known = list(row.steps) if row else []
    found = []
    for part in migration.parts:
        same = next((step for step in known if step.checksum == part.checksum), None)
        if same:
            known.remove(same)
        found.append(same or StepRow(part.step.title(place), part.checksum))
    return tuple(found)


def _failed(place: Place, migration: Migration, index: int, error: ToolkitError) -> FailedMigrationError:
    """What was done, what was not, and why."""
    count = len(migration.parts)
    done = f"steps 1 to {index} are done" if index > 1 else "step 1 is done" if index else "no step is done"
    after = "" if index + 1 == count else ", none after this one"
    goes_on = "ocs-elastic migrate up goes on from there"
    hint = error.hint or "mend what the reason says"
    return FailedMigrationError(
        f"{migration.source}, step {index + 1} of {count} ({migration.parts[index].step.title(place)}): "
        f"{error.reason} [{done}{after}]",
        hint=hint if goes_on in hint else f"{hint}; then {goes_on}",
    )


def _write_if_possible(history: History, row: Row) -> None:
    """Whoever cannot write that it failed has a worse reason to tell."""
    try:
        history.write(row)
    except ToolkitError:
        return


def _with_step(row: Row, index: int, step: StepRow) -> Row:
    return replace(row, steps=(*row.steps[:index], step, *row.steps[index + 1 :]))


def _seconds(row: Row, begun: float) -> float:
    return round(row.seconds + time.monotonic() - begun, 3)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class _ReadOnly:
    """A note that is only looked at."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values

    def get(self, key: str, default: Any = None) -> Any:
        """What was kept under a key."""
        return self._values.get(key, default)

    def keep(self, **values: Any) -> None:
        """Nothing is kept where nothing is done."""
        raise AssertionError(f"a preview keeps nothing: {values}")
