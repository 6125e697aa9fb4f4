"""What is in a stream's failure store: documents that neither the pipeline nor the mapping could take.

Elasticsearch has it since 8.19 and, of 9.x, since 9.1; a search for `<stream>::failures` reaches it:
https://www.elastic.co/docs/manage-data/data-store/data-streams/failure-store. What it keeps is never changed there:
`delete` and `index` on the stream do not hold for it (seen on 8.19.21 and 9.5.3), and it goes by age.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from toolkit.client.transport import Transport
from toolkit.model import Body
from toolkit.questions.paging import Seen, after

_FAILURES_A_PAGE = 100
"""Few, since a message may be of any length."""
OF_REPLAY = "replay-"
"""How the ids begin of documents that come of a replay. One of these that failed is told of where the message is kept,
so it is neither counted nor shown a second time."""
_NOT_OF_REPLAY: Body = {"must_not": [{"prefix": {"document.id": {"value": OF_REPLAY}}}]}


@dataclass(frozen=True, slots=True)
class Failure:
    """A document that failed, and why."""

    index: str
    """The index behind the failure store that keeps it; with `id` it names it for good."""
    id: str
    time: str
    """When it failed: UTC, ISO 8601."""
    stream: str
    """Where it was to be written."""
    type: str | None
    """The server's name for the error, such as `document_parsing_exception`."""
    message: str | None
    """The server's reason."""
    pipeline: str | None
    """The pipeline with the processor that failed; None: no processor did."""
    document_id: str | None
    """The id that it was to have in the stream; None: it failed before it got one, on its way to the pipeline's end."""
    source: Body
    """The message as it was sent, or what the pipeline had made of it: see `as_sent`.

    Empty where the message was no JSON object, such as an array: of that nothing is kept (seen on 8.19.21 and 9.5.3).
    """

    @property
    def as_sent(self) -> bool:
        """Whether `source` is the message as it was sent, provided that its sender gave it no id, as OCS does not."""
        return self.document_id is None

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {**asdict(self), "as_sent": self.as_sent}


def failure_count(
    transport: Transport, stream: str, *, since: str | None = None, before: str | None = None
) -> int | None:
    """How many documents of a stream have failed; what failed a moment ago may not be counted yet.

    Args:
        transport: the cluster.
        stream: name of the data stream.
        since: leave out earlier ones: ISO 8601, or the server's own way to say it (`now-24h`); None: count all.
        before: leave out later ones, and those of that very time; likewise.

    Returns:
        None where nothing can be in there: the server has no failure store, there is no such stream, or the failure
        store is off there and always was.

    Raises:
        UnreachableError, RejectedError: the server does not answer, or refuses: it takes `view_index_metadata` and
            `read_failure_store`.
    """
    store = _store(transport, stream)
    if not store.get("indices"):
        return 0 if store.get("enabled") else None
    return int(transport.post(f"/{stream}::failures/_count", {"query": _query(since, before)})["count"])


def failure_total(
    transport: Transport, streams: Iterable[str], *, since: str | None = None, before: str | None = None
) -> int | None:
    """How many documents of several streams have failed; None where nothing can be in any of their failure stores.

    Raises:
        UnreachableError, RejectedError: as `failure_count`, which has the arguments too.
    """
    counts = [failure_count(transport, stream, since=since, before=before) for stream in streams]
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def failures(transport: Transport, stream: str, *, since: str | None = None) -> Iterator[Failure]:
    """The documents of a stream that have failed, the oldest first; nothing where there is no failure store.

    Args:
        transport: the cluster.
        stream: name of the data stream.
        since: as for `failure_count`.

    Raises:
        UnreachableError, RejectedError: as `failure_count`.
    """
    if not _store(transport, stream).get("indices"):
        return
    query = _query(since)
    seen: Seen | None = None
    while hits := _page(transport, stream, query):
        yield from map(_failure, hits)
        seen = after(hits, seen)
        query = {"bool": {"filter": [seen.since], "must_not": [seen.again, *_NOT_OF_REPLAY["must_not"]]}}


def _store(transport: Transport, stream: str) -> Body:
    """How the server describes it; empty where there is none."""
    answer = transport.get(f"/_data_stream/{stream}") or {}
    described: Body = next(iter(answer.get("data_streams", [])), {})
    return described.get("failure_store") or {}


def _query(since: str | None, before: str | None = None) -> Body:
    given = {name: limit for name, limit in {"gte": since, "lt": before}.items() if limit is not None}
    times = [{"range": {"@timestamp": {**given, "format": "strict_date_optional_time"}}}] if given else []
    return {"bool": {"filter": times, **_NOT_OF_REPLAY}}


def _page(transport: Transport, stream: str, query: Body) -> list[Body]:
    body = {
        "size": _FAILURES_A_PAGE,
        "track_total_hits": False,
        "query": query,
        "sort": [{"@timestamp": "asc"}],
        "_source": {"excludes": ["error.stack_trace"]},
    }
    hits: list[Body] = transport.post(f"/{stream}::failures/_search", body)["hits"]["hits"]
    return hits


def _failure(hit: Body) -> Failure:
    found = hit["_source"]
    document, error = found.get("document", {}), found.get("error", {})
    return Failure(
        index=hit["_index"],
        id=hit["_id"],
        time=found["@timestamp"],
        stream=document.get("index", ""),
        type=error.get("type"),
        message=error.get("message"),
        pipeline=error.get("pipeline"),
        document_id=document.get("id"),
        source=document.get("source") or {},
    )
