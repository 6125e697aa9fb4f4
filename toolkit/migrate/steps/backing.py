"""One index of a data stream exchanged for a new one with the same documents: what `reindex` does to each.

What is left to do is always read from the cluster: which of the two is in the stream, what their mappings' `_meta`
says of them, and how many documents each has. So it may end at any moment, and is simply run again.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, TypeVar

from toolkit import tasks, write_blocks
from toolkit.canonical import checksum
from toolkit.errors import RejectedError
from toolkit.migrate.place import NO_PIPELINE, Place
from toolkit.migrate.sources import KEPT, MADE
from toolkit.migrate.step import FailedStepError
from toolkit.model import Body

T = TypeVar("T")

_COMMAND = "ocs-elastic migrate up"
_GENERATION = re.compile(r"\d{4}\.\d\d\.\d\d-\d{6,}$")
"""How a server ends the names of backing indices: the day, and the stream's generation."""


@dataclass(frozen=True)
class Exchange:
    """A backing index, and the one that is to take its place."""

    place: Place
    stream: str
    source: str
    blocked: bool
    """Whether the source took no writes before the migration began."""
    pipeline: str = NO_PIPELINE
    keep_days: int | None = None
    """How long the source is kept; None: until somebody drops it."""
    on_task: Callable[[tasks.Task], None] = lambda _: None
    """Is told of each of the server's tasks that is begun, or found to be under way."""

    @property
    def destination(self) -> str:
        """The new index: without a dot, so that it is the stream's name that says who may do what with it."""
        found = _GENERATION.search(self.source)
        return f"{self.stream}-v{self.place.version}-{found[0] if found else self.source.lstrip('.')}"

    def run(self) -> None:
        """Do what is left; a source that its retention has deleted meanwhile needs nothing.

        Raises:
            FailedStepError: documents cannot be copied, or somebody else has his hands in it.
            UnreachableError, RejectedError: the server does not answer, or refuses.
            LockHeldError: the lock was lost.
        """
        try:
            while (task := self._patiently(self._prepare)) is not None:
                self._watch(task)
            self._patiently(self._exchange)
            self._patiently(self._keep)
        except RejectedError as error:
            if error.status != 404 or self._patiently(lambda: self.source in self._backing()):
                raise
            self._patiently(self._discard)  # its retention has deleted the source in the middle of it

    def left(self) -> str:
        """What is still to be done, in one line; empty: nothing. Reads only."""
        backing, source = self._backing(), self._read(self.source)
        if self.source in backing:
            return f"reindex {self.source} ({self._documents(self.source):,} documents) into {self.destination}"
        if self.destination in backing:
            return f"keep {self.source} aside: no ILM, and hidden" if source and _unkept(source) else ""
        return f"delete {self.destination}: its source has left the stream" if self._ours() else ""

    def _prepare(self) -> tasks.Task | None:
        """Have the copy begun; None: there is nothing to copy any more."""
        if self.source not in self._backing():
            return None
        self._block()
        try:
            self._create()
        except RejectedError:  # too many shards, perhaps: then nothing has begun
            self._unblock()
            raise
        if self._counts_agree():
            return None
        self.place.still_held()
        work = tasks.reindex(self.source, self.destination, pipeline=self.pipeline, rate=self.place.rate)
        task = tasks.start(self._transport, self.place.task, work)
        self.on_task(task)
        return task

    def _block(self) -> None:
        """From now on neither index is written to by anybody else, so that counts can be compared."""
        if str(self._settings(self.source).get("blocks", {}).get("write")) != "true":
            self.place.still_held()
            write_blocks.block(self._transport, self.source)

    def _unblock(self) -> None:
        """Leave the source as it was found."""
        if not self.blocked:
            self.place.still_held()
            self._transport.put(f"/{self.source}/_settings", {"index.blocks.write": None})

    def _create(self) -> None:
        live = self._read(self.destination)
        if live is not None and _mark(live, MADE) == self._wanted["mappings"]["_meta"][MADE]:
            return
        if live is not None:  # half a copy, by another pipeline or into another mapping
            self._delete()
        self.place.still_held()
        self._transport.put(f"/{self.destination}", self._wanted)

    def _watch(self, task: tasks.Task) -> None:
        say = self.place.progress
        total = self._patiently(lambda: self._documents(self.source) - self._documents(self.destination))
        with say.bar(f"reindexing {self.source}", total, "documents") as bar:
            outcome = tasks.attend(self._transport, task, bar.advance, command=_COMMAND, progress=say)
        self.place.still_held()
        self._patiently(lambda: tasks.forget(self._transport, self.place.task))
        if outcome is None:
            say.say(task.gone)
            return
        if outcome.canceled is not None:
            raise FailedStepError(
                f"task {task} was cancelled {outcome.canceled}",
                hint=f"what it had done is done; {_COMMAND} goes on from there",
            )
        if self._patiently(lambda: self.source not in self._backing()):
            return
        if outcome.failure:
            self._give_up(f"task {task} failed: {outcome.failure}")
        if not self._patiently(self._counts_agree):
            before, after = self._documents(self.source), self._documents(self.destination)
            self._give_up(f"{self.source} has {before:,} documents, and {after:,} came of them by {self.pipeline}")

    def _give_up(self, reason: str) -> None:
        """Leave the source as it was found, and no half copy."""
        self._patiently(self._delete)
        self._unblock()
        raise FailedStepError(
            reason,
            hint=f"{self.source} is as it was, and {self.destination} is deleted; mend the migration or its pipeline",
        )

    def _exchange(self) -> None:
        backing = self._backing()
        if self.destination in backing:
            return
        if self.source not in backing:
            self._discard()
            return
        self._require_whole()
        self._inherit()
        self._sign()
        self.place.still_held()
        actions = [
            {action: {"data_stream": self.stream, "index": index}}
            for action, index in (("remove_backing_index", self.source), ("add_backing_index", self.destination))
        ]
        try:
            self._transport.post("/_data_stream/_modify", {"actions": actions})
        except RejectedError as error:
            if error.status not in (400, 404) or self.source in self._backing():
                raise
            self._discard()  # this very moment its retention has deleted it

    def _require_whole(self) -> None:
        """Make sure that the new index is the one that was made here; a task may make one that is absent, without us.

        Raises:
            FailedStepError: it is not.
        """
        live = self._read(self.destination) or {}
        if _mark(live, MADE).get("source") != self.source or not self._counts_agree():
            raise FailedStepError(
                f"{self.destination} is not, or no longer, what came of {self.source}",
                hint=f"somebody else changes these indices; see who, then run {_COMMAND} again",
            )

    def _inherit(self) -> None:
        """Give the new index the source's place in its lifecycle, so that no document stays longer or less long.

        ILM cannot do anything with an index that has a policy and is in no stream, and tries again later: so the policy
        comes right before the exchange. Not after it, or what died in between would be kept for ever.
        """
        inherited: Body = {"index.blocks.write": True} if self.blocked else {}
        if policy := self._settings(self.source).get("lifecycle", {}).get("name"):
            inherited["index.lifecycle.indexing_complete"] = True
            inherited["index.lifecycle.name"] = policy
            inherited["index.lifecycle.origination_date"] = self._ages_from()
        if inherited:
            self.place.still_held()
            self._transport.put(f"/{self.destination}/_settings", inherited)

    def _ages_from(self) -> int:
        """The time from which ILM counts the source's age: milliseconds since 1970 UTC.

        That is its rollover, which ILM itself does not know before it has looked at the index again (every 10 minutes).
        """
        settings = self._settings(self.source)
        if origin := settings["lifecycle"].get("origination_date"):
            return int(origin)
        explained = (self._transport.get(f"/{self.source}/_ilm/explain") or {}).get("indices", {})
        begun = explained.get(self.source, {}).get("lifecycle_date_millis", settings["creation_date"])
        state = self._transport.get(f"/_cluster/state/metadata/{self.source}", params=_ROLLOVERS) or {}
        rollovers = state.get("metadata", {}).get("indices", {}).get(self.source, {}).get("rollover_info", {})
        return max(int(begun), *(int(each["time"]) for each in rollovers.values()), 0)

    def _sign(self) -> None:
        """Have the source say what has replaced it: before it does, so that no index is ever outside and unknown."""
        source = self._read(self.source)
        if source is not None and _mark(source, KEPT).get("by") != self.destination:
            self.place.still_held()
            meta = {**source["mappings"].get("_meta", {}), KEPT: self._kept()}
            self._transport.put(f"/{self.source}/_mapping", {"_meta": meta})

    def _keep(self) -> None:
        """Set the source aside: out of ILM's hands, and hidden, which the server undoes when it leaves the stream."""
        source = self._read(self.source)
        if source is None or self.destination not in self._backing():
            return
        if str(source["settings"]["index"].get("hidden")) != "true":
            self.place.still_held()
            # A pipeline that any index names cannot be deleted, and destroy has to be able to.
            self._transport.put(f"/{self.source}/_settings", {"index.hidden": True, "index.default_pipeline": None})
        if "lifecycle" in source["settings"]["index"]:
            self.place.still_held()
            self._transport.post(f"/{self.source}/_ilm/remove", None)

    def _kept(self) -> Body:
        lifecycle = self._settings(self.destination).get("lifecycle", {})
        until = datetime.now(UTC) + timedelta(days=self.keep_days) if self.keep_days else None
        return {
            "by": self.destination,
            "documents": self._documents(self.destination),
            "migration": self.place.version,
            "origination_date": int(lifecycle["origination_date"]) if lifecycle else None,
            "policy": lifecycle.get("name"),
            "stream": self.stream,
            "until": until.isoformat(timespec="seconds") if until else None,
        }

    def _discard(self) -> None:
        if self._ours():
            self._delete()

    def _delete(self) -> None:
        """Delete the new index, which nobody has seen yet.

        Raises:
            FailedStepError: there is one of this name that was not made here, or it is in the stream.
        """
        if self._read(self.destination) is None:
            return
        if not self._ours() or self.destination in self._backing():
            raise FailedStepError(
                f"{self.destination} is there, and was not made of {self.source} by this migration",
                hint="see what it is; if nobody needs it, delete it",
            )
        self.place.still_held()
        self._transport.delete(f"/{self.destination}")

    def _ours(self) -> bool:
        return _mark(self._read(self.destination) or {}, MADE).get("source") == self.source

    def _counts_agree(self) -> bool:
        """Whether all documents are there; what was written a moment ago is seen only after a refresh."""
        self.place.refresh(f"{self.source},{self.destination}")
        return self._documents(self.source) == self._documents(self.destination)

    def _documents(self, index: str) -> int:
        return int(self._transport.post(f"/{index}/_count", None)["count"])

    @cached_property
    def _wanted(self) -> Body:
        """The body of the new index: what the server would give the stream's next one, but without ILM as yet."""
        simulated = self._transport.post(f"/_index_template/_simulate_index/{self.stream}", None)["template"]
        settings = {key: value for key, value in simulated["settings"]["index"].items() if key != "lifecycle"}
        mappings = simulated["mappings"]
        pipeline = None
        if self.pipeline != NO_PIPELINE:
            pipeline = self._transport.get(f"/_ingest/pipeline/{self.pipeline}")
        made = {
            "checksum": checksum([settings, mappings, pipeline]),
            "migration": self.place.version,
            "source": self.source,
        }
        meta = {**mappings.get("_meta", {}), MADE: made}
        return {"settings": {"index": {**settings, "hidden": True}}, "mappings": {**mappings, "_meta": meta}}

    def _backing(self) -> list[str]:
        return self.place.streams.backing(self._transport, self.stream)

    def _read(self, index: str) -> Body | None:
        """The server's answer for an index; None: it is not there."""
        found: Body | None = self._transport.get(f"/{index}")
        return found[index] if found else None

    def _settings(self, index: str) -> Body:
        """An index's settings.

        Raises:
            RejectedError: it is gone.
        """
        found = self._read(index)
        if found is None:
            raise RejectedError(f"{index} is gone", status=404)
        settings: Body = found["settings"]["index"]
        return settings

    @property
    def _transport(self) -> Any:
        return self.place.transport

    def _patiently(self, ask: Callable[[], T]) -> T:
        """Everything here looks first, and may be done again once a server that was away is back."""
        return tasks.patiently(ask, self.place.progress)


_ROLLOVERS = {"filter_path": "metadata.indices.*.rollover_info"}


def _mark(index: Body, name: str) -> Body:
    mark = index.get("mappings", {}).get("_meta", {}).get(name)
    return mark if isinstance(mark, dict) else {}


def _unkept(source: Body) -> bool:
    settings = source["settings"]["index"]
    return "lifecycle" in settings or str(settings.get("hidden")) != "true"
