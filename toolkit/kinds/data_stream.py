"""Data streams: where messages and dead letters are kept."""

from __future__ import annotations

from typing import ClassVar

from toolkit.capabilities import Capabilities
from toolkit.client.transport import Transport
from toolkit.kinds.base import MANAGED_BY, Kind, listed
from toolkit.kinds.request import Request, When
from toolkit.model import Body, Resource


class DataStream(Kind):
    """A data stream; it is ours by its index template, and created beforehand so that OCS needs no right to."""

    name = "data_stream"
    folder = "templates/data_streams"
    path = "/_data_stream/{name}"
    depends_on: ClassVar[tuple[str, ...]] = ("index_template",)

    def mark(self, resource: Resource, schema: int, capabilities: Capabilities) -> Resource:  # noqa: ARG002
        """There is no room for a mark."""
        return resource

    def write(self, transport: Transport, resource: Resource) -> None:
        """Create it where it is absent; nothing of an existing one is changed."""
        if self.read(transport, resource.name) is None:
            transport.put(self.url(resource.name), None)

    def requests(self, resource: Resource) -> tuple[Request, ...]:
        """One, where it is absent."""
        url = self.url(resource.name)
        return (Request("PUT", url, None, When.ABSENT, ask=url, harmless=400),)

    def mark_of(self, body: Body) -> Body:
        """It is ours by its template: the one of its own name."""
        return {"managed_by": MANAGED_BY} if body.get("template") == body.get("name") else {}

    def normalize(self, body: Body) -> Body:  # noqa: ARG002
        """Nothing of a stream itself is compared; what its indices are like, is (see `toolkit.plan`)."""
        return {}

    def owned(self, transport: Transport) -> dict[str, Body]:  # noqa: ARG002
        """A stream holds data, so it is never deleted for being undesired."""
        return {}

    def unwrap(self, answer: Body) -> dict[str, Body]:
        """`{"data_streams": [{"name": …}]}`."""
        return listed(answer, "data_streams")
