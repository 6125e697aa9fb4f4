"""What a plan asks a cluster: everything once, and no more than it needs."""

from __future__ import annotations

import threading
from collections import Counter
from fnmatch import fnmatchcase
from typing import Any, cast

import pytest

from toolkit.capabilities import Capabilities, of_elasticsearch, of_opensearch
from toolkit.client.transport import Transport
from toolkit.config import Settings
from toolkit.effective import merged
from toolkit.errors import RejectedError, ToolkitError
from toolkit.kinds import KIND, KINDS
from toolkit.kinds.base import OURS
from toolkit.live import read_live
from toolkit.load import desired
from toolkit.model import Body, Resource
from toolkit.plan import Plan, make_plan
from toolkit.uses.deployment import Deployment

SERVERS = {
    "elasticsearch": of_elasticsearch((8, 3, 3)),
    "secured": of_elasticsearch((8, 17, 2), security=True, manages_security=True),
    "opensearch": of_opensearch((3, 6, 0)),
}
SETTINGS = Settings()
STREAM = "ocs-campaign-groups-default"
LATEST = "ocs-current-state-default"


class Cluster:
    """Has what is desired, and answers as servers do; every request is remembered."""

    url = "http://cluster"
    read_only = True

    def __init__(self, server: Capabilities) -> None:
        self.server = server
        self.requests: list[str] = []
        self.refused: set[str] = set()
        """The paths, without parameters, that the credential may not ask for."""
        self.resources = {(each.kind, each.name): each for each in desired(SETTINGS, server)}
        self.foreign: dict[str, dict[str, Body]] = {}
        """Kind → what somebody else has made, by name."""

    def transport(self) -> Transport:
        return cast("Transport", self)

    def get(self, path: str, params: dict[str, str] | None = None) -> Any:
        self._note("GET", path)
        if path == "/":
            return {"cluster_name": "c", "cluster_uuid": "u"}
        if path.endswith("/_stats"):
            return {"transforms": [{"id": LATEST, "state": "started"}]}
        for kind in KINDS:
            prefix = kind.path.removesuffix("/{name}")
            if prefix and (path == prefix or path.startswith(f"{prefix}/")):
                return self._listed(kind.name, path.removeprefix(prefix).removeprefix("/") or "*", params or {})
        return self._index(path.removeprefix("/"))

    def post(self, path: str, body: Any) -> Any:
        self._note("POST", path)
        assert path.startswith("/_index_template/_simulate/")
        return {"template": body["template"]}

    def _note(self, method: str, path: str) -> None:
        self.requests.append(f"{method} {path}")
        if path in self.refused:
            raise RejectedError(f"{method} {path} was refused", status=403)

    def bodies(self, kind: str) -> dict[str, Body]:
        ours = {name: each.body for (its, name), each in self.resources.items() if its == kind}
        return {**ours, **self.foreign.get(kind, {})}

    def _listed(self, kind: str, pattern: str, params: dict[str, str]) -> Any:
        if kind == "ilm_policy" and "*" in pattern and pattern != "*":
            return None  # as on 8.3 and 8.4
        found = {name: body for name, body in self.bodies(kind).items() if fnmatchcase(name, pattern)}
        if kind in ("component_template", "index_template"):
            return {f"{kind}s": [{"name": name, kind: body} for name, body in found.items()]}
        if kind == "transform":
            first, size = int(params.get("from", 0)), int(params.get("size", 100))
            assert size <= 1000, "more are refused"
            page = list(found.items())[first : first + size]
            return {"count": len(found), "transforms": [{"id": name, **body} for name, body in page]}
        if kind == "data_stream":
            streams = [{"name": name, "template": name, "indices": [{"index_name": f".ds-{name}"}]} for name in found]
            return {"data_streams": streams} if streams else None
        return found or None

    def _index(self, name: str) -> Any:
        template = self.bodies("index_template").get(name)
        is_stream = ("data_stream", name) in self.resources
        if template is None or not (is_stream or ("index", name) in self.resources):
            return None
        return {f".ds-{name}" if is_stream else name: merged(template, self.bodies("component_template").get)}


def plan_of(cluster: Cluster) -> Plan:
    return Deployment(cluster.transport(), cluster.server, SETTINGS).plan()


def deletions(cluster: Cluster) -> list[tuple[str, str]]:
    resources = list(cluster.resources.values())
    live = read_live(cluster.transport(), lambda: resources, cluster.server)
    plan = make_plan(resources, live, SETTINGS.namespace, schema=1)
    return [(change.kind, change.name) for change in plan.pending if change.action == "delete"]


@pytest.fixture(params=SERVERS)
def cluster(request: pytest.FixtureRequest) -> Cluster:
    return Cluster(SERVERS[request.param])


def test_on_an_unchanged_cluster_nothing_is_asked_twice_and_every_kind_once(cluster: Cluster) -> None:
    """The second of index templates is for the patterns of foreign ones, whose bodies may be many."""
    plan = plan_of(cluster)
    assert (plan.pending, plan.problems) == ((), ())
    listings = {
        "role": "/_security/role",
        "ilm_policy": "/_ilm/policy",
        "ingest_pipeline": "/_ingest/pipeline/ocs-*",
        "component_template": "/_component_template/ocs-*",
        "index_template": "/_index_template/ocs-*",
        "transform": "/_transform/ocs-*",
    }
    assert Counter(cluster.requests) == Counter(
        [
            "GET /",
            "GET /_index_template",
            "GET /ocs-elastic-state/_doc/migrations-default",
            *(f"GET {path}" for kind, path in listings.items() if not KIND[kind].lacking(cluster.server)),
            *(f"GET /_data_stream/{name}" for name in cluster.bodies("data_stream")),
            *(f"GET /{name}" for name in (*cluster.bodies("data_stream"), *cluster.bodies("index"))),
            *(f"GET /_transform/{name}/_stats" for name in cluster.bodies("transform")),
            *(f"POST /_index_template/_simulate/{name}" for name in cluster.bodies("index_template")),
        ]
    )


def test_every_name_that_files_give_is_among_what_is_listed(cluster: Cluster) -> None:
    """Else it would seem absent, for ever."""
    for resource in cluster.resources.values():
        assert fnmatchcase(resource.name, OURS), resource


def test_what_is_there_no_more_is_seen(cluster: Cluster) -> None:
    every = list(cluster.resources)
    for gone in every:
        some = Cluster(cluster.server)
        del some.resources[gone]
        changes = {(change.kind, change.name): change.action for change in plan_of(some).pending}
        assert changes[gone] == ("rebuild" if gone[0] == "index" else "create")


@pytest.mark.parametrize("kind", ["ilm_policy", "ingest_pipeline", "component_template", "index_template", "transform"])
def test_what_is_ours_and_no_longer_desired_is_seen(kind: str) -> None:
    """Of policies too, though 8.3 and 8.4 know no patterns there: they were left behind once."""
    cluster = Cluster(SERVERS["elasticsearch"])
    ours = next(each for each in cluster.resources.values() if each.kind == kind and KIND[kind].mark_of(each.body))
    old = _named(ours, "ocs-old-default", namespace="default")
    cluster.foreign[kind] = {"ocs-old-default": old, "ocs-other": _named(ours, "ocs-other", namespace="another")}
    assert deletions(cluster) == [(kind, "ocs-old-default")]


def _named(resource: Resource, name: str, *, namespace: str) -> Body:
    """The same body as another namespace's, or as this one's; its pattern is nobody's."""
    inner = resource.body["policy"] if resource.kind == "ilm_policy" else resource.body
    body = {**inner, "_meta": {**inner["_meta"], "namespace": namespace}}
    if "index_patterns" in body:
        body["index_patterns"] = [name]
    return {"policy": body} if resource.kind == "ilm_policy" else body


@pytest.mark.parametrize("others", [0, 98, 99, 998, 999, 1000, 2500])
def test_a_transform_is_found_among_any_number_of_namespaces(others: int) -> None:
    """A server answers with the first 100 unless it is asked for more, and never with more than 1,000."""
    cluster = Cluster(SERVERS["elasticsearch"])
    own = cluster.resources.pop(("transform", LATEST))
    before = {f"ocs-another-{i:04}": _named(own, f"ocs-another-{i:04}", namespace="another") for i in range(others)}
    cluster.foreign["transform"] = {**before, LATEST: own.body}
    assert plan_of(cluster).pending == ()


def test_files_are_rendered_while_the_first_requests_are_under_way() -> None:
    cluster, asked = Cluster(SERVERS["elasticsearch"]), threading.Event()
    resources = list(cluster.resources.values())

    class Telling(Cluster):
        def _note(self, method: str, path: str) -> None:
            super()._note(method, path)
            asked.set()

    def late() -> list[Resource]:
        assert asked.wait(30), "nothing is asked before the files are rendered"
        return resources

    live = read_live(Telling(cluster.server).transport(), late, cluster.server)
    assert make_plan(resources, live, "default", schema=1).pending == ()


def test_the_first_error_is_as_if_all_had_been_asked_one_by_one() -> None:
    """Whichever answer comes first."""
    whole = Cluster(SERVERS["elasticsearch"])
    plan_of(whole)
    order = ["/", "/_ilm/policy", "/_ingest/pipeline/ocs-*", f"/_index_template/_simulate/{STREAM}", f"/{LATEST}"]
    assert {f"{path}" for path in order} <= {request.partition(" ")[2] for request in whole.requests}
    for first in range(len(order)):
        cluster = Cluster(whole.server)
        cluster.refused = set(order[first:])
        with pytest.raises(RejectedError) as raised:
            plan_of(cluster)
        assert raised.value.reason.split(" ")[1] == order[first]


def test_nothing_more_is_asked_where_a_file_cannot_be_rendered() -> None:
    cluster = Cluster(SERVERS["elasticsearch"])

    def bad() -> list[Resource]:
        raise ToolkitError("a file does not render")

    with pytest.raises(ToolkitError, match="does not render"):
        read_live(cluster.transport(), bad, cluster.server)
    assert not any("_simulate" in request for request in cluster.requests)
