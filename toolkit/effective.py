"""What a new index of a stream would be like: an index template with its components merged, as a server merges them.

A component that is not written yet cannot be simulated by a server, so the merge is ours; tests hold it against the
server's own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from toolkit.kinds.base import normal_template
from toolkit.model import Body


def effective(template: Body, component: Callable[[str], Body | None]) -> Body:
    """`{"settings": …, "mappings": …}` of an index template's body; later components go over earlier ones.

    Args:
        template: the index template.
        component: the body of a component template by name; None where there is none.
    """
    parts = [component(name) for name in template.get("composed_of", [])]
    merged: Body = {"settings": {}, "mappings": {}}
    for part in [*parts, template]:
        own = normal_template((part or {}).get("template") or {})
        merged["settings"] |= own.get("settings", {})
        merged["mappings"] = _merged(merged["mappings"], own.get("mappings", {}))
    return merged


def inline(template: Body, component: Callable[[str], Body | None]) -> Body:
    """The same index template without components, everything in its own body: this can be simulated."""
    rest = {key: value for key, value in template.items() if key not in ("composed_of", "template", "_meta")}
    return {**rest, "template": {**template.get("template", {}), **effective(template, component)}}


def differs(wanted: Body, index: Body) -> list[str]:
    """What a live index has otherwise than an effective template wants: one line each.

    Args:
        wanted: what `effective` gives.
        index: the server's answer for the index: `{"settings": …, "mappings": …}`.
    """
    live = normal_template({"settings": index.get("settings"), "mappings": index.get("mappings")})
    settings = live.get("settings", {})
    lines = [
        f"{key}: {settings.get(key)} instead of {value}"
        for key, value in sorted(wanted["settings"].items())
        if settings.get(key) != value
    ]
    mappings = live.get("mappings", {})
    return lines + [f"mapping of {path}" for path in _different(wanted["mappings"], mappings)]


def _merged(first: Any, second: Any) -> Any:
    """Objects are merged key by key; but a field that changes its type is replaced whole."""
    if not isinstance(first, dict) or not isinstance(second, dict):
        return second
    if first.get("type") != second.get("type") and "type" in second and isinstance(second["type"], str):
        return second
    return {**first, **{key: _merged(first[key], value) if key in first else value for key, value in second.items()}}


def _different(wanted: Any, live: Any, path: str = "") -> list[str]:
    if not isinstance(wanted, dict):
        return [] if wanted == live else [path]
    if not isinstance(live, dict):
        return [path]
    names = [name for name in wanted if name != "_meta"]
    return [line for name in names for line in _different(wanted[name], live.get(name), _field(path, name))]


def _field(path: str, name: str) -> str:
    """`properties` of a mapping's own structure leaves no trace in the name of a field."""
    return path if name == "properties" else f"{path}.{name}" if path else name
