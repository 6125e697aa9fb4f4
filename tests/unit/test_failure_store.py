"""The failure store's documents are counted and read, each once, whatever the pages."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
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
        if "bool" not in query:
            return self.documents
        from_ms = query["bool"]["filter"][0]["range"]["@timestamp"]["gte"]
        seen = query["bool"]["must_not"][0]["ids"]["values"]
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
    limits = body["query"].get("range", {}).get("@timestamp", {})
    assert limits.get("gte") == since
    assert limits.get("format") in (None, "strict_date_optional_time"), "digits alone would be a year"


@pytest.mark.parametrize("at_once", [1, 99, 100, 101, 350])
def test_every_failure_is_read_once_though_many_are_of_the_same_millisecond(at_once: int) -> None:
    documents = [(f"{i:03}", i // at_once) for i in range(350)]
    store = Store(documents)
    assert [each.id for each in failures(store.transport(), STREAM)] == [id_ for id_, _ in documents]


def test_a_failure_says_what_failed_and_why() -> None:
    """The answer is the one of Elastic's own documentation of the failure store, with our names."""
    recorded = json.loads(Path(__file__).with_name("failure_store.json").read_text(encoding="utf-8"))

    class Recorded(Store):
        def post(self, path: str, body: Json) -> Any:
            super().post(path, body)
            return {"hits": {"hits": recorded if "bool" not in body["query"] else []}}

    by_pipeline, by_mapper = failures(Recorded().transport(), STREAM)
    assert by_pipeline == Failure(
        index=INDEX,
        id="eXS-tpYBwrYNjPmat9Cx",
        time="2026-11-23T20:31:13.759Z",
        stream=STREAM,
        type="illegal_argument_exception",
        message="field [data] not present as part of path [data]",
        pipeline="ocs-campaign-groups",
        document_id=None,
        source={"random": 42},
    )
    assert (by_mapper.pipeline, by_mapper.document_id) == (None, "sHTVtpYBwrYNjPmaEdB5")
    assert by_mapper.type == "document_parsing_exception"
    assert by_mapper.source == {"@timestamp": "2026-11-23T20:55:38.362Z", "published": "this field is invalid"}
    assert by_mapper.as_json()["index"] == INDEX
