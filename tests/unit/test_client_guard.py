"""What may be sent: nothing that writes in a dry run, nothing that guts documents, nothing twice that must not be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.unit.tls import Server, serving
from toolkit.client import guard
from toolkit.client.connect import connect
from toolkit.client.transport import Transport
from toolkit.config import Connection
from toolkit.errors import ForbiddenRequestError, RejectedError, UnreachableError

READS = [
    ("GET", "/"),
    ("GET", "/_ilm/policy/x"),
    ("HEAD", "/x"),
    ("POST", "/_search"),
    ("POST", "/ocs-campaign-groups-default/_search"),
    ("POST", "/a,b*/_count"),
    ("POST", "/ocs-campaign-groups-default::failures/_count"),
    ("POST", "/ocs-campaign-groups-default%3A%3Afailures/_search"),
    ("POST", "/_msearch"),
    ("POST", "/_mget"),
    ("POST", "/x/_validate/query"),
    ("POST", "/_index_template/_simulate"),
    ("POST", "/_index_template/_simulate/ocs-campaign-groups-default"),
    ("POST", "/_index_template/_simulate_index/ocs-campaign-groups-default"),
    ("POST", "/_ingest/pipeline/_simulate"),
    ("POST", "/_ingest/pipeline/ocs-campaign-groups/_simulate"),
    ("POST", "/_ingest/_simulate"),
    ("POST", "/_ingest/x/_simulate"),
    ("POST", "/_transform/_preview"),
    ("POST", "/_security/user/_has_privileges"),
    ("POST", "/_security/_query/api_key"),
]
WRITES = [
    ("GET", "/x/_refresh"),
    ("GET", "/_all/_refresh"),
    ("GET", "/_flush"),
    ("PUT", "/x"),
    ("PUT", "/x/_search"),
    ("DELETE", "/x"),
    ("PATCH", "/x/_search"),
    ("POST", "/x/_doc"),
    ("POST", "/_bulk"),
    ("POST", "/x/_bulk"),
    ("POST", "/x/_refresh"),
    ("POST", "/x/_rollover"),
    ("POST", "/x::failures/_rollover"),
    ("POST", "/x::failures/_refresh"),
    ("POST", "/x::failures/_delete_by_query"),
    ("PUT", "/_data_stream/x/_options"),
    ("POST", "/x/_update_by_query"),
    ("POST", "/x/_delete_by_query"),
    ("POST", "/_reindex"),
    ("POST", "/x/_update/_search"),
    ("POST", "/x/_doc/_search"),
    ("POST", "/_doc/_search"),
    ("POST", "/x/_search/template/_bulk"),
    ("POST", "/x%2F_doc/_search"),
    ("POST", "/x/_search\n"),
    ("POST", "/_search/scroll"),
    ("POST", "/x/_pit"),
    ("POST", "/_transform/x/_start"),
    ("POST", "/_aliases"),
    ("POST", "/_security/api_key"),
    ("POST", "/_security/user/x/_password"),
    ("POST", "/_ilm/move/x"),
    ("POST", "/_cluster/reroute"),
    ("POST", "/"),
]


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(Server()) as server:
        yield server


def transport(server: Server, *, read_only: bool = False) -> Transport:
    return connect(Connection(f"http://127.0.0.1:{server.port}", "the tests"), read_only=read_only)


@pytest.mark.parametrize(("method", "path"), READS)
def test_what_reads_passes_in_a_dry_run(method: str, path: str) -> None:
    guard.check(method, path, None, None, read_only=True)
    assert not guard.writes(method, path)
    assert guard.repeatable(method, path, None)


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_what_writes_does_not(method: str, path: str) -> None:
    with pytest.raises(ForbiddenRequestError) as caught:
        guard.check(method, path, None, None, read_only=True)
    assert caught.value.reason.startswith(f"{method} {path} was not sent: ")
    assert "this is a bug of ocs-elastic" in str(caught.value.hint)


@pytest.mark.parametrize("path", ["/x?a=b", "/x/_search?pipeline=a", "/x#y"])
def test_parameters_in_a_path_are_refused(path: str) -> None:
    """They would get around the rules that look at parameters."""
    with pytest.raises(ForbiddenRequestError, match="parameters do not belong in its path"):
        guard.check("GET", path, None, None, read_only=False)


@pytest.mark.parametrize(
    ("path", "params", "body"),
    [
        ("/x/_update_by_query", None, {"query": {"match_all": {}}}),
        ("/x/_update_by_query/", {"conflicts": "proceed"}, None),
        ("/x/%5Fupdate_by_query", None, None),
        ("//x//_update_by_query", {"pipeline": ""}, None),
        ("/_reindex", None, {"source": {"index": "a"}, "dest": {"index": "b"}}),
        ("/_reindex", {"pipeline": "_none"}, {"source": {"index": "a"}, "dest": {"index": "b"}}),
        ("/_reindex", None, None),
    ],
)
def test_documents_are_never_changed_without_a_named_pipeline(
    path: str, params: dict[str, str] | None, body: Any, server: Server
) -> None:
    """Without one the stream's own would run again on what it made, and gut it."""
    with pytest.raises(ForbiddenRequestError, match="names no pipeline"):
        transport(server).post(path, body, params)
    assert server.requests == []


def test_documents_are_changed_by_the_pipeline_that_is_named(server: Server) -> None:
    transport(server).post("/x/_update_by_query", None, {"pipeline": "_none"})
    transport(server).post("/_reindex", {"source": {"index": "a"}, "dest": {"index": "b", "pipeline": "_none"}})
    transport(server).post("/_update_by_query/node:1/_rethrottle", None, {"requests_per_second": "1"})
    assert len(server.requests) == 3


def test_a_dry_run_sends_nothing_that_writes(server: Server) -> None:
    dry = transport(server, read_only=True)
    writes: list[Callable[[], Any]] = [
        lambda: dry.put("/x", {}),
        lambda: dry.post("/x/_doc", {}),
        lambda: dry.delete("/x"),
        lambda: dry.get("/x/_refresh"),
    ]
    for write in writes:
        with pytest.raises(ForbiddenRequestError):
            write()
    dry.get("/x")
    dry.post("/x/_search", {})
    assert [(method, path) for method, path, _ in server.requests] == [("GET", "/x"), ("POST", "/x/_search")]


@pytest.mark.parametrize(
    ("method", "path", "params", "wanted"),
    [
        ("PUT", "/_ilm/policy/x", None, True),
        ("PUT", "/_ingest/pipeline/x", None, True),
        ("PUT", "/x/_doc/1", None, True),
        ("PUT", "/x/_settings", None, True),
        ("DELETE", "/x", None, True),
        ("PUT", "/_component_template/x@custom", {"create": "true"}, False),
        ("PUT", "/x/_doc/1", {"op_type": "create"}, False),
        ("PUT", "/x/_doc/1", {"if_seq_no": "1", "if_primary_term": "1"}, False),
        ("DELETE", "/x/_doc/1", {"if_seq_no": "1", "if_primary_term": "1"}, False),
        ("PUT", "/x/_create/1", None, False),
        ("PUT", "/x", None, False),
        ("PUT", "/_data_stream/x", None, False),
        ("PUT", "/_transform/x", None, False),
        ("POST", "/x/_doc", None, False),
    ],
)
def test_only_what_may_be_repeated_is_retried(
    method: str, path: str, params: dict[str, str] | None, wanted: bool, server: Server
) -> None:
    assert guard.repeatable(method, path, params) is wanted
    server.status = 503
    sent = transport(server)
    send: dict[str, Callable[[], Any]] = {
        "PUT": lambda: sent.put(path, {}, params),
        "POST": lambda: sent.post(path, {}, params),
        "DELETE": lambda: sent.delete(path, params),
    }
    with pytest.raises(RejectedError, match="answered 503"):
        send[method]()
    assert len(server.requests) == (3 if wanted else 1)


def test_a_search_is_retried(server: Server) -> None:
    server.status = 503
    with pytest.raises(RejectedError):
        transport(server).post("/x/_search", {})
    assert len(server.requests) == 3


def test_what_timed_out_is_never_sent_again(server: Server) -> None:
    """Whether it was done is not known; and what reads would only be slow again."""
    server.delay_s = 1
    slow = connect(Connection(f"http://127.0.0.1:{server.port}", "the tests", request_timeout_s=0.2))
    with pytest.raises(UnreachableError):
        slow.put("/_ilm/policy/x", {})
    assert len(server.requests) == 1


def test_every_write_is_told_before_and_after(server: Server) -> None:
    told: list[tuple[str, str, int]] = []
    heard = transport(server)
    heard.on_write = lambda method, path: told.append((method, path, len(server.requests)))
    heard.get("/x")
    heard.post("/x/_search", {})
    heard.put("/x", {})
    heard.post("/x/_doc", {})
    assert told == [("PUT", "/x", 2), ("PUT", "/x", 3), ("POST", "/x/_doc", 3), ("POST", "/x/_doc", 4)]


def test_a_listener_may_end_a_write_before_it_is_sent(server: Server) -> None:
    def stop(_method: str, _path: str) -> None:
        raise KeyboardInterrupt

    heard = transport(server)
    heard.on_write = stop
    with pytest.raises(KeyboardInterrupt):
        heard.put("/x", {})
    assert server.requests == []
