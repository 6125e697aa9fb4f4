"""The nouns that all rooms share. Standard library only."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

Body = dict[str, Any]
"""A resource's JSON body, a plain dict from end to end: typed models drop fields that a server knows."""


STATE_INDEX = "ocs-elastic-state"
"""The index that keeps the toolkit's own state: the lock, and what was imported into Kibana."""


@dataclass(frozen=True, slots=True)
class Resource:
    """Something that the toolkit wants to exist on a server."""

    kind: str
    """Name of its kind, such as `ilm_policy`; see `toolkit.kinds`."""
    name: str
    """The name under which the server keeps it."""
    body: Body
    source: str
    """The file that it was rendered from, relative to the data folders' parent: for messages."""
    namespace: str | None = None
    """The namespace that it belongs to; None: all namespaces of a cluster share it."""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class Bar(Protocol):
    """A progress bar in use."""

    def advance(self, amount: int) -> None:
        """Count `amount` more units as done."""


class Progress(Protocol):
    """What long work reports to whoever is waiting; `toolkit.output` draws it on standard error."""

    def say(self, text: str) -> None:
        """Announce a step, in one line."""

    def bar(self, title: str, total: int | None, unit: str) -> AbstractContextManager[Bar]:
        """Open a bar of `total` units (None: unknown); `unit` is `bytes`, `messages` or another plural."""


class _Silent:
    def say(self, text: str) -> None: ...

    def bar(self, title: str, total: int | None, unit: str) -> AbstractContextManager[Bar]:  # noqa: ARG002
        return _SilentBar()


class _SilentBar(AbstractContextManager["_SilentBar"]):
    def __exit__(self, *exc: object) -> None: ...

    def advance(self, amount: int) -> None: ...


SILENT: Progress = _Silent()
"""A `Progress` that reports to nobody."""
