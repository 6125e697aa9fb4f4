"""Finds an engine for tests and benchmarks, and installs the toolkit's resources on it.

In this order: `TEST_ELASTICSEARCH_URL`; Docker, through testcontainers; the embedded engine. Where security is on,
`TEST_ELASTICSEARCH_USERNAME` and `TEST_ELASTICSEARCH_PASSWORD` are a superuser's.
"""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from toolkit.apply import install, remove
from toolkit.capabilities import Capabilities
from toolkit.client.connect import capabilities, connect
from toolkit.client.transport import Transport
from toolkit.config import Connection, Settings
from toolkit.config.secret import basic
from toolkit.output.console import TerminalProgress
from toolkit.uses.deployment import Deployment
from toolkit.uses.destroy import users_of_shared

IMAGE = "elasticsearch:8.17.2"


@dataclass(frozen=True)
class Engine:
    """An engine that answers, and what it can do."""

    connection: Connection
    transport: Transport
    server: Capabilities


@dataclass(frozen=True)
class Stream:
    """The toolkit's resources of one namespace, installed on an engine."""

    engine: Engine
    settings: Settings

    @property
    def name(self) -> str:
        return f"ocs-campaign-groups-{self.settings.namespace}"

    @property
    def dead_letters(self) -> str:
        return f"ocs-dead-letters-{self.settings.namespace}"

    @property
    def url(self) -> str:
        """What OCS would be told to post to."""
        return f"{self.engine.connection.url}/{self.name}/_doc"

    def post(self, body: bytes | str) -> tuple[int, dict[str, Any]]:
        """One POST as OCS sends it: status and answer."""
        data = body.encode() if isinstance(body, str) else body
        headers = {"Content-Type": "application/json", **authorization(self.engine.connection)}
        request = urllib.request.Request(self.url, data=data, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def fetch(self, answer: dict[str, Any]) -> dict[str, Any]:
        """The `_source` of the document that an answer names."""
        found = self.engine.transport.get(f"/{answer['_index']}/_doc/{answer['_id']}")
        assert found is not None, f"{answer['_index']}/{answer['_id']} is not there"
        source: dict[str, Any] = found["_source"]
        return source

    def count(self, stream: str, query: dict[str, Any] | None = None) -> int:
        """Documents in a stream, after a refresh."""
        self.engine.transport.post(f"/{stream}/_refresh", None)
        body = {"query": query or {"match_all": {}}}
        return int(self.engine.transport.post(f"/{stream}/_count", body)["count"])


def engines() -> Iterator[Engine]:
    """The first that is there, for as long as it is asked for; it is stopped afterwards if it was started here."""
    if url := os.environ.get("TEST_ELASTICSEARCH_URL"):
        yield engine_at(url)
    elif container := _container():
        with container as running:
            yield engine_at(f"http://{running.get_container_host_ip()}:{running.get_exposed_port(9200)}")
    else:
        from toolkit.local.engine import owned  # noqa: PLC0415 - only where nothing better is there

        with owned(progress=TerminalProgress()) as started:
            yield engine_at(started.url)


def engine_at(url: str) -> Engine:
    """What answers there."""
    connection = Connection(
        url=url,
        source="the tests",
        username=os.environ.get("TEST_ELASTICSEARCH_USERNAME"),
        password=os.environ.get("TEST_ELASTICSEARCH_PASSWORD"),
    )
    with urllib.request.urlopen(urllib.request.Request(url, headers=authorization(connection)), timeout=30) as answer:
        opensearch = json.loads(answer.read())["version"].get("distribution") == "opensearch"
    connection = replace(connection, embedded=opensearch)
    transport = connect(connection)
    return Engine(connection, transport, capabilities(transport))


def authorization(connection: Connection) -> dict[str, str]:
    """The header for a connection's user; none where it has none."""
    if connection.username is None:
        return {}
    return {"Authorization": basic(connection.username, connection.password or "")}


def _container() -> Any:
    """Elasticsearch in Docker, not yet started; None where no Docker answers."""
    import docker  # noqa: PLC0415 - testcontainers and its client cost a second
    from testcontainers.community.elasticsearch import ElasticSearchContainer  # noqa: PLC0415

    try:
        docker.from_env(timeout=5).ping()
    except docker.errors.DockerException:
        return None
    return ElasticSearchContainer(IMAGE, mem_limit="2G")


def installed(engine: Engine, settings: Settings) -> Iterator[Stream]:
    """The resources of one namespace, and none of them afterwards; what namespaces share goes with the last."""
    target = Deployment(engine.transport, engine.server, settings)
    try:
        install(engine.transport, target.resources)
        yield Stream(engine, settings)
    finally:
        users = users_of_shared(target)
        remove(engine.transport, [resource for resource in target.resources if resource.namespace or not users])
