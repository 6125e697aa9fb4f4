"""Component templates: parts that index templates are composed of."""

from __future__ import annotations

from typing import ClassVar

from toolkit.capabilities import Capabilities
from toolkit.client.transport import Transport
from toolkit.kinds.base import Kind, listed
from toolkit.model import Body, Resource


class ComponentTemplate(Kind):
    """A component template; one whose name ends in `@custom` is the user's, and only ever created."""

    name = "component_template"
    folder = "templates/component_templates"
    path = "/_component_template/{name}"
    depends_on: ClassVar[tuple[str, ...]] = ("ilm_policy", "ingest_pipeline")

    def mark(self, resource: Resource, schema: int, capabilities: Capabilities) -> Resource:
        """The user's own carries no mark."""
        return resource if is_custom(resource.name) else super().mark(resource, schema, capabilities)

    def write(self, transport: Transport, resource: Resource) -> None:
        """Create or replace it; a custom one that is there already is left alone."""
        if not is_custom(resource.name):
            super().write(transport, resource)
        elif self.read(transport, resource.name) is None:
            transport.put(self.url(resource.name), resource.body, params={"create": "true"})

    def unwrap(self, answer: Body, name: str) -> Body | None:
        """`{"component_templates": [{"name": …, "component_template": …}]}`."""
        return listed(answer, "component_templates", name, "component_template")


def is_custom(name: str) -> bool:
    """Whether a component template belongs to the user."""
    return name.endswith("@custom")
