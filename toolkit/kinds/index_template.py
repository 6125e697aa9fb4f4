"""Index templates: what a new index of a stream begins with."""

from __future__ import annotations

from typing import ClassVar

from toolkit.kinds.base import Kind, listed, normal_template
from toolkit.model import Body


class IndexTemplate(Kind):
    """A composable index template."""

    name = "index_template"
    folder = "templates/index_templates"
    path = "/_index_template/{name}"
    depends_on: ClassVar[tuple[str, ...]] = ("component_template",)

    def normalize(self, body: Body) -> Body:
        """Settings and mappings as servers keep them, without the defaults that servers write down."""
        body = super().normalize(body)
        if "data_stream" in body:
            told = {key: value for key, value in body["data_stream"].items() if value and key != "timestamp_field"}
            body["data_stream"] = told
        template = normal_template(body.pop("template", None) or {})
        body = {key: value for key, value in body.items() if value != [] or key != "ignore_missing_component_templates"}
        return {**body, **({"template": template} if template else {})}

    def unwrap(self, answer: Body) -> dict[str, Body]:
        """`{"index_templates": [{"name": …, "index_template": …}]}`."""
        return listed(answer, "index_templates", "index_template")
