"""Labels of stored documents derived anew from their codes, after catalogue or configuration changed.

One index after the other, the newest first, each by a task of the server's. What is left is always asked of the
documents themselves (`toolkit.labels`), so a run that ended at any moment is simply run again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from toolkit import tasks, write_blocks
from toolkit.errors import RejectedError, ToolkitError
from toolkit.kinds.ingest_pipeline import PIPELINE, RELABEL_PIPELINE, REPLAY_PIPELINE, IngestPipeline
from toolkit.labels import Relabelling, breakdown, outdated, relabellings
from toolkit.lock import Lock, locked
from toolkit.model import SILENT, Bar, Body, Progress
from toolkit.streams import Streams
from toolkit.uses.deployment import Deployment

_ROUNDS_MAX = 5
"""How often is looked again for documents that others wrote at the same time."""
_INDICES_MAX = 10_000
_CHECKPOINT_S = 120
"""How long is waited for a transform to end what it had begun."""
_SEEN_AFTER_S = 1.5
"""When a search sees what was written to the latest-state index, which is refreshed every second while it is asked."""
_BLOCKS = "index.blocks.write", "index.blocks.read_only", "index.blocks.read_only_allow_delete"
_CANNOT_WRITE = {
    "index.blocks.read_only": "read-only (index.blocks.read_only)",
    "index.blocks.read_only_allow_delete": "a disk is nearly full (index.blocks.read_only_allow_delete)",
}


@dataclass(frozen=True, slots=True)
class Part:
    """An index that holds documents to relabel."""

    index: str
    documents: int
    hindrance: str = ""
    """Why it cannot be changed at all; empty: it can."""
    write_block: bool = False
    """Whether it can be changed once its write block is lifted."""

    def reachable(self, *, lift: bool) -> bool:
        """Whether it is relabelled, if write blocks are lifted or not."""
        return not self.hindrance and (lift or not self.write_block)

    def as_json(self) -> Body:
        """For programs."""
        return {
            "index": self.index,
            "documents": self.documents,
            "hindrance": self.hindrance or ("write block" if self.write_block else None),
        }


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
        "aggs": {"indices": {"terms": {"field": "_index", "size": _INDICES_MAX}}, **breakdown(target.catalogue)},
    }
    everywhere = ",".join([streams.campaign_groups, *_current(target, streams)])
    # Without a shard the answer would look like less to do.
    found = transport.post(f"/{everywhere}/_search", query, params={"allow_partial_search_results": "false"})
    settings = transport.get(f"/{everywhere}/_settings", params={"flat_settings": "true"}) or {}
    counts = {bucket["key"]: bucket["doc_count"] for bucket in found["aggregations"]["indices"]["buckets"]}
    ordered = [index for index in _indices(target, streams) if index in counts]
    return Survey(
        url=transport.url,
        streams=streams,
        parts=tuple(_part(index, counts[index], settings[index]["settings"]) for index in ordered if index in settings),
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
    with locked(target.transport, target.state_index, name=f"lock-{_name(streams)}", doing=doing) as lock:
        run = _Run(target, streams, lock, rate, progress)
        done += run.finish()
        left = run.look_again()
        for _ in range(_ROUNDS_MAX):
            todo = [part for part in left.parts if part.reachable(lift=lift)]
            if not todo:
                break
            with progress.bar("relabelling", sum(part.documents for part in todo), "documents") as bar:
                done += sum(run.part(part, bar) for part in todo)
            left = run.look_again()
    return Relabelled(done, time.monotonic() - begun, left)


@dataclass(frozen=True)
class _Run:
    """What the steps of one run share."""

    target: Deployment
    streams: Streams
    lock: Lock
    rate: int | None
    progress: Progress

    def finish(self) -> int:
        """Wait for the task of an earlier run, and put back its write blocks; how many documents it wrote."""
        name, transport = _name(self.streams), self.target.transport
        task = tasks.unfinished(transport, name)
        done = 0
        if task:
            self.progress.say(f"an earlier run has begun a task, which goes on at its own rate: {task}")
            with self.progress.bar("relabelling", None, "documents") as bar:
                outcome = self._watched(task, bar)
            done = outcome.done if outcome else 0  # had it failed, so will the next, and be told
        tasks.forget(transport, name)
        write_blocks.restore(transport, name)
        return done

    def look_again(self) -> Survey:
        """What is left now."""

        def look() -> Survey:
            _settle(self.target, self.streams)
            return survey(self.target)

        return tasks.patiently(look, self.progress)

    def part(self, part: Part, bar: Bar) -> int:
        """Relabel one index; how many documents were written."""
        self.lock.check()
        name, transport = _name(self.streams), self.target.transport
        tasks.patiently(lambda: _require_current(self.target), self.progress)
        query = outdated(self.target.catalogue)
        work = tasks.update_by_query(part.index, query, pipeline=RELABEL_PIPELINE, rate=self.rate)
        try:
            if part.write_block:
                write_blocks.lift(transport, name, part.index)
            task = tasks.patiently(lambda: tasks.start(transport, name, work), self.progress)
        except RejectedError as error:
            write_blocks.restore(transport, name)
            if error.status == 404:
                return 0  # its time had come, and ILM has deleted it
            raise
        outcome = self._watched(task, bar)
        if outcome is None:
            self.progress.say(f"task {task} is gone, with the node that it ran on; what is left is begun anew")
            return 0
        _raise_if_failed(task, outcome)
        return outcome.done

    def _watched(self, task: tasks.Task, bar: Bar) -> tasks.Outcome | None:
        """Wait for a task, and put back what was lifted for it; None: the server does not know it any more."""
        name, transport = _name(self.streams), self.target.transport
        try:
            outcome = tasks.watch(transport, task, bar.advance, progress=self.progress)
        except (KeyboardInterrupt, SystemExit):
            self.progress.say(
                f"task {task} goes on without this command. To see it through: ocs-elastic relabel. To stop it: "
                f"POST /_tasks/{task.id}/_cancel, with the cluster privilege cancel_task"
            )
            raise
        tasks.forget(transport, name)
        write_blocks.restore(transport, name)
        return outcome


def _raise_if_failed(task: tasks.Task, outcome: tasks.Outcome) -> None:
    again = "what it had done is done; ocs-elastic relabel goes on from there"
    if outcome.failures:
        more = f", and {len(outcome.failures) - 1} more" if len(outcome.failures) > 1 else ""
        raise ToolkitError(f"task {task} failed: {outcome.failures[0]}{more}", hint=again)
    if outcome.canceled is not None:
        raise ToolkitError(f"task {task} was cancelled {outcome.canceled}", hint=again)


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


def _part(index: str, documents: int, settings: dict[str, Any]) -> Part:
    blocks = [name for name in _BLOCKS if str(settings.get(name)) == "true"]
    reasons = [_CANNOT_WRITE[name] for name in blocks if name in _CANNOT_WRITE]
    if settings.get("index.store.type") == "snapshot":
        reasons.append("a searchable snapshot")
    return Part(index, documents, ", ".join(reasons), "index.blocks.write" in blocks)


def _other_namespaces(target: Deployment, streams: Streams) -> Iterator[str]:
    prefix = Streams("").campaign_groups
    answer = target.transport.get(f"/_data_stream/{prefix}*") or {}
    for stream in answer.get("data_streams", []):
        if stream["name"] != streams.campaign_groups:
            yield stream["name"].removeprefix(prefix)


def _name(streams: Streams) -> str:
    """Under which task, write blocks and lock are known."""
    return f"relabel-{streams.namespace}"
