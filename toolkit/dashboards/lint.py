"""Checks saved objects before any Kibana sees them: what it would refuse, and what it would show wrong.

Each rule is a function from the objects to sentences. Which Kibana taught which of them: 8.3.3, where nothing else is
said. Of what was frozen only the ids and references are checked: a Kibana, perhaps a later one, has shown the rest,
which may ask for fields that the cluster's own people have added to the mapping.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from toolkit.dashboards.colour import contrast
from toolkit.dashboards.fields import Fields
from toolkit.dashboards.frozen import is_frozen
from toolkit.dashboards.saved_object import OLDEST_SHAPE, SHAPES, SavedObject
from toolkit.dashboards.source import GRID_WIDTH
from toolkit.model import Body

TEXT_CONTRAST = 4.5
"""What small text needs (WCAG 2.1, 1.4.3)."""
_LARGE_CONTRAST = 3.0
_TILE_TEXT = "#343741"
"""Kibana's text on a coloured tile, light theme."""

_ATTRIBUTES = {
    "dashboard": {"title", "description", "kibanaSavedObjectMeta", "timeRestore", "timeFrom", "timeTo",
                  "refreshInterval", "controlGroupInput", "panelsJSON", "optionsJSON", "hits", "version"},
    "index-pattern": {"title", "name", "timeFieldName", "allowNoIndex", "fieldAttrs", "fieldFormatMap",
                      "runtimeFieldMap", "fields", "sourceFilters", "typeMeta"},
    "tag": {"name", "description", "color"},
}  # fmt: skip
_NUMERIC = {"average", "median", "percentile", "sum"}
_FIELD_IN_KQL = re.compile(r"([@A-Za-z_][\w.@]*)\s*(?::|<|>)")
_LAYER_REFERENCE = "indexpattern-datasource-layer-"
"""What stands before a layer's id in the name of the reference to its data view."""


@dataclass(frozen=True)
class Panels:
    """A dashboard with its panels, decoded."""

    dashboard: SavedObject
    panels: Sequence[Body]

    def at(self, panel: Body) -> str:
        """The place of a panel, for a sentence."""
        return f"{self.dashboard.source}: panel {panel['panelIndex']}"


def lint(objects: Sequence[SavedObject], fields: Mapping[str, Fields]) -> list[str]:
    """Everything that is wrong with saved objects; empty: nothing is.

    Args:
        objects: those of one namespace and space.
        fields: data view → field → type, as the index templates have them.
    """
    compiled = [each for each in objects if not is_frozen(each)]
    dashboards = [Panels(o, json.loads(o.body["attributes"]["panelsJSON"])) for o in compiled if o.type == "dashboard"]
    known = {_view_id(objects, name): found for name, found in fields.items()}
    rules: list[Callable[[], Iterator[str]]] = [
        lambda: _ids(objects),
        lambda: _shapes(compiled),
        lambda: _references(objects),
        lambda: (sentence for each in dashboards for sentence in _references_of_panels(each)),
        lambda: (sentence for each in dashboards for sentence in _grid(each)),
        lambda: (sentence for each in dashboards for sentence in _panels(each, known)),
        lambda: (sentence for each in dashboards for sentence in _controls(each, known)),
        lambda: _formats(objects, fields),
        lambda: _links(dashboards, objects),
    ]
    return [sentence for rule in rules for sentence in rule()]


def _view_id(objects: Sequence[SavedObject], name: str) -> str:
    return next((o.id for o in objects if o.type == "index-pattern" and f"ocs-{name}-" in o.id), name)


def _ids(objects: Sequence[SavedObject]) -> Iterator[str]:
    """Two objects with one id are one."""
    seen: set[str] = set()
    for each in objects:
        if each.id in seen:
            yield f"{each.source}: the id {each.id} stands twice"
        seen.add(each.id)


def _shapes(objects: Sequence[SavedObject]) -> Iterator[str]:
    """Another version is refused with 422, an unknown attribute by the mapping."""
    for each in objects:
        versions = {"migrationVersion": {each.type: SHAPES[each.type]}, "coreMigrationVersion": OLDEST_SHAPE}
        for key, value in versions.items():
            if each.body.get(key) != value:
                yield f"{each.source}: {each.type} {each.id}: {key} must be {value}, not {each.body.get(key)}"
        if "typeMigrationVersion" in each.body:
            yield f"{each.source}: {each.type} {each.id}: typeMigrationVersion is unknown before 8.8"
        for unknown in sorted(each.body["attributes"].keys() - _ATTRIBUTES[each.type]):
            yield f"{each.source}: {each.type} {each.id}: Kibana 8.3 has no attribute '{unknown}'"


def _references(objects: Sequence[SavedObject]) -> Iterator[str]:
    """What is referred to must be there."""
    there = {(o.type, o.id) for o in objects}
    for each in objects:
        for name, kind, id_ in sorted(_named(each.body.get("references", []))):
            if (kind, id_) not in there:
                yield f"{each.source}: reference {name} leads to {kind} {id_}, which is not there"


def _references_of_panels(each: Panels) -> Iterator[str]:
    """A panel's own references stand once more at the root, with its name before."""
    inner = {
        (f"{panel['panelIndex']}:{name}", kind, id_)
        for panel in each.panels
        for name, kind, id_ in _named(panel["embeddableConfig"].get("attributes", {}).get("references", []))
    }
    root = _named(each.dashboard.body["references"])
    outer = {r for r in root if ":" in r[0] and not r[0].startswith("controlGroup_")}
    for name, kind, id_ in sorted(inner ^ outer):
        where = "the root" if (name, kind, id_) in inner else "the panel"
        yield f"{each.dashboard.source}: reference {name} to {id_} is missing in {where}"


def _named(references: Sequence[Body]) -> set[tuple[str, str, str]]:
    return {(r["name"], r["type"], r["id"]) for r in references}


def _grid(each: Panels) -> Iterator[str]:
    taken: dict[tuple[int, int], str] = {}
    for panel in each.panels:
        grid = panel["gridData"]
        if grid["i"] != panel["panelIndex"]:
            yield f"{each.at(panel)}: its place in the grid is another panel's"
        if grid["x"] + grid["w"] > GRID_WIDTH:
            yield f"{each.at(panel)}: it is wider than the grid of {GRID_WIDTH} columns"
        for x in range(grid["x"], grid["x"] + grid["w"]):
            for y in range(grid["y"], grid["y"] + grid["h"]):
                other = taken.setdefault((x, y), panel["panelIndex"])
                if other != panel["panelIndex"]:
                    yield f"{each.at(panel)}: it lies over panel {other}"
                    break
            else:
                continue
            break


def _panels(each: Panels, known: Mapping[str, Fields]) -> Iterator[str]:
    for panel in each.panels:
        config = panel["embeddableConfig"]
        if "attributes" in config:
            yield from (f"{each.at(panel)}: {problem}" for problem in _lens(config["attributes"], known))
        elif "savedVis" not in config:
            yield f"{each.at(panel)}: it is not held by value"
        elif config["savedVis"]["type"] == "vega":
            spec = json.loads(config["savedVis"]["params"]["spec"])
            yield from (f"{each.at(panel)}: {problem}" for problem in _vega(spec, known))
        if not panel.get("title") and config.get("savedVis", {}).get("type") != "markdown":
            yield f"{each.at(panel)}: it has no title"


def _lens(attributes: Body, known: Mapping[str, Fields]) -> Iterator[str]:
    state = attributes["state"]
    views = {r["name"]: r["id"] for r in attributes["references"]}
    if "indexpattern" not in state["datasourceStates"]:
        yield "the data source must be 'indexpattern': with 'formBased' it spins for ever on 8.3"
        return
    layers = state["datasourceStates"]["indexpattern"]["layers"]
    asked = [known.get(views.get(_LAYER_REFERENCE + id_, ""), {}) for id_ in layers]
    for layer, fields in zip(layers.values(), asked, strict=True):
        if sorted(layer["columnOrder"]) != sorted(layer["columns"]):
            yield "columnOrder and columns differ"
        yield from _columns(layer["columns"], fields)
    columns = {name for layer in layers.values() for name in layer["columns"]}
    yield from (
        f"the visualization names column {name}, which is not there"
        for name in sorted(_accessors(state["visualization"]) - columns)
    )
    yield from _unknown(_kql_fields(state["query"]["query"]), {name: "" for fields in asked for name in fields})
    yield from _drawing(attributes["visualizationType"], state["visualization"])


def _columns(columns: Body, fields: Fields) -> Iterator[str]:
    for name, column in columns.items():
        for reference in column.get("references", []):
            if reference not in columns:
                yield f"column {name} needs column {reference}, which is not there"
        if "filter" in column:
            yield from _unknown(_kql_fields(column["filter"]["query"]), fields)
        field = column.get("sourceField", "___records___")
        if field == "___records___":
            continue
        yield from _unknown([field], fields)
        kind = fields.get(field)
        if column["operationType"] in _NUMERIC and kind != "number":
            yield f"column {name}: {column['operationType']} of {field}, which is a {kind}"
        if column["operationType"] == "date_histogram" and kind != "date":
            yield f"column {name}: a time axis of {field}, which is a {kind}"
        if column["operationType"] in ("last_value", "min", "max", "terms") and column["dataType"] != kind:
            yield f"column {name} is said to be a {column['dataType']}, and {field} is a {kind}"
    labels = [c.get("label", "") for c in columns.values()]
    labels = [label for label in labels if not label.startswith("Part of ")]
    if not all(labels) or len(set(labels)) != len(labels):
        yield f"columns need labels that differ: {', '.join(map(repr, labels))}"


def _drawing(kind: str, visualization: Body) -> Iterator[str]:
    """Axes say what they measure; every series has a colour of its own, or colours change from load to load."""
    if kind == "lnsXY":
        if not visualization.get("xTitle") or not visualization.get("yTitle"):
            yield "an axis has no title"
        if str(visualization.get("curveType", "")).startswith("CURVE_STEP"):
            yield "CURVE_STEP is accepted and fails to render"
        for layer in visualization["layers"]:
            coloured = {c["forAccessor"] for c in layer.get("yConfig", []) if c.get("color")}
            if "splitAccessor" not in layer and coloured != set(layer["accessors"]):
                yield "a series has no colour of its own"
    if kind == "lnsMetric" and "palette" in visualization:
        for stop in visualization["palette"]["params"]["stops"]:
            if contrast(_TILE_TEXT, stop["color"]) < _LARGE_CONTRAST:
                yield f"text cannot be read on {stop['color']}: contrast {contrast(_TILE_TEXT, stop['color']):.1f}"


def _vega(spec: Body, known: Mapping[str, Fields]) -> Iterator[str]:
    if spec.get("$schema") != "https://vega.github.io/schema/vega/v5.json":
        yield "the specification must name Vega 5"
    for data in spec["data"]:
        url = data.get("url")
        if isinstance(url, str):
            yield f"data set {data['name']} would be fetched from {url}"
        elif isinstance(url, dict):
            fields = next((f for id_, f in known.items() if _serves(id_, url["index"])), None)
            if fields is None:
                yield f"data set {data['name']} asks {url['index']}, which no data view shows"
                continue
            yield from _unknown(_dsl_fields(url["body"]), fields)
            if "%dashboard_context" not in json.dumps(url["body"]["query"]) and "dead-letters" not in url["index"]:
                yield f"data set {data['name']} does not follow the dashboard's filters"


def _serves(view_id: str, index: str) -> bool:
    view = {"events": "campaign-groups", "current": "current-state", "dead_letters": "dead-letters"}
    return any(f"ocs-{name}-" in view_id and index.startswith(f"ocs-{stream}-") for name, stream in view.items())


def _controls(each: Panels, known: Mapping[str, Fields]) -> Iterator[str]:
    group = each.dashboard.body["attributes"]["controlGroupInput"]
    views = {
        r["name"].removeprefix("controlGroup_").removesuffix(":optionsListDataView"): r["id"]
        for r in each.dashboard.body["references"]
        if r["name"].startswith("controlGroup_")
    }
    for id_, control in json.loads(group["panelsJSON"]).items():
        field = control["explicitInput"]["fieldName"]
        for problem in _unknown([field], known.get(views.get(id_, ""), {})):
            yield f"{each.dashboard.source}: control {control['explicitInput']['title']}: {problem}"


def _formats(objects: Sequence[SavedObject], fields: Mapping[str, Fields]) -> Iterator[str]:
    for name, known in fields.items():
        view = next((o for o in objects if o.id == _view_id(objects, name)), None)
        if view is None:
            yield f"data view {name} is not there"
            continue
        if is_frozen(view):
            continue
        formats = json.loads(view.body["attributes"].get("fieldFormatMap", "{}"))
        yield from (f"{view.source}: {problem}" for problem in _unknown(formats, known))
        for field, form in formats.items():
            for rule in form["params"].get("colors", []) if form["id"] == "color" else []:
                if contrast(rule["text"], rule["background"]) < TEXT_CONTRAST:
                    yield f"{view.source}: {field}: {rule['text']} cannot be read on {rule['background']}"


def _links(dashboards: Sequence[Panels], objects: Sequence[SavedObject]) -> Iterator[str]:
    ids = {o.id for o in objects}
    for each in dashboards:
        texts = [p["embeddableConfig"]["savedVis"]["params"]["markdown"] for p in each.panels if _is_text(p)]
        for target in re.findall(r"\(#/view/([^)]+)\)", "\n".join(texts)):
            if target not in ids:
                yield f"{each.dashboard.source}: a link leads to dashboard {target}, which is not there"


def _is_text(panel: Body) -> bool:
    return bool(panel["embeddableConfig"].get("savedVis", {}).get("type") == "markdown")


def _unknown(names: Any, fields: Fields) -> Iterator[str]:
    yield from (f"no field '{name}'" for name in names if name not in fields)


def _accessors(value: Any) -> set[str]:
    """Every column that a visualization names."""
    found: set[str] = set()
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("accessor", "xAccessor", "splitAccessor", "columnId", "forAccessor"):
                found.add(inner)
            elif key == "accessors":
                found |= set(inner)
            else:
                found |= _accessors(inner)
    elif isinstance(value, list):
        found = {name for item in value for name in _accessors(item)}
    return found


def _kql_fields(query: str) -> list[str]:
    """The fields in KQL, which stand before ':' or '<'; what is quoted is a value."""
    return _FIELD_IN_KQL.findall(re.sub(r'"(?:[^"\\]|\\.)*"', '""', query))


def _dsl_fields(value: Any) -> list[str]:
    """The fields that a search names."""
    found: list[str] = []
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "field" and isinstance(inner, str):
                found.append(inner)
            elif key in ("range", "term", "terms", "prefix") and isinstance(inner, dict) and "field" not in inner:
                found += inner
            elif key == "sort":
                found += [name for item in inner for name in ([item] if isinstance(item, str) else item)]
            elif key == "docvalue_fields":
                found += [item if isinstance(item, str) else item["field"] for item in inner]
            elif key not in ("params",):
                found += _dsl_fields(inner)
    elif isinstance(value, list):
        found = [name for item in value for name in _dsl_fields(item)]
    return found
