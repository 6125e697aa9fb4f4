"""Tiles, series and tables to Lens: the shapes that Kibana 8.3 writes, which every later one migrates.

Each panel has one layer. Columns are named by their position, so that the same source always gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from toolkit.dashboards.conditions import NO_VERIFY, Condition, Has, kql
from toolkit.dashboards.fields import Fields
from toolkit.dashboards.source import Measure, Row, Series, Table, Tile
from toolkit.model import Body

LAYER = "layer"
NEUTRAL = "#0072B2"
"""The colour of what has no colour of its own."""

_OPERATIONS = {"count": "count", "groups": "unique_count", "average": "average", "minimum": "min",
               "maximum": "max", "last": "last_value"}  # fmt: skip
_GUID = "ocs.campaign_group.guid"


@dataclass(frozen=True)
class Lens:
    """What a panel asks, and how it is drawn."""

    visualization_type: str
    columns: dict[str, Body]
    """In the order in which Lens computes them: buckets first."""
    visualization: Body
    query: str
    """KQL that holds for the whole panel."""

    def attributes(self, data_view_id: str) -> Body:
        """The attributes of a Lens saved object, for a panel that holds it by value."""
        names = ("indexpattern-datasource-current-indexpattern", f"indexpattern-datasource-layer-{LAYER}")
        layer = {"columnOrder": list(self.columns), "columns": self.columns, "incompleteColumns": {}}
        return {
            "title": "",
            "description": "",
            "type": "lens",
            "visualizationType": self.visualization_type,
            "references": [{"type": "index-pattern", "id": data_view_id, "name": name} for name in names],
            "state": {
                "datasourceStates": {"indexpattern": {"layers": {LAYER: layer}}},
                "visualization": self.visualization,
                "query": {"query": self.query, "language": "kuery"},
                "filters": [],
            },
        }


def lens(chart: Tile | Series | Table, fields: Fields) -> Lens:
    """A panel's chart in Lens's shape.

    Args:
        chart: what the panel shows.
        fields: those of its data view.

    Raises:
        KeyError: a field that the data view does not have.
    """
    match chart:
        case Tile():
            return _tile(chart, fields)
        case Series():
            return _series(chart, fields)
        case Table():
            return _table(chart, fields)


def _tile(chart: Tile, fields: Fields) -> Lens:
    columns = _measures([chart.measure], fields)
    visualization: Body = {
        "layerId": LAYER,
        "layerType": "data",
        "accessor": "m0",
        "size": "xl",
        "textAlign": "center",
        "titlePosition": "bottom",
    }
    if chart.measure.colour:
        visualization |= {"colorMode": "Background", "palette": _one_colour(chart.measure.colour)}
    return Lens("lnsMetric", columns, visualization, _query(chart.data, ()))


def _one_colour(colour: str) -> Body:
    """A palette that gives every number the same colour."""
    params = {
        "name": "custom",
        "reverse": False,
        "rangeType": "number",
        "rangeMin": None,
        "rangeMax": None,
        "progression": "fixed",
        "continuity": "all",
        "steps": 1,
        "maxSteps": 5,
        "colorStops": [{"color": colour, "stop": None}],
        "stops": [{"color": colour, "stop": 1}],
    }
    return {"name": "custom", "type": "palette", "params": params}


def _series(chart: Series, fields: Fields) -> Lens:
    columns = {"x": _axis(chart, fields)}
    columns |= _measures(chart.measures, fields)
    accessors = [f"m{i}" for i in range(len(chart.measures))]
    kind = {"lines": "line", "bars": "bar_stacked", "rows": "bar_horizontal_stacked"}[chart.shape]
    layer = {
        "layerId": LAYER,
        "layerType": "data",
        "seriesType": kind,
        "xAccessor": "x",
        "accessors": accessors,
        "position": "top",
        "showGridlines": False,
        "yConfig": [
            {"forAccessor": accessor, "color": measure.colour or NEUTRAL}
            for accessor, measure in zip(accessors, chart.measures, strict=True)
        ],
    }
    shown = {"x": True, "yLeft": True, "yRight": True}
    visualization = {
        "layers": [layer],
        "preferredSeriesType": kind,
        "legend": {"isVisible": len(accessors) > 1, "position": "bottom"},
        "valueLabels": "show" if chart.shape == "rows" and len(accessors) == 1 else "hide",
        "fittingFunction": "None",
        "xTitle": chart.x_title,
        "yTitle": chart.y_title,
        "axisTitlesVisibilitySettings": shown,
        "tickLabelsVisibilitySettings": shown,
        "gridlinesVisibilitySettings": {"x": False, "yLeft": True, "yRight": False},
        "labelsOrientation": {"x": 0, "yLeft": 0, "yRight": 0},
        "yLeftExtent": {"mode": "full"},
    }
    return Lens("lnsXY", columns, visualization, _query(chart.data, chart.where))


def _table(chart: Table, fields: Fields) -> Lens:
    columns = {f"r{i}": _row(row, fields) for i, row in enumerate(chart.rows)} | _measures(chart.measures, fields)
    shown: list[Body] = [
        {"columnId": f"r{i}", "isTransposed": False, **_width(row), **({"hidden": True} if row.hidden else {})}
        for i, row in enumerate(chart.rows)
    ]
    shown += [{"columnId": f"m{i}", "isTransposed": False, **_width(each)} for i, each in enumerate(chart.measures)]
    labels = [measure.label for measure in chart.measures]
    by = {"columnId": f"m{labels.index(chart.sort)}" if chart.sort else "r0"}
    visualization = {
        "layerId": LAYER,
        "layerType": "data",
        "columns": shown,
        "sorting": {**by, "direction": "desc" if chart.descending else "asc"},
        "paging": {"size": 20, "enabled": True},
        "rowHeight": "single",
        "rowHeightLines": 1,
    }
    return Lens("lnsDatatable", columns, visualization, _query(chart.data, chart.where))


def _width(column: Row | Measure) -> Body:
    return {"width": column.width} if column.width else {}


def _query(data: str, where: tuple[Condition, ...]) -> str:
    """The transform leaves the messages of `verify` out of the latest-state index; elsewhere the panel does."""
    return kql((NO_VERIFY, *where) if data == "events" else where)


def _axis(chart: Series, fields: Fields) -> Body:
    if chart.x != "@timestamp":
        return _terms(chart.x, chart.x_title, chart.size, fields, order="m0")
    # A line must not run through a time without messages, so its empty parts are kept; no bars read "No results".
    params = {"interval": "auto", "includeEmptyRows": chart.shape == "lines", "dropPartials": False}
    return _column(chart.x_title, "date", "date_histogram", chart.x, "interval", params)


def _row(row: Row, fields: Fields) -> Body:
    column = _terms(row.field, row.label, row.size, fields, order=None)
    if row.missing:  # Lens looks for them together with what is beyond the size only
        column["params"] |= {"otherBucket": True, "missingBucket": True}
    return column


def _terms(field: str, label: str, size: int, fields: Fields, *, order: str | None) -> Body:
    """A bucket for each value: the alphabetically first, or those with the highest figure."""
    params = {
        "size": size,
        "orderBy": {"type": "column", "columnId": order} if order else {"type": "alphabetical", "fallback": False},
        "orderDirection": "desc" if order else "asc",
        "otherBucket": False,
        "missingBucket": False,
        "parentFormat": {"id": "terms"},
    }
    return _column(label, fields[field], "terms", field, "ordinal", params)


def _measures(measures: Sequence[Measure], fields: Fields) -> dict[str, Body]:
    """The columns m0, m1 …, and behind each the hidden ones that a formula is made of."""
    return {name: column for i, each in enumerate(measures) for name, column in _measure(f"m{i}", each, fields)}


def _measure(name: str, measure: Measure, fields: Fields) -> Iterator[tuple[str, Body]]:
    if measure.divide is None:
        yield name, _plain(measure, measure.label, fields)
        return
    part = f"Part of {measure.label}"
    inner = _plain(replace(measure, format=None), part, fields)
    condition = f", kql='{inner['filter']['query']}'" if "filter" in inner else ""
    formula = f"{inner['operationType']}({measure.field}{condition}) / {measure.divide}"
    params = {"formula": formula, "isFormulaBroken": False, **_format(measure)}
    ast = {
        "type": "function",
        "name": "divide",
        "args": [f"{name}X0", measure.divide],
        "location": {"min": 0, "max": len(formula)},
        "text": formula,
    }
    math = _column(part, "number", "math", "", "ratio", {"tinymathAst": ast})
    yield name, _column(measure.label, "number", "formula", "", "ratio", params) | {"references": [f"{name}X1"]}
    yield f"{name}X0", inner
    yield f"{name}X1", math | {"references": [f"{name}X0"]}


def _plain(measure: Measure, label: str, fields: Fields) -> Body:
    operation = _OPERATIONS[measure.operation]
    params: Body = _format(measure)
    where = measure.where
    match measure.operation:
        case "count":
            field, kind, params = "___records___", "number", {**params, "emptyAsNull": False}
        case "groups":
            field, kind, params = _GUID, "number", {**params, "emptyAsNull": False}
        case "last":
            field, kind = measure.field, fields[measure.field]
            params = {**params, "sortField": "@timestamp", "showArrayValues": False}
            where = (*where, Has(field))
        case _:
            field, kind = measure.field, fields[measure.field]
    column = _column(label, kind, operation, field, "ordinal" if kind == "string" else "ratio", params)
    return {**column, "filter": {"query": kql(where), "language": "kuery"}} if where else column


def _format(measure: Measure) -> Body:
    if measure.format is None:
        return {}
    return {"format": {"id": measure.format, "params": {"decimals": 0}}}


def _column(label: str, kind: str, operation: str, field: str, scale: str, params: Body) -> Body:  # noqa: PLR0917
    column = {
        "label": label,
        "customLabel": True,
        "dataType": kind,
        "operationType": operation,
        "isBucketed": operation in ("date_histogram", "terms"),
        "scale": scale,
        "params": params,
    }
    return {**column, "sourceField": field} if field else column
