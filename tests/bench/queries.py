"""What each panel of the dashboards asks of many messages, against a plain `terms` over all of them.

The messages go through our own pipeline, as OCS's do, and lie in the segments that the engine makes of them: nobody
merges a data stream by hand. Nothing is answered from a cache of requests. A search takes what the server says it took.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from statistics import fmean, median

from tests.bench.bench import Bench
from tests.bench.load import index
from tests.bench.messages import bulk_bodies, messages
from tests.bench.row import Aim, Row
from tests.bench.turns import in_turn
from tests.engine.panels import Window, expressions, search, vega_searches, with_top_hits
from tests.running import Stream, installed
from toolkit.catalogue import read_catalogue
from toolkit.config import Settings
from toolkit.dashboards.compile import compile_dashboards
from toolkit.dashboards.saved_object import SavedObject, object_id
from toolkit.dashboards.source import Panel, Series, Table, Tile, Vega, read_dashboards
from toolkit.model import Body
from toolkit.resources import data_folder

_MESSAGES = 1_000_000
_MESSAGES_EMBEDDED = 100_000
"""The embedded engine has only the quick compiler, and little memory."""
_MESSAGES_A_BODY = 500
"""The embedded engine's breaker refused bodies of 2,000."""
_BODIES_AT_ONCE = 200
_TIMES = 5
"""Searches a repeat, of which the median counts."""
_LEAST_MS = 0.5
"""What a search counts for that took less than a millisecond."""
_UNCACHED = {"request_cache": "false", "filter_path": "took"}
_LAST_MS = 15 * 60_000
_QUIET_S = 5
_PLAIN: Body = {"size": 0, "aggs": {"x": {"terms": {"field": "ocs.campaign_group.state.code"}}}}
"""By a field that has to be read from each message: of an indexed keyword, such as the state's label, Elasticsearch
looks the number of messages up for each value and reads none."""
_SPAN: Body = {
    "size": 0,
    "aggs": {"from": {"min": {"field": "@timestamp"}}, "to": {"max": {"field": "@timestamp"}}},
}
_AGAINST = "a plain `terms` over all messages"
_STREAMS = {"events": "ocs-campaign-groups", "current": "ocs-current-state", "dead_letters": "ocs-dead-letters"}
_AIM, _AIM_OF_STATISTICS = Aim(2.0), Aim(3.0)


@dataclass(frozen=True, slots=True)
class Question:
    """One search of a panel; `ask` makes it for a time range."""

    name: str
    title: str
    index: str
    ask: Callable[[Window], Body]
    aim: Aim = _AIM

    @property
    def of_events(self) -> bool:
        """Whether it looks at all messages, rather than at few documents."""
        return self.index.startswith(_STREAMS["events"])

    @property
    def of_before(self) -> bool:
        """Whether it looks at the day before the time range."""
        return self.name.endswith("-earlier")

    def over(self, span: Window) -> Body:
        """The search whose messages are all those of a time."""
        return self.ask(Window(span.to_ms + 1, span.to_ms + _LAST_MS) if self.of_before else span)


@dataclass(frozen=True)
class Asked:
    """A stream full of messages, and what they span."""

    bench: Bench
    stream: Stream
    span: Window
    count: int

    def ms(self, index_name: str, body: Body) -> float:
        """What the server says that a search took."""
        known = with_top_hits(body) if self.bench.opensearch else body
        answers = [self.bench.ask("POST", f"/{index_name}/_search", known, **_UNCACHED) for _ in range(_TIMES)]
        return float(median(max(answer["took"], _LEAST_MS) for answer in answers))

    def plain_ms(self) -> float:
        """The same of what all panels are held against."""
        return self.ms(self.stream.name, _PLAIN)


def rows(bench: Bench) -> Iterator[Row]:
    """One row for each search of each panel, over all messages; and one for all of them, over the last 15 minutes."""
    settings = Settings(namespace=f"queries_{secrets.token_hex(4)}")
    for stream in installed(bench.engine, settings):
        asked = _filled(bench, stream, _MESSAGES_EMBEDDED if bench.opensearch else _MESSAGES)
        with _latest(asked):
            _until_quiet(asked)
            found = list(_questions(asked))
            yield from (_over_all(asked, question) for question in found)
            yield _over_the_last_minutes(asked, [each for each in found if each.of_events and not each.of_before])


def _over_all(asked: Asked, question: Question) -> Row:
    body = question.over(asked.span)
    sides: dict[str, Callable[[], float]] = {"panel": partial(asked.ms, question.index, body), "plain": asked.plain_ms}
    for warm in sides.values():
        warm()
    figures = in_turn(sides, asked.bench.repeats)
    ours, theirs = figures["panel"], figures["plain"]
    asked.bench.say(f"{question.name}: {median(ours):.1f} ms of {median(theirs):.1f}")
    return Row(question.name, question.title, _AGAINST, "ms", tuple(ours), tuple(theirs), question.aim)


def _over_the_last_minutes(asked: Asked, questions: list[Question]) -> Row:
    last = Window(asked.span.to_ms - _LAST_MS, asked.span.to_ms)

    def all_of_them() -> float:
        return fmean(asked.ms(question.index, question.ask(last)) for question in questions)

    figures = in_turn({"panels": all_of_them, "plain": asked.plain_ms}, asked.bench.repeats)
    note = f"{asked.count:,} messages of 200 campaign groups, {_segments(asked)} segments as the engine left them."
    return Row(
        "query-last-15-minutes",
        "All searches of messages, for the last 15 minutes, on average",
        _AGAINST,
        "ms",
        tuple(figures["panels"]),
        tuple(figures["plain"]),
        _AIM,
        note,
    )


def _questions(asked: Asked) -> Iterator[Question]:
    """Every search of every panel; one that several panels ask alike, once."""
    catalogue = read_catalogue()
    settings = asked.stream.settings
    objects = {saved.id: saved for saved in compile_dashboards(settings, catalogue, "default")}
    scripts = expressions(objects.values())
    seen: set[str] = set()
    for dashboard in read_dashboards(data_folder("dashboards"), catalogue):
        specs = _specs(objects[object_id(dashboard.name, settings.namespace, "default")])
        for panel in dashboard.panels:
            prefix = f"query-{dashboard.name}-{panel.id}".replace("_", "-")
            title = f"{dashboard.name.capitalize()}: {panel.title}"
            for question in _of_panel(asked, panel, scripts, specs):
                text = json.dumps([question.index, question.ask(asked.span)])
                if text not in seen:
                    seen.add(text)
                    yield replace(question, name=prefix + question.name, title=title + question.title)


def _of_panel(asked: Asked, panel: Panel, scripts: dict[str, str], specs: dict[str, Body]) -> Iterator[Question]:
    """A panel's searches, named by what tells them from each other."""
    match panel.chart:
        case Tile() | Series() | Table() as chart:
            aim = _AIM_OF_STATISTICS if _averages_all(chart) else _AIM
            stream = f"{_STREAMS[chart.data]}-{asked.stream.settings.namespace}"
            yield Question("", "", stream, partial(_of_chart, chart, scripts), aim)
        case Vega():
            spec = specs[panel.id]
            for data, (stream, _) in vega_searches(spec, asked.span).items():
                yield Question(f"-{data}", f" ({data})", stream, partial(_of_vega, spec, data))


def _averages_all(chart: Tile | Series | Table) -> bool:
    """Whether it averages all statistics of OCS that have an average."""
    measures = (chart.measure,) if isinstance(chart, Tile) else chart.measures
    return sum(measure.operation == "average" for measure in measures) > 2


def _of_chart(chart: Tile | Series | Table, scripts: dict[str, str], window: Window) -> Body:
    return search(chart, window, scripts)


def _of_vega(spec: Body, data: str, window: Window) -> Body:
    return vega_searches(spec, window)[data][1]


def _specs(dashboard: SavedObject) -> dict[str, Body]:
    """The Vega specifications of a dashboard, by panel."""
    panels = json.loads(dashboard.body["attributes"]["panelsJSON"])
    configs = {panel["panelIndex"]: panel["embeddableConfig"] for panel in panels}
    visualizations = {id_: config["savedVis"]["params"] for id_, config in configs.items() if "savedVis" in config}
    return {id_: json.loads(params["spec"]) for id_, params in visualizations.items() if "spec" in params}


def _filled(bench: Bench, stream: Stream, count: int) -> Asked:
    """Index the messages; the next bodies are made while the engine takes the last."""
    bench.say(f"indexing {count:,} messages")
    bodies = bulk_bodies(messages(count), _MESSAGES_A_BODY)
    with ThreadPoolExecutor(1) as ahead:
        coming = ahead.submit(_some, bodies)
        while now := coming.result():
            coming = ahead.submit(_some, bodies)
            index(bench, stream.name, now)
    found = bench.ask("POST", f"/{stream.name}/_search", _SPAN)["aggregations"]
    span = Window(int(found["from"]["value"]), int(found["to"]["value"]))
    return Asked(bench, stream, span, count)


def _some(bodies: Iterator[bytes]) -> list[bytes]:
    return list(islice(bodies, _BODIES_AT_ONCE))


@contextmanager
def _latest(asked: Asked) -> Iterator[None]:
    """The latest-state index as the transform fills it; where there are no transforms, as one would."""
    bench, stream = asked.bench, asked.stream
    name = f"{_STREAMS['current']}-{stream.settings.namespace}"
    if bench.engine.server.transforms:
        bench.say("waiting for the transform")
        for _ in range(120):
            bench.ask("POST", f"/{name}/_refresh")
            to = bench.ask("POST", f"/{name}/_search", _SPAN)["aggregations"]["to"]["value"]
            if to == asked.span.to_ms:
                break
            time.sleep(1)
        else:
            raise RuntimeError("the transform has not caught up in two minutes")
        yield
        return
    mappings = bench.ask("GET", f"/{stream.name}/_mapping").popitem()[1]["mappings"]
    bench.ask("PUT", f"/{name}", {"mappings": {"properties": mappings["properties"], "dynamic": "false"}})
    newest = {"size": 1000, "collapse": {"field": "ocs.campaign_group.guid"}, "sort": [{"@timestamp": "desc"}]}
    for hit in bench.ask("POST", f"/{stream.name}/_search", newest)["hits"]["hits"]:
        bench.ask("PUT", f"/{name}/_doc/{hit['_id']}", hit["_source"])
    bench.ask("POST", f"/{name}/_refresh")
    yield
    bench.ask("DELETE", f"/{name}")


def _until_quiet(asked: Asked) -> None:
    """Wait until the engine merges nothing more."""
    quiet_s = 0
    while quiet_s < _QUIET_S:
        time.sleep(1)
        stats = asked.bench.ask("GET", f"/{asked.stream.name}/_stats/merge")
        quiet_s = 0 if stats["_all"]["total"]["merges"]["current"] else quiet_s + 1
    asked.bench.ask("POST", f"/{asked.stream.name}/_refresh")


def _segments(asked: Asked) -> int:
    stats = asked.bench.ask("GET", f"/{asked.stream.name}/_stats/segments")
    return int(stats["_all"]["primaries"]["segments"]["count"])
