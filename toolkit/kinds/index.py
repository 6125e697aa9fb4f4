"""Plain indices: the latest-state index, which the transform writes."""

from __future__ import annotations

from typing import ClassVar

from toolkit.capabilities import Capabilities
from toolkit.client.transport import Transport
from toolkit.kinds.base import Kind
from toolkit.model import Body, Resource


class Index(Kind):
    """An index with a name of its own; mapping and settings come from its index template."""

    name = "index"
    folder = "templates/indices"
    path = "/{name}"
    depends_on: ClassVar[tuple[str, ...]] = ("index_template",)

    def available(self, capabilities: Capabilities) -> bool:
        """The only one is the transform's destination."""
        return capabilities.transforms

    def mark(self, resource: Resource, schema: int, capabilities: Capabilities) -> Resource:  # noqa: ARG002
        """Its template carries the mark."""
        return resource

    def write(self, transport: Transport, resource: Resource) -> None:
        """Create it where it is absent."""
        if self.read(transport, resource.name) is None:
            transport.put(self.url(resource.name), resource.body or None)

    def unwrap(self, answer: Body, name: str) -> Body | None:
        """`{name: {"settings": …, "mappings": …}}`."""
        return answer.get(name)
