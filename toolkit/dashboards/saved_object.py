"""Kibana's saved objects: their ids, and the JSON inside their strings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from toolkit.canonical import canonical
from toolkit.model import Body


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


def object_id(name: str, namespace: str, space: str) -> str:
    """The id of an object of ours: ids are global across spaces, so it holds the space.

    Neither a name nor a namespace holds a '-', so no two of them have the same id.
    """
    return f"ocs-{name}-{namespace}-{space}"


def embed(value: Any) -> str:
    """JSON as text, for the strings in which Kibana keeps JSON."""
    return canonical(value)
