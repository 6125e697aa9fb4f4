"""What happened to the campaign groups between two times: changes of value, never numbers of messages.

A **change**: a campaign group's state, dial mode, action or actor is not what it was in the message before. Two
sentences make it the same story however periodic messages are filled, which the vendor does not document:

- a message that is no `state_change` names no request, so it repeats the last request's action and actor;
- a message without a state says nothing of the dial mode either, so it repeats both.

The engine sums the messages up to runs: one bucket for a group, an interval and a set of values, with the times of
its first and last message. Runs that do not overlap are the whole truth about their messages; where some do (a group
that was stopped and started again within one interval), those messages are read one by one. So the answer is exact,
and memory holds no more than a page of buckets and the changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from itertools import groupby, pairwise
from typing import Any

from toolkit.client.transport import Transport
from toolkit.model import Body
from toolkit.questions import GUID, STATE, hit, last_of_groups, messages

_INTERVAL_MS = 300_000  # a day of 40 groups: 11,000 buckets, and hardly any message has to be read by itself
_RUNS_A_PAGE = 10_000
_MESSAGES_A_PAGE = 10_000  # more than one group sends in an interval: no two messages of one time part at a page's end
_VALUES = {
    "state": STATE,
    "mode": "ocs.dial_mode.code",
    "action": "ocs.action.code",
    "actor": "ocs.actor.code",
    "message": "ocs.message",
}


@dataclass(frozen=True, slots=True)
class Values:
    """What is known of a campaign group at a time, as the catalogue's codes; None: not known or, a dial mode, none."""

    state: int | None = None
    dial_mode: int | None = None
    action: int | None = None
    actor: int | None = None
    """Of the last request."""


NOTHING = Values()
"""What is known of a group before its first message."""


@dataclass(frozen=True, slots=True)
class Change:
    """A campaign group's values became others."""

    guid: str
    time_ms: int
    """When the message that says so was sent: milliseconds since 1970 UTC."""
    before: Values
    after: Values

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Spell:
    """A stay of a campaign group in one state, as far as it lies in the time that was asked for."""

    guid: str
    state: int
    """Code of the state."""
    start_ms: int
    end_ms: int
    """Milliseconds since 1970 UTC."""


@dataclass(frozen=True, slots=True)
class _Run:
    """Messages of a group that hold the same, and nothing else between them."""

    guid: str
    first_ms: int
    last_ms: int
    held: Mapping[str, Any]
    """What the messages hold, by the names of `_VALUES`."""


def values_before(transport: Transport, stream: str, time_ms: int) -> dict[str, Values]:
    """What was known of each group right before a time, by its guid; groups without a message are not in it."""
    buckets = last_of_groups(transport, stream, messages(before_ms=time_ms))
    return {bucket["key"]["guid"]: _values_of(bucket) for bucket in buckets}


def changes(
    transport: Transport, stream: str, from_ms: int, before_ms: int, known: Mapping[str, Values]
) -> Iterator[Change]:
    """Every change from one time until before another: group by group, each in the order of time.

    Args:
        transport: the cluster.
        stream: name of the data stream.
        from_ms: milliseconds since 1970 UTC.
        before_ms: the same.
        known: what was known before, by guid: see `values_before`.
    """
    runs = _runs(transport, stream, from_ms, before_ms)
    for guid, of_group in groupby(runs, key=lambda run: run.guid):
        values = known.get(guid, NOTHING)
        for run in of_group:
            now = _after(values, run.held)
            if now != values:
                yield Change(guid, run.first_ms, values, now)
                values = now


def spells(guid: str, before: Values, made: list[Change], from_ms: int, before_ms: int) -> list[Spell]:
    """A group's states from one time until before another; a time at which none was known is left out.

    Args:
        guid: the group.
        before: what was known of it at the start.
        made: its changes since then, in the order of time.
        from_ms: milliseconds since 1970 UTC.
        before_ms: the same.
    """
    turns = [(from_ms, before.state)]
    turns += [(change.time_ms, change.after.state) for change in made if change.after.state != change.before.state]
    ends = [*(time_ms for time_ms, _ in turns[1:]), before_ms]
    stays = zip(turns, ends, strict=True)
    return [Spell(guid, state, start, end) for (start, state), end in stays if state is not None and end > start]


def _after(values: Values, held: Mapping[str, Any]) -> Values:
    if held["message"] == "state_change":
        values = replace(values, action=held["action"], actor=held["actor"])
    if held["state"] is not None:
        values = replace(values, state=held["state"], dial_mode=held["mode"])
    return values


def _runs(transport: Transport, stream: str, from_ms: int, before_ms: int) -> Iterator[_Run]:
    """All runs, group by group, each in the order of time."""
    buckets = _buckets(transport, stream, messages(from_ms=from_ms, before_ms=before_ms))
    for (guid, interval_ms), some in groupby(
        buckets, key=lambda bucket: (bucket["key"]["guid"], bucket["key"]["time"])
    ):
        runs = sorted((_run(bucket) for bucket in some), key=lambda run: run.first_ms)
        if all(earlier.last_ms < later.first_ms for earlier, later in pairwise(runs)):
            yield from runs
        else:
            limits = max(interval_ms, from_ms), min(interval_ms + _INTERVAL_MS, before_ms)
            yield from _messages(transport, stream, guid, *limits)


def _buckets(transport: Transport, stream: str, query: Body) -> Iterator[Body]:
    """A bucket for each group, interval and set of values, in this order."""
    sources: list[Body] = [
        {"guid": {"terms": {"field": GUID}}},
        {"time": {"date_histogram": {"field": "@timestamp", "fixed_interval": f"{_INTERVAL_MS}ms"}}},
        *({name: {"terms": {"field": field, "missing_bucket": True}}} for name, field in _VALUES.items()),
    ]
    composite: Body = {"size": _RUNS_A_PAGE, "sources": sources}
    times = {"first": {"min": {"field": "@timestamp"}}, "last": {"max": {"field": "@timestamp"}}}
    while True:
        aggregations = {"runs": {"composite": composite, "aggs": times}}
        body = {"size": 0, "track_total_hits": False, "query": query, "aggs": aggregations}
        page = transport.post(f"/{stream}/_search", body)["aggregations"]["runs"]
        yield from page.pop("buckets")  # so that no two pages are in memory
        if "after_key" not in page:
            return
        composite = {**composite, "after": page["after_key"]}


def _run(bucket: Body) -> _Run:
    return _Run(bucket["key"]["guid"], int(bucket["first"]["value"]), int(bucket["last"]["value"]), bucket["key"])


def _messages(transport: Transport, stream: str, guid: str, from_ms: int, before_ms: int) -> Iterator[_Run]:
    """A group's messages one by one; of the same time, in the order in which the engine took them."""
    query = messages(from_ms=from_ms, before_ms=before_ms)
    query["bool"]["filter"].append({"term": {GUID: guid}})
    body: Body = {
        "size": _MESSAGES_A_PAGE,
        "track_total_hits": False,
        "query": query,
        "sort": [{"@timestamp": "asc"}, {"event.ingested": "asc"}],
        "_source": False,
        "docvalue_fields": list(_VALUES.values()),
    }
    while hits := transport.post(f"/{stream}/_search", body)["hits"]["hits"]:
        for found in hits:
            fields = found.get("fields", {})
            held = {name: fields.get(field, [None])[0] for name, field in _VALUES.items()}
            yield _Run(guid, found["sort"][0], found["sort"][0], held)
        body = {**body, "search_after": hits[-1]["sort"]}


def _values_of(bucket: Body) -> Values:
    """What the last messages of a group say."""
    known, request = ((hit(bucket[part]) or {}).get("ocs", {}) for part in ("known", "changes"))
    return Values(
        state=known.get("campaign_group", {}).get("state", {}).get("code"),
        dial_mode=known.get("dial_mode", {}).get("code"),
        action=request.get("action", {}).get("code"),
        actor=request.get("actor", {}).get("code"),
    )
