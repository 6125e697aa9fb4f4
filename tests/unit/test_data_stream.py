"""A data stream's failure store: on in new streams, turned on in existing ones, left alone where there is none."""

from __future__ import annotations

from typing import Any, cast

import pytest

from toolkit.capabilities import Capabilities, of_elasticsearch, of_opensearch
from toolkit.client import guard
from toolkit.client.transport import Transport
from toolkit.config import Settings
from toolkit.kinds import KIND
from toolkit.live import Live
from toolkit.load import desired
from toolkit.model import Body, Resource
from toolkit.output.plan import plan_text
from toolkit.plan import Plan, make_plan
from toolkit.uses.deployment import Deployment
from toolkit.uses.destroy import removal

STREAMS = ("ocs-campaign-groups-default", "ocs-dead-letters-default")
WITH = {version: of_elasticsearch(version) for version in ((8, 19, 0), (9, 1, 0), (9, 5, 3))}
WITHOUT = {version: of_elasticsearch(version) for version in ((8, 3, 3), (8, 18, 9), (9, 0, 8))}
OPTIONS = {"failure_store": {"enabled": True}}


def described(name: str, enabled: bool | None) -> Body:
    """An answer of `GET _data_stream/<name>` as far as it goes; None: the server has no failure store."""
    store: Body = {"failure_store": {"enabled": enabled, "rollover_on_write": True, "indices": []}}
    stream = {"name": name, "template": name, "indices": [{"index_name": f".ds-{name}-000001"}], "generation": 1}
    return {"data_streams": [{**stream, **(store if enabled is not None else {})}]}


class Server:
    """Two streams, and what is written to them."""

    def __init__(self, enabled: bool | None, *, there: bool = True) -> None:
        self.streams: dict[str, bool | None] = dict.fromkeys(STREAMS if there else (), enabled)
        self.written: list[tuple[str, Any]] = []

    def transport(self) -> Transport:
        return cast("Transport", self)

    def get(self, path: str) -> Any:
        name = path.removeprefix("/_data_stream/")
        return described(name, self.streams[name]) if name in self.streams else None

    def put(self, path: str, body: Any) -> None:
        self.written.append((path, body))
        name, _, what = path.removeprefix("/_data_stream/").partition("/")
        if what:
            assert (what, body) == ("_options", OPTIONS)
            assert self.streams[name] is not None, "an older server would refuse it: no handler found"
        self.streams[name] = bool(what) or self.streams.get(name)


def streams_of(server: Capabilities) -> list[Resource]:
    return [resource for resource in desired(Settings(), server) if resource.kind == "data_stream"]


def plan_of(server: Capabilities, there: Server) -> Plan:
    """What is planned for the streams, as if nothing else were desired."""
    wanted = streams_of(server)
    bodies = {(r.kind, r.name): KIND[r.kind].read(there.transport(), r.name) for r in wanted}
    return make_plan(wanted, Live("c", "id", "http://es:9200", server, bodies, {}, {}), "default", schema=1)


@pytest.mark.parametrize("server", WITH.values(), ids=str)
def test_an_existing_stream_gets_a_failure_store_and_then_there_is_nothing_to_do(server: Capabilities) -> None:
    there = Server(enabled=False)
    plan = plan_of(server, there)
    assert [(c.action, c.kind, c.name) for c in plan.pending] == [("update", "data_stream", name) for name in STREAMS]
    text = plan_text(plan)
    assert 'failure_store: {"enabled": true} (new)' in text
    assert "Stored documents stay as they are" in text
    for change in plan.pending:
        assert change.resource
        KIND[change.kind].write(there.transport(), change.resource)
    assert there.written == [(f"/_data_stream/{name}/_options", OPTIONS) for name in STREAMS]
    assert plan_of(server, there).pending == ()


@pytest.mark.parametrize("server", WITH.values(), ids=str)
def test_a_new_stream_takes_it_from_its_template(server: Capabilities) -> None:
    """So one request makes it, as everywhere."""
    there = Server(enabled=None, there=False)
    for resource in streams_of(server):
        KIND["data_stream"].write(there.transport(), resource)
    assert there.written == [(f"/_data_stream/{name}", None) for name in STREAMS]
    templates = {r.name: r.body for r in desired(Settings(), server) if r.kind == "index_template"}
    assert all(templates[name]["template"]["data_stream_options"] == OPTIONS for name in STREAMS)


@pytest.mark.parametrize("server", [*WITHOUT.values(), of_opensearch((3, 6, 0))], ids=str)
@pytest.mark.parametrize("enabled", [None, False])
def test_a_server_without_is_left_alone_and_nothing_is_said_of_it(server: Capabilities, enabled: bool | None) -> None:
    """Also while its nodes are upgraded: a newer one tells of failure stores that the oldest does not have."""
    there = Server(enabled)
    assert [c for c in plan_of(server, there).changes if c.kind == "data_stream"] == []
    for resource in streams_of(server):
        assert resource.body == {}
        KIND["data_stream"].write(there.transport(), resource)
        assert len(KIND["data_stream"].requests(resource)) == 1
    assert there.written == []
    templates = [r.body for r in desired(Settings(), server) if r.kind == "index_template"]
    assert "data_stream_options" not in str(templates)


def test_one_that_the_clusters_setting_turns_on_is_on() -> None:
    """`enabled` is what holds in the end, whether by the stream's own options or by the cluster's setting."""
    assert plan_of(WITH[8, 19, 0], Server(enabled=True)).pending == ()


def test_the_request_may_be_repeated_and_is_not_sent_in_a_dry_run() -> None:
    path = f"/_data_stream/{STREAMS[0]}/_options"
    assert guard.writes("PUT", path)
    assert guard.repeatable("PUT", path, None)


def test_whoever_runs_a_script_turns_it_on_where_the_stream_is_there() -> None:
    for resource in streams_of(WITH[9, 1, 0]):
        create, options = KIND["data_stream"].requests(resource)
        assert (create.when, options.when) == ("absent", "present")
        assert create.ask == options.ask == f"/_data_stream/{resource.name}"
        assert (options.method, options.path, options.body) == ("PUT", f"{create.path}/_options", OPTIONS)


@pytest.mark.parametrize(("server", "there"), [(WITH[8, 19, 0], True), (WITHOUT[8, 18, 9], False)])
def test_whoever_removes_documents_is_told_what_else_goes(server: Capabilities, there: bool) -> None:
    class Empty:
        url = "http://es:9200"

        def get(self, *_: Any, **__: Any) -> None: ...

        def post(self, *_: Any, **__: Any) -> Any:
            return {"hits": {"hits": []}}

    target = Deployment(cast("Transport", Empty()), server, Settings())
    said = "With each stream goes what its failure store keeps."
    assert (said in removal(target, STREAMS).notes) is there
    assert said not in removal(target, ()).notes
