"""Saved objects for tests only: small dashboards that are imported, looked at and deleted.

They are written by hand on purpose: what checks the compiled dashboards must not be compiled by the same code.
Bodies have the 8.3.0 shape, which every Kibana from 8.3 on accepts.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from tests.kibana.api import Body

NO_QUERY = {"query": "", "language": "kuery"}


def data_view(id_: str, title: str, *, time_field: str | None = "@timestamp", **attributes: Any) -> Body:
    """A data view; attributes that are not text (formats, runtime fields) become the JSON text that Kibana keeps."""
    named: Body = {"title": title, "name": id_} | ({"timeFieldName": time_field} if time_field else {})
    written = {key: value if isinstance(value, str) else json.dumps(value) for key, value in attributes.items()}
    return _saved("index-pattern", id_, named | written, [], {"index-pattern": "8.0.0"})


@dataclass(frozen=True)
class Panel:
    """One panel: what Kibana keeps of it, the data views that it refers to, and its height in grid rows."""

    title: str
    type: str
    config: Body
    data_views: dict[str, str] = field(default_factory=dict)  # name of the reference → data view
    height: int = 8


def lens(title: str, kind: str, view: str, columns: dict[str, Body], visualization: Body, **options: Any) -> Panel:
    """A Lens panel of one layer; `source` names the key of the data source, `height` its grid rows."""
    layer = {"columns": columns, "columnOrder": list(columns), "incompleteColumns": {}}
    state = {
        "datasourceStates": {options.get("source", "indexpattern"): {"layers": {"l": layer}}},
        "visualization": visualization,
        "query": {"query": options.get("query", ""), "language": "kuery"},
        "filters": [],
    }
    references = {f"indexpattern-datasource-{part}": view for part in ("current-indexpattern", "layer-l")}
    attributes = {
        "title": "",
        "type": "lens",
        "visualizationType": kind,
        "references": [_reference(name, id_) for name, id_ in references.items()],
        "state": state,
    }
    return Panel(title, "lens", {"attributes": attributes, "enhancements": {}}, references, options.get("height", 8))


def table(title: str, view: str, columns: dict[str, Body], **options: Any) -> Panel:
    shown = {"layerId": "l", "layerType": "data", "columns": [{"columnId": key} for key in columns]}
    return lens(title, "lnsDatatable", view, columns, shown | options.pop("visualization", {}), **options)


def metric(title: str, view: str, column: Body, **options: Any) -> Panel:
    shown = {"layerId": "l", "layerType": "data", "accessor": "m"} | options.pop("visualization", {})
    return lens(title, "lnsMetric", view, {"m": column} | options.pop("inner", {}), shown, **options)


def bars(title: str, view: str, x: Body, y: Body, **options: Any) -> Panel:
    layer = {"layerId": "l", "layerType": "data", "seriesType": "bar_stacked", "accessors": ["y"], "xAccessor": "x"}
    shown = {
        "layers": [layer],
        "preferredSeriesType": "bar_stacked",
        "legend": {"isVisible": True, "position": "right"},
        "valueLabels": "hide",
    }
    return lens(title, "lnsXY", view, {"x": x, "y": y}, shown | options.pop("visualization", {}), **options)


def vega(title: str, spec: Body | str, *, height: int = 12) -> Panel:
    text = spec if isinstance(spec, str) else json.dumps(spec)
    return _visualization(title, "vega", {"spec": text}, height)


def markdown(title: str, text: str) -> Panel:
    return _visualization(title, "markdown", {"fontSize": 12, "markdown": text, "openLinksInNewTab": False}, 4)


def _visualization(title: str, kind: str, params: Body, height: int) -> Panel:
    data = {"aggs": [], "searchSource": {"query": NO_QUERY, "filter": []}}
    saved = {"title": "", "description": "", "type": kind, "params": params, "uiState": {}, "data": data}
    return Panel(title, "visualization", {"savedVis": saved, "enhancements": {}}, {}, height)


def count(label: str = "Messages", **more: Any) -> Body:
    return column(label, "count", "___records___", params={"emptyAsNull": False}, **more)


def column(label: str, operation: str, source: str, *, kind: str = "number", **more: Any) -> Body:
    """A Lens column; `kind` is its dataType."""
    bucketed = operation in ("terms", "date_histogram", "filters")
    scale = "interval" if operation == "date_histogram" else "ordinal" if kind == "string" else "ratio"
    named = {"label": label, "customLabel": True, "dataType": kind, "operationType": operation, "scale": scale}
    return named | {"isBucketed": bucketed, "sourceField": source} | more


def terms(label: str, source: str, *, size: int = 100) -> Body:
    """The values of a keyword, alphabetically."""
    params = {
        "size": size,
        "orderBy": {"type": "alphabetical"},
        "orderDirection": "asc",
        "otherBucket": False,
        "missingBucket": False,
        "parentFormat": {"id": "terms"},
    }
    return column(label, "terms", source, kind="string", params=params)


def over_time(label: str = "Time") -> Body:
    return column(label, "date_histogram", "@timestamp", kind="date", params={"interval": "auto"})


def dashboard(
    id_: str,
    panels: list[Panel],
    *,
    time_range: tuple[str, str] = ("now-24h", "now"),
    controls: dict[str, tuple[str, str]] | None = None,
) -> Body:
    """Panels one below the other over the whole width; controls: title → data view, field."""
    rows, written, references = 0, [], []
    for number, panel in enumerate(panels):
        index = f"p{number}"
        grid = {"x": 0, "y": rows, "w": 48, "h": panel.height, "i": index}
        rows += panel.height
        place = {"version": "8.3.0", "type": panel.type, "panelIndex": index, "gridData": grid, "title": panel.title}
        written.append(place | {"embeddableConfig": panel.config})
        references += [_reference(f"{index}:{name}", view) for name, view in panel.data_views.items()]
    attributes: Body = {
        "title": id_,
        "description": "",
        "version": 1,
        "timeRestore": True,
        "timeFrom": time_range[0],
        "timeTo": time_range[1],
        "refreshInterval": {"pause": True, "value": 60000},
        "optionsJSON": json.dumps({"useMargins": True, "syncColors": False, "hidePanelTitles": False}),
        "panelsJSON": json.dumps(written),
        "kibanaSavedObjectMeta": {"searchSourceJSON": json.dumps({"query": NO_QUERY, "filter": []})},
    }
    if controls:
        attributes["controlGroupInput"] = _controls(controls)
        views = {f"controlGroup_c{at}:optionsListDataView": view for at, (view, _) in enumerate(controls.values())}
        references += [_reference(name, view) for name, view in views.items()]
    return _saved("dashboard", id_, attributes, references, {"dashboard": "8.3.0"})


def _controls(controls: dict[str, tuple[str, str]]) -> Body:
    ignore = dict.fromkeys(("ignoreFilters", "ignoreQuery", "ignoreTimerange", "ignoreValidations"), False)
    panels = {}
    for order, (title, (_, name)) in enumerate(controls.items()):
        chosen = {"id": f"c{order}", "fieldName": name, "title": title, "selectedOptions": [], "enhancements": {}}
        shown = {"order": order, "width": "medium", "grow": True, "type": "optionsListControl"}
        panels[f"c{order}"] = shown | {"explicitInput": chosen}
    return {
        "controlStyle": "oneLine",
        "chainingSystem": "HIERARCHICAL",
        "ignoreParentSettingsJSON": json.dumps(ignore),
        "panelsJSON": json.dumps(panels),
    }


def _reference(name: str, view: str) -> Body:
    return {"type": "index-pattern", "id": view, "name": name}


def _saved(type_: str, id_: str, attributes: Body, references: list[Body], version: Body) -> Body:
    head = {"type": type_, "id": id_, "migrationVersion": version, "coreMigrationVersion": "8.3.0"}
    return head | {"attributes": attributes, "references": references}
