"""Labels of stored documents derived anew from their codes, after catalogue or configuration changed.

One index after the other, the newest first, each by a task of the server's. What is left is always asked of the
documents themselves (`toolkit.labels`), so a run that ended at any moment is simply run again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from toolkit import tasks, write_blocks
from toolkit.kinds.ingest_pipeline import PIPELINE, RELABEL_PIPELINE, REPLAY_PIPELINE, IngestPipeline
from toolkit.labels import Relabelling, breakdown, outdated, relabellings
from toolkit.lock import Lock, locked
from toolkit.model import SILENT, Body, Progress
from toolkit.rewrite import INDICES_MAX, Part, Rewrite, parts
from toolkit.streams import Streams
from toolkit.uses.deployment import Deployment

_ROUNDS_MAX = 5
"""How often is looked again for documents that others wrote at the same time."""
_CHECKPOINT_S = 120
"""How long is waited for a transform to end what it had begun."""
_SEEN_AFTER_S = 1.5
"""When a search sees what was written to the latest-state index, which is refreshed every second while it is asked."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What is to relabel in one namespace, and what an earlier run has left open."""

    url: str
    streams: Streams
    parts: tuple[Part, ...]
    """Indices of the stream, the newest first, then the latest-state index; only those with something to do."""
    changes: tuple[Relabelling, ...]
    under_way: str = ""
    """The task of an earlier run; empty: none."""
    lifted: tuple[str, ...] = ()
    """Indices whose write block an earlier run has lifted and not put back."""
    others: tuple[str, ...] = ()
    """The other namespaces of the cluster, which keep their labels until they are relabelled themselves."""

    @property
    def documents(self) -> int:
        """How many are to relabel."""
        return sum(part.documents for part in self.parts)

    @property
    def pending(self) -> bool:
        """Whether there is anything to do or to put back."""
        return bool(self.parts or self.under_way or self.lifted)

    def as_json(self) -> Body:
        """For programs."""
        return {
            "url": self.url,
            "namespace": self.streams.namespace,
            "documents": self.documents,
            "changes": [change.as_json() for change in self.changes],
            "indices": [part.as_json() for part in self.parts],
            "task": self.under_way or None,
            "lifted_write_blocks": list(self.lifted),
            "other_namespaces": list(self.others),
        }


@dataclass(frozen=True, slots=True)
class Relabelled:
    """What a run did, and what it left."""

    documents: int
    """How many were written."""
    seconds: float
    left: Survey

    def as_json(self) -> Body:
        """For programs."""
        return {"relabelled": self.documents, "seconds": round(self.seconds, 3), "left": self.left.as_json()}


def survey(target: Deployment) -> Survey:
    """Ask what is to relabel. Reads only.

    Raises:
        ToolkitError: a data stream is absent.
        UnsafePlanError: a pipeline on the cluster is not what it should be.
        UnreachableError, RejectedError: the server does not answer, or refuses.
    """
    streams, transport = Streams(target.settings.namespace), target.transport
    streams.require(transport)
    _require_current(target)
    query = {
        "size": 0,
        "track_total_hits": True,
        "query": outdated(target.catalogue),
        "aggs": {"indices": {"terms": {"field": "_index", "size": INDICES_MAX}}, **breakdown(target.catalogue)},
    }
    everywhere = ",".join([streams.campaign_groups, *_current(target, streams)])
    # Without a shard the answer would look like less to do.
    found = transport.post(f"/{everywhere}/_search", query, params={"allow_partial_search_results": "false"})
    settings = transport.get(f"/{everywhere}/_settings", params={"flat_settings": "true"}) or {}
    counts = {bucket["key"]: bucket["doc_count"] for bucket in found["aggregations"]["indices"]["buckets"]}
    return Survey(
        url=transport.url,
        streams=streams,
        parts=parts(_indices(target, streams), counts, settings),
        changes=tuple(relabellings(target.catalogue, found["aggregations"])),
        under_way=str(tasks.unfinished(transport, _name(streams)) or ""),
        lifted=tuple(write_blocks.lifted(transport, _name(streams))),
        others=tuple(_other_namespaces(target, streams)),
    )


def relabel(
    target: Deployment, *, rate: int | None = None, lift: bool = False, progress: Progress = SILENT
) -> Relabelled:
    """Relabel everything that can be, and look again until nothing is left.

    Args:
        target: the namespace.
        rate: documents a second; None: as many as the server can.
        lift: whether write blocks are lifted for as long as it takes.
        progress: is told of each step.

    Raises:
        LockHeldError: somebody else relabels this namespace.
        ToolkitError: a task failed, or was cancelled.
        UnsafePlanError: a pipeline on the cluster is not, or no longer, what it should be.
        UnreachableError, RejectedError: the server does not answer, or refuses; the next run goes on from there.
    """
    streams = Streams(target.settings.namespace)
    begun, done = time.monotonic(), 0
    doing = f"is relabelling namespace {streams.namespace}"
    with locked(target.transport, target.state_index, name=relabel_lock(streams.namespace), doing=doing) as lock:
        rewrite = Rewrite(
            transport=target.transport,
            name=_name(streams),
            query=outdated(target.catalogue),
            pipeline=RELABEL_PIPELINE,
            rate=rate,
            still_held=lambda: _still_right(target, lock, progress),
            command="ocs-elastic relabel",
            doing="relabelling",
            progress=progress,
        )
        done += rewrite.finish()
        left = _look_again(target, streams, progress)
        for _ in range(_ROUNDS_MAX):
            todo = [part for part in left.parts if part.reachable(lift=lift)]
            if not todo:
                break
            done += rewrite.all(todo)
            left = _look_again(target, streams, progress)
    return Relabelled(done, time.monotonic() - begun, left)


def _look_again(target: Deployment, streams: Streams, progress: Progress) -> Survey:
    """What is left now."""

    def look() -> Survey:
        _settle(target, streams)
        return survey(target)

    return tasks.patiently(look, progress)


def _still_right(target: Deployment, lock: Lock, progress: Progress) -> None:
    """Before each index: whether nobody else does the same, or has changed the pipelines."""
    lock.check()
    tasks.patiently(lambda: _require_current(target), progress)


def _require_current(target: Deployment) -> None:
    """Without the right pipelines, new messages would keep old labels, and stored ones get them."""
    target.require_current(IngestPipeline.name, PIPELINE, REPLAY_PIPELINE, RELABEL_PIPELINE)


def _settle(target: Deployment, streams: Streams) -> None:
    """Let searches see everything that was written, by a transform too that had read documents of before."""
    target.transport.post(f"/{streams.campaign_groups}/_refresh", None)
    if not _current(target, streams):
        return
    (transform,) = (r.name for r in target.resources if r.kind == "transform")
    at_first = _checkpoint(target, transform)
    deadline = time.monotonic() + _CHECKPOINT_S
    while at_first is not None and _checkpoint(target, transform) == at_first and time.monotonic() < deadline:
        time.sleep(_SEEN_AFTER_S)
    time.sleep(_SEEN_AFTER_S)


def _checkpoint(target: Deployment, transform: str) -> int | None:
    """The last checkpoint of a transform that is working on the next; None: it is not."""
    answer = target.transport.get(f"/_transform/{transform}/_stats") or {}
    (about,) = answer.get("transforms") or [{}]
    if about.get("state") != "indexing":
        return None
    return int(about["checkpointing"]["last"]["checkpoint"])


def _indices(target: Deployment, streams: Streams) -> list[str]:
    """The stream's, the newest first, then the latest-state index, which follows them."""
    indices = streams.backing(target.transport, streams.campaign_groups)
    return [*reversed(indices), *_current(target, streams)]


def _current(target: Deployment, streams: Streams) -> list[str]:
    """The latest-state index, where there is one."""
    name = streams.current_state
    found = target.transport.get(f"/{name}", params={"filter_path": "*.settings.index.uuid"})
    return [] if found is None else [name]


def _other_namespaces(target: Deployment, streams: Streams) -> Iterator[str]:
    prefix = Streams("").campaign_groups
    answer = target.transport.get(f"/_data_stream/{prefix}*") or {}
    for stream in answer.get("data_streams", []):
        if stream["name"] != streams.campaign_groups:
            yield stream["name"].removeprefix(prefix)


def _name(streams: Streams) -> str:
    """Under which task, write blocks and lock are known."""
    return f"relabel-{streams.namespace}"


def relabel_lock(namespace: str) -> str:
    """The lock of whoever rewrites the documents of a namespace."""
    return f"lock-{_name(Streams(namespace))}"
