"""What every kind of step can do, and what it is given to do it with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self

from toolkit.capabilities import Capabilities
from toolkit.client.transport import Transport
from toolkit.errors import ToolkitError
from toolkit.model import SILENT, Progress, Resource
from toolkit.streams import Streams
from toolkit.yaml_source import Reader, Where

ROLES = ("campaign_groups", "dead_letters")
"""What files call the two data streams of a namespace, whatever its name."""


class FailedStepError(ToolkitError):
    """A step did not come to what it promises, or what it needs is not there."""


@dataclass(frozen=True)
class Place:
    """One namespace of one cluster, where a migration runs."""

    transport: Transport
    server: Capabilities
    namespace: str
    resources: Sequence[Resource]
    """Everything that should be there by files and configuration."""
    version: int
    """The migration's."""
    progress: Progress = SILENT
    rate: int | None = None
    """Documents a second at most; None: as many as the server can."""
    still_held: Callable[[], None] = lambda: None
    """Is called before every write; raises LockHeldError once the lock was lost."""

    @property
    def streams(self) -> Streams:
        """The namespace's data streams."""
        return Streams(self.namespace)

    def stream(self, role: str) -> str:
        """The name of the data stream that a file calls by its role."""
        return {"campaign_groups": self.streams.campaign_groups, "dead_letters": self.streams.dead_letters}[role]

    @property
    def task(self) -> str:
        """The name under which a long task of the server's is found again, and write blocks that were lifted."""
        return f"migrate-{self.namespace}"


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


def stream_role(reader: Reader, where: Where) -> str:
    """The role of a data stream in a file."""
    value = reader.text(where, reader.value(where))
    if value not in ROLES:
        reader.fail(where, f"'{value}' is no data stream: {' or '.join(ROLES)}")
    return value
