"""What a verification came to: each check with what must be and what is, and where the messages are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from toolkit.model import Body
from toolkit.uses.access import Whose

_BACKING_INDEX = re.compile(r"\.(?P<kind>ds|fs)-(?P<stream>.+?)(-\d{4}\.\d{2}\.\d{2})?-\d{6,}")
"""An index of a data stream, or of its failure store; OpenSearch leaves the date out."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that is not what it must be; None: absent."""

    field: str
    expected: Any
    found: Any

    def __str__(self) -> str:
        return f"{self.field}: expected {_word(self.expected)}, found {_word(self.found)}"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: the fields as they must be, and as they are."""

    name: str
    expected: Body
    found: Body
    remedy: str | None = None
    """What to do where it failed; None: what is to be done of most."""
    not_made: str | None = None
    """Why it was not made; None: it was. Then it is neither ok nor failed."""

    @property
    def ok(self) -> bool:
        """Whether all is as it must be."""
        return self.not_made is None and not self.differences

    @property
    def failed(self) -> bool:
        """Whether something is not."""
        return self.not_made is None and bool(self.differences)

    @property
    def differences(self) -> list[Difference]:
        """What is not."""
        fields = ((name, value, self.found.get(name)) for name, value in self.expected.items())
        return [Difference(name, expected, found) for name, expected, found in fields if expected != found]

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        why = {"not_made": self.not_made} if self.not_made else {}
        return {
            "name": self.name,
            "ok": None if self.not_made else self.ok,
            "expected": self.expected,
            "found": self.found,
            **why,
        }


@dataclass(frozen=True, slots=True)
class Place:
    """Where the server says that it put a message."""

    index: str
    id: str
    failure_store: str | None = None
    """What the server said of its failure store beside it."""

    @property
    def path(self) -> str:
        """The document's own path."""
        return f"/{quote(self.index)}/_doc/{quote(self.id, safe='')}"

    @property
    def stream(self) -> str:
        """The data stream of the backing index; the index itself where it is none."""
        backing = _BACKING_INDEX.fullmatch(self.index)
        return backing["stream"] if backing else self.index

    @property
    def in_failure_store(self) -> bool:
        """Whether the stream did not take it, and its failure store did."""
        backing = _BACKING_INDEX.fullmatch(self.index)
        return self.failure_store == "used" or (backing is not None and backing["kind"] == "fs")

    def as_json(self) -> dict[str, str]:
        """For programs."""
        return {"index": self.index, "id": self.id}

    def __str__(self) -> str:
        return f"{self.index}/_doc/{self.id}"


@dataclass(frozen=True, slots=True)
class Verification:
    """What a verification came to."""

    target: str
    credential: Whose
    guid: str
    place: Place
    """Of the message that must become a document."""
    dead_letter: Place
    """Of the message that must become a dead letter."""
    checks: list[Check]
    left: list[Place]
    """What is still there: because it was to be kept, or could not be deleted."""
    seconds: float

    @property
    def failed(self) -> list[Check]:
        """The checks that failed."""
        return [check for check in self.checks if check.failed]

    @property
    def not_made(self) -> list[Check]:
        """The checks that were not made."""
        return [check for check in self.checks if check.not_made]

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "ok": not self.failed,
            "target": self.target,
            "credential": self.credential.value,
            "guid": self.guid,
            **self.place.as_json(),
            "dead_letter": self.dead_letter.as_json(),
            "left": [place.as_json() for place in self.left],
            "seconds": round(self.seconds, 3),
            "not_made": [check.name for check in self.not_made],
            "checks": [check.as_json() for check in self.checks],
        }


def _word(value: Any) -> str:
    return "nothing" if value is None else repr(value)
