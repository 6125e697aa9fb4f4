"""What people want to know of the stream, one query a question; pure, and the same for Elasticsearch and OpenSearch.

Here: what is so at one time. `toolkit.questions.changes`: what happened between two times. `toolkit.questions.health`:
whether OCS is still heard of, and understood.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

from toolkit.client.transport import Transport
from toolkit.model import Body

_GROUPS_A_PAGE = 500
_FILTERS_AT_ONCE = 50
"""Each is tried on the messages of all: for 5,000 groups with 600,000 messages, 500 at once took 220 s, 50 take 10."""
_REASONS_MAX = 20
GUID = "ocs.campaign_group.guid"
STATE = "ocs.campaign_group.state.code"
NEWEST_FIRST = [{"@timestamp": "desc"}, {"event.ingested": "desc"}]
"""A group's messages in the order in which OCS sent them, the last first."""
NOT_VERIFY: Body = {"bool": {"must_not": [{"term": {"tags": "ocs_verify"}}]}}
"""Leaves out the messages that `verify` sends."""


@dataclass(frozen=True, slots=True)
class GroupState:
    """What is known of one campaign group now; None where no message said it."""

    tenant: str | None
    name: str | None
    guid: str
    state: str | None
    since: str | None
    """When the state took its present value: UTC, ISO 8601."""
    dial_mode: str | None
    last_action: str | None
    """The last action that changed something, or that was asked for: that of the last `state_change`."""
    last_actor: str | None
    seen: str
    """When its last message was sent: UTC, ISO 8601."""

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class DeadLetterReason:
    """Why messages could not be understood, and how many."""

    type: str | None
    message: str | None
    """The pipeline's own words; None: longer than can be counted by, or not among the commonest."""
    count: int

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return asdict(self)


def count(transport: Transport, stream: str) -> int:
    """How many documents are in a stream."""
    return int(transport.get(f"/{stream}/_count")["count"])


def message_count(transport: Transport, stream: str, from_ms: int, before_ms: int) -> int:
    """How many messages OCS sent from one time until before another, milliseconds since 1970 UTC."""
    query = messages(from_ms=from_ms, before_ms=before_ms)
    return int(transport.post(f"/{stream}/_count", {"query": query})["count"])


def dead_letter_reasons(transport: Transport, stream: str, from_ms: int, before_ms: int) -> list[DeadLetterReason]:
    """Why messages became dead letters from one time until before another, the commonest reasons first.

    Args:
        transport: the cluster.
        stream: name of the data stream of dead letters.
        from_ms: milliseconds since 1970 UTC; a dead letter's time is when the engine took it.
        before_ms: the same.
    """
    types = {"terms": {"field": "error.type", "size": 1}}
    reasons = {"terms": {"field": "error.message", "size": _REASONS_MAX}, "aggs": {"types": types}}
    body = {
        "size": 0,
        "track_total_hits": True,
        "query": messages(from_ms=from_ms, before_ms=before_ms),
        "aggs": {"reasons": reasons},
    }
    answer = transport.post(f"/{stream}/_search", body)
    found = [_reason(bucket) for bucket in answer["aggregations"]["reasons"]["buckets"]]
    others = answer["hits"]["total"]["value"] - sum(reason.count for reason in found)
    return [*found, *([DeadLetterReason(None, None, others)] if others else [])]


def _reason(bucket: Body) -> DeadLetterReason:
    types = bucket["types"]["buckets"]
    return DeadLetterReason(types[0]["key"] if types else None, bucket["key"], bucket["doc_count"])


def group_states(transport: Transport, stream: str, *, before_ms: int | None = None) -> list[GroupState]:
    """The state of every campaign group in the stream, by tenant and name: at a time, or as far as anything is known.

    Since when a state holds is the time of the first message with it after the last message with another: messages
    repeat, so only changes of value count.

    Args:
        transport: the cluster.
        stream: name of the data stream.
        before_ms: leave out later messages, and those of that very time; milliseconds since 1970 UTC.
    """
    states: list[GroupState] = []
    query = messages(before_ms=before_ms)
    buckets = last_of_groups(transport, stream, query)
    while page := list(islice(buckets, _GROUPS_A_PAGE)):
        since = _since(transport, stream, query, page)
        states.extend(_group_state(bucket, since) for bucket in page)
    return sorted(states, key=lambda s: (s.tenant or "", s.name or "", s.guid))


def messages(*, from_ms: int | None = None, before_ms: int | None = None) -> Body:
    """The query for OCS's messages from one time until before another, milliseconds since 1970 UTC."""
    limits = {"gte": from_ms, "lt": before_ms}
    given = {name: limit for name, limit in limits.items() if limit is not None}
    times = [{"range": {"@timestamp": {**given, "format": "epoch_millis"}}}] if given else []
    return {"bool": {**NOT_VERIFY["bool"], "filter": times}}


def last_of_groups(transport: Transport, stream: str, query: Body) -> Iterator[Body]:
    """A bucket for every group: its last message, its last change, and when it was last seen in each state."""
    composite: Body = {"size": _GROUPS_A_PAGE, "sources": [{"guid": {"terms": {"field": GUID}}}]}
    while True:
        aggregations = {
            "groups": {
                "composite": composite,
                "aggs": {
                    "last": {"top_hits": {"size": 1, "sort": NEWEST_FIRST}},
                    "states": {
                        "terms": {"field": STATE, "size": 100},
                        "aggs": {"last": {"max": {"field": "@timestamp"}}},
                    },
                    "known": {"filter": {"exists": {"field": STATE}}, "aggs": {"last": _last()}},
                    "changes": {"filter": {"term": {"ocs.message": "state_change"}}, "aggs": {"last": _last()}},
                },
            }
        }
        body = {"size": 0, "query": query, "aggs": aggregations}
        groups = transport.post(f"/{stream}/_search", body)["aggregations"]["groups"]
        yield from groups["buckets"]
        if "after_key" not in groups:
            return
        composite = {**composite, "after": groups["after_key"]}


def _last() -> Body:
    return {"top_hits": {"size": 1, "sort": NEWEST_FIRST}}


def _since(transport: Transport, stream: str, query: Body, page: Iterable[Body]) -> dict[str, str]:
    """Guid → when its present state began."""
    filters: dict[str, Body] = {}
    for bucket in page:
        last = hit(bucket["known"])
        if not last:
            continue
        state = last["ocs"]["campaign_group"]["state"]["code"]
        others = [b["last"]["value"] for b in bucket["states"]["buckets"] if b["key"] != state]
        conditions: list[Body] = [{"term": {GUID: bucket["key"]["guid"]}}, {"term": {STATE: state}}]
        if others:
            conditions.append({"range": {"@timestamp": {"gt": int(max(others)), "format": "epoch_millis"}}})
        filters[bucket["key"]["guid"]] = {"bool": {"filter": conditions}}
    found: dict[str, str] = {}
    guids = list(filters)
    for begin in range(0, len(guids), _FILTERS_AT_ONCE):
        some = guids[begin : begin + _FILTERS_AT_ONCE]
        found |= _earliest(transport, stream, query, {guid: filters[guid] for guid in some})
    return found


def _earliest(transport: Transport, stream: str, query: Body, filters: dict[str, Body]) -> dict[str, str]:
    """Guid → when the first of the messages was sent that its filter lets through."""
    # Keyed by position: a guid may hold anything, an aggregation's name may not.
    body = {
        "size": 0,
        "track_total_hits": False,
        "query": {"bool": {"filter": [query, {"terms": {GUID: list(filters)}}]}},
        "aggs": {
            "groups": {
                "filters": {"filters": list(filters.values())},
                "aggs": {"since": {"min": {"field": "@timestamp"}}},
            }
        },
    }
    buckets = transport.post(f"/{stream}/_search", body)["aggregations"]["groups"]["buckets"]
    found = zip(filters, buckets, strict=True)
    return {guid: bucket["since"]["value_as_string"] for guid, bucket in found if bucket["doc_count"]}


def _group_state(bucket: Body, since: dict[str, str]) -> GroupState:
    last = hit(bucket) or {}
    ocs = last["ocs"]
    known, change = (hit(bucket[part]) or {} for part in ("known", "changes"))
    return GroupState(
        tenant=ocs.get("tenant", {}).get("name"),
        name=ocs["campaign_group"].get("name"),
        guid=bucket["key"]["guid"],
        state=known.get("ocs", {}).get("campaign_group", {}).get("state", {}).get("label"),
        since=since.get(bucket["key"]["guid"]),
        dial_mode=known.get("ocs", {}).get("dial_mode", {}).get("label"),
        last_action=change.get("ocs", {}).get("action", {}).get("label"),
        last_actor=change.get("ocs", {}).get("actor", {}).get("label"),
        seen=last["@timestamp"],
    )


def hit(bucket: Body) -> Body | None:
    """The message that a bucket of `last_of_groups` holds; None where there is none."""
    hits = bucket["last"]["hits"]["hits"]
    return hits[0]["_source"] if hits else None
