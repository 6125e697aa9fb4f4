"""What the failure stores of Elasticsearch 8.19 and 9.5 keep, what they do not, and who may look into them.

The failure store itself is in the core of these engines, and a plugin of ours wakes it (`FailureStore.java`). Not here,
since their REST interface for data streams is missing: `PUT _data_stream/<name>/_options`, and the description of a
stream, which is put together from the cluster's state below.
"""

from __future__ import annotations

import json
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
import urllib3

from tests.engines import partial
from tests.engines.java import compiled
from tests.engines.test_partial_roles import without_lacking
from toolkit.apply import install
from toolkit.capabilities import Version, of_elasticsearch
from toolkit.client.transport import Transport
from toolkit.config import Settings
from toolkit.config.secret import basic
from toolkit.errors import RejectedError
from toolkit.kinds.ingest_pipeline import REPLAY_PIPELINE
from toolkit.model import SILENT, Body
from toolkit.ocs.message import Message
from toolkit.ocs.post import parse_target
from toolkit.questions.dead_letters import Selection, present, replayed_id
from toolkit.questions.failure_store import Failure, failure_count, failures
from toolkit.uses.deployment import Deployment
from toolkit.uses.outbox import Outbox
from toolkit.uses.replay import _Run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Elasticsearch is started as Linux does it")

SOURCE = Path(__file__).with_name("FailureStore.java")
DESCRIPTOR = """\
description=the tests'
version=1
name=failure-store
classname=toolkit.tests.FailureStore
java.version=17
elasticsearch.version={}
"""
SETTINGS = Settings(namespace="foo", shards=3, refresh_interval_s=1)
STREAM, DEAD_LETTERS = "ocs-campaign-groups-foo", "ocs-dead-letters-foo"
OCS, OPERATOR, VIEWER = "ocs-elastic-ocs-foo", "ocs-elastic-operator", "ocs-elastic-viewer-foo"
WITHOUT = "operator-without-read-failure-store"
GOOD = {"@timestamp": "2026-11-23T10:00:00.123Z"}
BAD = {"@timestamp": "soon"}
"""What the mapping refuses."""


class Described:
    """A connection that answers `GET _data_stream/<name>`, as far as failure stores go, from the cluster's state."""

    def __init__(self, transport: Transport, state: Transport) -> None:
        self._transport, self._state = transport, state

    def get(self, path: str) -> Any:
        if not path.startswith("/_data_stream/"):
            return self._transport.get(path)
        name = path.removeprefix("/_data_stream/")
        state = self._state.get("/_cluster/state/metadata", {"filter_path": "metadata.data_stream"})
        stream = state["metadata"]["data_stream"]["data_stream"][name]
        on = stream["options"]["failure_store"]["enabled"]
        store = {"enabled": on, "indices": stream.get("failure_indices", [])}
        return {"data_streams": [{"name": name, "indices": stream["indices"], "failure_store": store}]}

    def post(self, path: str, body: Any, params: dict[str, str] | None = None) -> Any:
        return self._transport.post(path, body, params)


@dataclass(frozen=True)
class Cluster:
    """An Elasticsearch with security on, both streams, and a failure store behind each."""

    superuser: Transport
    version: str

    def of(self, user: str) -> Transport:
        """As one of the users, each of whom has the role of the same name."""
        return partial.as_user(user, self.superuser.url)

    def asking(self, user: str = partial.SUPERUSER) -> Transport:
        """The same, for the questions."""
        return cast("Transport", Described(self.of(user), self.superuser))

    def failures(self, stream: str = STREAM) -> list[Failure]:
        self.superuser.post(f"/{stream}::failures/_refresh", None)
        return list(failures(self.asking(), stream))


@pytest.fixture(scope="module", params=partial.DISTRIBUTIONS)
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    major, minor, patch = map(int, request.param.split("."))
    server = of_elasticsearch(
        (major, minor, patch), ilm=False, transforms=False, security=True, manages_security=True, license="basic"
    )
    resources = partial.desired(SETTINGS, server)
    roles = {resource.name: resource.body for resource in resources if resource.kind == "role"}
    roles[WITHOUT] = json.loads(json.dumps(roles[OPERATOR]))
    roles[WITHOUT]["indices"][0]["privileges"].remove("read_failure_store")
    plugin = _plugin(request.param, tmp_path_factory.mktemp("plugin") / "failure-store")
    with partial.running(request.param, roles, plugin=plugin) as superuser:
        superuser.put("/_ingest/pipeline/ocs-campaign-groups", {"processors": []})  # ours needs processors
        install(superuser, without_lacking(resources))
        for stream in (STREAM, DEAD_LETTERS):
            superuser.post(f"/{stream}/_doc", GOOD)
        yield Cluster(superuser, request.param)


def _plugin(version: str, folder: Path) -> Path:
    """Compile it, and put it into the folder that a plugin has."""
    classes = folder.with_name("classes")
    compiled(SOURCE, [*partial.unpacked(version).glob("lib/*.jar")], classes)
    folder.mkdir()
    (folder / "plugin-descriptor.properties").write_text(DESCRIPTOR.format(version), encoding="utf-8")
    with zipfile.ZipFile(folder / "failure-store.jar", "w") as jar:
        for file in classes.rglob("*.class"):
            jar.write(file, file.relative_to(classes))
        service = "META-INF/services/org.elasticsearch.features.FeatureSpecification"
        jar.writestr(service, "toolkit.tests.FailureStore$Features")
    return folder


@pytest.mark.parametrize("stream", [STREAM, DEAD_LETTERS])
def test_what_the_mapping_refuses_of_ocs_is_kept(cluster: Cluster, stream: str) -> None:
    """`create_doc` is enough, though the failure store's first index is made on the way."""
    before = failure_count(cluster.asking(), stream)
    assert before is not None
    answer = cluster.of(OCS).post(f"/{stream}/_doc", BAD)
    assert (answer["result"], answer["failure_store"]) == ("created", "used")
    (found,) = [each for each in cluster.failures(stream) if each.id == answer["_id"]]
    assert (found.index, found.stream, found.source) == (answer["_index"], stream, BAD)
    assert found.type == "document_parsing_exception"
    assert "failed to parse field [@timestamp]" in str(found.message)
    assert (found.pipeline, found.as_sent) == (None, False)
    assert failure_count(cluster.asking(), stream) == before + 1
    assert failure_count(cluster.asking(), stream, since="now-1h") == before + 1
    assert failure_count(cluster.asking(), stream, since=found.time) == 1
    assert failure_count(cluster.asking(), stream, since="2100-01-01T00:00:00Z") == 0


def test_without_its_pipeline_a_message_is_kept_as_it_was_sent(cluster: Cluster) -> None:
    answer = cluster.of(OCS).post(f"/{STREAM}/_doc", {"GSW_STATE": 1}, {"pipeline": "gone"})
    (found,) = [each for each in cluster.failures() if each.id == answer["_id"]]
    assert (found.source, found.as_sent) == ({"GSW_STATE": 1}, True)
    assert found.message == "pipeline with id [gone] does not exist"


def test_every_failure_is_read_once_from_several_shards(cluster: Cluster) -> None:
    """Hundreds of one millisecond among them."""
    lines: tuple[Body, Body] = ({"create": {}}, BAD)
    bulk = "".join(json.dumps(line) + "\n" for line in lines) * 350
    answer = cluster.superuser.post(f"/{STREAM}/_bulk", bulk, {"pipeline": "_none", "refresh": "true"})
    sent = {item["create"]["_id"] for item in answer["items"]}
    assert all(item["create"]["failure_store"] == "used" for item in answer["items"])
    found = [each.id for each in cluster.failures()]
    assert len(found) == len(set(found)) == failure_count(cluster.asking(), STREAM)
    assert sent <= set(found)


def test_a_failure_is_replayed_once_and_one_that_fails_again_leaves_no_second(cluster: Cluster) -> None:
    """As the operator; the pipeline here does nothing, since these engines have no processors."""
    cluster.superuser.put(f"/_ingest/pipeline/{REPLAY_PIPELINE}", {"processors": []})
    lost = cluster.of(OCS).post(f"/{STREAM}/_doc", {**GOOD, "GSW_STATE": 1}, {"pipeline": "gone"})
    bad = cluster.of(OCS).post(f"/{STREAM}/_doc", BAD)
    before = len(cluster.failures())
    server = of_elasticsearch(cast("Version", tuple(map(int, cluster.version.split(".")))))
    target = Deployment(cluster.asking(OPERATOR), server, SETTINGS)
    selection = Selection(ids=(lost["_id"], bad["_id"]))
    for replayed in (1, 0):
        run = _Run(target, selection)
        assert run.total == 1 + replayed, "what is in the stream waits no more"
        for page in run.pages():
            run.write(page)
        assert (run.done.replayed, run.done.failed.total()) == (replayed, 1)
        assert "failure store has it as replay-" in next(iter(run.done.failed))
        cluster.superuser.post(f"/{STREAM}/_refresh", None)
        assert present(cluster.superuser, STREAM, [replayed_id(lost["_index"], lost["_id"])])
        assert len(cluster.failures()) == failure_count(cluster.asking(), STREAM) == before


LOST: dict[str, bytes] = {
    "bytes that are not UTF-8": '{"@timestamp":"2026-11-23T10:00:00Z","tags":"Müller"}'.encode("latin-1"),
    "a key that stands twice": b'{"@timestamp":"2026-11-23T10:00:00Z","tags":"a","tags":"b"}',
    "no JSON": b"hello",
    "JSON that is cut off": b'{"@timestamp":"2026-11-23T10:00:00Z","tags":',
    "more than 1000 levels": b'{"a":' * 1001 + b"1" + b"}" * 1001,
    "a key of the server's own": b'{"@timestamp":"2026-11-23T10:00:00Z","_id":"x"}',
}


@pytest.mark.parametrize("body", LOST.values(), ids=LOST)
def test_what_not_even_a_failure_store_keeps(cluster: Cluster, body: bytes) -> None:
    before = len(cluster.failures())
    status, _ = _post(cluster, body)
    assert status == 400
    assert len(cluster.failures()) == before


def test_of_an_array_nothing_is_kept_but_that_there_was_one(cluster: Cluster) -> None:
    status, answer = _post(cluster, b'[{"@timestamp":"2026-11-23T10:00:00Z"}]')
    assert (status, answer["failure_store"]) == (201, "used")
    (found,) = [each for each in cluster.failures() if each.id == answer["_id"]]
    assert found.source == {}


def _post(cluster: Cluster, body: bytes) -> tuple[int, Body]:
    headers = {**urllib3.make_headers(basic_auth=f"{OCS}:{partial.PASSWORD}"), "Content-Type": "application/json"}
    answer = urllib3.request("POST", f"{cluster.superuser.url}/{STREAM}/_doc", body=body, headers=headers)
    return answer.status, answer.json()


@pytest.mark.parametrize("user", [OCS, VIEWER, WITHOUT])
def test_nobody_looks_into_it_without_the_privilege_and_the_refusal_names_it(cluster: Cluster, user: str) -> None:
    """`read`, which two of them have, does not hold for it."""
    cluster.superuser.post(f"/{STREAM}/_doc", BAD, {"pipeline": "_none"})
    for ask in (failure_count, lambda *of: list(failures(*of))):
        with pytest.raises(RejectedError) as refused:
            ask(cluster.asking(user), STREAM)
        assert refused.value.status == 403
        assert refused.value.hint == "this index privilege is missing: read_failure_store"


def test_the_operator_looks_into_it_and_manages_it_by_what_manages_the_stream(cluster: Cluster) -> None:
    """So its role has no `manage_failure_store`, which alone would not even do for the stream's options."""
    cluster.superuser.post(f"/{STREAM}/_doc", BAD, {"pipeline": "_none", "refresh": "true"})
    assert failure_count(cluster.asking(OPERATOR), STREAM)
    assert next(failures(cluster.asking(OPERATOR), STREAM)).stream == STREAM
    assert cluster.of(OPERATOR).post(f"/{STREAM}::failures/_rollover", None)["rolled_over"]
    options, delete = "indices:admin/data_stream/options/put", "indices:admin/data_stream/delete"
    asked = {"index": [{"names": [STREAM], "privileges": ["manage_failure_store", options, delete]}]}
    answer = cluster.of(OPERATOR).post("/_security/user/_has_privileges", asked)
    assert answer["index"][STREAM] == {"manage_failure_store": True, options: True, delete: True}


def test_what_it_keeps_nobody_of_ours_can_change(cluster: Cluster) -> None:
    """`delete` and `index` on the stream do not hold for it, so that a replay is recorded elsewhere."""
    answer = cluster.of(OCS).post(f"/{STREAM}/_doc", BAD)
    with pytest.raises(RejectedError, match="is unauthorized"):
        cluster.of(OPERATOR).delete(f"/{answer['_index']}/_doc/{answer['_id']}")


def test_what_verify_posts_is_found_in_the_failure_store_and_named_where_it_stays(cluster: Cluster) -> None:
    """The operator may look at it, but no privilege on the stream lets anybody delete there; an administrator may."""
    as_ocs = {"Authorization": basic(OCS, partial.PASSWORD)}
    target = parse_target(f"{cluster.superuser.url}/{STREAM}/_doc", headers=as_ocs)
    for transport, may_delete in ((cluster.of(OPERATOR), False), (cluster.superuser, True)):
        with Outbox(transport, target, SILENT, keep=False) as outbox:
            place = outbox.post(Message(0, json.dumps(BAD), key=0, moment=None), "it")
            assert (place.failure_store, place.in_failure_store, place.stream) == ("used", True, STREAM)
            stored = transport.get(place.path)
            assert stored["_source"]["error"]["type"] == "document_parsing_exception"
            result = outbox.delete("it")
        assert (result == "deleted") is may_delete, result
        assert outbox.left == ([] if may_delete else [place])
        assert may_delete or f"does not permit DELETE {place.path}" in result
        assert (cluster.superuser.get(place.path) is None) is may_delete
