"""Indices that a reindexing has replaced and keeps: which there are, until when, and their removal.

Each says so itself, in its mapping's `_meta`; it is in no stream, and ILM leaves it alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from toolkit.client.transport import Transport
from toolkit.errors import ToolkitError
from toolkit.model import Body
from toolkit.streams import Streams

MADE = "reindexed"
"""Where the `_meta` of a new index's mapping tells of its source."""
KEPT = "replaced"
"""Where the `_meta` of a source's mapping tells what has taken its place, and how long it is kept."""

_UNITS_S = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_AGE = re.compile(r"(\d+)([dhms])")


@dataclass(frozen=True, slots=True)
class Source:
    """An index that is kept."""

    index: str
    stream: str
    migration: int
    """The version of the migration that has replaced it."""
    by: str
    """The index that has taken its place."""
    documents: int
    until: datetime | None
    """None: until somebody drops it."""
    needed: str = ""
    """Why it must not go; empty: it may."""

    def is_due(self, now: datetime) -> bool:
        """Whether the time for which it is kept is over."""
        return self.until is not None and self.until <= now

    def as_json(self) -> Body:
        """For programs."""
        return {
            "index": self.index,
            "stream": self.stream,
            "migration": self.migration,
            "replaced_by": self.by,
            "documents": self.documents,
            "until": self.until.isoformat() if self.until else None,
            "needed": self.needed or None,
        }


def sources(transport: Transport, streams: Streams) -> list[Source]:
    """All that are kept of a namespace, in the order in which they may be dropped. Reads only."""
    found = []
    for stream in streams.both:
        backing, marks = streams.backing(transport, stream), marks_of(transport, stream)
        for index, mark in sorted(marks.items(), key=lambda each: (each[1]["migration"], each[0])):
            if index in backing:
                continue  # it is about to be exchanged, or somebody has put it back
            until = datetime.fromisoformat(mark["until"]) if mark["until"] else None
            needed = _needed(transport, _last(mark, marks, backing), backing)
            found.append(Source(index, stream, mark["migration"], mark["by"], mark["documents"], until, needed))
    return found


def unfinished_copies(transport: Transport, streams: Streams) -> list[str]:
    """The indices of reindexings that were interrupted, which are behind no stream yet. Reads only."""
    found = []
    for stream in streams.both:
        answer = transport.get(
            f"/{stream}-v*/_mapping",
            params={"expand_wildcards": "all", "filter_path": f"*.mappings._meta.{MADE}"},
        )
        known = {*streams.backing(transport, stream), *marks_of(transport, stream)}
        found += sorted((answer or {}).keys() - known)
    return found


def drop(transport: Transport, source: Source) -> None:
    """Delete one, if it is still what it was and its successor is in the stream, or was, until its retention was over.

    Raises:
        ToolkitError: it must not go.
        RejectedError: the server refuses.
    """
    streams = Streams(source.stream.rpartition("-")[2])
    if transport.get(f"/{source.index}") is None:
        return
    now = next((each for each in sources(transport, streams) if each.index == source.index), None)
    why = "it is in a stream, or carries no mark of a migration" if now is None else now.needed
    if why:
        raise ToolkitError(
            f"{source.index} was not deleted: {why}", hint="it may be the only copy of its documents: look at it first"
        )
    transport.delete(f"/{source.index}")


def marks_of(transport: Transport, stream: str) -> dict[str, Any]:
    """Index → what its mapping says of what has replaced it: every one that was ever behind a stream."""
    answer = transport.get(
        f"/.ds-{stream}-*,{stream}-v*/_mapping",
        params={"expand_wildcards": "all", "filter_path": f"*.mappings._meta.{KEPT}"},
    )
    return {index: body["mappings"]["_meta"][KEPT] for index, body in (answer or {}).items()}


def retention_is_over(transport: Transport, mark: Body) -> bool:
    """Whether ILM may have deleted what has replaced a source, by the policy of today."""
    policy, begun_ms = mark["policy"], mark["origination_date"]
    answer = transport.get(f"/_ilm/policy/{policy}") if policy else None
    age = (answer or {}).get(policy, {}).get("policy", {}).get("phases", {}).get("delete", {}).get("min_age", "")
    found = _AGE.fullmatch(age)
    if not found:
        return False
    over_s = int(begun_ms) / 1000 + int(found[1]) * _UNITS_S[found[2]]
    return over_s <= datetime.now(UTC).timestamp()


def _last(mark: Body, marks: dict[str, Body], backing: list[str]) -> Body:
    """What a later migration's source says, where that is what has replaced this one."""
    while mark["by"] not in backing and mark["by"] in marks:
        mark = marks[mark["by"]]
    return mark


def _needed(transport: Transport, mark: Body, backing: list[str]) -> str:
    if mark["by"] in backing or retention_is_over(transport, mark):
        return ""
    return f"{mark['by']}, which has taken its place, is not in the stream, and its retention is not over"
