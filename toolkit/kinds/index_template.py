"""Index templates: what a new index of a stream begins with."""

from __future__ import annotations

from typing import ClassVar

from toolkit.kinds.base import Kind, listed
from toolkit.model import Body


class IndexTemplate(Kind):
    """A composable index template."""

    name = "index_template"
    folder = "templates/index_templates"
    path = "/_index_template/{name}"
    depends_on: ClassVar[tuple[str, ...]] = ("component_template",)

    def unwrap(self, answer: Body, name: str) -> Body | None:
        """`{"index_templates": [{"name": …, "index_template": …}]}`."""
        return listed(answer, "index_templates", name, "index_template")
