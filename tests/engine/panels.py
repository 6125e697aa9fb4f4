"""What a panel asks, as searches of an engine: so that its answer can be compared with what really happened.

Kibana builds its own searches from the same source; these are those of Kibana 8.3, as far as they cost anything. What
OpenSearch does not know of them is put in other words for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from tests.running import Engine
from toolkit.dashboards.conditions import NO_VERIFY, Has, dsl
from toolkit.dashboards.saved_object import SavedObject
from toolkit.dashboards.source import Measure, Series, Table, Tile
from toolkit.model import Body
from toolkit.ocs.message import iso

_BUCKETS = 50
"""Parts of a time range."""
_TERMS_MAX = 1000


@dataclass(frozen=True, slots=True)
class Window:
    """A time range, in milliseconds since 1970 UTC; the end belongs to it."""

    from_ms: int
    to_ms: int

    @property
    def step_ms(self) -> int:
        """What a part of a histogram takes."""
        return max((self.to_ms - self.from_ms) // _BUCKETS, 1)


def search(chart: Tile | Series | Table, window: Window, scripts: Mapping[str, str]) -> Body:
    """The search that answers a panel's question.

    Args:
        chart: what the panel shows.
        window: the time range; the latest-state index does not follow it.
        scripts: runtime field → the expression that computes it; see `expressions`.
    """
    where = () if isinstance(chart, Tile) else chart.where
    filters = [dsl((NO_VERIFY, *where) if chart.data == "events" else where)]
    if chart.data != "current":
        filters.append(
            {"range": {"@timestamp": {"gte": window.from_ms, "lte": window.to_ms, "format": "epoch_millis"}}}
        )
    return {
        "size": 0,
        "track_total_hits": True,
        "query": {"bool": {"filter": filters}},
        "aggs": _levels(list(_buckets(chart, window)), _figures(chart, scripts)),
    }


def rows(chart: Tile | Series | Table, answer: Body) -> list[dict[str, Any]]:
    """The figures in an answer: a row for each bucket, by the labels that people read (`x` is the axis)."""
    names = [name for name, _ in _buckets(chart, Window(0, 1))]
    whole = {"doc_count": answer["hits"]["total"]["value"], **answer.get("aggregations", {})}
    return list(_rows(chart, names, whole, {}))


def ask(engine: Engine, index: str, body: Body) -> Body:
    """A search's answer; OpenSearch is asked for a hit where Elasticsearch is asked for a hit's figures alone."""
    path = f"/{index}/_search"
    if engine.server.distribution != "opensearch":
        return cast("Body", engine.transport.post(path, body))
    answer = engine.transport.post(path, with_top_hits(body))
    if "aggregations" in answer:
        answer["aggregations"] = _with_top_metrics(answer["aggregations"])
    return cast("Body", answer)


def expressions(objects: Iterable[SavedObject]) -> dict[str, str]:
    """Runtime field → the expression that computes it, for engines that have no runtime fields."""
    views = (
        json.loads(o.body["attributes"].get("runtimeFieldMap", "{}")) for o in objects if o.type == "index-pattern"
    )
    return {
        name: field["script"]["source"].removeprefix("emit(").removesuffix(")")
        for view in views
        for name, field in view.items()
    }


def vega_searches(spec: Body, window: Window) -> dict[str, tuple[str, Body]]:
    """Data set → index and search of a Vega specification, with the time range put in and no filters chosen."""
    return {
        data["name"]: (data["url"]["index"], _filled(data["url"]["body"], window))
        for data in spec["data"]
        if isinstance(data.get("url"), dict)
    }


def _levels(buckets: list[tuple[str, Body]], figures: Body) -> Body:
    """The buckets inside each other, and the figures in the innermost."""
    inner = figures
    for name, bucket in reversed(buckets):
        inner = {name: {**bucket, "aggs": inner}}
    return inner


def _buckets(chart: Tile | Series | Table, window: Window) -> Iterator[tuple[str, Body]]:
    match chart:
        case Series():
            if chart.x == "@timestamp":
                interval = {"field": chart.x, "fixed_interval": f"{window.step_ms}ms", "min_doc_count": 1}
                yield "x", {"date_histogram": interval}
            else:
                yield "x", {"terms": {"field": chart.x, "size": chart.size}}
        case Table():
            for i, row in enumerate(chart.rows):
                missing = {"missing": "(none)"} if row.missing else {}
                yield f"r{i}", {"terms": {"field": row.field, "size": min(row.size, _TERMS_MAX), **missing}}


def _measures(chart: Tile | Series | Table) -> tuple[Measure, ...]:
    return (chart.measure,) if isinstance(chart, Tile) else chart.measures


def _figures(chart: Tile | Series | Table, scripts: Mapping[str, str]) -> Body:
    figures = {f"m{i}": _figure(measure, scripts) for i, measure in enumerate(_measures(chart))}
    return {name: figure for name, figure in figures.items() if figure}


def with_top_hits(body: Any) -> Any:
    """A search with a hit for each `top_metrics`, which OpenSearch does not know."""
    if isinstance(body, list):
        return [with_top_hits(each) for each in body]
    if not isinstance(body, dict):
        return body
    if top := body.get("top_metrics"):
        metrics = top["metrics"] if isinstance(top["metrics"], list) else [top["metrics"]]
        fields = [metric["field"] for metric in metrics]
        return {"top_hits": {"size": 1, "sort": [top["sort"]], "_source": False, "docvalue_fields": fields}}
    return {key: with_top_hits(each) for key, each in body.items()}


def _with_top_metrics(found: Any) -> Any:
    """Aggregations with the answer of a `top_metrics` for each hit."""
    if isinstance(found, list):
        return [_with_top_metrics(each) for each in found]
    if not isinstance(found, dict):
        return found
    if "hits" in found:
        return {"top": [_metrics(hit) for hit in found["hits"]["hits"]]}
    return {key: _with_top_metrics(each) for key, each in found.items()}


def _metrics(hit: Body) -> Body:
    fields = {field: values[0] for field, values in hit.get("fields", {}).items()}
    return {"sort": [iso(milliseconds) for milliseconds in hit["sort"]], "metrics": fields}


def _figure(measure: Measure, scripts: Mapping[str, str]) -> Body:
    """What passes the measure's filter, and its figure; their number needs none."""
    where = measure.where
    inner: Body
    of: Body = {"field": measure.field}
    if measure.field in scripts:
        of = {"script": {"source": scripts[measure.field]}}
    match measure.operation:
        case "count":
            return {"filter": dsl(where)} if where else {}
        case "groups":
            inner = {"cardinality": {"field": "ocs.campaign_group.guid"}}
        case "average":
            inner = {"avg": of}
        case "minimum" | "maximum":
            inner = {measure.operation[:3]: of}
        case _:
            where = (*where, Has(measure.field))
            inner = {"top_metrics": {"metrics": of, "size": 1, "sort": {"@timestamp": "desc"}}}
    return {"filter": dsl(where), "aggs": {"figure": inner}} if where else inner


def _rows(
    chart: Tile | Series | Table, names: list[str], level: Body, above: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    if not names:
        found = {each.label: _read(each, level.get(f"m{i}", level)) for i, each in enumerate(_measures(chart))}
        yield {**above, **found}
        return
    name, *rest = names
    label = chart.rows[int(name[1:])].label if isinstance(chart, Table) else name
    for bucket in level[name]["buckets"]:
        yield from _rows(chart, rest, bucket, {**above, label: bucket["key"]})


def _read(measure: Measure, found: Body) -> Any:
    if measure.operation == "count":
        return found["doc_count"]
    figure = found.get("figure", found)
    if measure.operation == "last":
        return figure["top"][0]["metrics"][measure.field] if figure["top"] else None
    value = figure["value"]
    return value / measure.divide if measure.divide and value is not None else value


def _filled(value: Any, window: Window) -> Any:
    """A search with Kibana's placeholders replaced as Kibana does it."""
    if isinstance(value, list):
        return [_filled(item, window) for item in value if not str(item).startswith("%dashboard_context")]
    if not isinstance(value, dict):
        return value
    if value.get("%timefilter%") is True:
        return {"gte": window.from_ms, "lte": window.to_ms, "format": "epoch_millis"}
    if "%timefilter%" in value:
        base = window.from_ms if value["%timefilter%"] == "min" else window.to_ms
        return base + value.get("shift", 0) * {"h": 3_600_000, "d": 86_400_000}[value.get("unit", "h")]
    return {key: _filled(item, window) for key, item in value.items()}
