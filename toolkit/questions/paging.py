"""Pages by time, of documents that may be changed, or of which several came in one millisecond; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from toolkit.model import Body


@dataclass(frozen=True, slots=True)
class Seen:
    """How far pages that are sorted by `@timestamp` have come."""

    time_ms: int
    """Of the last document: milliseconds since 1970 UTC."""
    ids: frozenset[str]
    """What was seen of that very time: nothing else about documents is both sorted and lasting."""

    @property
    def since(self) -> Body:
        """The query for that time and later ones: the next page begins there again."""
        return {"range": {"@timestamp": {"gte": self.time_ms, "format": "epoch_millis"}}}

    @property
    def again(self) -> Body:
        """The query for what would then come a second time."""
        return {"ids": {"values": sorted(self.ids)}}


def after(hits: Sequence[Body], before: Seen | None) -> Seen:
    """How far it is after one more page, which has at least one hit."""
    time_ms = hits[-1]["sort"][0]
    seen = before.ids if before is not None and before.time_ms == time_ms else frozenset()
    return Seen(time_ms, seen | {hit["_id"] for hit in hits if hit["sort"][0] == time_ms})
