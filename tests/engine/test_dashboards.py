"""Each panel's question, put to an engine, is answered with what the simulated campaigns really did.

Kibana's own searches are compared with the same truth in tests/kibana, where there is a Kibana.
"""

from __future__ import annotations

import html
import json
import re
import secrets
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pytest
import vl_convert

from tests.engine.panels import Window, ask, expressions, rows, search, vega_searches
from tests.found import CATALOGUE
from tests.running import Engine, Stream, installed
from toolkit.config import Settings
from toolkit.dashboards.compile import compile_dashboards
from toolkit.dashboards.saved_object import object_id
from toolkit.dashboards.source import Series, Table, Tile, Vega, read_dashboards
from toolkit.ocs.choices import PeriodicAction
from toolkit.ocs.feed import Feed
from toolkit.ocs.message import Message
from toolkit.resources import data_folder
from toolkit.uses.simulation import Simulation, target_of

FEED = Feed(count=3000, groups=12, interval_s=10, seed=5)
ODD = Feed(count=100, groups=3, odd_percent=100, seed=9)
NONE = -2147483648  # what changes_map.painless is given for what is absent

PANELS = {
    f"{dashboard.name}/{panel.id}": panel.chart
    for dashboard in read_dashboards(data_folder("dashboards"), CATALOGUE)
    for panel in dashboard.panels
}
SCRIPTS = expressions(compile_dashboards(Settings(), CATALOGUE, "default"))
ASKING = {name: chart for name, chart in PANELS.items() if isinstance(chart, Tile | Series | Table)}


@dataclass
class Day:
    """A stream with simulated messages in it, and what they said."""

    stream: Stream
    messages: list[Message]
    window: Window

    @cached_property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(message.text) for message in self.messages]

    @cached_property
    def last(self) -> list[dict[str, Any]]:
        """Each campaign group's last message."""
        return list({body["GSW_CAMPAIGN_GROUP_GUID"]: body for body in self.bodies}.values())

    def ask(self, panel: str) -> list[dict[str, Any]]:
        """The rows of a panel."""
        chart = ASKING[panel]
        index = self.index(chart.data)
        return rows(chart, ask(self.stream.engine, index, search(chart, self.window, SCRIPTS)))

    def figure(self, panel: str) -> Any:
        """The figure of a tile."""
        ((figure,),) = (row.values() for row in self.ask(panel))
        return figure

    def draw(self, panel: str) -> dict[str, Any]:
        """The answers that a Vega panel gets, by data set."""
        spec = self.spec(panel)
        return {
            name: ask(self.stream.engine, index, body)
            for name, (index, body) in vega_searches(spec, self.window).items()
        }

    def spec(self, panel: str) -> dict[str, Any]:
        dashboard, _, id_ = panel.partition("/")
        objects = {saved.id: saved for saved in compile_dashboards(self.stream.settings, CATALOGUE, "default")}
        saved = objects[object_id(dashboard, self.stream.settings.namespace, "default")]
        panels = json.loads(saved.body["attributes"]["panelsJSON"])
        found = next(panel for panel in panels if panel["panelIndex"] == id_)
        spec: dict[str, Any] = json.loads(found["embeddableConfig"]["savedVis"]["params"]["spec"])
        return spec

    def index(self, data: str) -> str:
        streams = {"events": "ocs-campaign-groups", "current": "ocs-current-state", "dead_letters": "ocs-dead-letters"}
        return f"{streams[data]}-{self.stream.settings.namespace}"


@pytest.fixture(scope="module", params=PeriodicAction)
def day(engine: Engine, request: pytest.FixtureRequest) -> Iterator[Day]:
    settings = Settings(namespace=f"panels_{secrets.token_hex(4)}", refresh_interval_s=1, transform_frequency_s=1)
    for stream in installed(engine, settings):
        feed = replace(FEED, periodic_action=request.param)
        end_ms = time.time_ns() // 1_000_000
        start_ms = end_ms - feed.span_ms()
        Simulation(feed, start_ms).post(target_of(engine.connection, settings.namespace))
        stream.count(stream.name)  # refreshes
        yield from _with_latest(Day(stream, list(feed.messages(CATALOGUE, start_ms)), Window(start_ms, end_ms)))


def _with_latest(day: Day) -> Iterator[Day]:
    with _latest_index(day):
        yield day


@contextmanager
def _latest_index(day: Day) -> Iterator[None]:
    """The latest-state index as the transform fills it; where there are no transforms, as one would."""
    transport, index = day.stream.engine.transport, day.index("current")
    if day.stream.engine.server.transforms:
        for _ in range(60):
            transport.post(f"/{index}/_refresh", None)
            found = transport.post(f"/{index}/_search", {"size": 1, "sort": [{"@timestamp": "desc"}]})["hits"]["hits"]
            if not day.messages or (found and _ms(found[0]["_source"]["@timestamp"]) == day.messages[-1].time_ms):
                break
            time.sleep(1)
        else:
            pytest.fail("the transform has not caught up in a minute")
        yield
        return
    answer = transport.get(f"/_component_template/{'ocs-campaign-groups-mappings'}")
    mappings = answer["component_templates"][0]["component_template"]["template"]["mappings"]
    transport.put(f"/{index}", {"mappings": mappings})
    newest = {"field": "ocs.campaign_group.guid"}
    hits = transport.post(
        f"/{day.stream.name}/_search", {"size": 1000, "collapse": newest, "sort": [{"@timestamp": "desc"}]}
    )["hits"]["hits"]
    for hit in hits:
        transport.put(f"/{index}/_doc/{hit['_id']}", hit["_source"])
    transport.post(f"/{index}/_refresh", None)
    yield
    transport.delete(f"/{index}")


def _ms(text: str) -> int:
    from datetime import datetime  # noqa: PLC0415

    return round(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def code(enum: str, id_: str) -> int:
    return CATALOGUE.enums[enum].code(id_)


def label(enum: str, number: int | None) -> str | None:
    return None if number is None else CATALOGUE.enums[enum].label(number)


def mean(values: Any) -> float:
    return statistics.fmean(value for value in values if value is not None)


RUNNING = code("state", "running")


def test_every_panel_that_asks_is_one_of_these() -> None:
    """So that a new panel gets its own comparison with the truth."""
    told = {name for name, chart in PANELS.items() if isinstance(chart, Tile | Series | Table | Vega)}
    assert told == {
        *(f"state/{id_}" for id_ in ("running", "active", "inactive", "unloading", "not_loaded", "other")),
        "state/timeline", "state/groups",
        "activity/changes", "activity/latest", "activity/dial_modes", "activity/optimisation", "activity/messages",
        "activity/heard",
        "performance/busy_now", "performance/hit_now", "performance/overdial_now", "performance/complete_now",
        "performance/busy", "performance/overdial", "performance/hit", "performance/complete", "performance/by_group",
        "performance/calling_lists",
        "health/messages", "health/silent_count", "health/unknown_count", "health/bad_count", "health/dead_letters",
        "health/lag", "health/silent", "health/arrival", "health/unknown", "health/odd",
    }  # fmt: skip


def test_groups_are_counted_in_their_states(day: Day) -> None:
    states = Counter(body["GSW_CAMPAIGN_GROUP_STATE"] for body in day.last)
    shown = {
        "running": ["running"],
        "active": ["active"],
        "inactive": ["inactive"],
        "unloading": ["waiting-unload", "unload-in-progress"],
        "not_loaded": ["not-loaded"],
    }
    for panel, ids in shown.items():
        assert day.figure(f"state/{panel}") == sum(states[code("state", id_)] for id_ in ids), panel
    assert day.figure("state/other") == 0
    assert sum(day.figure(f"state/{panel}") for panel in shown) == FEED.groups


def test_each_group_is_in_its_true_state(day: Day) -> None:
    modes: dict[str, int] = {}
    requests: dict[str, tuple[str, str]] = {}
    for message, body in zip(day.messages, day.bodies, strict=True):
        guid = body["GSW_CAMPAIGN_GROUP_GUID"]
        if "GSW_DIAL_MODE" in body:
            modes[guid] = body["GSW_DIAL_MODE"]
        assert message.moment
        if not message.moment.periodic:
            requests[guid] = message.moment.action, message.moment.actor
    found = {row["Identity"]: row for row in day.ask("state/groups")}
    assert len(found) == FEED.groups
    for body in day.last:
        guid = body["GSW_CAMPAIGN_GROUP_GUID"]
        row = found[guid]
        action, actor = requests[guid]
        assert row["Campaign group"] == body["GSW_CAMPAIGN_GROUP_NAME"]
        assert row["Tenant"] == body["GSW_TENANT_NAME"]
        assert row["State"] == label("state", body["GSW_CAMPAIGN_GROUP_STATE"])
        assert row["Dial mode (last)"] == label("dial_mode", modes.get(guid))
        assert (row["Last action"], row["By"]) == (
            label("action", code("action", action)),
            label("actor", code("actor", actor)),
        )
        assert row["Last heard"] == pytest.approx(float(body["GSW_DATE_TIME"]) * 1000, abs=1)


def true_changes(day: Day) -> dict[str, list[list[int]]]:
    """Guid → [time, state, action, actor, dial mode] of each change: told by the simulator, the same for both modes."""
    changes: dict[str, list[list[int]]] = defaultdict(list)
    for message in replace(FEED, periodic_action=PeriodicAction.LAST).messages(CATALOGUE, day.window.from_ms):
        moment = message.moment
        assert moment
        mode = code("dial_mode", moment.stay.mode) if moment.stay.mode else NONE
        now = [code("state", moment.stay.state), code("action", moment.action), code("actor", moment.actor), mode]
        of_group = changes[moment.group.guid]
        if not of_group or of_group[-1][1:] != now:
            of_group.append([message.time_ms, *now])
    return dict(changes)


@pytest.mark.parametrize("panel", ["state/timeline", "activity/changes", "activity/latest"])
def test_changes_are_exactly_the_true_ones_whatever_periodic_messages_repeat(day: Day, panel: str) -> None:
    answer = day.draw(panel)["answer"]["aggregations"]
    found = {bucket["key"]: bucket["history"]["value"] for bucket in answer["groups"]["buckets"]}
    truth = true_changes(day)
    assert {guid: history["changes"] for guid, history in found.items()} == truth
    assert sum(map(len, truth.values())) > 100
    last = {body["GSW_CAMPAIGN_GROUP_GUID"]: float(body["GSW_DATE_TIME"]) for body in day.last}
    assert {guid: history["seen"] for guid, history in found.items()} == {g: round(s * 1000) for g, s in last.items()}


def test_the_timeline_knows_the_state_before_the_time_range(day: Day) -> None:
    """Of the second half of the time: what each group was in when it began."""
    middle = (day.window.from_ms + day.window.to_ms) // 2
    half = replace(day, window=Window(middle, day.window.to_ms))
    found = {
        bucket["key"]: bucket["state"]["last"]["top"][0]["metrics"]["ocs.campaign_group.state.code"]
        for bucket in half.draw("state/timeline")["earlier"]["aggregations"]["groups"]["buckets"]
    }
    truth = {
        message.moment.group.guid: code("state", message.moment.stay.state)
        for message in day.messages
        if message.moment and message.time_ms < middle
    }
    assert found == truth


def test_changes_of_a_part_of_the_time_know_what_was_before(day: Day) -> None:
    """No group seems to change when the time range begins: the picture counts what did change since then."""
    middle = (day.window.from_ms + day.window.to_ms) // 2
    half = replace(day, window=Window(middle, day.window.to_ms))
    actions = Counter(change[2] for changes in true_changes(day).values() for change in changes if change[0] >= middle)
    shown = {text for text in drawn(half, "activity/changes") if re.search(r" \(\d+\)$", text)}
    assert shown == {f"{label('action', action)} ({count})" for action, count in actions.items()}


def test_a_group_that_was_silent_all_the_time_is_shown_with_what_it_said_last(day: Day) -> None:
    end = day.window.to_ms
    later = replace(day, window=Window(end + 1, end + 3_600_000))
    texts = drawn(later, "state/timeline")
    assert {body["GSW_CAMPAIGN_GROUP_NAME"] for body in day.last} <= set(texts)
    states = Counter(label("state", body["GSW_CAMPAIGN_GROUP_STATE"]) for body in day.last)
    assert Counter(text for text in texts if text in states) == states
    assert sum(text.startswith("by ") for text in texts) >= FEED.groups


def test_changes_are_exact_in_any_order_of_segments(engine: Engine) -> None:
    """Messages of one group that lie in each other's midst in several segments, as merges leave them."""
    settings = Settings(namespace=f"order_{secrets.token_hex(4)}", refresh_interval_s=3600)
    for stream in installed(engine, settings):
        start = time.time_ns() // 1_000_000 - 600_000
        active, running = code("state", "active"), code("state", "running")
        start_dialing, stop_dialing = code("action", "start-dialing"), code("action", "stop-dialing")
        story = [(0, running, start_dialing), *((t, running, start_dialing) for t in range(10, 45, 5))]
        story += [(45, active, stop_dialing), (52, active, stop_dialing)]
        story += [(58, running, start_dialing), *((t, running, start_dialing) for t in range(60, 100, 5))]
        for segment in (0, 1, 2):
            for place, (second, state, action) in enumerate(story):
                if place % 3 == segment:
                    body = {
                        "GSW_CAMPAIGN_GROUP_GUID": "constructor",
                        "GSW_CAMPAIGN_GROUP_NAME": "",
                        "GSW_CAMPAIGN_GROUP_STATE": state,
                        "GSW_CAMPAIGN_GROUP_ACTION": action,
                        "GSW_CAMPAIGN_GROUP_ACTOR": 4,
                        "GSW_DATE_TIME": f"{start // 1000 + second}.000",
                    }
                    assert stream.post(json.dumps(body))[0] == 201
            stream.count(stream.name)  # a refresh ends a segment
        day = Day(stream, [], Window(start - 1000, start + 600_000))
        (bucket,) = day.draw("activity/changes")["answer"]["aggregations"]["groups"]["buckets"]
        found = [(change[0] - start // 1000 * 1000, change[1]) for change in bucket["history"]["value"]["changes"]]
        assert found == [(0, running), (45_000, active), (58_000, running)]
        assert bucket["history"]["value"]["full"] is False
        with _latest_index(day):
            texts = drawn(day, "state/timeline")
        assert "constructor" in texts  # a name that Vega would trip over, and no name to show
        assert "Running" in texts


def test_more_groups_than_are_shown_are_told(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toolkit.dashboards.compile.GROUPS_MAX", 5)
    settings = Settings(namespace=f"many_{secrets.token_hex(4)}", refresh_interval_s=1)
    for stream in installed(engine, settings):
        feed = Feed(count=200, groups=9, seed=2)
        start_ms = time.time_ns() // 1_000_000 - feed.span_ms()
        Simulation(feed, start_ms).post(target_of(engine.connection, settings.namespace))
        stream.count(stream.name)
        day = Day(stream, [], Window(start_ms, time.time_ns() // 1_000_000))
        with _latest_index(day):
            for panel in ("state/timeline", "activity/changes", "activity/latest"):
                (told,) = (text for text in drawn(day, panel) if "campaign groups, those with the most" in text)
                assert told.startswith("5 of about 9 campaign groups")


def test_more_messages_than_are_looked_at_are_told(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toolkit.dashboards.compile.MESSAGES_MAX", 20)
    settings = Settings(namespace=f"crowd_{secrets.token_hex(4)}", refresh_interval_s=1)
    for stream in installed(engine, settings):
        feed = Feed(count=200, groups=2, seed=2)
        start_ms = time.time_ns() // 1_000_000 - feed.span_ms()
        Simulation(feed, start_ms).post(target_of(engine.connection, settings.namespace))
        stream.count(stream.name)
        day = Day(stream, [], Window(start_ms, time.time_ns() // 1_000_000))
        (told,) = (text for text in drawn(day, "activity/changes") if "too many messages" in text)
        assert told.startswith("2 of them sent too many messages in this time range")


def test_modes_and_optimisation_are_those_of_the_running_groups(day: Day) -> None:
    running = [body for body in day.last if body["GSW_CAMPAIGN_GROUP_STATE"] == RUNNING]
    for panel, enum, attribute in (
        ("activity/dial_modes", "dial_mode", "GSW_DIAL_MODE"),
        ("activity/optimisation", "optimize_by", "GSW_OPTIMIZE_BY"),
    ):
        truth = Counter(label(enum, body[attribute]) for body in running if attribute in body)
        assert {row["x"]: row["Campaign groups"] for row in day.ask(panel)} == truth
        assert truth


def test_messages_are_counted(day: Day) -> None:
    assert sum(row["Messages"] for row in day.ask("activity/messages")) == FEED.count
    assert day.figure("health/messages") == FEED.count
    messages = Counter(body["GSW_CAMPAIGN_GROUP_GUID"] for body in day.bodies)
    assert {row["Identity"]: row["Messages"] for row in day.ask("activity/heard")} == messages
    arrival = day.ask("health/arrival")
    assert (sum(r["All"] for r in arrival), sum(r["Odd (with a tag)"] for r in arrival)) == (FEED.count, 0)


def test_figures_now_are_those_of_the_running_groups(day: Day) -> None:
    running = [body for body in day.last if body["GSW_CAMPAIGN_GROUP_STATE"] == RUNNING]
    for panel, attribute in (("busy", "BUSY_FACTOR"), ("hit", "HIT_RATIO"), ("overdial", "OVERDIAL_RATE")):
        truth = mean(body[f"GSW_STAT_{attribute}"] for body in running)
        assert day.figure(f"performance/{panel}_now") == pytest.approx(truth, rel=1e-5)
    seconds = [body["GSW_STAT_TIME_TO_COMPLETE"] for body in running]
    truth = max(value for value in seconds if value is not None)
    assert day.figure("performance/complete_now") == pytest.approx(truth, rel=1e-5)


def test_figures_over_time_are_the_true_ones(day: Day) -> None:
    for panel, attribute, name, by in (
        ("busy", "GSW_STAT_BUSY_FACTOR", "Busy factor", "busy-factor"),
        ("overdial", "GSW_STAT_OVERDIAL_RATE", "Overdial rate", "overdial-rate"),
        ("hit", "GSW_STAT_HIT_RATIO", "Hit ratio", None),
    ):
        found = day.ask(f"performance/{panel}")
        asked = [b for b in day.bodies if by is None or b.get("GSW_OPTIMIZE_BY") == code("optimize_by", by)]
        values, goals = in_steps(day, asked, attribute), in_steps(day, asked, "GSW_OPTIMIZE_GOAL")
        assert {row["x"] for row in found} == set(in_steps(day, asked, "GSW_CAMPAIGN_GROUP_STATE"))
        for row in found:
            truth = mean(values[row["x"]]) if values.get(row["x"]) else None
            assert row[name] == (truth if truth is None else pytest.approx(truth, rel=1e-5))
            if by:
                assert row["Goal"] == pytest.approx(mean(goals[row["x"]]) / 100)
    complete = day.ask("performance/complete")
    seconds = in_steps(day, day.bodies, "GSW_STAT_TIME_TO_COMPLETE")
    for row in complete:
        if seconds.get(row["x"]):
            assert row["Time to complete"] == pytest.approx(max(seconds[row["x"]]), rel=1e-5)


def in_steps(day: Day, bodies: list[dict[str, Any]], attribute: str) -> dict[int, list[float]]:
    """Values that are not null by the part of the time range that they fall into, as a histogram names it."""
    found: dict[int, list[float]] = defaultdict(list)
    for body in bodies:
        if body.get(attribute) is not None:
            time_ms = round(float(body["GSW_DATE_TIME"]) * 1000)
            found[time_ms // day.window.step_ms * day.window.step_ms].append(body[attribute])
    return found


def test_each_group_has_its_true_figures(day: Day) -> None:
    found = {row["Identity"]: row for row in day.ask("performance/by_group")}
    of_group: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for body in day.bodies:
        of_group[body["GSW_CAMPAIGN_GROUP_GUID"]].append(body)
    assert found.keys() == of_group.keys()
    for guid, bodies in of_group.items():
        values = [body["GSW_STAT_BUSY_FACTOR"] for body in bodies if body["GSW_STAT_BUSY_FACTOR"] is not None]
        goals = [body["GSW_OPTIMIZE_GOAL"] for body in bodies if "GSW_OPTIMIZE_GOAL" in body]
        assert found[guid]["Busy factor"] == (pytest.approx(mean(values), rel=1e-5) if values else None)
        assert found[guid]["Goal (% or s)"] == (goals[-1] if goals else None)


def test_calling_lists_are_those_of_the_last_messages(day: Day) -> None:
    hits = day.draw("performance/calling_lists")["lists"]["hits"]["hits"]
    found = {hit["_source"]["ocs"]["campaign_group"]["guid"]: hit["_source"]["ocs"]["calling_lists"] for hit in hits}
    for body in day.last:
        truth = [
            {"name": each["GSW_CALLING_LIST_NAME"]}
            | ({"hit_ratio": each["GSW_STAT_HIT_RATIO"]} if each["GSW_STAT_HIT_RATIO"] is not None else {})
            | (
                {"time_to_complete": each["GSW_STAT_TIME_TO_COMPLETE"]}
                if each["GSW_STAT_TIME_TO_COMPLETE"] is not None
                else {}
            )
            for each in body["GSW_CALLING_LISTS"]
        ]
        assert found[body["GSW_CAMPAIGN_GROUP_GUID"]] == truth


def test_nothing_is_wrong_with_an_orderly_feed(day: Day) -> None:
    assert day.figure("health/unknown_count") == day.figure("health/bad_count") == 0
    assert day.ask("health/unknown") == day.ask("health/odd") == []
    assert day.draw("health/dead_letters")["answer"]["aggregations"]["reasons"]["buckets"] == []


def test_the_lag_is_the_time_between_sending_and_storing(day: Day) -> None:
    """Simulated in the past, so that early messages lag by almost the whole time range."""
    found = [row for row in day.ask("health/lag") if row["On average"] is not None]
    span_s = (day.window.to_ms - day.window.from_ms) / 1000
    assert found[0]["On average"] == pytest.approx(span_s, rel=0.1)
    assert all(row["On average"] <= row["The slowest"] for row in found)


def test_groups_that_run_and_are_silent_are_named(day: Day) -> None:
    """Stored just now, so none is silent yet; with its last message two hours back, every running one is."""
    assert day.figure("health/silent_count") == 0
    assert day.ask("health/silent") == []
    running = [body["GSW_CAMPAIGN_GROUP_GUID"] for body in day.last if body["GSW_CAMPAIGN_GROUP_STATE"] == RUNNING]
    transport, index = day.stream.engine.transport, day.index("current")
    if day.stream.engine.server.transforms:
        transport.post(f"/_transform/{index}/_stop", None, params={"wait_for_completion": "true"})
    hits = transport.post(f"/{index}/_search", {"size": 100})["hits"]["hits"]
    for hit in hits:
        old = {**hit["_source"], "event": {**hit["_source"]["event"], "ingested": day.window.from_ms - 7_200_000}}
        transport.put(f"/{index}/_doc/{hit['_id']}", old)
    transport.post(f"/{index}/_refresh", None)
    try:
        assert day.figure("health/silent_count") == len(running)
        assert {row["Identity"] for row in day.ask("health/silent")} == set(running)
    finally:
        for hit in hits:
            transport.put(f"/{index}/_doc/{hit['_id']}", hit["_source"])
        transport.post(f"/{index}/_refresh", None)


def drawn(day: Day, panel: str) -> list[str]:
    """Every text of a picture, drawn by Vega itself from the engine's answers, in a panel of 1500 x 800 pixels."""
    text = json.dumps(day.spec(panel)).replace("containerSize()", "[1500, 800]")
    spec = json.loads(text)
    answers = day.draw(panel)
    for data in spec["data"]:
        if isinstance(data.get("url"), dict):
            values: Any = answers[data["name"]]
            for part in data.pop("format")["property"].split("."):
                values = values[part]
            data["values"] = values
            del data["url"]
    svg = vl_convert.vega_to_svg(spec)
    return [html.unescape(found) for found in re.findall(r"<text[^>]*>([^<]*)</text>", svg)]


def test_pictures_show_what_happened(day: Day) -> None:
    truth = true_changes(day)
    names = {body["GSW_CAMPAIGN_GROUP_NAME"] for body in day.last}
    timeline = drawn(day, "state/timeline")
    assert names <= set(timeline)
    states = Counter(label("state", body["GSW_CAMPAIGN_GROUP_STATE"]) for body in day.last)
    assert Counter(text for text in timeline if text in states) == states
    changes = [change for of_group in truth.values() for change in of_group]
    shown = set(drawn(day, "activity/changes"))
    for action, count in Counter(change[2] for change in changes).items():
        assert f"{label('action', action)} ({count})" in shown
    for actor, count in Counter(change[3] for change in changes).items():
        assert {label("actor", actor), str(count)} <= shown
    latest = drawn(day, "activity/latest")
    assert f"The newest 200 of {len(changes)} changes: a shorter time range shows others." in latest
    lists = drawn(day, "performance/calling_lists")
    assert {each["GSW_CALLING_LIST_NAME"] for body in day.last for each in body["GSW_CALLING_LISTS"]} <= set(lists)


EMPTY = {
    "state/timeline": "No campaign group has sent a message.",
    "activity/changes": "Nothing changed in this time range.",
    "activity/latest": "Nothing changed in this time range.",
    "health/dead_letters": "No dead letters in this time range: every message was understood.",
}


@pytest.mark.parametrize("panel", EMPTY)
def test_pictures_of_nothing_say_so(day: Day, panel: str) -> None:
    before = replace(day, window=Window(day.window.from_ms - 40 * 86_400_000, day.window.from_ms - 39 * 86_400_000))
    texts = [text for text in drawn(before, panel) if text]
    assert EMPTY[panel] in texts
    assert not {body["GSW_CAMPAIGN_GROUP_NAME"] for body in day.last} & set(texts)


@pytest.fixture(scope="module")
def odd(engine: Engine) -> Iterator[Day]:
    settings = Settings(namespace=f"odd_{secrets.token_hex(4)}", refresh_interval_s=1)
    for stream in installed(engine, settings):
        end_ms = time.time_ns() // 1_000_000
        start_ms = end_ms - ODD.span_ms()
        Simulation(ODD, start_ms).post(target_of(engine.connection, settings.namespace))
        stream.count(stream.dead_letters)
        stream.count(stream.name)
        yield Day(stream, [], Window(start_ms, time.time_ns() // 1_000_000 + 86_400_000))


def test_what_is_odd_is_counted_by_tag(odd: Day) -> None:
    stream = odd.stream
    found = {row["Tag"]: row["Messages"] for row in odd.ask("health/odd")}
    in_time = {"range": {"@timestamp": {"gte": odd.window.from_ms, "format": "epoch_millis"}}}
    for tag in ("ocs_unknown_code", "ocs_bad_time", "ocs_invalid", "ocs_extra"):
        query = {"bool": {"filter": [{"term": {"tags": tag}}, in_time]}}
        assert found.get(tag, 0) == stream.count(stream.name, query) > 0, tag
    assert odd.figure("health/unknown_count") == found["ocs_unknown_code"]
    assert odd.figure("health/bad_count") == found["ocs_bad_time"]
    assert sum(row["Messages"] for row in odd.ask("health/unknown")) == found["ocs_unknown_code"]


def test_dead_letters_are_counted_by_reason(odd: Day) -> None:
    buckets = odd.draw("health/dead_letters")["answer"]["aggregations"]["reasons"]["buckets"]
    assert sum(bucket["doc_count"] for bucket in buckets) == odd.stream.count(odd.stream.dead_letters) > 0
    assert all(bucket["messages"]["buckets"] for bucket in buckets)


def test_messages_of_verify_are_in_no_panel(engine: Engine) -> None:
    settings = Settings(namespace=f"verify_{secrets.token_hex(4)}", refresh_interval_s=1)
    for stream in installed(engine, settings):
        now = time.time()
        body = {
            "GSW_TENANT_NAME": "ocs-elastic-verify",
            "GSW_CAMPAIGN_GROUP_GUID": "x",
            "GSW_CAMPAIGN_GROUP_NAME": "x",
            "GSW_CAMPAIGN_GROUP_STATE": 99,
            "GSW_CAMPAIGN_GROUP_ACTION": 9,
            "GSW_CAMPAIGN_GROUP_ACTOR": 1,
            "GSW_DATE_TIME": f"{now:.3f}",
        }
        status, _ = stream.post(json.dumps(body))
        assert status == 201
        assert stream.count(stream.name) == 1
        day = Day(stream, [], Window(int(now * 1000) - 60_000, int(now * 1000) + 60_000))
        for panel, chart in ASKING.items():
            if chart.data == "events":
                figures = [value for row in day.ask(panel) for value in row.values()]
                assert set(figures) <= {0, None}, panel
        for panel in ("activity/changes", "activity/latest"):
            for answer in day.draw(panel).values():
                assert answer["aggregations"]["groups"]["buckets"] == []
