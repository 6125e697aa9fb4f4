"""Opens a connection, and finds out what the server at its end can do."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from toolkit.capabilities import Capabilities, Version, of_elasticsearch, of_opensearch
from toolkit.client.transport import Transport
from toolkit.config import Connection
from toolkit.errors import ConfigurationError, RejectedError

OLDEST: Version = (8, 3, 0)
"""The oldest Elasticsearch that is supported."""

_TIMEOUT_S = 30.0


def connect(connection: Connection) -> Transport:
    """A transport for that address and credential; nothing is sent yet.

    Raises:
        ConfigurationError: the address is none.
    """
    from elasticsearch import Elasticsearch  # noqa: PLC0415 - the client costs start-up time

    options: dict[str, Any] = {"request_timeout": _TIMEOUT_S, "retry_on_timeout": False}
    if connection.api_key:
        options["api_key"] = connection.api_key
    elif connection.username:
        options["basic_auth"] = (connection.username, connection.password or "")
    if connection.ca_file:
        options["ca_certs"] = str(connection.ca_file)
    if connection.embedded:
        from toolkit.client.opensearch import OpenSearchNode  # noqa: PLC0415

        options["node_class"] = OpenSearchNode
    try:
        client = Elasticsearch(connection.url, **options)
    except (ValueError, OSError) as error:
        raise ConfigurationError(
            f"{connection.source}: the address cannot be used: {error}", hint="write it as https://host:9200"
        ) from error
    return Transport(client, connection.shown_url)


def capabilities(transport: Transport) -> Capabilities:
    """What the oldest node of the cluster can do.

    Raises:
        UnreachableError: no answer.
        RejectedError: an answer from a server that is not supported.
    """
    about = _about(transport)
    if about.get("build_flavor") == "serverless":
        raise RejectedError(f"{transport.url} is Elasticsearch Serverless, which is not supported")
    answer = transport.get("/_nodes/plugins", params={"filter_path": "nodes.*.version,nodes.*.modules.name"}) or {}
    nodes = list(answer.get("nodes", {}).values())
    versions = [node["version"] for node in nodes] + ([about["number"]] if "number" in about else [])
    version = min(map(_version, versions), default=(0, 0, 0))
    if about.get("distribution") == "opensearch":
        return of_opensearch(version)
    if version < OLDEST:
        shown = ".".join(map(str, version))
        raise RejectedError(
            f"{transport.url} runs Elasticsearch {shown}", hint="8.3 is the oldest version that is supported"
        )
    return of_elasticsearch(version, ilm=_everywhere("x-pack-ilm", nodes), transforms=_everywhere("transform", nodes))


def _about(transport: Transport) -> dict[str, Any]:
    """What a server says of itself at `/`.

    Elasticsearch without its module `rest-root` refuses that one request, so a refusal is not the end: what refuses
    all requests refuses the next one too.
    """
    with suppress(RejectedError):
        about: dict[str, Any] = (transport.get("/") or {}).get("version", {})
        return about
    return {}


def _everywhere(module: str, nodes: list[dict[str, Any]]) -> bool:
    """Whether every node has a module; Basic, the least of Elastic's licences, allows those that are asked for."""
    return all(any(m["name"] == module for m in node.get("modules", [])) for node in nodes)


def _version(text: str) -> Version:
    major, minor, patch = (int(part) for part in text.partition("-")[0].split("."))
    return major, minor, patch
