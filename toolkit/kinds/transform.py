"""Transforms: the one that keeps each campaign group's latest state."""

from __future__ import annotations

from typing import ClassVar

from toolkit.capabilities import Capabilities
from toolkit.client.transport import Transport
from toolkit.kinds.base import Kind, listed
from toolkit.model import Body, Resource

_UPDATABLE = ("source", "dest", "description", "frequency", "sync", "retention_policy", "settings", "_meta")


class Transform(Kind):
    """A continuous transform, started once it is written. It runs with the privileges of whoever wrote it."""

    name = "transform"
    folder = "templates/transforms"
    path = "/_transform/{name}"
    depends_on: ClassVar[tuple[str, ...]] = ("data_stream", "index")

    def available(self, capabilities: Capabilities) -> bool:
        """OpenSearch's are another product's plugin, and not in the embedded engine."""
        return capabilities.transforms

    def write(self, transport: Transport, resource: Resource) -> None:
        """Create it, or update what can be updated in place, and start it."""
        if self.read(transport, resource.name) is None:
            transport.put(self.url(resource.name), resource.body)
        else:
            update = {key: value for key, value in resource.body.items() if key in _UPDATABLE}
            transport.post(f"{self.url(resource.name)}/_update", update)
        stats = transport.get(f"{self.url(resource.name)}/_stats") or {}
        if (listed(stats, "transforms", resource.name) or {}).get("state") == "stopped":
            transport.post(f"{self.url(resource.name)}/_start", None)

    def delete(self, transport: Transport, name: str) -> None:
        """Stop and remove it; the index that it wrote stays."""
        transport.delete(self.url(name), params={"force": "true"})

    def unwrap(self, answer: Body, name: str) -> Body | None:
        """`{"transforms": [{"id": …}]}`."""
        return listed(answer, "transforms", name)
