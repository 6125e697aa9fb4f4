"""Saved objects that were changed by hand, kept as files that go before the YAML until they are deleted.

A file is the object as Kibana exported it, the JSON in its strings decoded so that its diffs read, and with variables
in the place of the namespace and the space, so that it holds for others too. Nothing is decompiled. `dump` and `load`
are each other's inverse.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.dashboards.saved_object import (
    OLDEST_SHAPE,
    SHAPES,
    SavedObject,
    embed,
    embedded,
    object_id,
    title_suffix,
)
from toolkit.errors import RenderError, ToolkitError, nearest
from toolkit.model import Body
from toolkit.render import Renderer
from toolkit.resources import data_folder

_SUFFIX = ".json.j2"
_JSON = "__json__"
"""The one key of an object that stands for a string with that JSON in it."""
_KEPT = frozenset({"attributes", "coreMigrationVersion", "id", "migrationVersion", "references", "type",
                   "typeMigrationVersion"})  # fmt: skip
_KIBANAS_OWN = frozenset({"fieldAttrs", "fieldFormatMap", "fields", "runtimeFieldMap", "sourceFilters", "typeMeta"})
"""Attributes, besides those that end in JSON, in which Kibana itself writes JSON: its formatting means nothing."""
_SHAPE: tuple[tuple[str, type, str], ...] = (
    ("type", str, "text"),
    ("id", str, "text"),
    ("attributes", dict, "a mapping"),
    ("references", list, "a list"),
)
_STREAMS = "campaign-groups|current-state|dead-letters"


def frozen_folder(configured: str | None, root: Path | None = None) -> Path:
    """The folder of frozen objects: the configured one, or the one in `root`, which is the toolkit's own if None."""
    return Path(configured) if configured else (root / "dashboards" if root else data_folder("dashboards")) / "frozen"


def file_name(saved: SavedObject, namespace: str, space: str) -> str:
    """The file that keeps an object, such as `dashboard.campaign_state.json.j2`.

    Raises:
        ToolkitError: it is not an object of ours in that namespace and space.
    """
    found = re.fullmatch(rf"ocs-([a-z0-9_]+)-{re.escape(f'{namespace}-{space}')}", saved.id)
    if not found:
        raise ToolkitError(
            f"{saved.source}: {saved.type} {saved.id} is no object of namespace {namespace} in space {space}",
            hint='ids hold both, since Kibana\'s are the same in all spaces: object_id("name") makes them',
        )
    return f"{saved.type}.{found[1]}{_SUFFIX}"


def is_frozen(saved: SavedObject) -> bool:
    """Whether an object comes from such a file, so from a Kibana that has shown it, perhaps a later one than 8.3."""
    file = saved.source.rpartition("/")[2]
    return bool(re.fullmatch(rf"{re.escape(saved.type)}\.[a-z0-9_]+{re.escape(_SUFFIX)}", file))


def dump(body: Body, namespace: str, space: str) -> str:
    """The text of the file that keeps a saved object of that namespace and space."""
    kept = {key: value for key, value in body.items() if key in _KEPT}
    if kept.get("migrationVersion", {}).get(body["type"]) == SHAPES.get(body["type"]):
        kept["coreMigrationVersion"] = OLDEST_SHAPE  # every Kibana from 8.3.0 on can read it
    return _Writer(namespace, space, body["type"]).text(_unembedded(kept, "")) + "\n"


def load(folder: Path, namespace: str, space: str) -> list[SavedObject]:
    """Every frozen object, for a namespace and a space; none where the folder is absent.

    Raises:
        RenderError: a file does not render, or to no saved object of its name.
        ToolkitError: an object's id is one of another namespace or space.
    """
    if not folder.is_dir():
        return []
    variables = {"namespace": namespace, "space": space, "suffix": title_suffix(namespace)}
    folder = folder.absolute()  # which has a name, for messages
    renderer = Renderer(folder.parent, {**variables, "object_id": lambda name: object_id(name, namespace, space)})
    loaded = []
    for file in sorted(folder.glob(f"*{_SUFFIX}")):
        saved = _saved(file, _embedded(renderer.body(f"{folder.name}/{file.name}")))
        if file_name(saved, namespace, space) != file.name:
            raise RenderError(
                f"{saved.source}: {saved.type} {saved.id} belongs into {file_name(saved, namespace, space)}",
                hint="a frozen object's name and type stand in its file's name: export it again",
            )
        loaded.append(saved)
    return loaded


def shadowed(objects: Sequence[SavedObject], folder: Path, namespace: str, space: str) -> list[SavedObject]:
    """The objects, each frozen one in the place of the one with its type and id; others behind them."""
    kept = {each.key: each for each in load(folder, namespace, space)}
    shown = [kept.pop(each.key, each) for each in objects]
    return [*shown, *kept.values()]


def _saved(file: Path, body: Body) -> SavedObject:
    source = f"{file.parent.name}/{file.name}"
    if wrong := _wrong(body):
        raise RenderError(f"{source}: no saved object: {wrong}", hint="export it again, or delete the file")
    attributes = body["attributes"]
    title = attributes.get("name") or attributes.get("title") or body["id"]
    return SavedObject(body["type"], body["id"], str(title), body, source)


def _wrong(body: Body) -> str | None:
    """What is wrong with an object, so that neither Kibana nor the checks before it could read it; None: nothing."""
    for key, expected, words in _SHAPE:
        if key not in body:
            return f"'{key}' is missing"
        if not isinstance(body[key], expected):
            return f"'{key}' must be {words}, not {type(body[key]).__name__}"
    if body["type"] not in SHAPES:
        return f"unknown type '{body['type']}'; {nearest(body['type'], SHAPES)}"
    for reference in body["references"]:
        if not isinstance(reference, dict) or not all(
            isinstance(reference.get(k), str) for k in ("id", "name", "type")
        ):
            return "a reference must have id, name and type"
    attributes = body["attributes"]
    if body["type"] == "dashboard":
        return _wrong_panels(attributes.get("panelsJSON"))
    return None


def _wrong_panels(text: Any) -> str | None:
    if text is None:
        return "'panelsJSON' is missing in its attributes"
    panels = embedded(text) if isinstance(text, str) else None
    if not isinstance(panels, list) or not all(isinstance(panel, dict) for panel in panels):
        return "'panelsJSON' must hold a list of panels"
    return None


def _unembedded(value: Any, key: str) -> Any:
    """Strings that hold JSON as `{"__json__": …}`, where writing it again gives the same, or only Kibana reads it."""
    if isinstance(value, dict):
        return {name: _unembedded(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [_unembedded(item, "") for item in value]
    inner = embedded(value) if isinstance(value, str) else None
    if inner is not None and (key.endswith("JSON") or key in _KIBANAS_OWN or embed(inner) == value):
        return {_JSON: _unembedded(inner, "")}
    return value


def _embedded(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {_JSON}:
            return embed(_embedded(value[_JSON]))
        return {name: _embedded(item) for name, item in value.items()}
    return [_embedded(item) for item in value] if isinstance(value, list) else value


@dataclass(frozen=True)
class _Writer:
    """Writes JSON whose strings are expressions of ours wherever they name the namespace or the space."""

    namespace: str
    space: str
    type: str

    def text(self, value: Any, indent: int = 0, path: tuple[str, ...] = ()) -> str:
        """Sorted keys, two blanks a level: as `json.dumps` would, but for the expressions."""
        pad, close = "  " * (indent + 1), "  " * indent
        if isinstance(value, dict) and value:
            rows = (
                f"{pad}{self.string(key)}: {self.text(item, indent + 1, (*path, key))}"
                for key, item in sorted(value.items())
            )
            return "{\n" + ",\n".join(rows) + f"\n{close}}}"
        if isinstance(value, list) and value:
            rows = (f"{pad}{self.text(item, indent + 1, (*path, ''))}" for item in value)
            return "[\n" + ",\n".join(rows) + f"\n{close}]"
        if isinstance(value, str):
            return self.string(value, path)
        return json.dumps(value)

    def string(self, text: str, path: tuple[str, ...] = ()) -> str:
        """A JSON string, or an expression that renders to it.

        The default namespace has no name in a dashboard's title; a data view's name always says which it is.
        """
        is_title = path == ("attributes", "title") and self.type == "dashboard"
        is_name = path == ("attributes", "name")
        parts = self._parts(text)
        suffix = title_suffix(self.namespace)
        plain = parts == [_literal(text)]
        if plain and is_title and text.endswith(suffix):
            parts = [_literal(text.removesuffix(suffix)), "suffix"]
        elif plain and is_name and text.endswith(f" ({self.namespace})"):
            parts = [_literal(text.removesuffix(f"{self.namespace})")), "namespace", _literal(")")]
        elif plain and not any(mark in text for mark in ("${{", "<%", "<#")):
            return json.dumps(text, ensure_ascii=False)
        return "${{ (" + " ~ ".join(parts) + ") | tojson }}"

    def _parts(self, text: str) -> list[str]:
        """The text cut into literals and variables, as expressions."""
        tenant, place = re.escape(self.namespace), re.escape(self.space)
        ends = r"(?![a-z0-9_-]|\.[a-z0-9_])"
        pattern = rf"(?<![a-z0-9_.-])ocs-(?:({_STREAMS})-{tenant}|([a-z0-9_]+)-{tenant}-{place}){ends}"
        parts, end = [], 0
        for found in re.finditer(pattern, text):
            stream, name = found.groups()
            before = text[end : found.start()] + (f"ocs-{stream}-" if stream else "")
            parts += [_literal(before)] if before else []
            parts.append("namespace" if stream else f"object_id({_literal(name)})")
            end = found.end()
        parts += [_literal(text[end:])] if text[end:] or not parts else []
        return parts


def _literal(text: str) -> str:
    """A string in an expression: Jinja2 reads the escapes of JSON, and nothing else in it."""
    return json.dumps(text, ensure_ascii=False)
