"""Replays what could not be understood when it came: each message becomes one document, however often it is tried.

A document's id is unique in its backing index only, so the whole stream is searched for it first (design: an id after
a rollover would be written twice). A message that fails again keeps its dead letter, which tells of it; no second one
is written, since the pipeline for replaying has no on_failure.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from toolkit.client.bulk import Answer, Write, bulk, portions
from toolkit.client.refusal import reason
from toolkit.client.transport import Transport
from toolkit.errors import RejectedError
from toolkit.kinds.ingest_pipeline import PIPELINE, REPLAY_PIPELINE, IngestPipeline
from toolkit.lock import locked
from toolkit.model import SILENT, Body, Progress
from toolkit.questions.dead_letters import (
    FAILED,
    REPLAYED,
    DeadLetter,
    Selection,
    dead_letters,
    present,
    replayed_id,
    until_now,
)
from toolkit.questions.failure_store import Failure, failures
from toolkit.streams import Streams
from toolkit.tables import INGESTED
from toolkit.uses.deployment import Deployment
from toolkit.uses.failures import require_known
from toolkit.uses.latest_state import bring_up_to_date
from toolkit.uses.window import Window

_REASON_MAX = 1000
"""Characters of a reason that are kept; the mapping takes 1,024."""
_REASONS_MAX = 1000
"""Reasons that are told apart: some name the document, so that each is another."""
_OTHER_REASONS = "other reasons"
_FAILURES_A_PAGE = 100
_MESSAGE_AT_FAULT = (400, 413)
_NONE = "_none"
_READ_BACK = ["event.ingested", "ocs.tenant", "ocs.campaign_group.guid"]
"""What is needed of a document that was written, which may be long."""
_NO_JSON = "what is kept of it is no JSON object"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message that waits to be replayed, wherever it is kept."""

    index: str
    """The backing index that keeps it, of the dead letters or of a failure store; with `kept_as` it names it."""
    kept_as: str
    """Its id there."""
    text: str | None
    """What is to be posted, as JSON in one line; None where it is no JSON object."""
    pipeline: str = REPLAY_PIPELINE
    """What it has to pass."""
    letter: DeadLetter | None = None
    """What is marked afterwards; None: documents of a failure store cannot be changed."""

    @property
    def id(self) -> str:
        """The id of the document that comes of it: always the same one."""
        return replayed_id(self.index, self.kept_as)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one message."""

    message: Waiting
    state: str | None
    """`replayed`, `failed`, or None: nothing yet, and it is tried again next time."""
    index: str | None = None
    """The backing index of the document."""
    reason: str | None = None
    """Why there is no document, in the server's words."""


@dataclass
class Replay:
    """What a replay came to."""

    total: int
    """How many dead letters it was about."""
    replayed: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    """Why messages failed again → how many; "other reasons" once there are many."""
    unknown: int = 0
    """Of a simulation: how many messages it cannot take, so that only the replay will tell."""
    left_out: int = 0
    """How many of those that were asked for by their ids do not wait, or are not of the reason or time asked for."""

    def add(self, outcomes: Sequence[Outcome]) -> None:
        """Count them."""
        self.replayed += sum(outcome.state == REPLAYED for outcome in outcomes)
        for outcome in outcomes:
            if outcome.state == FAILED:
                self._failed_for(str(outcome.reason))
        self.unknown += sum(outcome.state is None for outcome in outcomes)

    def _failed_for(self, reason: str) -> None:
        told_apart = reason in self.failed or len(self.failed) < _REASONS_MAX
        self.failed[reason if told_apart else _OTHER_REASONS] += 1

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "total": self.total,
            "replayed": self.replayed,
            "failed": self.failed.total(),
            "unknown": self.unknown,
            "left_out": self.left_out,
            "reasons": dict(self.failed.most_common()),
        }


def waiting(target: Deployment, selection: Selection) -> int:
    """How many dead letters and documents of failure stores a replay would be about, those of this moment too.

    Raises:
        ToolkitError: the streams are not there, an id is not known, or the cluster's pipelines are not this toolkit's.
        UnreachableError, RejectedError: the server does not answer, or refuses.
    """
    _require(target)
    _refresh(target)
    return _Run(target, selection).total


def replay(target: Deployment, selection: Selection, *, progress: Progress = SILENT) -> Replay:
    """Replay what waits and has come so far.

    Raises:
        ToolkitError: the streams are not there, or the cluster's pipelines are not this toolkit's.
        LockHeldError: somebody else changes the cluster.
        UnreachableError, RejectedError: the server does not answer, or can take nothing now; what was done stays done,
            and the next run goes on from there.
    """
    _require(target)
    with locked(target.transport, target.state_index) as lock:
        _refresh(target)
        run = _Run(target, selection)
        with progress.bar("Replaying", run.total, "messages") as bar:
            for page in run.pages():
                lock.check()
                run.write(page)
                bar.advance(len(page))
        _refresh(target)  # so that a list right after it tells what came of it
    return run.done


def simulated(target: Deployment, selection: Selection, *, progress: Progress = SILENT) -> Replay:
    """What a replay would come to, by the cluster's own simulation of the pipeline. Reads only.

    The mapping is no part of the simulation: what only the mapping would refuse is counted as replayed.

    Raises:
        ToolkitError, UnreachableError, RejectedError: as `replay`.
    """
    _require(target)
    run = _Run(target, selection)
    with progress.bar("Simulating", run.total, "messages") as bar:
        for page in run.pages():
            run.done.add(run.simulated(page))
            bar.advance(len(page))
    return run.done


def _require(target: Deployment) -> None:
    Streams(target.settings.namespace).require(target.transport)
    target.require_current(IngestPipeline.name, PIPELINE, REPLAY_PIPELINE)


def _refresh(target: Deployment) -> None:
    """Let searches see every dead letter, and what was written into it."""
    target.transport.post(f"/{Streams(target.settings.namespace).dead_letters}/_refresh", None)


class _Run:
    """One replay under way."""

    def __init__(self, target: Deployment, selection: Selection) -> None:
        self.target, self.selection = target, selection
        self.transport: Transport = target.transport
        self.streams = Streams(target.settings.namespace)
        require_known(self.transport, target.settings, selection.ids)
        self.query, letters = until_now(self.transport, self.streams.dead_letters, selection)
        self.total = letters + sum(map(len, self._failures()))
        self.done = Replay(self.total, left_out=max(0, len(set(selection.ids)) - self.total))

    def pages(self) -> Iterator[list[Waiting]]:
        """What waits, some at a time."""
        for letters in dead_letters(self.transport, self.streams.dead_letters, self.query):
            yield [_of_letter(letter) for letter in letters]
        yield from self._failures()

    def _failures(self) -> Iterator[list[Waiting]]:
        """What failure stores hold that is not in the stream yet: they cannot be marked, so the stream is asked."""
        for stream in self.streams.both:
            found = (each for each in failures(self.transport, stream) if self.selection.takes(each))
            while some := list(islice(found, _FAILURES_A_PAGE)):
                page = [_of_failure(each) for each in some]
                there = {outcome.message.id for outcome in self._whereabouts(page)}
                yield [each for each in page if each.id not in there]

    def write(self, page: Sequence[Waiting]) -> None:
        """Look for each, write those that are not there, see that they are, mark the dead letters.

        In this order, so that whatever interrupts it, the next run finds what was written.

        Raises:
            RejectedError: the server can take nothing now, or not all could be marked.
        """
        self.transport.post(f"/{self.streams.campaign_groups}/_refresh", None)
        there = self._whereabouts(page)
        known = {outcome.message.id for outcome in there}
        outcomes = [*there, *self._created([message for message in page if message.id not in known])]
        if sources := self._read_back([outcome for outcome in outcomes if outcome.state == REPLAYED]):
            self.transport.post(f"/{self.streams.campaign_groups}/_refresh", None)
            bring_up_to_date(self.transport, self.target.settings, sources)
        self._mark(outcomes)
        self.done.add(outcomes)
        if undone := [outcome for outcome in outcomes if outcome.state is None]:
            raise RejectedError(
                f"{self.transport.url} cannot take messages now: {undone[0].reason}",
                hint=f"{self.done.replayed:,} were replayed, and stay so; put right what the server names, then run it "
                "again: it goes on from there",
            )

    def _whereabouts(self, page: Sequence[Waiting]) -> list[Outcome]:
        """Those that an earlier run has written, wherever in the stream."""
        by_id = {message.id: message for message in page}
        there = present(self.transport, self.streams.campaign_groups, list(by_id))
        return [Outcome(by_id[id_], REPLAYED, index) for id_, index in there.items()]

    def _created(self, messages: Sequence[Waiting]) -> list[Outcome]:
        if self.target.server.failure_store:  # what the pipeline refuses would be kept there once more
            seen = self.simulated(messages)
            refused = [outcome for outcome in seen if outcome.state == FAILED]
            others = [outcome.message for outcome in seen if outcome.state != FAILED]
            return [*refused, *self._posted(others)]
        return self._posted(messages)

    def _posted(self, messages: Sequence[Waiting]) -> list[Outcome]:
        stream = self.streams.campaign_groups
        readable = [message for message in messages if message.text is not None]
        writes = [
            Write("create", {"_index": stream, "_id": message.id, "pipeline": message.pipeline}, str(message.text))
            for message in readable
        ]
        answers = bulk(self.transport, writes, pipeline=REPLAY_PIPELINE)
        broken = [Outcome(message, FAILED, reason=_NO_JSON) for message in messages if message.text is None]
        return [*broken, *(_outcome(*each) for each in zip(readable, answers, strict=True))]

    def _read_back(self, written: Sequence[Outcome]) -> list[Body]:
        """The documents themselves.

        Raises:
            RejectedError: one is not there, though the server said so.
        """
        if not written:
            return []
        docs = [{"_index": outcome.index, "_id": outcome.message.id, "_source": _READ_BACK} for outcome in written]
        answer = self.transport.post("/_mget", {"docs": docs})["docs"]
        for outcome, found in zip(written, answer, strict=True):
            if not found.get("found"):
                why = f"cannot be read: {reason(found)}" if "error" in found else "is not there"
                raise RejectedError(
                    f"{self.transport.url} took {outcome.message.index}/{outcome.message.kept_as} as {outcome.index}/"
                    f"{outcome.message.id}, which {why}",
                    hint="nothing was marked; see the state of the cluster (ocs-elastic doctor), then run it again",
                )
        return [found["_source"] for found in answer]

    def _mark(self, outcomes: Sequence[Outcome]) -> None:
        """Write into each dead letter what became of it; one that is gone meanwhile, by its age, needs that no more.

        Raises:
            RejectedError: one could not be marked; the next run finds its document, and tries again.
        """
        now = Window.iso(time.time_ns() // 1_000_000)
        kept = self.streams.backing(self.transport, self.streams.dead_letters)  # an update would make an absent index
        writes = [
            _mark_of(outcome, outcome.message.letter, now)
            for outcome in outcomes
            if outcome.state and outcome.message.letter and outcome.message.index in kept
        ]
        answers = bulk(self.transport, writes, pipeline="_none")
        if refused := [answer for answer in answers if not (answer.done or answer.conflict or answer.gone)]:
            raise RejectedError(
                f"{len(refused)} dead letters could not be marked, the first {refused[0].index}/{refused[0].id}: "
                f"{refused[0].reason}",
                hint="no replay writes a message twice, so nothing is lost: put right what the server names, then run "
                "it again",
                status=refused[0].status,
            )

    def simulated(self, page: Sequence[Waiting]) -> list[Outcome]:
        """What would become of each; the simulation takes them together, or, where it refuses, one by one."""
        outcomes = []
        for message in page:
            if message.text is None:
                outcomes.append(Outcome(message, FAILED, reason=_NO_JSON))
            elif message.pipeline == _NONE:
                outcomes.append(Outcome(message, REPLAYED))
        others = [message for message in page if message.text is not None and message.pipeline != _NONE]
        for some in portions(others, lambda message: len(str(message.text))):
            outcomes += self._through_pipeline(some)
        return outcomes

    def _through_pipeline(self, messages: Sequence[Waiting]) -> list[Outcome]:
        stream = json.dumps(self.streams.campaign_groups)
        docs = ",".join(f'{{"_index":{stream},"_source":{message.text}}}' for message in messages)
        try:
            answer = self.transport.post(f"/_ingest/pipeline/{REPLAY_PIPELINE}/_simulate", f'{{"docs":[{docs}]}}')
        except RejectedError as error:
            if error.status not in _MESSAGE_AT_FAULT:
                raise
            if len(messages) > 1:
                return [outcome for message in messages for outcome in self._through_pipeline([message])]
            # Such as an integer of 2^63 or more: Elasticsearch's simulation refuses it, the index itself does not.
            return [Outcome(messages[0], None, reason=error.reason)]
        return [
            Outcome(message, FAILED, reason=reason(found)) if "error" in found else Outcome(message, REPLAYED)
            for message, found in zip(messages, answer["docs"], strict=True)
        ]


def _outcome(message: Waiting, answer: Answer) -> Outcome:
    if answer.done or answer.conflict:  # created meanwhile: its id is this message's alone
        return Outcome(message, REPLAYED, answer.index)
    if answer.kept:
        return Outcome(message, FAILED, reason=f"the mapping refused it; the failure store has it as {message.id}")
    return Outcome(message, None if answer.servers_fault else FAILED, reason=answer.reason)


def _mark_of(outcome: Outcome, letter: DeadLetter, now: str) -> Write:
    replayed = {
        "state": outcome.state,
        "time": now,
        "attempts": letter.attempts + 1,
        "index": outcome.index,
        "id": outcome.message.id if outcome.state == REPLAYED else None,
        "reason": None if outcome.reason is None else outcome.reason[:_REASON_MAX],
    }
    unchanged = {"if_seq_no": letter.seq_no, "if_primary_term": letter.primary_term}
    target = {"_index": letter.index, "_id": letter.id, **unchanged}
    return Write("update", target, json.dumps({"doc": {"ocs": {"replay": replayed}}}))


def _of_letter(letter: DeadLetter) -> Waiting:
    return Waiting(letter.index, letter.id, _with_time(letter.original, letter.ingested), letter=letter)


def _of_failure(failure: Failure) -> Waiting:
    """A document of a failure store: a message, a dead letter that holds one, or what the pipeline had made of one."""
    text = json.dumps(failure.source)
    if failure.as_sent:
        return Waiting(failure.index, failure.id, _with_time(text, failure.time) if failure.source else None)
    event = failure.source.get("event")
    original = event.get("original") if isinstance(event, dict) else None
    if isinstance(original, str):
        return Waiting(failure.index, failure.id, _with_time(original, failure.time))
    return Waiting(failure.index, failure.id, text, pipeline=_NONE)


def _with_time(original: str, ingested: str) -> str | None:
    """A message with the time at which it first came, as JSON in one line; None where it is no JSON object.

    Its own text is kept, so that numbers stay as they were written.
    """
    try:
        if not isinstance(message := json.loads(original), dict):
            return None
    except (ValueError, RecursionError):
        return None
    # Half of a surrogate pair cannot be sent as it is; JSON's own way to write it is Python's too.
    text = original.strip().encode(errors="backslashreplace").decode()
    if "\n" in text or "\r" in text:
        text = json.dumps(message)
    came = f'{{"{INGESTED}":{Window.ms(ingested)}'
    return f"{came},{text[1:]}" if message else f"{came}}}"
