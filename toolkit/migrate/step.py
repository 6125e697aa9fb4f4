"""What every kind of step can do, and what it is given to do it with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Protocol, Self

from toolkit.errors import ToolkitError
from toolkit.migrate.history import TASKS
from toolkit.migrate.place import Place
from toolkit.tasks import Task
from toolkit.yaml_source import Reader, Where


class FailedStepError(ToolkitError):
    """A step did not come to what it promises, or what it needs is not there."""


class Note(Protocol):
    """What a step has to remember until it is done: it survives the death of the command."""

    def get(self, key: str, default: Any = None) -> Any:
        """What was kept under a key."""

    def keep(self, **values: Any) -> None:
        """Write values down; on return they are safe."""


class Step(ABC):
    """One step of a migration.

    `run` looks at the live state and does what is left. It may be killed after each of its writes, and so may the
    server: the next `run` with the same note comes to the same state as an undisturbed one.
    """

    word: ClassVar[str]
    """What it is called in a file."""

    @classmethod
    @abstractmethod
    def read(cls, reader: Reader, where: Where) -> Self:
        """The step at a place of a file.

        Raises:
            SourceError: what stands there is not understood; file and line are named.
        """

    @abstractmethod
    def title(self, place: Place) -> str:
        """What it does, in one line, with the names that hold in this namespace."""

    @abstractmethod
    def preview(self, place: Place, note: Note) -> list[str]:
        """What would be done now, with numbers, one line each; empty: nothing is left. Reads only."""

    @abstractmethod
    def hindrances(self, place: Place, note: Note) -> list[str]:
        """Every reason for which it cannot be done now. Reads only."""

    @abstractmethod
    def run(self, place: Place, note: Note) -> None:
        """Do what is left.

        Raises:
            FailedStepError: it cannot be done.
            UnreachableError, RejectedError: the server does not answer, or refuses.
            LockHeldError: the lock was lost.
        """

    @abstractmethod
    def faults(self, place: Place, note: Note) -> list[str]:
        """What is not as it should be once it has run. Reads only."""


def keep_task(note: Note, task: Task) -> None:
    """Note the id of a task of the server's, for the history, once."""
    if task.id not in (known := note.get(TASKS, [])):
        note.keep(**{TASKS: [*known, task.id]})
