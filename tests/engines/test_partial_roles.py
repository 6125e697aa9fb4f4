"""What OCS's user, the operator's and the viewer's may do on Elasticsearch 8.19 and 9.5, and how they are refused.

The roles are the rendered ones, but from a file: these engines cannot keep native roles. For what they lack (streams'
own requests, ILM, transforms, a pipeline that does something), see `tests/engine/test_roles.py`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests import refusals
from tests.engines import partial
from tests.engines.test_partial_elasticsearch import LEFT_OUT
from toolkit.apply import install, remove
from toolkit.capabilities import Capabilities, of_elasticsearch
from toolkit.client.connect import capabilities
from toolkit.client.transport import Transport
from toolkit.config import Settings
from toolkit.credential_kind import CredentialKind
from toolkit.errors import ToolkitError
from toolkit.kinds import KIND
from toolkit.load import state_index
from toolkit.lock import INDEX, locked
from toolkit.model import Resource
from toolkit.questions import count
from toolkit.uses.credentials import create, revocation, rotate
from toolkit.uses.deployment import Deployment

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Elasticsearch is started as Linux does it")

NAMESPACE = "foo"
STREAM, DEAD_LETTERS = f"ocs-campaign-groups-{NAMESPACE}", f"ocs-dead-letters-{NAMESPACE}"
DOCUMENT = {"@timestamp": refusals.TIME}


@dataclass(frozen=True)
class Cluster:
    """An Elasticsearch with security on, and two namespaces with their streams."""

    superuser: Transport
    ocs: Transport
    operator: Transport
    viewer: Transport
    server: Capabilities

    @property
    def index(self) -> str:
        """The stream's only index."""
        (name,) = self.superuser.get(f"/{STREAM}/_settings")
        return str(name)


@pytest.fixture(scope="module", params=partial.DISTRIBUTIONS)
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    major, minor, patch = map(int, request.param.split("."))
    server = of_elasticsearch(
        (major, minor, patch),
        ilm=False,
        transforms=False,
        data_stream_modify=False,
        security=True,
        manages_security=True,
        license="basic",
    )
    namespaces = {name: partial.desired(Settings(namespace=name), server) for name in (NAMESPACE, "bar")}
    roles = {resource.name: resource.body for resource in namespaces[NAMESPACE] if resource.kind == "role"}
    with partial.running(request.param, roles) as superuser:
        superuser.put("/_ingest/pipeline/ocs-campaign-groups", {"processors": []})  # ours needs processors
        for name, resources in namespaces.items():
            install(superuser, without_lacking(resources))
            for stream in ("ocs-campaign-groups", "ocs-dead-letters"):
                superuser.post(f"/{stream}-{name}/_doc", DOCUMENT)
        for index in ("somebody-elses", f"ocs-current-state-{NAMESPACE}", INDEX):
            superuser.put(f"/{index}", None)
        ocs, operator, viewer = (
            partial.as_user(role, superuser.url)
            for role in (f"ocs-elastic-ocs-{NAMESPACE}", "ocs-elastic-operator", f"ocs-elastic-viewer-{NAMESPACE}")
        )
        yield Cluster(superuser, ocs, operator, viewer, server)


def without_lacking(resources: list[Resource]) -> list[Resource]:
    return [resource for resource in resources if resource.kind not in {*LEFT_OUT, "role"}]


@pytest.mark.parametrize("stream", [STREAM, DEAD_LETTERS])
def test_ocs_may_post_to_both_streams_of_its_namespace(cluster: Cluster, stream: str) -> None:
    answer = cluster.ocs.post(f"/{stream}/_doc", DOCUMENT)
    assert answer["result"] == "created"
    assert cluster.superuser.get(f"/{answer['_index']}/_doc/{answer['_id']}")["_source"] == DOCUMENT


@pytest.mark.parametrize("refusal", refusals.OCS, ids=str)
def test_ocs_is_refused_everything_else(cluster: Cluster, refusal: refusals.Refusal) -> None:
    refusal.happens(cluster.ocs, ns=NAMESPACE, other="bar", index=cluster.index)


def test_ocs_may_not_slip_anything_into_a_bulk(cluster: Cluster) -> None:
    """Whose answer is 200, with a refusal for each of its parts."""
    parts = [
        {"index": {"_index": cluster.index, "_id": "an-id", "if_seq_no": 0, "if_primary_term": 1}}, DOCUMENT,
        {"create": {"_index": "ocs-campaign-groups-bar"}}, DOCUMENT,
        {"delete": {"_index": cluster.index, "_id": "an-id"}},
        {"create": {"_index": STREAM}}, DOCUMENT,
    ]  # fmt: skip
    text = "".join(json.dumps(part) + "\n" for part in parts)
    answer = cluster.ocs.post("/_bulk", text, params={"pipeline": "_none"})
    assert [next(iter(item.values()))["status"] for item in answer["items"]] == [403, 403, 403, 201]


def test_what_a_credential_may_do_is_detected(cluster: Cluster) -> None:
    assert capabilities(cluster.superuser) == cluster.server
    found = capabilities(cluster.operator)
    assert (found.security, found.manages_security) == (True, False)


@pytest.mark.parametrize("kind", list(CredentialKind))
def test_the_operator_makes_no_credential_for_ocs_and_is_told_why(cluster: Cluster, kind: CredentialKind) -> None:
    operator = Deployment(cluster.operator, capabilities(cluster.operator), Settings(namespace=NAMESPACE))
    for command in (
        lambda: create(operator, kind, lambda _: None),
        lambda: rotate(operator, kind, lambda _: None),
        lambda: revocation(operator, ["x"]),
    ):
        with pytest.raises(ToolkitError, match="may not manage security") as raised:
            command()
        assert "manage_security" in str(raised.value.hint)


def test_the_administrator_makes_none_before_the_role_is_there(cluster: Cluster) -> None:
    """These engines have it from a file, which is not where credentials of the toolkit's take their rights from."""
    administrator = Deployment(cluster.superuser, cluster.server, Settings(namespace=NAMESPACE))
    with pytest.raises(ToolkitError, match=f"there is no role ocs-elastic-ocs-{NAMESPACE}") as raised:
        create(administrator, CredentialKind.USER, lambda _: None)
    assert "ocs-elastic apply" in str(raised.value.hint)


def test_the_operator_can_make_and_remove_a_namespace(cluster: Cluster) -> None:
    """As far as these engines have what it takes."""
    settings = Settings(namespace="new")
    resources = without_lacking(partial.desired(settings, cluster.server))
    with locked(cluster.operator, state_index(settings, cluster.server)):
        install(cluster.operator, resources)
        for resource in resources:
            live = KIND[resource.kind].read(cluster.operator, resource.name)
            assert live is not None
            assert KIND[resource.kind].mark_of(live) or resource.name.endswith("@custom")
            assert resource.name in KIND[resource.kind].live(cluster.operator)
    cluster.operator.put("/ocs-current-state-new", None)
    cluster.operator.delete("/ocs-current-state-new")
    remove(cluster.operator, [resource for resource in resources if resource.namespace])
    cluster.operator.delete(f"/{INDEX}")


def test_the_operator_can_post_read_roll_over_and_delete(cluster: Cluster) -> None:
    answer = cluster.operator.post(f"/{STREAM}/_doc", DOCUMENT)
    path = f"/{answer['_index']}/_doc/{answer['_id']}"
    assert cluster.operator.get(path)["_source"] == DOCUMENT
    cluster.operator.post(f"/{STREAM}/_refresh", None)
    assert count(cluster.operator, STREAM) > 0
    assert cluster.operator.delete(path)["result"] == "deleted"
    assert cluster.operator.post(f"/{DEAD_LETTERS}/_rollover", None)["rolled_over"]


@pytest.mark.parametrize("refusal", refusals.OPERATOR, ids=str)
def test_the_operator_is_refused_security_and_what_is_not_the_toolkits(
    cluster: Cluster, refusal: refusals.Refusal
) -> None:
    refusal.happens(cluster.operator, ns=NAMESPACE, other="bar", index=cluster.index)


@pytest.mark.parametrize("name", [STREAM, DEAD_LETTERS, f"ocs-current-state-{NAMESPACE}"])
def test_the_viewer_may_read_what_dashboards_show(cluster: Cluster, name: str) -> None:
    shards = cluster.viewer.post(f"/{name}/_search", {})["_shards"]
    assert shards["total"] == shards["successful"] > 0, "the operator's test has rolled over: it may be two"
    assert cluster.viewer.get(f"/{name}/_field_caps", params={"fields": "*"})["indices"]


@pytest.mark.parametrize("refusal", refusals.VIEWER, ids=str)
def test_the_viewer_is_refused_everything_else(cluster: Cluster, refusal: refusals.Refusal) -> None:
    refusal.happens(cluster.viewer, ns=NAMESPACE, other="bar", index=cluster.index)
