"""The failure store's documents are counted and read, each once, whatever the pages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import pytest

from toolkit.client import guard
from toolkit.client.transport import Transport
from toolkit.questions.failure_store import Failure, failure_count, failures

STREAM = "ocs-campaign-groups-default"
INDEX = f".fs-{STREAM}-2026.11.23-000002"
Json = dict[str, Any]


class Store:
    """A failure store as far as the questions go; every request is remembered, and only what reads is answered."""

    def __init__(self, documents: Iterable[tuple[str, int]] = (), *, described: Json | None = None) -> None:
        self.documents = list(documents)
        """Id and time in milliseconds since 1970 UTC."""
        on = {"enabled": True, "rollover_on_write": False, "indices": [{"index_name": INDEX}]}
        self.described = {"failure_store": on} if described is None else described
        self.requests: list[tuple[str, Any]] = []

    def transport(self) -> Transport:
        return cast("Transport", self)

    def get(self, path: str) -> Any:
        guard.check("GET", path, None, None, read_only=True)
        assert path == f"/_data_stream/{STREAM}"
        return {"data_streams": [{"name": STREAM, "indices": [], **self.described}]}

    def post(self, path: str, body: Json) -> Any:
        guard.check("POST", path, None, body, read_only=True)
        self.requests.append((path, body))
        if path == f"/{STREAM}::failures/_count":
            return {"count": len(self.documents)}
        assert path == f"/{STREAM}::failures/_search"
        found = sorted(self._matching(body["query"]), key=lambda document: document[1])
        return {"hits": {"hits": [_hit(*document) for document in found[: body["size"]]]}}

    def _matching(self, query: Json) -> list[tuple[str, int]]:
        from_ms = max((limit["range"]["@timestamp"]["gte"] for limit in query["bool"]["filter"]), default=0)
        assert {"prefix": {"document.id": {"value": "replay-"}}} in query["bool"]["must_not"]
        seen = [id_ for each in query["bool"]["must_not"] for id_ in each.get("ids", {}).get("values", [])]
        return [(id_, time_ms) for id_, time_ms in self.documents if time_ms >= from_ms and id_ not in seen]


def _hit(id_: str, time_ms: int) -> Json:
    source = {"@timestamp": f"{time_ms}", "document": {"index": STREAM, "source": {"n": id_}}, "error": {"type": "x"}}
    return {"_index": INDEX, "_id": id_, "_source": source, "sort": [time_ms]}


NONE: dict[str, Json] = {
    "a server without": {},
    "off, and never used": {"failure_store": {"enabled": False, "rollover_on_write": True, "indices": []}},
}


@pytest.mark.parametrize("described", NONE.values(), ids=NONE)
def test_where_there_is_none_there_is_no_count_and_nothing_is_asked_of_it(described: Json) -> None:
    store = Store(described=described)
    assert failure_count(store.transport(), STREAM) is None
    assert list(failures(store.transport(), STREAM)) == []
    assert store.requests == []


def test_an_absent_stream_has_none() -> None:
    class Absent:
        def get(self, path: str) -> None: ...

    assert failure_count(cast("Transport", Absent()), STREAM) is None
    assert list(failures(cast("Transport", Absent()), STREAM)) == []


def test_one_that_was_never_needed_holds_nothing() -> None:
    """Its first index is made by the first failure."""
    store = Store(described={"failure_store": {"enabled": True, "rollover_on_write": True, "indices": []}})
    assert failure_count(store.transport(), STREAM) == 0
    assert list(failures(store.transport(), STREAM)) == []


def test_what_one_holds_that_is_off_now_still_counts() -> None:
    off = {"enabled": False, "rollover_on_write": False, "indices": [{"index_name": INDEX}]}
    store = Store([("a", 1)], described={"failure_store": off})
    assert failure_count(store.transport(), STREAM) == 1
    assert [each.id for each in failures(store.transport(), STREAM)] == ["a"]


@pytest.mark.parametrize("since", [None, "now-24h", "2026-11-23T10:00:00Z"])
def test_those_since_a_time_are_counted(since: str | None) -> None:
    store = Store([("a", 1), ("b", 2)])
    assert failure_count(store.transport(), STREAM, since=since) == 2
    ((_, body),) = store.requests
    limits: Json = next((each["range"]["@timestamp"] for each in body["query"]["bool"]["filter"]), {})
    assert limits.get("gte") == since
    assert limits.get("format") in (None, "strict_date_optional_time"), "digits alone would be a year"


@pytest.mark.parametrize("at_once", [1, 99, 100, 101, 350])
def test_every_failure_is_read_once_though_many_are_of_the_same_millisecond(at_once: int) -> None:
    documents = [(f"{i:03}", i // at_once) for i in range(350)]
    store = Store(documents)
    assert [each.id for each in failures(store.transport(), STREAM)] == [id_ for id_, _ in documents]


BY_MAPPING: Json = {
    "@timestamp": "2026-11-23T09:27:06.190Z",
    "document": {
        "id": "AaIHuwpe06jhr6MDwG2q",
        "index": STREAM,
        "source": {"a": "éééééééééé", "@timestamp": "soon"},
    },
    "error": {
        "type": "document_parsing_exception",
        "message": "[1:42] failed to parse field [@timestamp] of type [date] in document with id "
        "'AaIHuwpe06jhr6MDwG2q'. Preview of field's value: 'soon'",
    },
}
WITHOUT_PIPELINE: Json = {
    "@timestamp": "2026-11-23T09:27:06.373Z",
    "document": {"index": STREAM, "source": {"@timestamp": "soon"}},
    "error": {"type": "illegal_argument_exception", "message": "pipeline with id [nope] does not exist"},
}
BY_PIPELINE: Json = {
    "@timestamp": "2026-11-23T09:28:00.000Z",
    "document": {"index": STREAM, "source": {"GSW_STATE": 1}},
    "error": {
        "type": "script_exception",
        "message": "runtime error",
        "pipeline_trace": ["ocs-campaign-groups"],
        "pipeline": "ocs-campaign-groups",
        "processor_type": "script",
    },
}


def test_a_failure_says_what_failed_and_why() -> None:
    """The first two as 9.5.3 gave them, but for the stream's name; the third as Elastic documents a pipeline's."""

    class Recorded(Store):
        def post(self, path: str, body: Json) -> Any:
            super().post(path, body)
            first = not body["query"]["bool"]["filter"]
            found = [BY_MAPPING, WITHOUT_PIPELINE, BY_PIPELINE] if first else []
            return {"hits": {"hits": [{**_hit(str(i), i), "_source": source} for i, source in enumerate(found)]}}

    by_mapping, without_pipeline, by_pipeline = failures(Recorded().transport(), STREAM)
    assert by_mapping == Failure(
        index=INDEX,
        id="0",
        time="2026-11-23T09:27:06.190Z",
        stream=STREAM,
        type="document_parsing_exception",
        message=BY_MAPPING["error"]["message"],
        pipeline=None,
        document_id="AaIHuwpe06jhr6MDwG2q",
        source={"a": "éééééééééé", "@timestamp": "soon"},
    )
    assert [f.as_sent for f in (by_mapping, without_pipeline, by_pipeline)] == [False, True, True]
    assert [f.pipeline for f in (without_pipeline, by_pipeline)] == [None, "ocs-campaign-groups"]
    assert (without_pipeline.source, by_pipeline.source) == ({"@timestamp": "soon"}, {"GSW_STATE": 1})
    assert by_mapping.as_json()["as_sent"] is False
