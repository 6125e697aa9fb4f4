"""What a new index of a stream would be like: an index template with its components merged, as a server merges them.

A component that is not written yet cannot be simulated by a server, so the merge is ours; tests hold it against the
server's own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from toolkit.kinds.base import as_text, flat_settings
from toolkit.model import Body


def merged(template: Body, component: Callable[[str], Body | None]) -> Body:
    """`{"settings": …, "mappings": …}` of an index template's body; later components go over earlier ones.

    Settings are as servers keep them, mappings as they are written.

    Args:
        template: the index template.
        component: the body of a component template by name; None where there is none.
    """
    parts = [component(name) for name in template.get("composed_of", [])]
    settings: Body = {}
    mappings: Body = {}
    for part in [*parts, template]:
        own = (part or {}).get("template") or {}
        settings |= flat_settings(own.get("settings") or {})
        mappings = merge(mappings, own.get("mappings") or {})
    return {"settings": settings, "mappings": mappings}


def effective(template: Body, component: Callable[[str], Body | None]) -> Body:
    """The same as it compares: scalars as text."""
    found = merged(template, component)
    return {**found, "mappings": as_text(found["mappings"])}


def inline(template: Body, component: Callable[[str], Body | None]) -> Body:
    """The same index template without components, everything in its own body: this can be simulated."""
    rest = {key: value for key, value in template.items() if key not in ("composed_of", "template", "_meta")}
    return {**rest, "template": {**template.get("template", {}), **merged(template, component)}}


def merge(first: Any, second: Any) -> Any:
    """Objects are merged key by key; but a field that changes its type is replaced whole."""
    if not isinstance(first, dict) or not isinstance(second, dict):
        return second
    if first.get("type") != second.get("type") and "type" in second and isinstance(second["type"], str):
        return second
    return {**first, **{key: merge(first[key], value) if key in first else value for key, value in second.items()}}
