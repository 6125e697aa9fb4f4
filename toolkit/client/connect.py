"""Opens a connection, and finds out what the server at its end can do."""

from __future__ import annotations

from typing import Any

from toolkit.capabilities import Capabilities, Version, of_elasticsearch, of_opensearch
from toolkit.client import refusal
from toolkit.client.transport import Transport
from toolkit.config import Connection
from toolkit.config.secret import basic
from toolkit.errors import ConfigurationError, CredentialError, RejectedError, UnsupportedServerError

OLDEST: Version = (8, 3, 0)
"""The oldest Elasticsearch that is supported."""

_NO_SUCH_REQUEST = (400, 405)
"""What a server answers to a request that none of its modules takes."""


def connect(connection: Connection, *, read_only: bool = False) -> Transport:
    """A transport for that address and credential; nothing is sent yet.

    Args:
        connection: where, and as whom.
        read_only: whether anything that writes shall be an error, and not be sent.

    Raises:
        ConfigurationError: the address, the credential or the CA file cannot be used.
    """
    from elasticsearch import Elasticsearch  # noqa: PLC0415 - the client costs start-up time

    from toolkit.client.node import Node, nodes  # noqa: PLC0415

    options: dict[str, Any] = {"request_timeout": connection.request_timeout_s, "retry_on_timeout": False}
    if connection.api_key:
        options["api_key"] = connection.api_key
    elif connection.username:
        # The client would encode the two as ASCII, and Elasticsearch takes a password of any letters.
        options["basic_auth"] = basic(connection.username, connection.password or "").removeprefix("Basic ")
    if connection.embedded:
        from toolkit.client.opensearch import OpenSearchNode  # noqa: PLC0415

        options["node_class"] = OpenSearchNode
    else:
        options["node_class"] = Node
    try:
        client = Elasticsearch(nodes(connection), **options)
    except (ValueError, OSError) as error:
        raise ConfigurationError(
            f"{connection.source}: the address cannot be used: {error}", hint="write it as https://host:9200"
        ) from error
    return Transport(client, connection.shown_url, connection=connection, read_only=read_only)


def capabilities(transport: Transport) -> Capabilities:
    """What the oldest node of the cluster can do, and how new the newest is.

    Raises:
        UnreachableError: no answer.
        UnsupportedServerError: an answer from a server that is not supported.
    """
    about = _about(transport)
    if about.get("build_flavor") == "serverless":
        raise refusal.serverless(transport.url)
    answer = transport.get("/_nodes/plugins", params={"filter_path": "nodes.*.version,nodes.*.modules.name"}) or {}
    nodes = list(answer.get("nodes", {}).values())
    versions = [node["version"] for node in nodes] + ([about["number"]] if "number" in about else [])
    if not versions:
        raise refusal.no_elasticsearch(transport.url, None)
    version, newest = min(map(_version, versions)), max(map(_version, versions))
    if about.get("distribution") == "opensearch":
        return of_opensearch(version, newest=newest)
    if version < OLDEST:
        raise refusal.too_old(transport.url, ".".join(map(str, version)))
    security, manages_security = _security(transport)
    return of_elasticsearch(
        version,
        newest=newest,
        ilm=_everywhere("x-pack-ilm", nodes),
        transforms=_everywhere("transform", nodes),
        data_stream_modify=_everywhere("data-streams", nodes),
        security=security,
        manages_security=manages_security,
        license=_license(transport),
    )


def has_security(transport: Transport) -> bool:
    """Whether the cluster asks who is there.

    Raises:
        UnreachableError, RejectedError: it does not say.
    """
    return _security(transport)[0]


def _security(transport: Transport) -> tuple[bool, bool]:
    """Whether security is on, and whether this credential may manage it; every credential may ask for its own."""
    try:
        answer = transport.post("/_security/user/_has_privileges", {"cluster": ["manage_security"]})
    except RejectedError as error:
        if error.status in _NO_SUCH_REQUEST:
            return False, False
        raise
    return True, bool(answer.get("cluster", {}).get("manage_security"))


def _license(transport: Transport) -> str | None:
    """Its type, where the server tells; more than the licence needs modules that are not everywhere."""
    answer = _unless_refused(transport, "/_xpack", {"categories": "license"})
    return (answer.get("license") or {}).get("type")


def _about(transport: Transport) -> dict[str, Any]:
    """What a server says of itself at `/`.

    Elasticsearch without its module `rest-root` refuses that one request, so a refusal is not the end: what refuses
    all requests refuses the next one too.
    """
    about: dict[str, Any] = _unless_refused(transport, "/", None).get("version", {})
    return about


def _unless_refused(transport: Transport, path: str, params: dict[str, str] | None) -> dict[str, Any]:
    try:
        return transport.get(path, params=params) or {}
    except (CredentialError, UnsupportedServerError):
        raise
    except RejectedError:
        return {}


def _everywhere(module: str, nodes: list[dict[str, Any]]) -> bool:
    """Whether every node has a module; Basic, the least of Elastic's licences, allows those that are asked for."""
    return all(any(m["name"] == module for m in node.get("modules", [])) for node in nodes)


def _version(text: str) -> Version:
    major, minor, patch = (int(part) for part in text.partition("-")[0].split("."))
    return major, minor, patch
