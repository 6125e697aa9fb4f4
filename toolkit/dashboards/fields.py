"""The fields that panels can ask for: those of the index templates, and the data views' own runtime fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from toolkit.model import Body

_KIBANA = {"keyword": "string", "constant_keyword": "string", "text": "string", "date": "date",
           "integer": "number", "float": "number", "double": "number"}  # fmt: skip

Fields = Mapping[str, str]
"""Field → its type in Kibana's words: `string`, `number` or `date`. Aliases are fields."""


def fields_of(properties: Body, runtime: Mapping[str, str]) -> dict[str, str]:
    """The fields of a mapping's `properties`, and the runtime fields beside them."""
    types = dict(_walk(properties, ""))
    types = {name: types[kind.removeprefix("->")] if kind.startswith("->") else kind for name, kind in types.items()}
    return {name: _KIBANA[kind] for name, kind in {**types, **runtime}.items()}


def _walk(properties: Body, prefix: str) -> Iterator[tuple[str, str]]:
    for name, field in properties.items():
        if "properties" in field:
            yield from _walk(field["properties"], f"{prefix}{name}.")
        elif field["type"] == "alias":
            yield prefix + name, "->" + field["path"]
        elif field.get("enabled", True):
            yield prefix + name, field["type"]
