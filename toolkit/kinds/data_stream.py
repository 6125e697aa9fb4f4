"""Data streams: where messages and dead letters are kept."""

from __future__ import annotations

from typing import ClassVar

from toolkit.capabilities import Capabilities
from toolkit.client.transport import Transport
from toolkit.kinds.base import MANAGED_BY, Kind, listed
from toolkit.kinds.request import Request, When
from toolkit.model import Body, Resource

_UPDATE_MEANING = (
    "From now on it keeps messages that neither the pipeline nor the mapping can take, in its failure store, for as "
    "long as the cluster's data_streams.lifecycle.retention.failures_default says. Stored documents stay as they are."
)


class DataStream(Kind):
    """A data stream; it is ours by its index template, and created beforehand so that OCS needs no right to.

    Its body is what `PUT _data_stream/<name>/_options` takes; empty where the server has no such options. A new stream
    takes them from its index template, and an index template is not asked again: an existing one needs the request.
    """

    name = "data_stream"
    folder = "templates/data_streams"
    path = "/_data_stream/{name}"
    depends_on: ClassVar[tuple[str, ...]] = ("index_template",)
    by_pattern = False
    """A pattern leaves out what a credential may not see, which would then seem absent. Nor are others asked for: what
    holds data is never deleted for being undesired."""

    def mark(self, resource: Resource, schema: int, capabilities: Capabilities) -> Resource:  # noqa: ARG002
        """There is no room for a mark."""
        return resource

    def write(self, transport: Transport, resource: Resource) -> None:
        """Create it where it is absent; of an existing one nothing is changed but its options."""
        url = self.url(resource.name)
        if self.read(transport, resource.name) is None:
            transport.put(url, None)
        elif resource.body:
            transport.put(f"{url}/_options", resource.body)

    def requests(self, resource: Resource) -> tuple[Request, ...]:
        """One where it is absent, and one where it is there and has options."""
        url = self.url(resource.name)
        create = Request("PUT", url, None, When.ABSENT, ask=url, harmless=400)
        if not resource.body:
            return (create,)
        return create, Request("PUT", f"{url}/_options", resource.body, When.PRESENT, ask=url)

    def mark_of(self, body: Body) -> Body:
        """It is ours by its template: the one of its own name."""
        return {"managed_by": MANAGED_BY} if body.get("template") == body.get("name") else {}

    def normalize(self, body: Body) -> Body:
        """Whether its failure store is on, by its own options or by the cluster's setting, and nothing else of it.

        What its indices are like is compared elsewhere (see `toolkit.plan`). Off is the same as unknown: while a
        cluster is upgraded, newer nodes already tell of what the oldest does not have.
        """
        return {"failure_store": {"enabled": True}} if body.get("failure_store", {}).get("enabled") else {}

    def meaning(self, action: str) -> str:
        """Only its failure store is ever updated."""
        return _UPDATE_MEANING if action == "update" else ""

    def unwrap(self, answer: Body) -> dict[str, Body]:
        """`{"data_streams": [{"name": …}]}`."""
        return listed(answer, "data_streams")
