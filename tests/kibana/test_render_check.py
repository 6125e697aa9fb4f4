"""The render check itself: it finds every fault that is planted, and nothing in dashboards that are whole.

Needs a Kibana, its Elasticsearch and a Chromium: see conftest.py.
"""

from __future__ import annotations

import json
import secrets
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.kibana.api import Body, Space
from tests.kibana.browser import View, look
from tests.kibana.render import Rendered, faults
from tests.kibana.throwaway import (
    Panel,
    bars,
    column,
    count,
    dashboard,
    data_view,
    lens,
    markdown,
    metric,
    over_time,
    table,
    terms,
    vega,
)

if TYPE_CHECKING:
    from playwright.sync_api import Browser

START, END = "2026-03-02T08:00:00.000Z", "2026-03-02T10:00:00.000Z"
MESSAGES = {"Spring@North": ("Running", 5), "Spring@South": ("Active", 3), "Win-back@West": ("Not loaded", 1)}
"""Campaign group → its state, and how many messages it sent: the truth that dashboards must show."""

VEGA = "https://vega.github.io/schema/vega/v5.json"
METRIC = {"layerId": "l", "layerType": "data", "accessor": "m"}


@pytest.fixture(scope="module")
def index(elasticsearch: str, headers: dict[str, str]) -> Iterator[str]:
    """An index that holds MESSAGES, a minute apart from 08:30, with the states' index of the same fields beside it."""
    name = f"rc-{secrets.token_hex(4)}"
    keyword = {"type": "keyword"}
    fields = {"@timestamp": {"type": "date"}, "group": keyword, "state": keyword, "busy": {"type": "double"}}

    def request(method: str, path: str, body: str | None = None) -> None:
        kind = {"Content-Type": "application/x-ndjson" if path.startswith("/_bulk") else "application/json"}
        data = body.encode() if body else None
        asked = urllib.request.Request(elasticsearch + path, data=data, headers=kind | headers, method=method)
        urllib.request.urlopen(asked, timeout=60).close()

    lines = []
    for group, (state, messages) in MESSAGES.items():
        for minute in range(30, 30 + messages):
            one = {"@timestamp": f"2026-03-02T08:{minute}:00Z", "group": group, "state": state, "busy": 0.8}
            lines += [{"index": {"_index": name}}, one]
        now = {"@timestamp": "2026-03-02T09:00:00Z", "group": group, "state": state}
        lines += [{"index": {"_index": f"{name}-now"}}, now]
    for one_index in (name, f"{name}-now"):
        request("PUT", f"/{one_index}", json.dumps({"mappings": {"properties": fields}}))
    request("POST", "/_bulk?refresh=true", "".join(json.dumps(line) + "\n" for line in lines))
    yield name
    request("DELETE", f"/{name},{name}-now")


@pytest.fixture
def shown(browser: Browser, space: Space, index: str, tmp_path: Path) -> Any:
    """Imports panels as a dashboard and looks at it."""

    def show(*panels: Panel, controls: dict[str, tuple[str, str]] | None = None, **view: Any) -> Rendered:
        views = [data_view("events", index), data_view("now", f"{index}-now", time_field=None)]
        space.put(*views, dashboard("planted", list(panels), controls=controls))
        if absent := view.pop("without", None):
            space.request("DELETE", f"/api/saved_objects/index-pattern/{absent}?force=true")
        picture = view.pop("screenshot", None)
        looked = replace(View(space, "planted", START, END, limit_s=40), **view)
        return look(browser, looked, picture)

    return show


def search(index: str, size: int = 10, **body: Any) -> Body:
    """A Vega data set: messages per group, under the dashboard's time range and filters."""
    clauses = {
        "must": ["%dashboard_context-must_clause%"],
        "filter": ["%dashboard_context-filter_clause%", {"range": {"@timestamp": {"%timefilter%": True}}}],
        "must_not": ["%dashboard_context-must_not_clause%"],
    }
    asked = {"size": 0, "query": {"bool": clauses}, "aggs": {"groups": {"terms": {"field": "group", "size": size}}}}
    url = {"index": index, "body": asked | body}
    return {"name": "groups", "url": url, "format": {"property": "aggregations.groups.buckets"}}


def bars_by_vega(index: str, renderer: str = "svg", **more: Any) -> Body:
    """A bar and a line of text a group; an empty state in a mark named so."""
    place = {"y": {"scale": "y", "field": "key"}, "height": {"scale": "y", "band": 1}}
    bar = {"x": {"value": 0}, "x2": {"signal": "10 * datum.doc_count"}, "fill": {"value": "#009E73"}} | place
    said = {"text": {"signal": "datum.key + ' ' + datum.doc_count"}, "y": {"scale": "y", "field": "key", "offset": 10}}
    nothing = {"text": {"signal": "length(data('groups')) ? '' : 'No messages in this time range'"}, "y": {"value": 20}}
    return {
        "$schema": VEGA,
        "config": {"kibana": {"renderer": renderer}},
        "data": [search(index)],
        "scales": [{"name": "y", "type": "band", "domain": {"data": "groups", "field": "key"}, "range": "height"}],
        "marks": [
            {"type": "rect", "from": {"data": "groups"}, "encode": {"update": bar}},
            {"type": "text", "from": {"data": "groups"}, "encode": {"update": said}},
            {"type": "text", "name": "empty", "encode": {"update": nothing}},
        ],
    } | more


def whole(index: str) -> list[Panel]:
    """A panel of every kind, without a fault."""
    zeros = over_time() | {"params": {"interval": "auto", "includeEmptyRows": True}}
    running = count("Running", filter={"query": 'state: "Running" or group: "Spring@South"', "language": "kuery"})
    return [
        metric("Messages", "events", count()),
        metric("Messages of nobody", "events", count(), query='group: "nobody"'),
        table("States", "now", {"g": terms("Group", "group"), "s": terms("State", "state"), "n": count()}),
        bars("Messages over time", "events", over_time(), count()),
        bars("Running over time", "events", zeros, running),
        vega("Groups", bars_by_vega(index)),
        vega("Groups on a canvas", bars_by_vega(index, renderer="canvas", data=[search(index, size=20)])),
        markdown("Links", "Look at [activity](#/view/another)"),
    ]


def test_a_whole_dashboard_has_no_fault_and_is_read_exactly(shown: Any, index: str, tmp_path: Path) -> None:
    picture = tmp_path / "whole.png"
    result = shown(*whole(index), controls={"Group": ("now", "group")}, screenshot=picture)
    assert faults(result) == []
    total = sum(messages for _, messages in MESSAGES.values())
    assert result.panel("Messages").metrics == (str(total),)
    assert result.panel("Messages of nobody").metrics == ("0",)
    assert result.panel("States").header == ("Group", "State", "Messages")
    assert result.panel("States").rows == tuple((group, state, "1") for group, (state, _) in MESSAGES.items())
    (over_the_time,) = result.panel("Messages over time").searches
    assert sum(bucket["doc_count"] for bucket in buckets(over_the_time.answer)) == total
    assert set(result.panel("Groups").texts) == {f"{group} {messages}" for group, (_, messages) in MESSAGES.items()}
    assert result.panel("Groups").marks == 2 * len(MESSAGES)
    (canvas,) = result.panel("Groups on a canvas").searches
    assert {one["key"]: one["doc_count"] for one in buckets(canvas.answer)} == {
        group: messages for group, (_, messages) in MESSAGES.items()
    }
    assert picture.stat().st_size < 200_000


def buckets(answer: Body) -> list[Body]:
    (aggregation,) = answer["aggregations"].values()
    found: list[Body] = aggregation["buckets"]
    return found


def test_a_control_reaches_every_panel(shown: Any, index: str) -> None:
    """The control's data view is the states', which has no time field; the panels' data views are others."""
    controls = {"Group": ("now", "group")}
    result = shown(*whole(index), controls=controls, choose={"Group": "Spring@South"})
    assert faults(result) == []
    assert result.panel("Messages").metrics == ("3",)
    assert result.panel("States").rows == (("Spring@South", "Active", "1"),)
    assert result.panel("Groups").texts == ("Spring@South 3",)


@pytest.mark.parametrize(
    "narrowed",
    [
        {"query": 'group: "Spring@North"'},
        {"filters": [{"meta": {}, "query": {"match_phrase": {"group": "Spring@North"}}}]},
    ],
    ids=["query", "filter"],
)
def test_query_bar_and_filters_reach_every_panel(shown: Any, index: str, narrowed: dict[str, Any]) -> None:
    result = shown(*whole(index), **narrowed)
    assert faults(result) == []
    assert (result.panel("Messages").metrics, result.panel("Groups").texts) == (("5",), ("Spring@North 5",))


def test_empty_panels_are_named_unless_they_are_expected(shown: Any, index: str) -> None:
    """An hour before the first message: what follows the time range is empty, what does not is not."""
    panels = [*whole(index), metric("Busy factor", "events", column("Busy factor", "average", "busy"))]
    result = shown(*panels, start="2026-03-02T06:00:00.000Z", end="2026-03-02T07:00:00.000Z")
    empty = {"Messages over time", "Running over time", "Groups", "Busy factor"}
    found = faults(result, {"Groups on a canvas"})
    assert {title for title in empty if any(f"'{title}' is empty" in fault for fault in found)} == empty
    assert result.panel("Groups").empty == "No messages in this time range"
    assert result.panel("Messages").metrics == ("0",), "0 is a value"
    assert any("'Links' should be empty and shows" in fault for fault in faults(result, {"Links"}))
    assert "No panel is called 'Misspelt', though it should be empty." in faults(result, {"Misspelt"})


def planted(index: str) -> dict[str, tuple[Panel, str]]:
    """Faults of single panels: name → the panel, and what the sentence about it must hold."""

    def fails(title: str, spec: Body | str) -> Panel:
        return vega(title, spec)

    nowhere = search("rc-absent") | {"format": {"property": "hits.hits"}}
    unscaled = {"x": {"scale": "absent", "field": "doc_count"}}
    formula = column("Formula", "formula", "", params={"formula": "average(busy) / 100"}, references=[])
    unknown_scale = [{"type": "rect", "from": {"data": "groups"}, "encode": {"update": unscaled}}]
    step = {"curveType": "CURVE_STEP_AFTER", "preferredSeriesType": "line"}
    return {
        "field-absent": (metric("F1", "events", column("x", "average", "absent")), "Field absent was not found"),
        "curve-step": (bars("F2", "events", over_time(), count(), visualization=step), "CURVE_STEP_AFTER"),
        "form-based": (lens("F3", "lnsMetric", "events", {"m": count()}, METRIC, source="formBased"), "is not on"),
        "kind-unknown": (lens("F4", "lnsMetricNew", "events", {"m": count()}, METRIC), "could not be resolved"),
        "kql-broken": (metric("F5", "events", count(), query="a: ("), "end of input"),
        "formula-alone": (lens("F6", "lnsMetric", "events", {"m": formula}, METRIC), "computes nothing"),
        "vega-query-broken": (
            fails("F7", bars_by_vega(index, data=[search(index, query={"nonsense": {}})])),
            "nonsense",
        ),
        "vega-syntax": (fails("F8", "{ $schema: "), "missing '}'"),
        "vega-function": (fails("F9", bars_by_vega(index, signals=[{"name": "a", "update": "f(1)"}])), "function: f"),
        "vega-index-absent": (fails("F10", bars_by_vega(index, data=[nowhere])), "rc-absent is not there"),
        "vega-scale-absent": (fails("F11", bars_by_vega(index, marks=unknown_scale)), "is empty: nothing is drawn"),
        "vega-warning": (fails("F12", bars_by_vega(index, width=100, autosize="fit")), "ignored"),
        "vega-canvas-blank": (fails("F13", bars_by_vega(index, renderer="canvas", marks=[])), "nothing is drawn"),
    }


def test_every_planted_fault_is_caught(shown: Any, index: str) -> None:
    """All on one dashboard, with good panels between: each is named, with its reason, and the good ones are not."""
    bad = planted(index)
    good = [replace(panel, title=f"Good {panel.title}") for panel in whole(index)]
    result = shown(*good, *(panel for panel, _ in bad.values()), limit_s=20)
    found = faults(result)
    missed = {
        name: (sentence, [fault for fault in found if f"'{panel.title}'" in fault])
        for name, (panel, sentence) in bad.items()
        if not any(fault.startswith(f"Panel '{panel.title}'") and sentence in fault for fault in found)
    }
    assert missed == {}
    assert [fault for fault in found if "'Good " in fault] == []


@pytest.mark.parametrize("control", [None, ("events", "absent"), ("nothing", "group")])
def test_what_is_absent_is_caught(browser: Browser, space: Space, index: str, control: tuple[str, str] | None) -> None:
    """A control on an absent field or index keeps Kibana 8.3 blank for ever; a panel on an absent index shows 0."""
    view = "nothing" if control is None else "events"
    objects = [data_view("events", index), data_view("nothing", "rc-absent")]
    controls = {"Group": control} if control else None
    space.put(*objects, dashboard("hangs", [metric("Messages", view, count())], controls=controls))
    result = look(browser, View(space, "hangs", START, END, limit_s=12))
    found = faults(result)
    assert any("'Messages'" in fault for fault in found), (found, result)


def test_a_data_view_that_is_not_there_is_caught(shown: Any, index: str) -> None:
    result = shown(metric("States", "now", count()), metric("Messages", "events", count()), without="now", limit_s=15)
    found = faults(result)
    assert any("'States'" in fault for fault in found), (found, result)
