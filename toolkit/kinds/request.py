"""A request that writes a resource, as data: for whoever sends it without this program."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from toolkit.model import Body


class When(StrEnum):
    """Whether a request is sent at all: what a GET of its `ask` must show first."""

    ALWAYS = "always"
    ABSENT = "absent"
    """The answer is 404."""
    PRESENT = "present"
    """It was there already: such a request stands directly behind the one with `ABSENT` and the same `ask`."""
    STOPPED = "stopped"
    """The answer holds the state `stopped`."""


@dataclass(frozen=True, slots=True)
class Request:
    """One of the requests that write a resource, in their order."""

    method: str
    path: str
    """With its query."""
    body: Body | None = None
    when: When = When.ALWAYS
    ask: str | None = None
    """The path to GET before it, where `when` is a condition."""
    harmless: int | None = None
    """The status by which a server refuses it, changing nothing, where `when` does not hold."""
