"""Replays what could not be understood when it came: each message becomes one document, however often it is tried.

A document's id is unique in its backing index only, so the whole stream is searched for it first (design: an id after
a rollover would be written twice). A message that fails again keeps its dead letter, which tells of it; no second one
is written, since the pipeline for replaying has no on_failure.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from toolkit.client.bulk import Answer, Write, bulk
from toolkit.client.refusal import reason
from toolkit.client.transport import Transport
from toolkit.errors import RejectedError, ToolkitError
from toolkit.kinds.ingest_pipeline import PIPELINE, REPLAY_PIPELINE, IngestPipeline
from toolkit.lock import locked
from toolkit.model import SILENT, Body, Progress
from toolkit.questions.dead_letters import FAILED, REPLAYED, DeadLetter, Selection, dead_letters, until_now
from toolkit.tables import INGESTED
from toolkit.uses.deployment import Deployment
from toolkit.uses.latest_state import bring_up_to_date
from toolkit.uses.streams import Streams
from toolkit.uses.window import Window

_REASON_MAX = 1000
"""Characters of a reason that are kept; the mapping takes 1,024."""
_NO_JSON = "event.original is no JSON object"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one dead letter."""

    letter: DeadLetter
    state: str | None
    """`replayed`, `failed`, or None: nothing yet, and it is tried again next time."""
    index: str | None = None
    """The backing index of the document."""
    id: str | None = None
    """The id of the document."""
    reason: str | None = None
    """Why there is no document, in the server's words."""


@dataclass
class Replay:
    """What a replay came to."""

    total: int
    """How many dead letters it was about."""
    replayed: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    """Why messages failed again → how many."""
    renewed: int = 0
    """Campaign groups whose newest message the transform was shown once more."""

    def add(self, outcomes: Sequence[Outcome]) -> None:
        """Count them."""
        self.replayed += sum(outcome.state == REPLAYED for outcome in outcomes)
        self.failed.update(str(outcome.reason) for outcome in outcomes if outcome.state == FAILED)

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "total": self.total,
            "replayed": self.replayed,
            "failed": self.failed.total(),
            "reasons": dict(self.failed.most_common()),
        }


def waiting(target: Deployment, selection: Selection) -> int:
    """How many dead letters a replay would be about.

    Raises:
        ToolkitError: the streams are not there, or the cluster's pipelines are not this toolkit's.
        UnreachableError, RejectedError: the server does not answer, or refuses.
    """
    _require(target)
    _, total = until_now(target.transport, Streams(target.settings.namespace).dead_letters, selection)
    return total


def replay(target: Deployment, selection: Selection, *, progress: Progress = SILENT) -> Replay:
    """Replay the dead letters that wait and have come so far.

    Raises:
        ToolkitError: the streams are not there, or the cluster's pipelines are not this toolkit's.
        LockHeldError: somebody else changes the cluster.
        UnreachableError, RejectedError: the server does not answer, or can take nothing now; what was done stays done,
            and the next run goes on from there.
    """
    _require(target)
    run = _Run(target)
    with locked(target.transport, target.state_index) as lock:
        run.transport.post(f"/{run.streams.dead_letters}/_refresh", None)
        query, total = until_now(run.transport, run.streams.dead_letters, selection)
        done = Replay(total)
        with progress.bar("Replaying dead letters", total, "messages") as bar:
            for page in dead_letters(run.transport, run.streams.dead_letters, query):
                lock.check()
                outcomes = run.page(page, done)
                done.add(outcomes)
                bar.advance(len(page))
                _stop_where_nothing_can_be_written(run.transport, outcomes, done)
    return done


def simulated(target: Deployment, selection: Selection, *, progress: Progress = SILENT) -> Replay:
    """What a replay would come to, by the cluster's own simulation of the pipeline. Reads only.

    The mapping is not part of the simulation: what only the mapper would refuse is counted as replayed.

    Raises:
        ToolkitError: as `replay`.
    """
    _require(target)
    streams = Streams(target.settings.namespace)
    query, total = until_now(target.transport, streams.dead_letters, selection)
    done = Replay(total)
    with progress.bar("Simulating", total, "messages") as bar:
        for page in dead_letters(target.transport, streams.dead_letters, query):
            done.add(_simulated(target.transport, streams, page))
            bar.advance(len(page))
    return done


def id_of(letter: DeadLetter) -> str:
    """The id of the document that comes of a dead letter: always the same one."""
    name = f"{letter.index}/{letter.id}".encode()
    return f"replay-{hashlib.sha256(name).hexdigest()[:32]}"


def _require(target: Deployment) -> None:
    Streams(target.settings.namespace).require(target.transport)
    target.require_current(IngestPipeline.name, PIPELINE, REPLAY_PIPELINE)


@dataclass(frozen=True)
class _Run:
    """One replay under way."""

    target: Deployment

    @property
    def transport(self) -> Transport:
        return self.target.transport

    @property
    def streams(self) -> Streams:
        return Streams(self.target.settings.namespace)

    def page(self, letters: Sequence[DeadLetter], done: Replay) -> list[Outcome]:
        """Look for each, write those that are not there, see that they are, mark the dead letters; in this order, so
        that whatever interrupts it, the next run finds what was written."""
        there = self._whereabouts(letters)
        absent = [letter for letter in letters if id_of(letter) not in {outcome.id for outcome in there}]
        outcomes = [*there, *self._created(absent)]
        written = [outcome for outcome in outcomes if outcome.state == REPLAYED]
        sources = self._read_back(written)
        if sources:
            self.transport.post(f"/{self.streams.campaign_groups}/_refresh", None)
            done.renewed += bring_up_to_date(self.transport, self.target.settings, sources)
        self._mark([outcome for outcome in outcomes if outcome.state])
        return outcomes

    def _whereabouts(self, letters: Sequence[DeadLetter]) -> list[Outcome]:
        """Those that an earlier run has written, and where."""
        by_id = {id_of(letter): letter for letter in letters}
        self.transport.post(f"/{self.streams.campaign_groups}/_refresh", None)
        body = {"size": len(by_id), "_source": False, "query": {"ids": {"values": list(by_id)}}}
        hits = self.transport.post(f"/{self.streams.campaign_groups}/_search", body)["hits"]["hits"]
        return [Outcome(by_id[hit["_id"]], REPLAYED, hit["_index"], hit["_id"]) for hit in hits]

    def _created(self, letters: Sequence[DeadLetter]) -> list[Outcome]:
        texts = [(letter, _message(letter)) for letter in letters]
        writes = {
            id_of(letter): Write("create", {"_index": self.streams.campaign_groups, "_id": id_of(letter)}, text)
            for letter, text in texts
            if text is not None
        }
        answers = dict(zip(writes, bulk(self.transport, list(writes.values()), pipeline=REPLAY_PIPELINE), strict=True))
        return [_outcome(letter, answers.get(id_of(letter))) for letter, _ in texts]

    def _read_back(self, written: Sequence[Outcome]) -> list[Body]:
        """The documents themselves.

        Raises:
            RejectedError: one is not there, though the server said so.
        """
        if not written:
            return []
        docs = [{"_index": outcome.index, "_id": outcome.id} for outcome in written]
        answer = self.transport.post("/_mget", {"docs": docs})["docs"]
        for outcome, found in zip(written, answer, strict=True):
            if not found.get("found"):
                raise RejectedError(
                    f"{self.transport.url} took {outcome.letter.index}/{outcome.letter.id} as {outcome.index}/"
                    f"{outcome.id}, which is not there",
                    hint="nothing was marked; see the state of the cluster (ocs-elastic doctor), then run it again",
                )
        return [found["_source"] for found in answer]

    def _mark(self, outcomes: Sequence[Outcome]) -> None:
        """Write into each dead letter what became of it.

        Raises:
            RejectedError: one could not be marked; the next run finds its document, and tries again.
        """
        now = Window.iso(time.time_ns() // 1_000_000)
        writes = [
            Write(
                "update",
                {
                    "_index": outcome.letter.index,
                    "_id": outcome.letter.id,
                    "if_seq_no": outcome.letter.seq_no,
                    "if_primary_term": outcome.letter.primary_term,
                },
                json.dumps({"doc": {"ocs": {"replay": _mark_of(outcome, now)}}}),
            )
            for outcome in outcomes
        ]
        answers = bulk(self.transport, writes, pipeline="_none")
        if refused := [answer for answer in answers if not answer.done and not answer.conflict]:
            raise RejectedError(
                f"{len(refused)} dead letters could not be marked, the first {refused[0].index}/{refused[0].id}: "
                f"{refused[0].reason}",
                hint="their messages are in the stream, and no replay writes them again; put right what the server "
                "names, then run it again",
                status=refused[0].status,
            )


def _mark_of(outcome: Outcome, now: str) -> Body:
    said = None if outcome.reason is None else outcome.reason[:_REASON_MAX]
    return {
        "state": outcome.state,
        "time": now,
        "attempts": outcome.letter.attempts + 1,
        "index": outcome.index,
        "id": outcome.id,
        "reason": said,
    }


def _outcome(letter: DeadLetter, answer: Answer | None) -> Outcome:
    if answer is None:
        return Outcome(letter, FAILED, reason=_NO_JSON)
    if answer.done or answer.conflict:  # created meanwhile: its id is this letter's alone
        return Outcome(letter, REPLAYED, answer.index, id_of(letter))
    return Outcome(letter, None if answer.servers_fault else FAILED, reason=answer.reason)


def _stop_where_nothing_can_be_written(transport: Transport, outcomes: Sequence[Outcome], done: Replay) -> None:
    if undone := [outcome for outcome in outcomes if outcome.state is None]:
        raise RejectedError(
            f"{transport.url} cannot take messages now: {undone[0].reason}",
            hint=f"{done.replayed:,} were replayed, and stay so; put right what the server names, then run it again: "
            "it goes on from there",
        )


def _message(letter: DeadLetter) -> str | None:
    """The message with the time at which it first came, as JSON in one line; None where it is no JSON object.

    Its own text is kept, so that numbers stay as they were written.
    """
    try:
        if not isinstance(message := json.loads(letter.original), dict):
            return None
    except (ValueError, RecursionError):
        return None
    text = letter.original.strip()
    if "\n" in text or "\r" in text:
        text = json.dumps(message)
    came = f'{{"{INGESTED}":{Window.ms(letter.ingested)}'
    return f"{came},{text[1:]}" if message else f"{came}}}"


def _simulated(transport: Transport, streams: Streams, letters: Sequence[DeadLetter]) -> list[Outcome]:
    """What would become of them, all in one request; where that is refused, each in one of its own."""
    texts = [(letter, text) for letter in letters if (text := _message(letter)) is not None]
    if len(texts) < len(letters):
        broken = [letter for letter in letters if _message(letter) is None]
        outcomes = [Outcome(letter, FAILED, reason=_NO_JSON) for letter in broken]
        return [*outcomes, *_simulated(transport, streams, [letter for letter, _ in texts])]
    if not texts:
        return []
    stream = json.dumps(streams.campaign_groups)
    docs = ",".join(f'{{"_index":{stream},"_source":{text}}}' for _, text in texts)
    try:
        answer = transport.post(f"/_ingest/pipeline/{REPLAY_PIPELINE}/_simulate", f'{{"docs":[{docs}]}}')
    except RejectedError as error:
        if error.status not in (400, 413):
            raise
        if len(texts) > 1:
            return [each for letter in letters for each in _simulated(transport, streams, [letter])]
        # Such as an integer of 2^63 or more: Elasticsearch's simulation refuses it, the index itself does not.
        return [Outcome(letters[0], FAILED, reason=f"cannot be simulated: {error.reason}")]
    return [
        Outcome(letter, FAILED, reason=reason(found)) if "error" in found else Outcome(letter, REPLAYED)
        for letter, found in zip(letters, answer["docs"], strict=True)
    ]
