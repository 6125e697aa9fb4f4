"""What counts as a fault of a dashboard, without any browser. Needs nothing."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import replace
from typing import Any

import pytest

from tests.kibana.api import Body, Space
from tests.kibana.browser import View, rison
from tests.kibana.render import Control, Panel, Rendered, Search, faults, panel_of, searches

GOOD = Panel("p1", "Messages", text="9 Messages")
SEEN: Body = {
    "errors": [],
    "rendered": True,
    "text": "9 Messages",
    "header": [],
    "rows": [],
    "metrics": ["9"],
    "legend": [],
    "chart": False,
    "nothing": None,
    "vega": None,
}
"""What read_page.js gives for a Lens metric."""


def rendered(*panels: Panel, **more: Any) -> Rendered:
    return Rendered("a-dashboard", 60, panels, **more)


def test_a_whole_dashboard_has_no_fault() -> None:
    empty = Panel("p2", "Dead letters", empty="No results found")
    assert faults(rendered(GOOD, empty, controls=(Control("c0", "Tenant"),)), {"Dead letters"}) == []


@pytest.mark.parametrize(
    ("panel", "fault"),
    [
        (replace(GOOD, found=False), "is not on the page after 60 s"),
        (replace(GOOD, rendered=False), "still loads after 60 s"),
        (replace(GOOD, rendered=False, errors=("Field x was not found.",)), "fails: Field x was not found"),
        (replace(GOOD, empty="No results found"), "is empty: No results found"),
        (replace(GOOD, searches=(Search("a", {}, {"_shards": {"total": 0}}),)), "searches no index: a is not there"),
        (replace(GOOD, searches=(Search("a", {}, {"timed_out": True}),)), "has a search that timed out"),
        (replace(GOOD, searches=(Search("a", {}, {"error": "no"}),)), 'has a search that is refused: "no"'),
        (
            replace(
                GOOD,
                searches=(
                    Search(
                        "a", {}, {"_shards": {"total": 2, "failed": 1, "failures": [{"reason": {"reason": "why"}}]}}
                    ),
                ),
            ),
            "misses 1 of 2 shards: why",
        ),
    ],
)
def test_a_panel_is_named_with_what_is_wrong(panel: Panel, fault: str) -> None:
    assert faults(rendered(panel)) == [f"Panel 'Messages' {fault}."]


def test_what_should_be_empty_and_is_not_is_a_fault() -> None:
    assert faults(rendered(GOOD), {"Messages"}) == ["Panel 'Messages' should be empty and shows: 9 Messages."]
    assert faults(rendered(GOOD), {"Mesages"}) == ["No panel is called 'Mesages', though it should be empty."]


def test_controls_and_what_kibana_says_count() -> None:
    stuck = Control("c0", "Tenant", rendered=False)
    assert faults(rendered(GOOD, controls=(stuck,), messages=("No matching indices found",))) == [
        "Kibana says: No matching indices found.",
        "Control 'Tenant' still loads after 60 s.",
    ]


@pytest.mark.parametrize(
    ("seen", "empty"),
    [
        ({}, None),
        ({"nothing": "No results found"}, "No results found"),
        ({"metrics": ["-"]}, "-"),
        ({"metrics": ["0"]}, None),
        ({"metrics": [], "text": ""}, "there is no text and no drawing"),
        ({"metrics": [], "vega": {"marks": 0, "texts": [], "empty": None}}, "nothing is drawn"),
        ({"metrics": [], "vega": {"marks": 0, "texts": ["None"], "empty": "None"}}, "None"),
        ({"metrics": [], "vega": {"marks": 2, "texts": ["A heading", "None"], "empty": "None"}}, "None"),
        ({"metrics": [], "vega": {"marks": 3, "texts": ["a"], "empty": None}}, None),
        ({"metrics": [], "vega": {"marks": None, "texts": [], "empty": None}}, None),
    ],
)
def test_what_counts_as_empty(seen: Body, empty: str | None) -> None:
    assert panel_of("p1", "Messages", SEEN | seen, []).empty == empty


def bucket(count: int, **inner: Any) -> Body:
    return {"key": 1, "doc_count": count} | inner


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ({"hits": {"total": 0}}, False),
        ({"hits": {"total": 3}}, True),
        ({"aggregations": {"x": {"buckets": []}}}, False),
        ({"aggregations": {"x": {"buckets": [bucket(0), bucket(0)]}}}, False),
        ({"aggregations": {"x": {"buckets": [bucket(0), bucket(2)]}}}, True),
        ({"aggregations": {"x": {"buckets": [bucket(2, running={"meta": {}, "doc_count": 0})]}}}, False),
        ({"aggregations": {"x": {"buckets": [bucket(2, running={"meta": {}, "doc_count": 1})]}}}, True),
        ({"aggregations": {"x": {"buckets": [bucket(2, y={"value": None})]}}}, False),
        ({"aggregations": {"x": {"buckets": [bucket(2, y={"value": 0.0})]}}}, True),
        ({"aggregations": {"x": {"buckets": [bucket(0, y={"value": 0})]}}}, False),
        ({"aggregations": {"x": {"buckets": {"a": bucket(0), "b": bucket(1)}}}}, True),
        ({"aggregations": {"x": {"values": {"50.0": None}}}}, False),
        ({"aggregations": {"x": {"values": {"50.0": 2.5}}}}, True),
        ({"aggregations": {"x": {"top": []}}}, False),
        ({"aggregations": {"x": {"top": [{"metrics": {"a": 1}}]}}}, True),
    ],
)
def test_a_chart_of_bare_axes_is_empty(answer: Body, found: bool) -> None:
    """Kibana draws axes over rows that are all empty, and says nothing."""
    panel = panel_of("p1", "Messages", SEEN | {"metrics": [], "chart": True}, [Search("a", {}, answer)])
    assert panel.empty == (None if found else "its chart has axes and no value")


@pytest.mark.parametrize(("count", "empty"), [(2, None), (0, "its chart has axes and no value")])
def test_a_count_without_a_filter_is_the_buckets_own(count: int, empty: str | None) -> None:
    """All messages beside the odd ones, of which there are none."""
    answer = {"aggregations": {"x": {"buckets": [bucket(count, odd={"doc_count": 0})]}}}
    seen = SEEN | {"metrics": [], "chart": True, "legend": ["All", "Odd"]}
    assert panel_of("p1", "Messages", seen, [Search("a", {}, answer)]).empty == empty


def test_a_formula_without_its_parts_is_an_error() -> None:
    """Kibana renders it without a word: the value reads (empty)."""
    broken = panel_of("p1", "Messages", SEEN | {"metrics": ["(empty)"]}, [])
    assert broken.errors == ("its value is (empty), so its column computes nothing",)


@pytest.mark.parametrize("compressed", [True, False])
def test_searches_are_matched_to_their_panels(compressed: bool) -> None:
    """A batch as Kibana 8.3 sends it: answers come in any order, unfinished ones first."""
    lens = {"child": {"type": "lens", "id": "p1", "description": "Messages"}, "id": "a-dashboard"}
    vega = {"child": {"type": "visualization", "id": "new", "description": "Groups"}, "id": "a-dashboard"}
    asked = [
        {"request": {"params": {"index": "a", "body": {"size": 0}}}, "options": {"executionContext": lens}},
        {"request": {"params": {"index": "b"}}, "options": {"executionContext": vega}},
    ]
    lines: list[Body] = [
        {"id": 1, "result": {"isPartial": True, "isRunning": True, "rawResponse": {"took": 0}}},
        {"id": 1, "result": {"isPartial": False, "rawResponse": {"took": 2}}},
        {"id": 0, "error": {"message": "refused"}},
    ]
    written = [json.dumps(line).encode() for line in lines]
    if compressed:
        written = [base64.b64encode(zlib.compress(line)) for line in written]
    found = list(searches(json.dumps({"batch": asked}), b"\n".join(written) + b"\n"))
    assert [(place["description"], search.index, search.answer) for place, search in found] == [
        ("Groups", "b", {"took": 2}),
        ("Messages", "a", {"error": {"message": "refused"}}),
    ]


def test_the_address_carries_the_time_range_and_the_query() -> None:
    view = View(Space("http://kibana", "shift"), "a-dashboard", "now-24h", "now", query='group: "Ann\'s"')
    assert view.url.startswith(
        "http://kibana/s/shift/app/dashboards#/view/a-dashboard?embed=true&hide-filter-bar=true&_g="
    )
    assert "Ann%21%27s" in view.url


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ({"a": [1, True, None], "b": "it's!"}, "('a':!(1,!t,!n),'b':'it!'s!!')"),
        ({}, "()"),
        (0.5, "0.5"),
    ],
)
def test_rison(value: Any, written: str) -> None:
    assert rison(value) == written
