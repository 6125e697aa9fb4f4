"""What was migrated, when and by whom: one document a namespace, in the toolkit's own index.

It is written before and after each thing that is done, always by its sequence number, so that of two writers one is
refused. Only who holds the lock writes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from typing import Any

from toolkit import tasks
from toolkit.canonical import canonical
from toolkit.client.transport import Transport
from toolkit.errors import LockHeldError, RejectedError, ToolkitError, UnreachableError
from toolkit.lock import position
from toolkit.model import SILENT, STATE_INDEX, Body, Progress

TASKS = "tasks"
"""Under which a step notes the ids of the server's tasks that do its work."""
APPLIED, BASELINE, FAILED, RUNNING = OUTCOMES = "applied", "baseline", "failed", "running"


@dataclass(frozen=True, slots=True)
class StepRow:
    """What is known of one step."""

    title: str
    checksum: str
    """Of what the file said of it."""
    begun: bool = False
    """Whether it may have written something: what had to hold before that is not asked for again."""
    done: bool = False
    note: Body = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """What is known of one migration."""

    version: int
    name: str
    checksum: str
    """Of the file's content, with the version of the algorithm before the colon."""
    outcome: str
    """`running` (or interrupted), `applied`, `failed`, or `baseline`: declared to be done."""
    by: str
    """Who ran the command."""
    host: str
    toolkit: str
    """The toolkit's version."""
    begun: str
    """ISO 8601, UTC, by the clock of the host that ran it."""
    ended: str | None = None
    seconds: float = 0.0
    """Time spent in all runs."""
    steps: tuple[StepRow, ...] = ()
    error: str | None = None
    """Why it failed, with the server's own reason."""

    @property
    def is_done(self) -> bool:
        """Whether it is never run again."""
        return self.outcome in (APPLIED, BASELINE)

    @property
    def tasks(self) -> list[str]:
        """The server's tasks that did its long work."""
        return [task for step in self.steps for task in step.note.get(TASKS, [])]

    def as_json(self) -> Body:
        """For programs."""
        return {**asdict(self), "tasks": self.tasks}


class History:
    """The history of one namespace, as it was when it was read or last written."""

    def __init__(self, transport: Transport, namespace: str, progress: Progress = SILENT) -> None:
        self._transport = transport
        self._progress = progress
        self._namespace = namespace
        self._position: dict[str, str] = {}
        self.rows: dict[int, Row] = {}
        self._accept(transport.get(self._path))

    def write(self, row: Row) -> None:
        """Put a migration's row in the place of the one before; on return it is safe.

        Raises:
            LockHeldError: somebody else has written meanwhile.
            UnreachableError, RejectedError: the server does not answer for long, or refuses.
        """
        self._write({**self.rows, row.version: row})

    def forget(self, versions: Iterable[int]) -> None:
        """Leave rows out from now on; raises as `write` does."""
        gone = set(versions)
        self._write({version: row for version, row in self.rows.items() if version not in gone})

    @property
    def _path(self) -> str:
        return _path(self._namespace)

    def _write(self, rows: dict[int, Row]) -> None:
        body = {
            "type": "migrations",
            "namespace": self._namespace,
            "rows": [asdict(rows[version]) for version in sorted(rows)],
        }
        body = json.loads(canonical(body))  # as the server gives it back: with lists, not tuples
        tasks.patiently(lambda: self._put(body), self._progress)
        self.rows = rows

    def _put(self, body: Body) -> None:
        """Write, or find out that an earlier attempt, whose answer was lost, did."""
        try:
            answer = self._transport.put(self._path, body, params=self._position or {"op_type": "create"})
        except (RejectedError, UnreachableError) as error:
            if isinstance(error, RejectedError) and error.status != 409:
                raise
            found = tasks.patiently(lambda: self._transport.get(self._path), self._progress)
            if found is not None and found["_source"] == body:
                answer = found
            elif isinstance(error, UnreachableError):
                raise
            else:
                raise LockHeldError(
                    "somebody else has changed the history of migrations at the same time",
                    hint="see who holds the lock: ocs-elastic migrate status",
                ) from error
        self._position = position(answer)

    def _accept(self, found: Any) -> None:
        if found is None:
            return
        try:
            self.rows = {row.version: row for row in map(_row, found["_source"]["rows"])}
        except (KeyError, TypeError, ValueError) as error:
            raise ToolkitError(
                f"the history of migrations, {STATE_INDEX}/_doc/migrations-{self._namespace} on {self._transport.url}, "
                f"cannot be read: {_problem(error)}",
                hint="a newer ocs-elastic may have written it: use that one",
            ) from error
        self._position = position(found)


def is_recorded(transport: Transport, namespace: str) -> bool:
    """Whether a namespace has a history. Reads only."""
    return transport.get(_path(namespace)) is not None


def forget(transport: Transport, namespace: str) -> None:
    """Remove the history of a namespace whose documents are gone: one that is made anew begins with none."""
    transport.delete(_path(namespace))


def _path(namespace: str) -> str:
    return f"/{STATE_INDEX}/_doc/migrations-{namespace}"


def _row(raw: Any) -> Row:
    row: Row = _known(Row, raw)
    row = replace(row, steps=tuple(_known(StepRow, step) for step in raw["steps"]))
    if not isinstance(row.version, int) or row.outcome not in OUTCOMES:
        raise ValueError(f"version {row.version!r} with outcome {row.outcome!r}")
    return row


def _known(type_: Any, raw: Any) -> Any:
    """One of ours, of whose parts none is unknown; nothing that is there may be lost when it is written back."""
    if not isinstance(raw, dict):
        raise ValueError(f"{raw!r} is no mapping")
    if unknown := sorted(raw.keys() - {each.name for each in fields(type_)}):
        raise ValueError(f"it holds '{unknown[0]}', which this toolkit does not know")
    for each in fields(type_):
        if each.name not in raw and each.default is MISSING and each.default_factory is MISSING:
            raise KeyError(each.name)
    return type_(**raw)


def _problem(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)
