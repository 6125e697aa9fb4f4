"""Component templates: parts that index templates are composed of."""

from __future__ import annotations

from typing import ClassVar

from toolkit.capabilities import Capabilities
from toolkit.client.transport import Transport
from toolkit.kinds.base import Kind, listed, normal_template
from toolkit.kinds.request import Request, When
from toolkit.model import Body, Resource

_FUTURE = "Stored documents stay as they are; what changes for new ones comes with the stream's next index."


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

    def requests(self, resource: Resource) -> tuple[Request, ...]:
        """A custom one is created where it is absent."""
        if not is_custom(resource.name):
            return super().requests(resource)
        url = self.url(resource.name)
        return (Request("PUT", f"{url}?create=true", resource.body, When.ABSENT, ask=url, harmless=400),)

    def normalize(self, body: Body) -> Body:
        """Settings and mappings as servers keep them."""
        body = super().normalize(body)
        return {**body, "template": normal_template(body.get("template") or {})}

    def unwrap(self, answer: Body) -> dict[str, Body]:
        """`{"component_templates": [{"name": …, "component_template": …}]}`."""
        return listed(answer, "component_templates", "component_template")

    def meaning(self, action: str) -> str:
        """Templates hold for indices that are made later."""
        return _FUTURE if action == "update" else ""


def is_custom(name: str) -> bool:
    """Whether a component template belongs to the user."""
    return name.endswith("@custom")
