"""Kibana's saved objects: their ids, the JSON inside their strings, and how two of them compare."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from toolkit.canonical import canonical
from toolkit.model import Body

_SERVER_FIELDS = frozenset(
    {
        "coreMigrationVersion", "created_at", "created_by", "managed", "migrationVersion", "namespaces", "originId",
        "typeMigrationVersion", "updated_at", "updated_by", "version",
    }
)  # fmt: skip
"""What says when, by whom and by which Kibana an object was written, and nothing of what it shows."""


OLDEST_SHAPE = "8.3.0"
"""The version of the core's shape that every supported Kibana reads."""
SHAPES = {"dashboard": OLDEST_SHAPE, "index-pattern": "8.0.0", "tag": "8.0.0"}
"""Type → the version of its shape in Kibana 8.3; later versions of 8.3 change no shape, but write their own number."""


@dataclass(frozen=True, slots=True)
class SavedObject:
    """A saved object as a line of an NDJSON file holds it."""

    type: str
    """`tag`, `index-pattern` (a data view) or `dashboard`."""
    id: str
    title: str
    """For people."""
    body: Body
    """The whole line."""
    source: str
    """The file that it comes from, for messages."""

    @property
    def key(self) -> tuple[str, str]:
        """Its type and id, by which Kibana finds it."""
        return self.type, self.id


def object_id(name: str, namespace: str, space: str) -> str:
    """The id of an object of ours: ids are global across spaces, so it holds the space.

    Neither a name nor a namespace holds a '-', so no two of them have the same id.
    """
    return f"ocs-{name}-{namespace}-{space}"


def title_suffix(namespace: str) -> str:
    """What stands behind the titles of a namespace's objects; the default namespace needs no name."""
    return "" if namespace == "default" else f" ({namespace})"


def embed(value: Any) -> str:
    """JSON as text, for the strings in which Kibana keeps JSON."""
    return canonical(value)


def embedded(text: str) -> Any:
    """The object or list that a string holds as JSON; None where it holds none."""
    if text[:1] not in ("{", "["):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


def ndjson(objects: Iterable[SavedObject]) -> bytes:
    """The file that Kibana imports: one object a line, canonical, so that equal objects give equal bytes."""
    return "".join(f"{canonical(each.body)}\n" for each in objects).encode()


def normalize(body: Body) -> Body:
    """The body as it compares: the same steps for what is desired and for what is live.

    Without what Kibana adds, with the JSON in its strings decoded, references sorted, and a data view's counts left
    out: Kibana counts there how often people look at a field.
    """
    kept = {key: _decoded(value) for key, value in body.items() if key not in _SERVER_FIELDS}
    kept["references"] = sorted(kept.get("references", []), key=canonical)
    attributes = dict(kept.get("attributes", {}))
    if isinstance(attributes.get("fieldAttrs"), dict):
        attributes["fieldAttrs"] = _without_counts(attributes["fieldAttrs"])
    if attributes.get("fieldAttrs") == {}:
        del attributes["fieldAttrs"]
    return {**kept, "attributes": attributes}


def _decoded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _decoded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_decoded(item) for item in value]
    if isinstance(value, str):
        inner = embedded(value)
        return value if inner is None else _decoded(inner)
    if isinstance(value, float) and value.is_integer():
        return int(value)  # JavaScript writes 1.0 as 1
    return value


def _without_counts(attributes: Body) -> Body:
    counted = {name: {k: v for k, v in each.items() if k != "count"} for name, each in attributes.items()}
    return {name: each for name, each in counted.items() if each}
