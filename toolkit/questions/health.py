"""Whether OCS is still heard of, by whom and when, and whether it is understood.

When something was heard is `event.ingested`, the time at which the server took a message, and now is the server's too:
neither OCS's clock nor this machine's has a say. The time is asked for first, so that no answer makes anything older
than it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from toolkit.catalogue import Attribute
from toolkit.client.transport import Transport
from toolkit.model import Body
from toolkit.questions import GUID, NEWEST_FIRST, NOT_VERIFY, STATE, hit
from toolkit.questions.dead_letters import Selection

INGESTED = "event.ingested"
_GROUPS_A_PAGE = 2000
_CODES_MAX = 20
_UNKNOWN = "Unknown ("
"""What the pipeline begins the label of a code with that the catalogue does not have."""
_SHOWN = ["ocs.tenant.name", "ocs.campaign_group.name", "ocs.campaign_group.state"]


@dataclass(frozen=True, slots=True)
class LastMessage:
    """When something was last heard of OCS."""

    ingested: str
    """When the server took it: UTC, ISO 8601."""
    age_s: float
    """Seconds since then, by the server's own clock."""

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class HeardGroup:
    """When a campaign group was last heard of, and what it is said to do; None where no message said it."""

    guid: str
    tenant: str | None
    name: str | None
    state_code: int | None
    state: str | None
    """Label of the state."""
    heard_ms: int
    """When the server took its last message: milliseconds since 1970 UTC."""


@dataclass(frozen=True, slots=True)
class UnknownCode:
    """A code that the catalogue does not have."""

    attribute: str
    """OCS's name of it, such as `GSW_DIAL_MODE`."""
    code: int
    messages: int

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return asdict(self)


def server_time_ms(transport: Transport, stream: str) -> int:
    """Now, by the server's clock: milliseconds since 1970 UTC; whoever may read the stream may ask it."""
    now = {"date_range": {"field": INGESTED, "ranges": [{"to": "now"}]}}  # it says what `now` is: the range's end
    body = {"size": 0, "query": {"match_none": {}}, "aggs": {"until": now}}
    return int(transport.post(f"/{stream}/_search", body)["aggregations"]["until"]["buckets"][0]["to"])


def last_message(transport: Transport, stream: str, now_ms: int) -> LastMessage | None:
    """When the server took the last message of all, as seen at a time; None where there is none."""
    body = {
        "size": 1,
        "track_total_hits": False,
        "query": NOT_VERIFY,
        "sort": [{INGESTED: "desc"}],
        "_source": [INGESTED],
    }
    hits = transport.post(f"/{stream}/_search", body)["hits"]["hits"]
    if not hits:
        return None
    return LastMessage(hits[0]["_source"]["event"]["ingested"], max(now_ms - hits[0]["sort"][0], 0) / 1000)


def heard_groups(transport: Transport, stream: str, from_ms: int) -> list[HeardGroup]:
    """Every campaign group that was heard of since a time, milliseconds since 1970 UTC."""
    return [_heard(bucket) for bucket in _group_buckets(transport, stream, _heard_since(from_ms))]


def _group_buckets(transport: Transport, stream: str, query: Body) -> Iterator[Body]:
    composite: Body = {"size": _GROUPS_A_PAGE, "sources": [{"guid": {"terms": {"field": GUID}}}]}
    last = {"top_hits": {"size": 1, "sort": NEWEST_FIRST, "_source": _SHOWN}}
    while True:
        aggregations = {
            "groups": {
                "composite": composite,
                "aggs": {
                    "heard": {"max": {"field": INGESTED}},
                    "known": {"filter": {"exists": {"field": STATE}}, "aggs": {"last": last}},
                },
            }
        }
        body = {"size": 0, "track_total_hits": False, "query": query, "aggs": aggregations}
        groups = transport.post(f"/{stream}/_search", body)["aggregations"]["groups"]
        yield from groups["buckets"]
        if "after_key" not in groups:
            return
        composite = {**composite, "after": groups["after_key"]}


def _heard(bucket: Body) -> HeardGroup:
    ocs = (hit(bucket["known"]) or {}).get("ocs", {})
    group = ocs.get("campaign_group", {})
    state = group.get("state", {})
    return HeardGroup(
        guid=bucket["key"]["guid"],
        tenant=ocs.get("tenant", {}).get("name"),
        name=group.get("name"),
        state_code=state.get("code"),
        state=state.get("label"),
        heard_ms=int(bucket["heard"]["value"]),
    )


def waiting_dead_letters(transport: Transport, stream: str, from_ms: int) -> int:
    """How many messages became dead letters since a time, milliseconds since 1970 UTC, and are still to be replayed."""
    query = Selection(from_ms=from_ms).query(waiting=True)
    return int(transport.post(f"/{stream}/_count", {"query": query})["count"])


def unknown_codes(
    transport: Transport, stream: str, from_ms: int, attributes: Iterable[Attribute]
) -> tuple[int, list[UnknownCode]]:
    """How many messages hold a code that the catalogue does not have, and which: 20 of one attribute at most.

    Args:
        transport: the cluster.
        stream: name of the data stream.
        from_ms: when the server took the messages at the earliest: milliseconds since 1970 UTC.
        attributes: those of the catalogue that hold a code.
    """
    targets = {attribute.name: attribute.target for attribute in attributes}
    aggregations = {
        name: {
            "filter": {"prefix": {f"{target}.label": _UNKNOWN}},
            "aggs": {"codes": {"terms": {"field": f"{target}.code", "size": _CODES_MAX}}},
        }
        for name, target in targets.items()
    }
    query = _heard_since(from_ms)
    query["bool"]["filter"].append({"term": {"tags": "ocs_unknown_code"}})
    body = {"size": 0, "track_total_hits": True, "query": query, "aggs": aggregations}
    answer = transport.post(f"/{stream}/_search", body)
    codes = [
        UnknownCode(name, bucket["key"], bucket["doc_count"])
        for name in targets
        for bucket in answer["aggregations"][name]["codes"]["buckets"]
    ]
    return int(answer["hits"]["total"]["value"]), codes


def _heard_since(from_ms: int) -> Body:
    """The query for what the server took since a time, less what is of `verify`."""
    times = {"range": {INGESTED: {"gte": from_ms, "format": "epoch_millis"}}}
    return {"bool": {**NOT_VERIFY["bool"], "filter": [times]}}
