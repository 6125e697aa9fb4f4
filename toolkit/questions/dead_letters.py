"""What is in a stream of dead letters: by reason, and one by one. Those of `verify` are left out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from toolkit.client.transport import Transport
from toolkit.model import Body
from toolkit.questions import NOT_VERIFY
from toolkit.questions.failure_store import OF_REPLAY, Failure
from toolkit.questions.paging import Seen, after

PENDING, FAILED, REPLAYED = "pending", "failed", "replayed"
"""What becomes of a dead letter: nothing yet; tried, and refused again; a document of the stream."""

_LETTERS_A_PAGE = 100
_FIRST_PAGE = 10
"""A message may be of any length, so the first page is small, and the next ones go by what was found."""
_BYTES_A_PAGE = 25_000_000
"""About that much of messages is asked for at once: servers and this program hold all of it in memory."""
_IDS_A_REQUEST = 50
_WHOLE = {"allow_partial_search_results": "false"}
"""Without it a server that lacks a shard answers as if nothing were in there: what is there already would be written a
second time, and what waits would be left out."""
_REASONS_MAX = 100
_STATE = "ocs.replay.state"
_CAME = "@timestamp"
"""Says when a dead letter came, as `event.ingested` does; this one no document of a data stream can lack."""
_INGESTED = "event.ingested"


@dataclass(frozen=True, slots=True)
class Selection:
    """Which dead letters are meant; all, where nothing is said."""

    ids: tuple[str, ...] = ()
    reason: str | None = None
    """The beginning of `error.message`, or the whole of `error.type`."""
    from_ms: int | None = None
    """Those that came at this time or later, milliseconds since 1970 UTC."""
    before_ms: int | None = None
    """Those that came before this time."""

    def query(self, *, waiting: bool = False) -> Body:
        """The query for them; `waiting` leaves out what has been replayed."""
        filters: list[Body] = []
        if self.ids:
            filters.append({"ids": {"values": list(self.ids)}})
        if self.reason is not None:
            either = [{"prefix": {"error.message": {"value": self.reason}}}, {"term": {"error.type": self.reason}}]
            filters.append({"bool": {"should": either, "minimum_should_match": 1}})
        limits = {"gte": self.from_ms, "lt": self.before_ms}
        if given := {name: limit for name, limit in limits.items() if limit is not None}:
            filters.append({"range": {_CAME: {**given, "format": "epoch_millis"}}})
        must_not = [*NOT_VERIFY["bool"]["must_not"], *([{"term": {_STATE: REPLAYED}}] if waiting else [])]
        return {"bool": {"filter": filters, "must_not": must_not}}

    def takes(self, failure: Failure) -> bool:
        """Whether a document of a failure store is meant."""
        said = (failure.message or "", failure.type or "")
        return (
            (not self.ids or failure.id in self.ids)
            and (self.reason is None or said[0].startswith(self.reason) or said[1] == self.reason)
            and (self.from_ms is None or _ms(failure.time) >= self.from_ms)
            and (self.before_ms is None or _ms(failure.time) < self.before_ms)
        )


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that could not be understood."""

    index: str
    """The backing index that keeps it; with `id` it names it for good."""
    id: str
    source: Body
    seq_no: int
    primary_term: int

    ingested: str
    """When it came: UTC, ISO 8601."""

    @property
    def original(self) -> str:
        """The message, as JSON text; empty where somebody has removed it."""
        original = _object(self.source, "event").get("original")
        return original if isinstance(original, str) else ""

    @property
    def error(self) -> Body:
        """Why it could not be understood: `type` and `message`, unless somebody has removed them."""
        return _object(self.source, "error")

    @property
    def replay(self) -> Body:
        """What was done about it; empty where nothing was, or somebody has removed it."""
        return _object(self.source, "ocs", "replay")

    @property
    def attempts(self) -> int:
        """How often it was replayed, in vain or not."""
        attempts = self.replay.get("attempts")
        return attempts if isinstance(attempts, int) else 0

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {"index": self.index, "id": self.id, **self.source}


@dataclass(frozen=True, slots=True)
class Reason:
    """Why messages became dead letters, and what has been done about them."""

    type: str | None
    message: str | None
    """The engine's own words; None: longer than can be counted by, or not among the commonest."""
    pending: int
    failed: int
    replayed: int
    first: str | None
    """When the first of them came: UTC, ISO 8601."""
    last: str | None
    example: str | None
    """The id of one of them."""

    @property
    def count(self) -> int:
        """All of them."""
        return self.pending + self.failed + self.replayed

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return asdict(self)


def reasons(transport: Transport, stream: str, query: Body) -> list[Reason]:
    """The reasons, the commonest first; what has none that can be counted by comes last.

    Args:
        transport: the cluster.
        stream: name of the data stream of dead letters.
        query: which; see `Selection.query`.
    """
    body = {
        "size": 0,
        "query": query,
        "aggs": {
            "reasons": {"terms": {"field": "error.message", "size": _REASONS_MAX}, "aggs": _ABOUT},
            "all": {"filter": {"match_all": {}}, "aggs": _ABOUT},
        },
    }
    answer = transport.post(f"/{stream}/_search", body, params=_WHOLE)["aggregations"]
    found = [_reason(bucket, bucket["key"]) for bucket in answer["reasons"]["buckets"]]
    everything = _reason(answer["all"], None)
    others = replace(
        everything,
        type=None,
        pending=everything.pending - sum(each.pending for each in found),
        failed=everything.failed - sum(each.failed for each in found),
        replayed=everything.replayed - sum(each.replayed for each in found),
        example=None,
    )
    return [*found, *([others] if others.count else [])]


_ABOUT: Body = {
    "types": {"terms": {"field": "error.type", "size": 1}},
    "states": {"terms": {"field": _STATE, "size": 10}},
    "first": {"min": {"field": _CAME}},
    "last": {"max": {"field": _CAME}},
    "example": {"top_hits": {"size": 1, "_source": False, "sort": [{_CAME: "desc"}]}},
}


def _reason(bucket: Body, message: str | None) -> Reason:
    types, examples = bucket["types"]["buckets"], bucket["example"]["hits"]["hits"]
    states = {state["key"]: state["doc_count"] for state in bucket["states"]["buckets"]}
    failed, replayed = states.get(FAILED, 0), states.get(REPLAYED, 0)
    return Reason(
        type=types[0]["key"] if types else None,
        message=message,
        pending=bucket["doc_count"] - failed - replayed,
        failed=failed,
        replayed=replayed,
        first=bucket["first"].get("value_as_string"),
        last=bucket["last"].get("value_as_string"),
        example=examples[0]["_id"] if examples else None,
    )


def present(transport: Transport, stream: str, ids: Sequence[str]) -> dict[str, str]:
    """Which of these ids documents of a stream have → the backing index; an id is unique in its backing index only.

    Raises:
        RejectedError: the server cannot look everywhere, such as while a shard is away.
    """
    body = {"size": len(ids), "_source": False, "query": {"ids": {"values": list(ids)}}}
    hits = transport.post(f"/{stream}/_search", body, params=_WHOLE)["hits"]["hits"] if ids else []
    return {hit["_id"]: hit["_index"] for hit in hits}


def replayed_id(index: str, kept_as: str) -> str:
    """The id of the document that comes of a message when it is replayed: always the same one.

    Args:
        index: the backing index that keeps the message, of the dead letters or of a failure store.
        kept_as: its id there.
    """
    return f"{OF_REPLAY}{hashlib.sha256(f'{index}/{kept_as}'.encode()).hexdigest()[:32]}"


def until_now(transport: Transport, stream: str, selection: Selection) -> tuple[Body, int]:
    """The query for those that wait and have come so far, and how many they are; later ones stay out of it."""
    query = selection.query(waiting=True)
    body = {
        "size": 0,
        "track_total_hits": True,
        "query": query,
        "aggs": {"last": {"max": {"field": _CAME}}},
    }
    answer = transport.post(f"/{stream}/_search", body, params=_WHOLE)
    last = answer["aggregations"]["last"]["value"]
    if last is None:
        return query, 0
    so_far = {"range": {_CAME: {"lte": int(last), "format": "epoch_millis"}}}
    return {"bool": {"filter": [query, so_far]}}, answer["hits"]["total"]["value"]


def dead_letters(transport: Transport, stream: str, query: Body) -> Iterator[list[DeadLetter]]:
    """Pages of dead letters, the oldest first; each once, even if those of earlier pages are changed meanwhile."""
    seen: Seen | None = None
    size = _FIRST_PAGE
    while hits := _page(transport, stream, query, seen, size):
        page = [_letter(hit) for hit in hits]
        yield page
        average = 1 + sum(len(letter.original) for letter in page) // len(page)
        size = max(1, min(_LETTERS_A_PAGE, _BYTES_A_PAGE // average))
        seen = after(hits, seen)


def _page(transport: Transport, stream: str, query: Body, seen: Seen | None, size: int) -> list[Body]:
    more = [{"bool": {"filter": [seen.since], "must_not": [seen.again]}}] if seen else []
    body = {
        "size": size,
        "query": {"bool": {"filter": [query, *more]}},
        "sort": [{_CAME: "asc"}],
    }
    return _hits(transport, stream, body)


def letters_of(transport: Transport, stream: str, ids: Sequence[str]) -> list[DeadLetter]:
    """The dead letters with these ids, in all backing indices; those of `verify` too."""
    found: list[DeadLetter] = []
    for start in range(0, len(ids), _IDS_A_REQUEST):
        some = list(ids[start : start + _IDS_A_REQUEST])
        # Twice as many, since an id is unique in its backing index only.
        hits = _hits(transport, stream, {"size": 2 * len(some), "query": {"ids": {"values": some}}})
        found += map(_letter, hits)
    return found


def known(transport: Transport, stream: str, ids: Sequence[str]) -> set[str]:
    """Which of these ids dead letters have, whatever became of them."""
    found: set[str] = set()
    for start in range(0, len(ids), _LETTERS_A_PAGE):
        found |= present(transport, stream, ids[start : start + _LETTERS_A_PAGE]).keys()
    return found


def _hits(transport: Transport, stream: str, body: Body) -> list[Body]:
    # As the server reads them: in the document they may be written in several ways.
    fields = [{"field": name, "format": "strict_date_optional_time"} for name in (_INGESTED, _CAME)]
    more = {"track_total_hits": False, "seq_no_primary_term": True, "docvalue_fields": fields}
    hits: list[Body] = transport.post(f"/{stream}/_search", {**body, **more}, params=_WHOLE)["hits"]["hits"]
    return hits


def _ms(time: str) -> int:
    return round(datetime.fromisoformat(time).timestamp() * 1000)


def _letter(hit: Body) -> DeadLetter:
    times = hit["fields"].get(_INGESTED) or hit["fields"][_CAME]
    return DeadLetter(hit["_index"], hit["_id"], hit["_source"], hit["_seq_no"], hit["_primary_term"], times[0])


def _object(source: Body, *path: str) -> Body:
    """An object within a document that people may have changed by hand; empty where there is none."""
    found: Any = source
    for step in path:
        found = found.get(step) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}
