"""Numbered data migrations of one namespace: what was done, what is left, and doing it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from toolkit.errors import SourceError, UsageError
from toolkit.lock import CLUSTER, Holder, holder, locked, take_away
from toolkit.migrate.file import FILE_NAME, FIRST, FIRST_OWN, Migration, next_version, read_migrations
from toolkit.migrate.history import History, Row
from toolkit.migrate.known import files, items, toolkits_folder
from toolkit.migrate.place import Place
from toolkit.migrate.repair import Repair, carry_out, repairs
from toolkit.migrate.runner import Preview, baseline, previews, run
from toolkit.migrate.sequence import Item, sequence, to_run
from toolkit.migrate.sources import Source, drop, sources
from toolkit.model import SILENT, Body, Progress
from toolkit.streams import Streams
from toolkit.uses.deployment import Deployment
from toolkit.uses.relabel import relabel_lock
from toolkit.versions import refuse_mixed, refuse_newer

_NAME_MAX = 80
"""Characters of a migration's name, which is part of a file's."""


@dataclass(frozen=True, slots=True)
class Overview:
    """The migrations of a namespace, and who is changing it."""

    url: str
    namespace: str
    items: tuple[Item, ...]
    locks: tuple[Holder, ...]
    kept: tuple[Source, ...] = ()
    """Indices that a reindexing has replaced, and that are still there."""

    @property
    def pending(self) -> bool:
        """Whether `up` has something to do."""
        return any(item.pending for item in self.items)

    def as_json(self) -> Body:
        """For programs."""
        return {
            "url": self.url,
            "namespace": self.namespace,
            "pending": sum(item.pending for item in self.items),
            "migrations": [item.as_json() for item in self.items],
            "locks": [lock.as_json() for lock in self.locks],
            "kept_sources": [source.as_json() for source in self.kept],
        }


@dataclass(frozen=True, slots=True)
class Forecast:
    """What `up` would do with one migration."""

    migration: Migration
    steps: tuple[Preview, ...]

    @property
    def hindrances(self) -> tuple[str, ...]:
        """What is in the way of the first step that has something to do; later ones may be freed by earlier ones."""
        return next((step.hindrances for step in self.steps if step.lines or step.hindrances), ())

    def as_json(self) -> Body:
        """For programs."""
        return {
            "version": self.migration.version,
            "name": self.migration.name,
            "description": self.migration.description,
            "source": self.migration.source,
            "steps": [step.as_json() for step in self.steps],
        }


def overview(target: Deployment) -> Overview:
    """What was done and what is left. Reads only.

    Raises:
        SourceError: a file is not understood, a version stands twice, or one is left out.
        ToolkitError: the namespace is not installed.
        UnreachableError, RejectedError: the server does not answer, or refuses.
    """
    _require_there(target)
    held = locks(target)
    return Overview(
        url=target.transport.url,
        namespace=target.settings.namespace,
        items=tuple(
            replace(item, under_way=_under_way(target, held)) for item in items(target.transport, target.settings)
        ),
        locks=tuple(held),
        kept=tuple(sources(target.transport, Streams(target.settings.namespace))),
    )


def locks(target: Deployment) -> list[Holder]:
    """Who holds a lock that a migration of the namespace needs. Reads only, and needs no files."""
    found = (holder(target.transport, name) for name in _locks(target))
    return [lock for lock in found if lock]


def forecast(target: Deployment, *, to: int | None = None) -> list[Forecast]:
    """What `up` would do, step by step, as the cluster is now. Reads only.

    Raises:
        UsageError: there is no such version.
        ChangedMigrationError: an applied file was changed, or is gone.
        UnsafePlanError: the nodes have different versions, or a newer toolkit has set up the cluster.
        ToolkitError: as `overview`; the namespace is not installed.
    """
    _require_ready(target)
    history = History(target.transport, target.settings.namespace)
    chosen = to_run(sequence(files(target.settings), history.rows), to)
    place = _places(target)
    return [Forecast(m, tuple(previews(place(m.version), m, history.rows.get(m.version)))) for m in chosen]


def up(
    target: Deployment, *, to: int | None = None, rate: int | None = None, progress: Progress = SILENT
) -> Iterator[Row]:
    """Run what is pending, in order; the row of each once it is applied.

    Args:
        target: the namespace.
        to: the last version; None: all.
        rate: documents a second at most, of the long steps; None: as many as the server can.
        progress: is told of each step.

    Raises:
        FailedMigrationError: one did not come to its end; those before it are applied, those after it not begun.
        LockHeldError: somebody else changes the cluster.
        ToolkitError: as `forecast`.
    """
    _require_ready(target)
    with _changing(target) as still_held:
        history = History(target.transport, target.settings.namespace, progress)
        place = _places(target, still_held, rate, progress)
        for migration in to_run(sequence(files(target.settings), history.rows), to):
            progress.say(f"{migration}: {migration.description}")
            yield run(place(migration.version), history, migration)


def droppable(target: Deployment, *, every: bool) -> list[Source]:
    """The indices that a reindexing has replaced and that may go now. Reads only.

    Args:
        target: the namespace.
        every: whether all of them, or only those that their migration keeps no longer.
    """
    now = datetime.now(UTC)
    kept = sources(target.transport, Streams(target.settings.namespace))
    return [source for source in kept if not source.needed and (every or source.is_due(now))]


def drop_sources(target: Deployment, *, every: bool) -> Iterator[Source]:
    """Delete what `droppable` says; each one that is gone.

    Raises:
        LockHeldError: somebody else changes the cluster.
        UnreachableError, RejectedError: the server does not answer, or refuses.
    """
    if not droppable(target, every=every):
        return
    with _changing(target) as still_held:
        for source in droppable(target, every=every):
            still_held()
            drop(target.transport, source)
            yield source


def declarable(target: Deployment, to: int) -> list[Migration]:
    """What `declare` would write down as done. Reads only.

    Raises:
        UsageError: there is no such version, or nothing up to it is pending.
        ChangedMigrationError: an applied file was changed, or is gone.
        ToolkitError: as `overview`.
    """
    _require_there(target)
    return _declarable(target, History(target.transport, target.settings.namespace), to)


def declare(target: Deployment, to: int) -> Iterator[Row]:
    """Write into the history that everything up to a version is done, though nothing of it was run here.

    Raises:
        LockHeldError, ToolkitError: as `declarable` and `up`.
    """
    with _changing(target) as still_held:
        history = History(target.transport, target.settings.namespace)
        for migration in _declarable(target, history, to):
            still_held()
            row = baseline(migration)
            history.write(row)
            yield row


def repairable(target: Deployment) -> list[Repair]:
    """Where history, files and cluster do not agree, and what can be done about it. Reads only.

    Raises:
        ToolkitError: as `overview`.
    """
    _require_there(target)
    return repairs(items(target.transport, target.settings), _places(target))


def repair(target: Deployment) -> list[Repair]:
    """Put the history right where that can be done; what was and what was not.

    Raises:
        LockHeldError, ToolkitError: as `up`.
    """
    with _changing(target) as still_held:
        found = repairable(target)
        still_held()
        carry_out(found, History(target.transport, target.settings.namespace))
    return found


def unlock(target: Deployment, held: Iterable[Holder]) -> None:
    """Take locks away from holders that died; raises LockHeldError if one shows within half a minute that it lives."""
    take_away(target.transport, *held)


def new(folder: Path, name: str, description: str) -> Path:
    """Write the file of a new migration, to be filled in; its path.

    Raises:
        UsageError: the name cannot be one, or the file is there already.
        SourceError: it cannot be written, or a file beside it is not understood.
    """
    if not FILE_NAME.fullmatch(f"V{FIRST_OWN}__{name}.yml") or len(name) > _NAME_MAX:
        raise UsageError(
            f"'{name}' cannot be a migration's name",
            hint=f"a-z, 0-9 and '_', such as shift_of_agents; {_NAME_MAX} characters at most",
        )
    if not description.strip() or not description.isprintable():
        raise UsageError("a description is one line of text", hint="why it is done, in a sentence")
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is no folder", hint="name another: --folder, or migrations in ocs-elastic.yml")
    toolkits = toolkits_folder()
    of_toolkit = folder.resolve() == toolkits.resolve()
    there = read_migrations([toolkits] if of_toolkit or not folder.is_dir() else [toolkits, folder])
    version = next_version(there, first=FIRST if of_toolkit else FIRST_OWN)
    file = folder / f"V{version:04d}__{name}.yml"
    draft = (toolkits / "_new.yml").read_text(encoding="utf-8")
    text = draft.replace("$description", json.dumps(description, ensure_ascii=False))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as out:
            out.write(text)
    except FileExistsError as error:
        raise UsageError(f"{file} is there already", hint="somebody else has just made it: run it again") from error
    except OSError as error:
        raise SourceError(f"{file}: cannot be written: {error.strerror}") from error
    return file


def _declarable(target: Deployment, history: History, to: int) -> list[Migration]:
    if not (chosen := to_run(sequence(files(target.settings), history.rows), to)):
        raise UsageError(f"everything up to version {to} is done already", hint="see ocs-elastic migrate status")
    return chosen


def _require_there(target: Deployment) -> None:
    """Whether there is such a namespace: of one that is mistyped nothing is pending, and nothing is history."""
    Streams(target.settings.namespace).require(target.transport)


def _require_ready(target: Deployment) -> None:
    """Whether the namespace is there to be migrated, by this toolkit and at this time."""
    refuse_mixed(target.server, allowed=target.allow_mixed)
    refuse_newer(target.transport, target.catalogue.schema)
    _require_there(target)


def _places(
    target: Deployment,
    still_held: Callable[[], None] | None = None,
    rate: int | None = None,
    progress: Progress = SILENT,
) -> Callable[[int], Place]:
    """Where the migration of a version runs."""

    def place(version: int) -> Place:
        return Place(
            transport=target.transport,
            server=target.server,
            namespace=target.settings.namespace,
            resources=target.resources,
            version=version,
            progress=progress,
            rate=rate,
            still_held=still_held or _nobody_holds,
        )

    return place


def _nobody_holds() -> None:
    raise AssertionError("what only looks writes nothing")


def _locks(target: Deployment) -> tuple[str, str]:
    """The cluster's, since replay and apply must wait, and the one of relabel, which writes the same documents."""
    return CLUSTER, relabel_lock(target.settings.namespace)


def _doing(target: Deployment) -> str:
    return f"is migrating namespace {target.settings.namespace}"


def _under_way(target: Deployment, held: Iterable[Holder]) -> bool:
    """Whether somebody is at it, rather than that somebody died."""
    return any(lock.doing == _doing(target) and not lock.gone and not lock.expired for lock in held)


@contextmanager
def _changing(target: Deployment) -> Iterator[Callable[[], None]]:
    """Nobody else changes this cluster, or relabels this namespace; what it gives raises once that was lost.

    A newer toolkit's history has migrations that this one does not know, and would repair.
    """
    refuse_newer(target.transport, target.catalogue.schema)
    doing = _doing(target)
    first, second = _locks(target)
    with (
        locked(target.transport, target.state_index, name=first, doing=doing) as one,
        locked(target.transport, target.state_index, name=second, doing=doing) as other,
    ):

        def still_held() -> None:
            one.check()
            other.check()

        yield still_held
