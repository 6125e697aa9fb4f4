"""Plain indices: the latest-state index, which the transform writes."""

from __future__ import annotations

from typing import ClassVar

from toolkit.capabilities import Capabilities
from toolkit.client.transport import Transport
from toolkit.kinds.base import Kind
from toolkit.kinds.request import Request, When
from toolkit.model import Body, Resource


class Index(Kind):
    """An index with a name of its own; mapping and settings come from its index template."""

    name = "index"
    folder = "templates/indices"
    path = "/{name}"
    depends_on: ClassVar[tuple[str, ...]] = ("index_template",)
    by_pattern = False
    """For the same reasons as a data stream."""

    def lacking(self, server: Capabilities) -> str:
        """The only one is the transform's destination."""
        return "" if server.transforms else f"{server} has no transforms."

    def mark(self, resource: Resource, schema: int, capabilities: Capabilities) -> Resource:  # noqa: ARG002
        """Its template carries the mark."""
        return resource

    def write(self, transport: Transport, resource: Resource) -> None:
        """Create it where it is absent."""
        if self.read(transport, resource.name) is None:
            transport.put(self.url(resource.name), resource.body or None)

    def requests(self, resource: Resource) -> tuple[Request, ...]:
        """One, where it is absent."""
        url = self.url(resource.name)
        return (Request("PUT", url, resource.body or None, When.ABSENT, ask=url, harmless=400),)

    def mark_of(self, body: Body) -> Body:
        """It is ours by its mapping, which came from our template."""
        return super().mark_of(body.get("mappings", {}))

    def normalize(self, body: Body) -> Body:  # noqa: ARG002
        """Mapping and settings are its template's."""
        return {}

    def unwrap(self, answer: Body) -> dict[str, Body]:
        """`{name: {"settings": …, "mappings": …}}`."""
        return dict(answer)
