"""Stored documents sent through a pipeline, in place: one index after the other, each by a task of the server's.

What is left is always asked of the documents themselves: the query finds those that are still to be rewritten, so a run
that ended at any moment is simply run again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from toolkit import tasks, write_blocks
from toolkit.client.transport import Transport
from toolkit.errors import RejectedError, ToolkitError
from toolkit.model import SILENT, Bar, Body, Progress

INDICES_MAX = 10_000
"""Indices that one question tells apart."""
_BLOCKS = "index.blocks.write", "index.blocks.read_only", "index.blocks.read_only_allow_delete"
_CANNOT_WRITE = {
    "index.blocks.read_only": "read-only (index.blocks.read_only)",
    "index.blocks.read_only_allow_delete": "a disk is nearly full (index.blocks.read_only_allow_delete)",
}


@dataclass(frozen=True, slots=True)
class Part:
    """An index that holds documents to rewrite."""

    index: str
    documents: int
    hindrance: str = ""
    """Why it cannot be changed at all; empty: it can."""
    write_block: bool = False
    """Whether it can be changed once its write block is lifted."""

    def reachable(self, *, lift: bool) -> bool:
        """Whether it is rewritten, if write blocks are lifted or not."""
        return not self.hindrance and (lift or not self.write_block)

    def as_json(self) -> Body:
        """For programs."""
        return {
            "index": self.index,
            "documents": self.documents,
            "hindrance": self.hindrance or ("write block" if self.write_block else None),
        }


def parts(indices: Iterable[str], counts: Mapping[str, int], settings: Mapping[str, Any]) -> tuple[Part, ...]:
    """The indices with something to do, in the order given.

    Args:
        indices: their names.
        counts: index → documents to rewrite; one that is absent has none.
        settings: the server's answer to `GET /<indices>/_settings?flat_settings`.
    """
    there = [index for index in indices if index in counts and index in settings]
    return tuple(_part(index, counts[index], settings[index]["settings"]) for index in there)


def _part(index: str, documents: int, settings: Mapping[str, Any]) -> Part:
    blocks = [name for name in _BLOCKS if str(settings.get(name)) == "true"]
    reasons = [_CANNOT_WRITE[name] for name in blocks if name in _CANNOT_WRITE]
    if settings.get("index.store.type") == "snapshot":
        reasons.append("a searchable snapshot")
    return Part(index, documents, ", ".join(reasons), "index.blocks.write" in blocks)


@dataclass(frozen=True)
class Rewrite:
    """What is sent where, and what the steps of one run share."""

    transport: Transport
    name: str
    """Under which the task, and write blocks that were lifted for it, are found again by the next run."""
    query: Body
    pipeline: str
    rate: int | None
    """Documents a second at most; None: as many as the server can."""
    still_held: Callable[[], None]
    """Raises LockHeldError once the lock was lost."""
    command: str
    """The command that sees the work through, for whoever interrupts it."""
    doing: str
    """What a progress bar is called."""
    progress: Progress = SILENT
    on_task: Callable[[tasks.Task], None] = lambda _: None
    """Is told of every task that does the work, of one that an earlier run has begun too."""
    while_waiting: Callable[[], None] = lambda: None
    """Is called again and again while a task is waited for; what it raises ends the waiting, and the task goes on."""

    def finish(self) -> int:
        """Wait for the task of an earlier run, and put back its write blocks; how many documents it wrote."""
        task = tasks.unfinished(self.transport, self.name)
        done = 0
        if task:
            self.progress.say(f"an earlier run has begun a task, which goes on at its own rate: {task}")
            self.on_task(task)
            with self.progress.bar(self.doing, None, "documents") as bar:
                outcome = self._watched(task, bar)
            done = outcome.done if outcome else 0  # had it failed, so will the next, and be told
        tasks.forget(self.transport, self.name)
        write_blocks.restore(self.transport, self.name)
        return done

    def all(self, todo: Sequence[Part]) -> int:
        """Rewrite some indices; how many documents were written.

        Raises:
            ToolkitError: a task failed, or was cancelled.
            LockHeldError: the lock was lost.
            UnreachableError, RejectedError: the server does not answer, or refuses.
        """
        with self.progress.bar(self.doing, sum(part.documents for part in todo), "documents") as bar:
            return sum(self._one(part, bar) for part in todo)

    def _one(self, part: Part, bar: Bar) -> int:
        self.still_held()
        work = tasks.update_by_query(part.index, self.query, pipeline=self.pipeline, rate=self.rate)
        try:
            if part.write_block:
                write_blocks.lift(self.transport, self.name, part.index)
            task = tasks.patiently(lambda: tasks.start(self.transport, self.name, work), self.progress)
        except RejectedError as error:
            write_blocks.restore(self.transport, self.name)
            if error.status == 404:
                return 0  # its time had come, and ILM has deleted it
            raise
        self.on_task(task)
        outcome = self._watched(task, bar)
        if outcome is None:
            self.progress.say(task.gone)
            return 0
        self._raise_if_failed(task, outcome)
        return outcome.done

    def _watched(self, task: tasks.Task, bar: Bar) -> tasks.Outcome | None:
        """Wait for a task, and put back what was lifted for it; None: the server does not know it any more."""

        def tell(done: int) -> None:
            bar.advance(done)
            self.while_waiting()

        outcome = tasks.attend(self.transport, task, tell, command=self.command, progress=self.progress)
        tasks.forget(self.transport, self.name)
        write_blocks.restore(self.transport, self.name)
        return outcome

    def _raise_if_failed(self, task: tasks.Task, outcome: tasks.Outcome) -> None:
        again = f"what it had done is done; {self.command} goes on from there"
        if outcome.failure:
            raise ToolkitError(f"task {task} failed: {outcome.failure}", hint=again)
        if outcome.canceled is not None:
            raise ToolkitError(f"task {task} was cancelled {outcome.canceled}", hint=again)
