"""What the toolkit writes, put to Elasticsearch 8.19 and 9.5 themselves: templates, settings, mappings, documents.

No message goes through the pipeline here, since these engines have no processors; the documents are the pipeline's
golden ones, posted past it. Two namespaces stand side by side: one with the defaults, whose indices are in logsdb
mode, and one with a configuration without a single default, in standard mode. That matters: logsdb takes a value
of the wrong type silently (`ignore_malformed`), and only names it in `_ignored`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import elasticsearch
import pytest

from tests.engines import partial
from tests.golden.test_resources import EVERYTHING
from toolkit.apply import install
from toolkit.capabilities import Capabilities, of_elasticsearch
from toolkit.catalogue import read_catalogue
from toolkit.client.connect import capabilities
from toolkit.client.transport import Transport
from toolkit.config import Settings
from toolkit.errors import RejectedError
from toolkit.kinds import KIND
from toolkit.model import Body, Resource

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="Elasticsearch is started as Linux does it"),
    pytest.mark.filterwarnings("error::elasticsearch.ElasticsearchWarning"),  # what a server calls deprecated
]

GOLDEN = Path(__file__).parents[1] / "golden" / "pipeline" / "cases"
CASES = sorted(path.name for path in GOLDEN.iterdir())
NAMESPACES = {"logsdb": Settings(), "standard": EVERYTHING}
TIME = "2026-11-23T10:00:00.123Z"
LEFT_OUT = {
    "ingest_pipeline": r"No processor type exists with name \[script\]",
    "data_stream": r"no handler found|Incorrect HTTP method",
}
"""Kinds that these engines lack → what they say. Data streams do exist, and are created by their first document."""


@dataclass(frozen=True)
class Engine:
    """An Elasticsearch that has the toolkit's resources of both namespaces."""

    transport: Transport
    server: Capabilities
    resources: dict[str, list[Resource]]
    """By index mode."""

    def post(self, target: str, document: Body) -> Body:
        """Index a document past the pipeline, and find it; only a search's answer has `_ignored`."""
        answer = self.transport.post(f"/{target}/_doc", document, params={"pipeline": "_none", "refresh": "true"})
        assert answer["result"] == "created"
        query = {"query": {"ids": {"values": [answer["_id"]]}}}
        hits: list[Body] = self.transport.post(f"/{target}/_search", query)["hits"]["hits"]
        assert len(hits) == 1
        return hits[0]

    def try_to_post(self, target: str, document: Body) -> Body | str:
        """The server's answer, or why it refuses."""
        try:
            answer: Body = self.transport.post(f"/{target}/_doc", document, params={"pipeline": "_none"})
        except RejectedError as error:
            return error.reason
        return answer

    def settings(self, stream: str) -> Body:
        """The settings of a stream's only index."""
        (index,) = self.transport.get(f"/{stream}/_settings").values()
        settings: Body = index["settings"]["index"]
        return settings


@pytest.fixture(scope="module", params=partial.DISTRIBUTIONS)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    major, minor, patch = map(int, request.param.split("."))
    server = of_elasticsearch(
        (major, minor, patch), ilm=False, transforms=False, data_stream_modify=False, license="basic"
    )
    resources = {mode: partial.desired(settings, server) for mode, settings in NAMESPACES.items()}
    with partial.running(request.param) as transport:
        for some in resources.values():
            install(transport, [resource for resource in some if resource.kind not in LEFT_OUT])
        yield Engine(transport, server, resources)


def test_what_the_server_can_do_is_detected(engine: Engine) -> None:
    """It has neither ILM nor transforms nor requests about data streams, and does not even answer at `/`."""
    assert capabilities(engine.transport) == engine.server


def test_the_8_19_client_speaks_to_it(engine: Engine) -> None:
    """By its own methods too, with its own media type, not only through our transport."""
    assert elasticsearch.__version__[:2] == (8, 19)
    with elasticsearch.Elasticsearch(engine.transport.url) as client:
        answer = client.index(index="client", document={"a": 1}, refresh=True)
        assert client.get(index="client", id=answer["_id"])["_source"] == {"a": 1}
        assert client.search(index="client", query={"term": {"a": 1}})["hits"]["total"]["value"] == 1
        client.indices.delete(index="client")
        with pytest.raises(elasticsearch.NotFoundError):
            client.get(index="client", id="1")


@pytest.mark.parametrize("kind", LEFT_OUT)
def test_what_is_left_out_is_really_lacking(engine: Engine, kind: str) -> None:
    for resource in engine.resources["logsdb"]:
        if resource.kind == kind:
            with pytest.raises(RejectedError, match=LEFT_OUT[kind]):
                KIND[kind].write(engine.transport, resource)


@pytest.mark.parametrize("mode", NAMESPACES)
def test_templates_are_read_back_as_written(engine: Engine, mode: str) -> None:
    """The mark included; the server adds some defaults of its own."""
    kinds = set()
    for resource in engine.resources[mode]:
        if resource.kind not in LEFT_OUT:
            kinds.add(resource.kind)
            live = KIND[resource.kind].read(engine.transport, resource.name)
            assert live is not None
            assert live.get("_meta") == resource.body.get("_meta")
            assert _merged(live, resource.body) == _text(live), f"{resource} is not as written"
    assert kinds == {"component_template", "index_template"}


@pytest.mark.parametrize("mode", NAMESPACES)
@pytest.mark.parametrize("stream", ["ocs-campaign-groups", "ocs-dead-letters", "ocs-current-state"])
def test_the_effective_template_is_what_the_files_say(engine: Engine, stream: str, mode: str) -> None:
    """The components one over the other, and nothing else but what every index or data stream gets."""
    name = f"{stream}-{NAMESPACES[mode].namespace}"
    answer = engine.transport.post(f"/_index_template/_simulate_index/{name}", None)
    bodies = {resource.name: resource.body for resource in engine.resources[mode] if resource.kind not in LEFT_OUT}
    expected: Body = {}
    for part in [*bodies[name]["composed_of"], name]:
        expected = _merged(expected, bodies[part].get("template", {}))
    in_a_stream = "data_stream" in bodies[name]
    expected = _merged(expected, _tier("data_hot" if in_a_stream else "data_content"))
    if in_a_stream:
        expected = _merged(expected, {"mappings": {"_data_stream_timestamp": {"enabled": True}}})
        if mode == "logsdb":  # which ignores what is malformed, but for this field
            expected = _merged(expected, {"mappings": {"properties": {"@timestamp": {"ignore_malformed": False}}}})
    assert _text(answer["template"]) == {"aliases": {}, **expected}
    assert answer["overlapping"] == []


def _tier(name: str) -> Body:
    """What every index gets."""
    return {"settings": {"index": {"routing": {"allocation": {"include": {"_tier_preference": name}}}}}}


def _merged(under: Body, over: Body) -> Body:
    """One body over another, as components of a template are put together; with scalars as text."""
    under, over = _text(under), _text(over)
    merged = dict(under)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(under.get(key), dict)
        merged[key] = _merged(under[key], value) if both else value
    return merged


def _text(value: Any) -> Any:
    """Scalars as text, since a server answers with "1" and "false" where 1 and false were sent."""
    if isinstance(value, dict):
        return {key: _text(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_text(item) for item in value]
    return json.dumps(value) if isinstance(value, bool | int | float) else value


Stored = dict[str, list[tuple[str, Body, Body | str]]]
"""By case: where a document was posted to, the document, and what a search finds of it or why it was refused."""


@pytest.fixture(scope="module")
def stored(engine: Engine) -> Stored:
    """All golden documents, posted one by one past the pipeline, and searched for once: refreshes are slow."""
    answers = []
    for case in CASES:
        golden = json.loads((GOLDEN / case / "document.json").read_text(encoding="utf-8"))
        for settings in NAMESPACES.values():
            for target, document in _targets(golden, settings.namespace):
                answers.append((case, target, document, engine.try_to_post(target, document)))
    engine.transport.post("/ocs-*/_refresh", None)
    hits = engine.transport.post("/ocs-*/_search", {"size": 10_000})["hits"]["hits"]
    by_id = {(hit["_index"], hit["_id"]): hit for hit in hits}
    stored: Stored = {case: [] for case in CASES}
    for case, target, document, answer in answers:
        found = answer if isinstance(answer, str) else by_id[answer["_index"], answer["_id"]]
        stored[case].append((target, document, found))
    return stored


@pytest.mark.parametrize("case", CASES)
def test_documents_are_stored_whole_and_wholly_indexed(stored: Stored, case: str) -> None:
    """In the stream of either index mode and, under the same mapping, in the latest-state index."""
    assert len(stored[case]) >= len(NAMESPACES)
    for target, document, found in stored[case]:
        assert not isinstance(found, str), f"{target} refuses it: {found}"
        assert found["_source"] == document
        assert "_ignored" not in found, f"{target} does not index {found['_ignored']}"


def _targets(golden: Body, namespace: str) -> list[tuple[str, Body]]:
    if letter := golden.get("dead letter"):
        original = json.dumps(letter["event"]["original"], ensure_ascii=False)
        letter["event"]["original"] = original
        return [(f"ocs-dead-letters-{namespace}", _at_a_time(letter))]
    document = _at_a_time(golden["document"])
    return [(f"ocs-campaign-groups-{namespace}", document), (f"ocs-current-state-{namespace}", document)]


def _at_a_time(document: Body) -> Body:
    """With a time where the golden files say that it is the time of ingest."""
    event = {**document["event"], "ingested": TIME}
    at = TIME if document["@timestamp"] == "<ingest time>" else document["@timestamp"]
    return {**document, "@timestamp": at, "event": event}


@pytest.mark.parametrize("mode", NAMESPACES)
def test_a_dead_letter_may_be_of_any_length(engine: Engine, mode: str) -> None:
    """A keyword of more than 32,766 bytes would be refused if it were indexed."""
    letter = {"@timestamp": TIME, "event": {"ingested": TIME, "original": "é" * 1_000_000}, "error": {"type": "x"}}
    found = engine.post(f"ocs-dead-letters-{NAMESPACES[mode].namespace}", letter)
    assert found["_source"] == letter


WRONG: dict[str, tuple[Body, str]] = {
    "an attribute's name at the root": ({"GSW_DIAL_MODE": 1}, "Cannot write to a field alias"),
    "no time": ({"@timestamp": None}, r"timestamp field \[@timestamp\] is missing"),
    "text for a time": ({"@timestamp": "soon"}, "failed to parse date field"),
    "an object for a keyword": ({"tags": {"a": 1}}, r"failed to parse field \[tags\] of type \[keyword\]"),
    "a scalar for an object": ({"ocs": 1}, r"object mapping for \[ocs\]"),
}


@pytest.mark.parametrize("mode", NAMESPACES)
@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_document_is_refused(engine: Engine, wrong: str, mode: str) -> None:
    """So the mapping is the one that we mean, and the tests above can fail."""
    more, reason = WRONG[wrong]
    document = {"@timestamp": TIME, **more}
    with pytest.raises(RejectedError, match=f"answered 400 .*{reason}"):
        engine.post(f"ocs-campaign-groups-{NAMESPACES[mode].namespace}", document)


def test_a_code_that_is_no_number_is_refused_in_standard_mode_and_not_indexed_in_logsdb(engine: Engine) -> None:
    document = {"@timestamp": TIME, "ocs": {"campaign_group": {"state": {"code": "x"}}}}
    with pytest.raises(RejectedError, match=r"failed to parse field \[ocs\.campaign_group\.state\.code\]"):
        engine.post(f"ocs-campaign-groups-{EVERYTHING.namespace}", document)
    found = engine.post("ocs-campaign-groups-default", document)
    assert found["_ignored"] == ["ocs.campaign_group.state.code"]
    assert found["_source"] == document


@pytest.mark.parametrize("mode", NAMESPACES)
def test_every_stream_sends_its_messages_through_the_pipeline(engine: Engine, mode: str) -> None:
    """Whose absence here is the proof; dead letters need none."""
    namespace = NAMESPACES[mode].namespace
    with pytest.raises(RejectedError, match=r"pipeline with id \[ocs-campaign-groups\] does not exist"):
        engine.transport.post(f"/ocs-campaign-groups-{namespace}/_doc", {"@timestamp": TIME})
    assert engine.transport.post(f"/ocs-dead-letters-{namespace}/_doc", {"@timestamp": TIME})["result"] == "created"


def test_every_attribute_can_be_asked_for_by_the_vendors_name(engine: Engine) -> None:
    """As a field alias, in either index mode."""
    document = {"@timestamp": TIME}
    for attribute in read_catalogue().attributes.values():
        _put(document, attribute.alias_of, TIME if attribute.type == "timestamp" else 1)
    for settings in NAMESPACES.values():
        stream = f"ocs-campaign-groups-{settings.namespace}"
        engine.post(stream, document)
        for name in read_catalogue().attributes:
            found = engine.transport.post(f"/{stream}/_count", {"query": {"exists": {"field": name}}})
            assert found["count"] > 0, f"{name} finds nothing in {stream}"


def _put(document: Body, path: str, value: object) -> None:
    *outer, last = path.split(".")
    for step in outer:
        document = document.setdefault(step, {})
    document[last] = value


@pytest.mark.parametrize(("stream", "sort"), [("ocs-campaign-groups", True), ("ocs-dead-letters", False)])
def test_by_default_indices_are_logsdb_with_stored_source(engine: Engine, stream: str, sort: bool) -> None:
    """On the index itself, not only in its template; a synthetic source would take calling lists apart."""
    engine.post(f"{stream}-default", {"@timestamp": TIME})
    live = engine.settings(f"{stream}-default")
    assert live["mode"] == "logsdb"
    assert live["mapping"] == {"source": {"mode": "stored"}}
    assert live["codec"] == "best_compression"
    assert live["sort"] == {
        "field": ["ocs.campaign_group.guid", "@timestamp"] if sort else ["@timestamp"],
        "order": ["asc", "desc"] if sort else ["desc"],
    }
    assert (live["number_of_shards"], live["number_of_replicas"], live["refresh_interval"]) == ("1", "0", "5s")


def test_configured_settings_reach_the_index(engine: Engine) -> None:
    engine.post("ocs-campaign-groups-bar", {"@timestamp": TIME})
    live = engine.settings("ocs-campaign-groups-bar")
    assert live["mode"] == "standard"
    assert live["codec"] == "best_compression"
    assert live["sort"] == {"field": ["ocs.campaign_group.guid", "@timestamp"], "order": ["asc", "desc"]}
    assert (live["number_of_shards"], live["number_of_replicas"], live["refresh_interval"]) == ("3", "2", "1s")


def test_namespaces_do_not_meet(engine: Engine) -> None:
    """A document of one namespace is in that one's stream alone."""
    for settings in NAMESPACES.values():
        tag = {"tags": [f"only-{settings.namespace}"]}
        engine.post(f"ocs-campaign-groups-{settings.namespace}", {"@timestamp": TIME, **tag})
    for settings in NAMESPACES.values():
        query = {"query": {"term": {"tags": f"only-{settings.namespace}"}}}
        found = engine.transport.post("/ocs-campaign-groups-*/_search", query)["hits"]["hits"]
        assert [f"ocs-campaign-groups-{settings.namespace}-" in hit["_index"] for hit in found] == [True]


@pytest.mark.parametrize("namespace", ["0", ".0", "_._0", "a_b.c", "z" * 46])
def test_every_allowed_namespace_makes_names_that_elasticsearch_allows(engine: Engine, namespace: str) -> None:
    """Of components, templates, both streams and the latest-state index."""
    resources = partial.desired(Settings(namespace=namespace), engine.server)
    install(engine.transport, [resource for resource in resources if resource.kind not in LEFT_OUT])
    for name in ("ocs-campaign-groups", "ocs-dead-letters", "ocs-current-state"):
        document = {"@timestamp": TIME}
        assert engine.post(f"{name}-{namespace}", document)["_source"] == document
