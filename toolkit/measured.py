"""What a message costs, measured: read from `templates/measured.yml` and checked. No figure stands here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.resources import data_folder
from toolkit.yaml_source import Reader, load

_FORMS = "standard logsdb"
_STORAGE = "bytes unmerged engine groups documents date"
_INDEXING = "bulk_cpu_us post_cpu_us steady_cpus posts_a_second connections cpus engine date"


@dataclass(frozen=True, slots=True)
class Storage:
    """What a stored document takes on disk, in one index mode."""

    bytes: float
    """Of a primary shard that is merged to one segment."""
    unmerged: float
    """How many times as much it is before that: no policy of ours merges an index."""
    engine: str
    groups: int
    documents: int
    date: str

    @property
    def on_disk(self) -> float:
        """Bytes of a document as it lies on disk, in a primary shard."""
        return self.bytes * self.unmerged


@dataclass(frozen=True, slots=True)
class Indexing:
    """What it takes to take a message, into one primary shard of one node."""

    bulk_cpu_us: float
    """CPU of a document in a bulk of 1,000, microseconds."""
    post_cpu_us: float
    """CPU of a document in a POST of its own, with its part of the transform's work, microseconds."""
    steady_cpus: float
    """CPUs that are busy at any rate: refreshes, the transform's looks, the node itself."""
    posts_a_second: float
    """POSTs that were taken, from `connections` that are kept alive."""
    connections: int
    cpus: int
    """Of the machine."""
    engine: str
    date: str


@dataclass(frozen=True, slots=True)
class Measured:
    """All that was measured."""

    storage: dict[str, Storage]
    """Index mode → what a document takes: `standard` and `logsdb`."""
    indexing: Indexing


def read_measured(path: Path | None = None) -> Measured:
    """Read and check the figures.

    Raises:
        SourceError: the file cannot be read, is not YAML, or lacks a figure; the reason begins with file and line.
    """
    name = "templates/measured.yml"
    file = path or data_folder("templates") / "measured.yml"
    return _Reader(load(file, source=str(path) if path else name)).measured()


class _Reader(Reader):
    """Turns the document into `Measured`."""

    def measured(self) -> Measured:
        self.mapping((), "storage indexing")
        modes = self.mapping(("storage",), _FORMS)
        return Measured({mode: self.storage("storage", mode) for mode in modes}, self.indexing("indexing"))

    def storage(self, *where: str) -> Storage:
        found = self.mapping(where, _STORAGE)
        return Storage(
            bytes=self.number((*where, "bytes"), found["bytes"]),
            unmerged=self.unmerged((*where, "unmerged"), found["unmerged"]),
            engine=self.text((*where, "engine"), found["engine"]),
            groups=self.count((*where, "groups"), found["groups"]),
            documents=self.count((*where, "documents"), found["documents"]),
            date=self.text((*where, "date"), found["date"]),
        )

    def indexing(self, *where: str) -> Indexing:
        found = self.mapping(where, _INDEXING)
        return Indexing(
            bulk_cpu_us=self.number((*where, "bulk_cpu_us"), found["bulk_cpu_us"]),
            post_cpu_us=self.number((*where, "post_cpu_us"), found["post_cpu_us"]),
            steady_cpus=self.number((*where, "steady_cpus"), found["steady_cpus"]),
            posts_a_second=self.number((*where, "posts_a_second"), found["posts_a_second"]),
            connections=self.count((*where, "connections"), found["connections"]),
            cpus=self.count((*where, "cpus"), found["cpus"]),
            engine=self.text((*where, "engine"), found["engine"]),
            date=self.text((*where, "date"), found["date"]),
        )

    def unmerged(self, where: tuple[str, ...], value: Any) -> float:
        factor = self.number(where, value)
        if factor < 1:
            self.fail(where, f"must be 1 or more, not {value!r}: merging makes nothing larger")
        return factor
