"""A stream of documents that answers the questions of `toolkit.questions.changes` as an engine would."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

from toolkit.client.transport import Transport

Held = tuple[int | None, int | None, int | None, int | None, str]
"""State, dial mode, action, actor, and what `ocs.message` says."""


@dataclass(frozen=True)
class Document:
    """A message as far as these questions go; of the same time, the one with the lower place came first."""

    guid: str
    time_ms: int
    held: Held
    place: int = 0

    def source(self) -> dict[str, Any]:
        codes = dict(zip(("state", "dial_mode", "action", "actor"), self.held, strict=False))
        known = {name: {"code": code, "label": str(code)} for name, code in codes.items() if code is not None}
        state = {"state": known.pop("state")} if "state" in known else {}
        return {"@timestamp": "", "ocs": {"campaign_group": state, "message": self.held[4], **known}}


class Documents:
    """Just enough of a transport."""

    def __init__(self, documents: Iterable[Document]) -> None:
        self.documents = sorted(documents, key=lambda d: (d.guid, d.time_ms, d.place))
        self.searches = 0

    def transport(self) -> Transport:
        return cast("Transport", self)

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        assert path == "/a-stream/_search"
        self.searches += 1
        found = self._matching(body["query"]["bool"]["filter"])
        if "aggs" not in body:
            return {"hits": {"hits": self._hits(found, body)}}
        (name, aggregation), *_ = body["aggs"].items()
        answer = self._runs(found, aggregation) if name == "runs" else self._groups(found)
        return {"aggregations": {name: answer}}

    def _matching(self, filters: list[dict[str, Any]]) -> list[Document]:
        none: dict[str, int] = {}
        limits = next((f["range"]["@timestamp"] for f in filters if "range" in f), none)
        guid = next((next(iter(f["term"].values())) for f in filters if "term" in f), None)
        low, high = limits.get("gte", -(2**62)), limits.get("lt", 2**62)
        return [d for d in self.documents if low <= d.time_ms < high and guid in (None, d.guid)]

    def _runs(self, found: list[Document], aggregation: dict[str, Any]) -> dict[str, Any]:
        composite = aggregation["composite"]
        names = [next(iter(source)) for source in composite["sources"]]
        interval = int(composite["sources"][1]["time"]["date_histogram"]["fixed_interval"].removesuffix("ms"))
        buckets: dict[tuple[Any, ...], list[int]] = defaultdict(list)
        for d in found:
            buckets[d.guid, d.time_ms // interval * interval, *d.held].append(d.time_ms)
        keys = sorted(buckets, key=_order)
        if "after" in composite:
            after = _order(tuple(composite["after"].values()))
            keys = [key for key in keys if _order(key) > after]
        page = [
            {
                "key": dict(zip(names, key, strict=True)),
                "first": {"value": float(min(buckets[key]))},
                "last": {"value": float(max(buckets[key]))},
            }
            for key in keys[: composite["size"]]
        ]
        return {"buckets": page, **({"after_key": page[-1]["key"]} if page else {})}

    def _groups(self, found: list[Document]) -> dict[str, Any]:
        groups: dict[str, list[Document]] = defaultdict(list)
        for d in found:
            groups[d.guid].append(d)
        return {"buckets": [_group(guid, some) for guid, some in sorted(groups.items())]}

    def _hits(self, found: list[Document], body: dict[str, Any]) -> list[dict[str, Any]]:
        if "search_after" in body:
            found = [d for d in found if [d.time_ms, d.place] > body["search_after"]]
        fields = body["docvalue_fields"]
        return [
            {
                "sort": [d.time_ms, d.place],
                "fields": {f: [value] for f, value in zip(fields, d.held, strict=True) if value is not None},
            }
            for d in found[: body["size"]]
        ]


def _order(key: tuple[Any, ...]) -> tuple[Any, ...]:
    """As a composite sorts: what is missing comes first."""
    return tuple((value is not None, value) for value in key)


def _group(guid: str, documents: list[Document]) -> dict[str, Any]:
    def hits(some: list[Document]) -> dict[str, Any]:
        return {"last": {"hits": {"hits": [{"_source": some[-1].source()}] if some else []}}}

    known = [d for d in documents if d.held[0] is not None]
    requests = [d for d in documents if d.held[4] == "state_change"]
    return {"key": {"guid": guid}, **hits(documents), "known": hits(known), "changes": hits(requests)}
