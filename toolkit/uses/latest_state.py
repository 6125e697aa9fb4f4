"""Keeps the latest-state index right when messages come into the stream long after their time.

The transform looks only at what was ingested since its last look, and takes the latest of that. A message that was
replayed bears the time at which it first came, so the transform passes it by; and where it came a moment ago, it may
put an older state over a newer one. Both are mended by bringing the newest message of the group before the transform
once more: its `event.ingested` is set to now, and nothing else of it changes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from toolkit.client.bulk import Write, bulk
from toolkit.client.refusal import reason
from toolkit.client.transport import Transport
from toolkit.config import Settings
from toolkit.errors import RejectedError
from toolkit.model import Body
from toolkit.questions import GUID, NOT_VERIFY
from toolkit.questions.health import server_time_ms
from toolkit.streams import Streams
from toolkit.uses.window import Window

_CCID = "ocs.tenant.ccid"
_GROUPS_A_REQUEST = 100
_WHOLE = '{"allow_partial_search_results": false}'
"""Without a shard an older message would be taken for the newest."""
_MARGIN_MS = 60_000
"""How much later than planned the transform's last look may have been."""

Group = tuple[str | None, str]
"""A campaign group as the transform knows it: its tenant's CCID and its guid."""


@dataclass(frozen=True, slots=True)
class _Newest:
    """The newest message of a group, as far as it matters here."""

    index: str
    id: str
    position: Body
    time_ms: int


def group_of(source: Body) -> Group | None:
    """Whose message a document is; None where it names no campaign group."""
    ocs = source.get("ocs", {})
    guid = ocs.get("campaign_group", {}).get("guid")
    return None if guid is None else (ocs.get("tenant", {}).get("ccid"), guid)


def bring_up_to_date(transport: Transport, settings: Settings, late: Iterable[Body]) -> int:
    """Make the latest-state index tell the newest message of every group of these documents.

    Args:
        transport: the cluster.
        settings: the namespace, and how often its transform looks.
        late: documents that came into the stream long after their time; a search must find them by now.

    Returns:
        How many messages were brought before the transform once more.

    Raises:
        UnreachableError, RejectedError: the server does not answer, or refuses.
    """
    streams = Streams(settings.namespace)
    ingested: dict[Group, str] = {}
    for source in late:
        if group := group_of(source):
            ingested[group] = max(ingested.get(group, ""), source["event"]["ingested"])
    if not ingested or transport.get(f"/{streams.current_state}") is None:
        return 0
    groups, touched = list(ingested), 0
    for start in range(0, len(groups), _GROUPS_A_REQUEST):
        some = {group: ingested[group] for group in groups[start : start + _GROUPS_A_REQUEST]}
        touched += _touch(transport, settings, streams, some)
    return touched


def _touch(transport: Transport, settings: Settings, streams: Streams, ingested: dict[Group, str]) -> int:
    groups = list(ingested)
    newest = _newest(transport, streams.campaign_groups, groups)
    known = _newest(transport, streams.current_state, groups)
    now_ms = server_time_ms(transport, streams.campaign_groups)  # the transform goes by that clock
    wait_s = settings.transform_frequency_s + settings.transform_delay_s
    looked_at_ms = now_ms - 1000 * wait_s - _MARGIN_MS
    stale = [
        message
        for group, message in newest.items()
        if group not in known or known[group].time_ms < message.time_ms or Window.ms(ingested[group]) > looked_at_ms
    ]
    document = json.dumps({"doc": {"event": {"ingested": Window.iso(now_ms)}}})
    writes = [Write("update", {"_index": each.index, "_id": each.id, **each.position}, document) for each in stale]
    answers = bulk(transport, writes, pipeline="_none")
    if refused := [answer for answer in answers if not answer.done and not answer.conflict]:
        raise RejectedError(
            f"{transport.url} refused to renew {refused[0].index}/{refused[0].id}, so {streams.current_state} may tell "
            f"an older state of {len(refused)} campaign groups: {refused[0].reason}",
            hint="put right what the server names, then run the command again",
            status=refused[0].status,
        )
    return len(stale)


def _newest(transport: Transport, place: str, groups: Iterable[Group]) -> dict[Group, _Newest]:
    """The newest message of each group in a stream or index: a small search each, which stops at the first hit."""
    lines: list[str] = []
    groups = list(groups)
    for ccid, guid in groups:
        tenant: Body = {"exists": {"field": _CCID}} if ccid is None else {"term": {_CCID: ccid}}
        query = {
            "filter": [{"term": {GUID: guid}}, *([] if ccid is None else [tenant])],
            "must_not": [*NOT_VERIFY["bool"]["must_not"], *([tenant] if ccid is None else [])],
        }
        body = {
            "size": 1,
            "_source": False,
            "track_total_hits": False,
            "seq_no_primary_term": True,
            "query": {"bool": query},
            "sort": [{"@timestamp": "desc"}],
        }
        lines += [_WHOLE, json.dumps(body)]
    answers = transport.post(f"/{place}/_msearch", "\n".join([*lines, ""]))["responses"]
    found = {}
    for group, answer in zip(groups, answers, strict=True):
        if "error" in answer:
            raise RejectedError(f"{transport.url} refused to search {place}: {reason(answer)}", status=answer["status"])
        for hit in answer["hits"]["hits"]:
            position = {"if_seq_no": hit["_seq_no"], "if_primary_term": hit["_primary_term"]}
            found[group] = _Newest(hit["_index"], hit["_id"], position, int(hit["sort"][0]))
    return found
