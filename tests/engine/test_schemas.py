"""What an older schema has set up, with its documents, is brought to the present one, and is then like a new one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.engine.test_pipeline import comparable, outcome
from tests.found import CATALOGUE
from tests.running import Engine, Stream, installed
from tests.schemas import PATHS, SETTINGS, Fixture, fixtures
from toolkit.apply import install, remove
from toolkit.capabilities import Capabilities
from toolkit.client.transport import Transport
from toolkit.config import Settings
from toolkit.kinds import KIND
from toolkit.lock import INDEX
from toolkit.model import Body, Resource
from toolkit.uses.deployment import Deployment
from toolkit.uses.destroy import users_of_shared
from toolkit.uses.migrate import up

FRESH = "schemas_fresh"
"""Another namespace: nothing of the two may differ but their names."""
_OF_ONE_INDEX = ("uuid", "creation_date", "provided_name", "version", "history", "resize", "routing")


@pytest.fixture
def upgraded(engine: Engine) -> Iterator[Deployment]:
    """The namespace of the fixtures, with nothing in it yet, to be seen as the present toolkit sees it."""
    target = Deployment(engine.transport, engine.server, SETTINGS)
    _forget(target)
    yield target
    _forget(target)


def _forget(target: Deployment) -> None:
    """Everything of the namespace; what others use too is as the present schema has it again."""
    users = users_of_shared(target)
    if users:
        install(target.transport, [resource for resource in target.resources if resource.namespace is None])
    remove(target.transport, [resource for resource in target.resources if resource.namespace or not users])
    target.transport.delete(f"/{INDEX}")


def engine_of(fixture: Fixture, server: Capabilities) -> str:
    """What the fixture has for the newest server that is not newer than this one."""

    def version(name: str) -> tuple[int, ...]:
        return tuple(map(int, name.rpartition("-")[2].split(".")))

    of_its_kind = [name for name in fixture.engines if name.startswith(f"{server.distribution}-")]
    older = [name for name in of_its_kind if version(name) <= server.version]
    return max(older, key=version) if older else min(of_its_kind, key=version)


def put(transport: Transport, resources: list[Resource], server: Capabilities) -> None:
    """Bodies as they are, in the order of kinds."""
    for resource in resources:
        if resource.kind == "role" and not server.manages_security:
            continue
        path = PATHS[resource.kind].format(resource.name)
        if resource.kind == "data_stream":
            transport.put(path, None)
        else:
            transport.put(path, resource.body or None)
        if resource.kind == "transform":
            transport.post(f"{path}/_start", None)


def as_it_is(resources: list[Resource]) -> list[Resource]:
    """What the fixture holds."""
    return resources


def as_of_an_older_one(resources: list[Resource]) -> list[Resource]:
    """As a schema before it might have been: a field less, another age, other words, and marks that say so.

    As long as the oldest fixture is that of the present schema, this is what keeps the test from being about nothing.
    """

    def aged(resource: Resource) -> Resource:
        text = json.dumps(resource.body)
        for number in range(1, CATALOGUE.schema + 1):
            text = text.replace(f'"schema": {number},', '"schema": 0,').replace(f" schema={number} ", " schema=0 ")
        body: Body = json.loads(text.replace('"max_age": "9d"', '"max_age": "8d"'))
        if resource.name == "ocs-campaign-groups-mappings":
            properties = body["template"]["mappings"]["properties"]
            del properties["GSW_QUEUE_NAME"], properties["ocs"]["properties"]["queue"]
        if resource.name == "ocs-campaign-groups":
            body["description"] = f"Of an older schema. {body['description']}"
        return Resource(resource.kind, resource.name, body, resource.source)

    return [aged(resource) for resource in resources]


WAYS: list[Callable[[list[Resource]], list[Resource]]] = [as_it_is, as_of_an_older_one]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("fixture", fixtures(), ids=lambda fixture: fixture.folder.name)
def test_an_older_schema_is_followed_by_the_present_one(
    engine: Engine, upgraded: Deployment, fixture: Fixture, way: Callable[[list[Resource]], list[Resource]]
) -> None:
    put(engine.transport, way(fixture.resources(engine_of(fixture, engine.server))), engine.server)
    stream = Stream(engine, SETTINGS)
    ids = {}
    for case, message, became in fixture.messages():
        status, answer = stream.post(message)
        assert status == 201
        ids[case] = answer
        stored = _of(stream, answer)
        if way is as_it_is:
            assert stored == became, case
        assert _without_schema(stored) == _without_schema(became), case

    plan = upgraded.plan()
    assert not plan.problems
    assert bool(plan.pending) is (way is as_of_an_older_one or fixture.schema != CATALOGUE.schema)
    list(upgraded.apply(plan))
    list(up(upgraded))
    again = upgraded.plan()
    assert (again.pending, again.problems) == ((), ())

    for case, message, _ in fixture.messages():
        today = outcome(stream, message)
        assert _without_schema(_of(stream, ids[case])) == _without_schema(today), case
    for name in (stream.name, stream.dead_letters):
        became = sum(name in answer["_index"] for answer in ids.values())
        assert stream.count(name) == 2 * became, "all of before and all of today"

    for fresh in installed(engine, Settings(namespace=FRESH)):
        other = Deployment(engine.transport, engine.server, fresh.settings)
        assert fresh.post('{"GSW_CAMPAIGN_GROUP_GUID": "g"}')[0] == 201  # a lazy rollover waits for the first message
        assert _installed(upgraded) == _installed(other)


def _of(stream: Stream, answer: Body) -> Body:
    """What is stored under an answer's `_index` and `_id`, as golden documents are written."""
    kind = "dead letter" if "ocs-dead-letters-" in answer["_index"] else "document"
    return {kind: comparable(stream.fetch(answer))}


def _without_schema(became: Body) -> Body:
    """Which schema wrote a document is the one thing that may stay as it was."""
    return {
        kind: {**source, "ocs": {key: value for key, value in source["ocs"].items() if key != "schema"}}
        for kind, source in became.items()
    }


def _installed(target: Deployment) -> dict[str, Any]:
    """Every resource, what each index template comes to, and the streams' write indices, whatever the namespace."""
    transport, found = target.transport, dict[str, Any]()
    for resource in target.resources:
        live = KIND[resource.kind].read(transport, resource.name)
        assert live is not None, resource
        found[str(resource)] = KIND[resource.kind].normalize(live)
        if resource.kind == "index_template":
            found[f"{resource}, effective"] = transport.post(f"/_index_template/_simulate/{resource.name}", None)
        if resource.kind == "data_stream":
            index = transport.get(f"/_data_stream/{resource.name}")["data_streams"][0]["indices"][-1]["index_name"]
            body = transport.get(f"/{index}")[index]
            for name in _OF_ONE_INDEX:
                body["settings"]["index"].pop(name, None)
            found[f"{resource}, write index"] = {"settings": body["settings"], "mappings": body["mappings"]}
    of_any: dict[str, Any] = json.loads(json.dumps(found).replace(target.settings.namespace, "<namespace>"))
    return {name: _without_checksums(value) for name, value in of_any.items()}


def _without_checksums(value: Any) -> Any:
    """Marks of bodies that name a namespace differ in it."""
    if isinstance(value, dict):
        return {key: _without_checksums(item) for key, item in value.items() if key != "checksum"}
    return [_without_checksums(item) for item in value] if isinstance(value, list) else value
