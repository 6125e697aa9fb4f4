"""What a dashboard shows, and what is wrong with it. The browser that looks is in browser.py."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.kibana.api import Body


@dataclass(frozen=True)
class Search:
    """One search that the page made for a panel: what was asked of Elasticsearch, and its whole answer."""

    index: str
    body: Body
    answer: Body

    @property
    def faults(self) -> Iterator[str]:
        """What Kibana may keep to itself: a search that failed, met no index, or only part of one."""
        shards = self.answer.get("_shards", {})
        if "error" in self.answer:
            yield f"has a search that is refused: {json.dumps(self.answer['error'])[:300]}"
        elif shards.get("total") == 0:
            yield f"searches no index: {self.index} is not there"
        if shards.get("failed"):
            reasons = {failure["reason"].get("reason") for failure in shards.get("failures", [])}
            yield f"misses {shards['failed']} of {shards['total']} shards: {', '.join(sorted(map(str, reasons)))}"
        if self.answer.get("timed_out"):
            yield "has a search that timed out"

    @property
    def found(self) -> bool:
        """Whether the answer holds anything to draw."""
        if "aggregations" in self.answer:
            return any(map(_holds, self.answer["aggregations"].values()))
        return bool(self.answer.get("hits", {}).get("total"))

    def counts(self, figures: int) -> bool:
        """Whether one of a chart's figures counts without a filter: that is in no figure but the bucket's own count."""
        aggregations = self.answer.get("aggregations", {}).values()
        buckets = [bucket for each in aggregations for bucket in each.get("buckets", ()) if isinstance(bucket, dict)]
        return any(bucket["doc_count"] and 0 < len(_parts(bucket)) < figures for bucket in buckets)


def _holds(aggregation: Any) -> bool:
    """Whether an aggregation or a bucket holds a document in an innermost bucket, or a metric's value."""
    if not isinstance(aggregation, dict) or aggregation.get("doc_count") == 0:
        return False
    if "value" in aggregation:
        return aggregation["value"] is not None
    if "values" in aggregation:  # percentiles
        values = aggregation["values"]
        return any(value is not None for value in (values.values() if isinstance(values, dict) else values))
    if "hits" in aggregation or "top" in aggregation:  # a last value
        return bool(aggregation.get("top") or aggregation.get("hits", {}).get("hits"))
    buckets = aggregation.get("buckets")
    inner = list(buckets.values() if isinstance(buckets, dict) else buckets or ())
    inner += _parts(aggregation)
    return any(map(_holds, inner)) if inner or buckets is not None else bool(aggregation.get("doc_count"))


def _parts(aggregation: Body) -> list[Body]:
    return [part for key, part in aggregation.items() if isinstance(part, dict) and key not in ("buckets", "meta")]


@dataclass(frozen=True)
class Panel:
    """One panel as a person sees it.

    `rows` and `header` are a Lens table's visible cells (the page holds no others), `metrics` a Lens metric's values,
    `legend` a Lens chart's entries, `texts` and `marks` what a Vega panel with the SVG renderer draws (None for a
    canvas that is not blank). Lens draws its charts on a canvas: what they show is in `searches`, the
    latest last. Where two panels ask the very same, Kibana searches once, and only the first of them has it.
    """

    id: str
    title: str
    found: bool = True
    rendered: bool = True
    errors: tuple[str, ...] = ()
    text: str = ""
    empty: str | None = None
    header: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    metrics: tuple[str, ...] = ()
    legend: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    marks: int | None = None
    searches: tuple[Search, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Control:
    """One control above the panels."""

    id: str
    title: str
    found: bool = True
    rendered: bool = True
    errors: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rendered:
    """A dashboard that was looked at; `limit_s` is how long it had."""

    dashboard: str
    limit_s: float
    panels: tuple[Panel, ...]
    controls: tuple[Control, ...] = ()
    messages: tuple[str, ...] = ()

    def panel(self, title: str) -> Panel:
        found = [panel for panel in self.panels if panel.title == title]
        assert len(found) == 1, f"{len(found)} panels are called {title!r}: {[panel.title for panel in self.panels]}"
        return found[0]


def faults(result: Rendered, expected_empty: Collection[str] = ()) -> list[str]:
    """What is wrong, a sentence each; none: the dashboard is whole.

    A panel whose title is in `expected_empty` must show its empty state, every other must show something else.
    """
    unknown = set(expected_empty) - {panel.title for panel in result.panels}
    found = [f"No panel is called {title!r}, though it should be empty." for title in sorted(unknown)]
    found += [f"Kibana says: {message.rstrip('.')}." for message in result.messages]
    for control in result.controls:
        found += [f"Control {control.title!r} {fault}." for fault in _unready(control, result.limit_s)]
    for panel in result.panels:
        wrong = list(_unready(panel, result.limit_s)) or list(_wrong(panel, panel.title in expected_empty))
        found += [f"Panel {panel.title!r} {fault}." for fault in wrong]
    return found


def _unready(part: Panel | Control, limit_s: float) -> Iterator[str]:
    if not part.found:
        yield f"is not on the page after {limit_s:g} s"
    elif part.errors:
        yield from (f"fails: {error.rstrip('.')}" for error in part.errors)
    elif not part.rendered:
        yield f"still loads after {limit_s:g} s"


def _wrong(panel: Panel, should_be_empty: bool) -> Iterator[str]:
    silent = sorted({fault for search in panel.searches for fault in search.faults})
    if silent:
        yield from silent
    elif panel.empty is not None and not should_be_empty:
        yield f"is empty: {panel.empty}"
    elif panel.empty is None and should_be_empty:
        yield f"should be empty and shows: {panel.text[:100]}"


def panel_of(id_: str, title: str, seen: Body | None, searches: list[Search]) -> Panel:
    """One panel from what read_page.js gives for it; None: it is not on the page."""
    if seen is None:
        return Panel(id_, title, found=False, rendered=False)
    vega = seen["vega"] or {"marks": None, "texts": [], "empty": None}
    errors = list(seen["errors"])
    if "(empty)" in seen["metrics"]:  # a formula whose parts are missing says no more than this
        errors.append("its value is (empty), so its column computes nothing")
    return Panel(
        id_,
        title,
        rendered=seen["rendered"],
        errors=tuple(errors),
        text=seen["text"],
        empty=_empty(seen, vega, searches),
        header=tuple(seen["header"]),
        rows=tuple(tuple(row) for row in seen["rows"]),
        metrics=tuple(seen["metrics"]),
        legend=tuple(seen["legend"]),
        texts=tuple(vega["texts"]),
        marks=vega["marks"],
        searches=tuple(searches),
    )


def _empty(seen: Body, vega: Body, made: list[Search]) -> str | None:
    """The words of a panel's empty state; None where it shows something.

    A Vega panel says it in a text mark with the name `empty`, or draws nothing at all. A Lens chart says it only
    where there is no row: one of empty rows (`includeEmptyRows`, columns with filters) is a pair of bare axes.
    """
    if seen["nothing"] is not None:
        return str(seen["nothing"])
    if seen["metrics"] and set(seen["metrics"]) == {"-"}:
        return "-"
    if vega["empty"] is not None:
        return str(vega["empty"])
    if vega["marks"] == 0:
        return "nothing is drawn"
    figures = len(seen["legend"])
    if seen["chart"] and made and not any(search.found or search.counts(figures) for search in made):
        return "its chart has axes and no value"
    return None if seen["text"] or seen["vega"] or seen["legend"] else "there is no text and no drawing"


def searches(request: str, answer: bytes) -> Iterator[tuple[Body, Search]]:
    """What one request of the page asked, with the place that each search was made for.

    Kibana sends searches in batches and streams a line for each as it ends, compressed unless told otherwise.
    The place is the innermost part of its execution context: for Lens `id` is the panel's id, for Vega (8.3)
    only `description`, the panel's title, tells.
    """
    batch = json.loads(request)["batch"]
    for line in answer.split(b"\n"):
        if not line.strip():
            continue
        one = json.loads(line if line.startswith(b"{") else zlib.decompress(base64.b64decode(line)))
        result = one.get("result") or {}
        if result.get("isPartial") or result.get("isRunning"):
            continue  # the page asks again with the search's id
        asked = batch[one["id"]]
        params = asked["request"].get("params", {})
        reply = result["rawResponse"] if "rawResponse" in result else {"error": one.get("error")}
        yield _place(asked.get("options", {})), Search(str(params.get("index")), params.get("body", {}), reply)


def _place(options: Body) -> Body:
    place: Any = options.get("executionContext") or {}
    while place.get("child"):
        place = place["child"]
    return dict(place)
