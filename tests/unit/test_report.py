"""The report's page: its clock, its colours, and that no name breaks it."""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest

from tests.found import CATALOGUE
from toolkit.client.transport import Transport
from toolkit.errors import RejectedError, ToolkitError
from toolkit.questions import DeadLetterReason, GroupState
from toolkit.questions.changes import NOTHING, Change, Values, spells
from toolkit.report import charts
from toolkit.report.clock import boundaries, full, length, ticks
from toolkit.report.colour import shown
from toolkit.report.page import page, readable, require_renderer
from toolkit.streams import Streams
from toolkit.uses.report import Group, Report, _failures
from toolkit.uses.window import Window

MADE = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
HOUR = 3_600_000
NAMES = (
    """<script>alert("1")</script> & 'x' ]]> --> ${{ y }} {{ z }}""",
    "営業一課 📞 Zürich",
    "x" * 1024,
    "\ud800 \x00 \x07 \u202e half a character, control characters, the other direction",
)


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def of(start: str, end: str, zone: str = "Europe/Berlin") -> Window:
    return Window(at(start), at(end), ZoneInfo(zone), open=False)


DAY = of("2026-11-22T00:00+01:00", "2026-11-23T00:00+01:00")
RUNNING, ACTIVE = Values(5, 1, 9, 4), Values(4, None, 10, 1)


def group(
    name: str | None = "Campaign@Group", *made: tuple[int, Values], before: Values = NOTHING, window: Window = DAY
) -> Group:
    """A campaign group whose values become others so many hours after the window's start."""
    changes, values = [], before
    for hours, now in made:
        changes.append(Change(str(name), window.from_ms + hours * HOUR, values, now))
        values = now
    seen = "2026-11-22T20:00:00.000Z"
    state = GroupState("a tenant", name, str(name), "Running", seen, None, None, None, seen)
    return Group(state, values, changes, spells(str(name), before, changes, window.from_ms, window.before_ms))


def report(*groups: Group, window: Window = DAY, **more: Any) -> Report:
    facts: dict[str, Any] = {"messages": 7, "dead_letters": [], **more}
    return Report("http://a-host:9200", Streams("default"), window, CATALOGUE, list(groups), **facts)


class Tags(HTMLParser):
    """What a browser would see: no error is forgiven."""

    VOID = frozenset({"meta", "col", "br", "link", "img"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def seen(text: str) -> Tags:
    """The page's tags, after what holds for every page."""
    text.encode()
    found = Tags(text)
    assert {tag for tag, _ in found.tags} & {"script", "link", "img", "iframe", "object", "image", "use"} == set()
    for tag, attributes in found.tags:
        assert not {"src", "href", "xlink:href"} & attributes.keys(), tag
        assert not [name for name in attributes if name.startswith("on")], tag
    assert "url(" not in text
    assert "@import" not in text
    for svg in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        ET.fromstring(svg)  # noqa: S314 - our own
    return found


# The clock


def labels(window: Window, most: int) -> list[str]:
    return [f"{tick.label} {tick.below}".strip() for tick in ticks(window, most)]


def test_a_day_is_marked_at_round_hours_of_its_own_clocks() -> None:
    assert labels(of("2026-11-22T05:30+01:00", "2026-11-23T05:30+01:00"), 9) == [
        *("06:00 Sun 22 Nov CET", "09:00", "12:00", "15:00", "18:00", "21:00"),
        *("00:00 Mon 23 Nov", "03:00"),
    ]


def test_the_hour_that_is_left_out_has_no_mark() -> None:
    assert labels(of("2026-03-29T00:30+01:00", "2026-03-29T05:30+02:00"), 4) == [
        *("01:00 Sun 29 Mar CET", "03:00 CEST", "04:00", "05:00"),
    ]


def test_on_the_axis_the_hour_that_is_left_out_takes_no_room() -> None:
    window = of("2026-03-29T00:30+01:00", "2026-03-29T05:30+02:00")
    times = list(boundaries(window, 3600))
    assert [window.at(time).strftime("%H:%M %Z") for time in times] == [
        *("01:00 CET", "03:00 CEST", "04:00 CEST", "05:00 CEST"),
    ]
    assert {later - earlier for earlier, later in pairwise(times)} == {HOUR}


def test_the_hour_that_comes_twice_has_two_marks_and_the_clocks_names() -> None:
    window = of("2026-10-25T00:30+02:00", "2026-10-25T04:30+01:00")
    assert labels(window, 5) == ["01:00 Sun 25 Oct CEST", "02:00", "02:00 CET", "03:00", "04:00"]


def test_days_begin_at_midnight_of_the_clocks_and_may_have_23_or_25_hours() -> None:
    window = of("2026-10-24T12:00+02:00", "2026-10-27T12:00+01:00")
    times = list(boundaries(window, 86_400))
    assert [window.at(time).strftime("%d %H:%M") for time in times] == ["25 00:00", "26 00:00", "27 00:00"]
    assert [(b - a) // HOUR for a, b in pairwise(times)] == [25, 24]


def test_a_day_without_a_midnight_begins_when_it_begins() -> None:
    """In Chile clocks go from 23:59:59 to 01:00."""
    window = of("2026-09-05T12:00-04:00", "2026-09-06T12:00-03:00", "America/Santiago")
    assert [window.at(t).strftime("%d %H:%M") for t in boundaries(window, 86_400)] == ["06 01:00"]


def test_clocks_that_are_a_quarter_off() -> None:
    window = of("2026-11-22T00:20+05:45", "2026-11-22T03:00+05:45", "Asia/Kathmandu")
    assert [window.at(t).strftime("%H:%M") for t in boundaries(window, 3600)] == ["01:00", "02:00"]


@pytest.mark.parametrize("span_ms", [1, 999, 60_000, 1_500_000, 86_400_000, 7 * 86_400_000, 366 * 86_400_000])
def test_every_window_has_marks_that_can_be_read(span_ms: int) -> None:
    window = Window(DAY.from_ms - 1, DAY.from_ms - 1 + span_ms, ZoneInfo("Australia/Lord_Howe"), open=False)
    assert len(ticks(window, 14)) <= 15
    assert all(window.from_ms < tick.time_ms < window.before_ms for tick in ticks(window, 14))


def test_lengths_and_times_in_words() -> None:
    assert [length(s) for s in (1, 30, 60, 1800, 3600, 7200, 86_400)] == [
        *("second", "30 seconds", "minute", "30 minutes", "hour", "2 hours", "day"),
    ]
    assert full(DAY, DAY.from_ms) == "Sun 22 Nov 2026, 00:00 CET"


# Colours


def test_a_code_that_the_catalogue_lacks_has_a_label_too() -> None:
    found = shown(CATALOGUE.enums["state"], 99)
    assert (found.label, found.order) == ("Unknown (99)", len(CATALOGUE.enums["state"].values))


# Charts


def test_a_bar_is_a_stay_and_pale_after_the_last_message() -> None:
    found = report(group("g", (1, ACTIVE), (2, RUNNING)))
    chart = charts.timeline(found, found.groups)
    spans = [
        ((b["from"] - DAY.from_ms) // HOUR, (b["to"] - DAY.from_ms) // HOUR, b["label"], b["pale"])
        for b in chart["bars"]
    ]
    assert spans == [(1, 2, "Active", False), (2, 21, "Running", False), (21, 24, "Running", True)]


def test_a_group_that_is_not_loaded_need_not_be_heard() -> None:
    found = report(group("g", before=Values(0)))
    (bar,) = charts.timeline(found, found.groups)["bars"]
    assert (bar["from"], bar["to"], bar["pale"]) == (DAY.from_ms, DAY.before_ms, False)


def test_changes_are_counted_where_they_happened() -> None:
    found = report(group("g", (0, ACTIVE), (1, RUNNING)), group("h", (0, ACTIVE)))
    rows = [((r["from"] - DAY.from_ms) // HOUR, r["label"], r["count"]) for r in charts.bars(found, "actor")]
    assert rows == [(0, "OCS client", 2), (1, "Schedule", 1)]


def test_of_very_many_groups_those_that_changed_most_are_drawn() -> None:
    quiet = [group(f"quiet {i}", before=RUNNING) for i in range(charts.ROWS_MAX)]
    busy = group("busy", (1, ACTIVE))
    parts = charts.timelines(report(*quiet, busy))
    assert [len(part) for part in parts] == [charts.ROWS_A_PAGE] * 5
    assert parts[-1][-1] is busy


def test_no_row_stands_on_a_page_by_itself() -> None:
    groups = [group(str(i), before=RUNNING) for i in range(charts.ROWS_A_PAGE + 1)]
    assert [len(part) for part in charts.timelines(report(*groups))] == [23, 22]
    assert charts.timelines(report()) == []


# The page


@pytest.mark.parametrize("name", NAMES)
def test_no_name_breaks_the_page(name: str) -> None:
    found = seen(
        page(report(group(name, (1, ACTIVE), (2, RUNNING)), dead_letters=[DeadLetterReason("t", name, 3)]), MADE)
    )
    shown_whole = readable(name)
    titles = [attributes["title"] or "" for _, attributes in found.tags if "title" in attributes]
    assert f"{shown_whole} ({shown_whole})" in titles
    assert "".join(found.texts).count(shown_whole) >= 2  # in the table and as a reason
    assert shown_whole == name or "\N{REPLACEMENT CHARACTER}" in shown_whole


def test_the_page_says_what_is_so_and_what_was() -> None:
    found = seen(page(report(group("g", (1, ACTIVE), (2, RUNNING))), MADE))
    text = " ".join("".join(found.texts).split())
    assert "1Running at the end" in text
    assert "What was each campaign group doing at the end?" in text
    assert "2changes 7messages 0dead letters" in text
    assert "Sun 22 Nov 2026, 00:00 CET to Mon 23 Nov 2026, 00:00 CET, in timezone Europe/Berlin" in text
    assert "Start dialing" in text
    assert "Which messages could not be understood?" not in text
    now = page(report(group("g", before=RUNNING), window=replace(DAY, open=True)), MADE)
    assert "What is each campaign group doing now?" in now
    assert "Nothing changed in this time." in now


def test_nothing_at_all_reads_well() -> None:
    text = "".join(seen(page(report(messages=0), MADE)).texts)
    assert "No campaign group was heard of yet." in text
    assert "Who changed what" not in text
    assert "dead letter" not in text
    assert "Which messages could not be understood?" in page(
        report(messages=0, dead_letters=[DeadLetterReason("not_ocs", "not a message of OCS", 1)]), MADE
    )


def test_what_is_in_failure_stores_is_told_and_that_nobody_looked() -> None:
    said = "could neither be indexed nor become dead letters"
    for failures, words in ((1, f"1 message {said}"), (1200, f"1,200 messages {said}")):
        assert words in " ".join(seen(page(report(group("g"), failures=failures), MADE)).texts)
    for nothing in (None, 0):
        assert "failure store" not in page(report(group("g"), failures=nothing), MADE)
    assert "lacks <code>read_failure_store</code>" in page(report(group("g"), failures_refused=True), MADE)


class Stores:
    """Failure stores of both streams; None: the server has none."""

    def __init__(self, *counts: int | None, status: int | None = None) -> None:
        names = ("ocs-campaign-groups-default", "ocs-dead-letters-default")
        self.counts = dict(zip(names, counts, strict=True))
        self.status = status

    def get(self, path: str) -> Any:
        store = {"enabled": True, "indices": [{}]}
        there = self.counts[path.removeprefix("/_data_stream/")] is not None
        return {"data_streams": [{"failure_store": store} if there else {}]}

    def post(self, path: str, body: Any) -> Any:
        if self.status:
            raise RejectedError("no", status=self.status)
        limits = body["query"]["bool"]["filter"][0]["range"]["@timestamp"]
        assert (limits["gte"], limits["lt"]) == ("2026-11-21T23:00:00.000Z", "2026-11-22T23:00:00.000Z")
        return {"count": self.counts[path.removeprefix("/").removesuffix("::failures/_count")]}


def test_the_failures_of_both_streams_in_the_window_are_counted() -> None:
    def ask(stores: Stores) -> tuple[int | None, bool]:
        return _failures(cast("Transport", stores), Streams("default"), DAY)

    assert ask(Stores(3, 4)) == (7, False)
    assert ask(Stores(None, None)) == (None, False)
    assert ask(Stores(0, None)) == (0, False)
    assert ask(Stores(3, 4, status=403)) == (None, True)
    with pytest.raises(RejectedError):
        ask(Stores(3, 4, status=500))


def test_no_message_in_the_window_is_said() -> None:
    assert "No message came in this time" in page(report(group("g", before=RUNNING), messages=0), MADE)


def test_codes_and_names_that_nobody_knows() -> None:
    text = page(report(group(None, (1, Values(99, 99, 99, 99))), group("quiet")), MADE)
    seen(text)
    assert "Unknown (99)" in text
    assert "(no name)" in text
    assert "1 campaign group is left out, whose state no message said." in text


def test_bad_no_renderer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(ToolkitError, match="vl-convert-python") as caught:
        require_renderer()
    assert "pip install 'ocs-elastic-toolkit[report]'" in str(caught.value.hint)
