"""`update_by_query`: stored documents sent through a pipeline, in place."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, Self

from toolkit import tasks
from toolkit.migrate.check import read_query
from toolkit.migrate.place import NO_PIPELINE, Place, stream_role
from toolkit.migrate.step import FailedStepError, Note, Step, keep_task
from toolkit.model import Body
from toolkit.rewrite import INDICES_MAX, Part, Rewrite, parts
from toolkit.yaml_source import Reader, Where

_PIPELINE = re.compile(r"[^\s*,/?#]+")
_ROUNDS_MAX = 5
"""How often is looked again for documents that others wrote at the same time."""


@dataclass(frozen=True, slots=True)
class UpdateByQuery(Step):
    """Rewrites the documents that a query finds. The query has to find what is still to be done, so afterwards nothing.

    That makes it one that can be interrupted, and its own verification.
    """

    word: ClassVar[str] = "update_by_query"
    role: str
    pipeline: str
    query: Body
    lift_write_blocks: bool

    @classmethod
    def read(cls, reader: Reader, where: Where) -> Self:
        """`{stream: campaign_groups, pipeline: my-pipeline, query: {...}, lift_write_blocks: false}`."""
        raw = reader.mapping(where, "stream pipeline query", optional="lift_write_blocks")
        pipeline = reader.text((*where, "pipeline"), raw["pipeline"])
        if not _PIPELINE.fullmatch(pipeline):
            reader.fail((*where, "pipeline"), f"must be the name of one pipeline, or {NO_PIPELINE}, not '{pipeline}'")
        return cls(
            role=stream_role(reader, (*where, "stream")),
            pipeline=pipeline,
            query=read_query(reader, (*where, "query")),
            lift_write_blocks=reader.flag((*where, "lift_write_blocks"), raw.get("lift_write_blocks", False)),
        )

    def title(self, place: Place) -> str:
        """Which documents, through what."""
        return f"send documents of {place.stream(self.role)} through pipeline {place.named(self.pipeline)}, in place"

    def preview(self, place: Place, note: Note) -> list[str]:  # noqa: ARG002 - the documents themselves tell
        """Index by index, how many."""
        return [f"{part.index}: {part.documents:,} documents" for part in self._left(place)]

    def hindrances(self, place: Place, note: Note) -> list[str]:  # noqa: ARG002
        """A pipeline that is absent or of no use here, and indices that cannot be changed."""
        found = place.unfit(place.named(self.pipeline))
        for part in self._left(place):
            if not part.reachable(lift=self.lift_write_blocks):
                found.append(f"{part.index} cannot be changed: {part.hindrance or 'write block'}")
        return found

    def run(self, place: Place, note: Note) -> None:
        """One index after the other, and again for what others wrote meanwhile."""
        rewrite = self._rewrite(place, note)
        rewrite.finish()
        left = self._look_again(place)
        for _ in range(_ROUNDS_MAX):
            if not left:
                return
            before = _documents(left)
            written = rewrite.all([part for part in left if part.reachable(lift=self.lift_write_blocks)])
            left = self._look_again(place)
            if written and _documents(left) >= before:  # nothing written: others were faster, or a node died
                raise FailedStepError(
                    f"{written:,} documents were written, and the query still finds {_documents(left):,}",
                    hint="it has to find what is still to be done, and nothing once that is done: mend the query, or "
                    "the pipeline",
                )

    def faults(self, place: Place, note: Note) -> list[str]:  # noqa: ARG002
        """What the query still finds."""
        return [f"{part.index}: the query still finds {part.documents:,} documents" for part in self._left(place)]

    def _rewrite(self, place: Place, note: Note) -> Rewrite:
        return Rewrite(
            transport=place.transport,
            name=place.task,
            query=place.named(self.query),
            pipeline=place.named(self.pipeline),
            rate=place.rate,
            still_held=place.still_held,
            command="ocs-elastic migrate up",
            doing="rewriting",
            progress=place.progress,
            on_task=lambda task: keep_task(note, task),
            while_waiting=place.still_held,
        )

    def _look_again(self, place: Place) -> tuple[Part, ...]:
        """What is left, once a server that was away has all its shards again."""
        return tasks.patiently(lambda: self._left(place), place.progress)

    def _left(self, place: Place) -> tuple[Part, ...]:
        """The newest index first: what is asked for most is right first."""
        stream = place.stream(self.role)
        place.refresh(stream)
        query = {
            "size": 0,
            "query": place.named(self.query),
            "aggs": {"indices": {"terms": {"field": "_index", "size": INDICES_MAX}}},
        }
        found = place.transport.post(f"/{stream}/_search", query)
        settings = place.transport.get(f"/{stream}/_settings", params={"flat_settings": "true"}) or {}
        counts = {bucket["key"]: bucket["doc_count"] for bucket in found["aggregations"]["indices"]["buckets"]}
        return parts(reversed(place.streams.backing(place.transport, stream)), counts, settings)


def _documents(parts: tuple[Part, ...]) -> int:
    return sum(part.documents for part in parts)
