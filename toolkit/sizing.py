"""What a feed of OCS's comes to: messages, documents, bytes, indices, shards, CPU, and which settings fit it.

Pure: figures in, figures out. What a document takes is measured (`toolkit.measured`); every limit here that is not
OCS's or ILM's own arithmetic has its source beside it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from toolkit.measured import Indexing, Storage
from toolkit.retention import retention

GB = 2**30
"""Bytes of a `gb` in Elasticsearch's settings: https://www.elastic.co/docs/reference/elasticsearch/rest-apis/api-conventions#byte-units."""
SHARD_BYTES_MIN, SHARD_BYTES_MAX = 10 * GB, 50 * GB
"""Between these a shard should be where there are enough documents; a larger one takes long to recover.

https://www.elastic.co/docs/deploy-manage/production-guidance/optimize-performance/size-shards."""
SHARD_DOCUMENTS = 200_000_000
"""Documents that a shard should not exceed, by the same page; at that number ILM turns to a new index.

The policies in `templates/ilm` say so for 8.3 to 8.7. From 8.8 on ILM does so whatever a policy says
(https://github.com/elastic/elasticsearch/pull/94065; seen in the code of 8.17.2, and not in that of 8.3.3)."""
SHARDS_A_NODE = 1000
"""Default of `cluster.max_shards_per_node`, for data nodes that are not frozen ones; past it no index can be made."""
DISK_USED = 0.85
"""Default of `cluster.routing.allocation.disk.watermark.low`: no shard is put on a disk that is fuller."""
CAPACITY_USED = 0.5
"""How much of what a shard was seen to take a feed should need: our own rule.

The rest is for searches and merges, and for a shard that is recovered after a node was lost, since OCS repeats
nothing."""
SEEN_DOCUMENTS_MIN = 10_000
"""Documents that a stream must have before it tells what one takes: on 8.3.3, 50,000 that were just written took 5 per
cent more each than 400,000 merged to one segment. Of a few hundred, each segment's own overhead is the greater part."""
_DAY_S = 86_400
_DAY_MINUTES = 1440


class Limit(StrEnum):
    """What makes a stream turn to a new index first."""

    AGE = "age"
    SIZE = "size"
    DOCUMENTS = "documents"


@dataclass(frozen=True, slots=True)
class Demand:
    """What is asked: a feed of OCS's, and the settings that say how it is kept."""

    groups: int
    """Active campaign groups: those that OCS sends periodic messages for."""
    interval_s: int
    """Seconds between two messages of one: OCS's `campaigngroup-states-interval`."""
    retention_days: int
    dead_letter_retention_days: int
    shards: int
    """Primary shards of an index."""
    replicas: int
    """Copies of each."""
    rollover_bytes: int
    """Greatest size of a primary shard before the stream turns to a new index."""
    refresh_interval_s: int
    index_mode: str
    """`standard` or `logsdb`."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a stream is like now; only its own documents, and no copies."""

    stream: str
    documents: int
    primary_bytes: int
    groups: int
    """Active campaign groups of the last 24 hours."""
    messages_last_day: int

    @property
    def storage_is_known(self) -> bool:
        """Whether it has enough documents: of fewer, what every segment takes by itself is too great a part."""
        return self.documents >= SEEN_DOCUMENTS_MIN


@dataclass(frozen=True, slots=True)
class Advice:
    """A setting that should have another value."""

    setting: str
    """A key of `ocs-elastic.yml`, or what else is to be changed."""
    value: str
    why: str
    """A sentence with the figures that say so."""


@dataclass(frozen=True, slots=True)
class Sizing:
    """What a demand comes to; every figure follows from it and what was measured."""

    demand: Demand
    storage: Storage
    """Of the demand's index mode."""
    indexing: Indexing
    leaner: Storage | None = None
    """Of another index mode, `logsdb`, where the server has it too."""
    seen: Seen | None = None
    """The stream as it is, where a cluster was asked."""

    @property
    def messages_a_second(self) -> float:
        """The periodic messages; of state changes there are a few a day, beside thousands of these."""
        return self.demand.groups / self.demand.interval_s

    @property
    def messages_a_day(self) -> float:
        """The same in 24 hours, in all of which every group is active: the most that can come."""
        return self.demand.groups * _DAY_S / self.demand.interval_s

    @property
    def days_to(self) -> dict[Limit, float]:
        """Days after which a new index reaches each limit."""
        ages = retention(self.demand.retention_days)
        a_day = self.messages_a_day / self.demand.shards
        return {
            Limit.AGE: ages.rollover_minutes / _DAY_MINUTES,
            Limit.SIZE: self.demand.rollover_bytes / self.storage.on_disk / a_day,
            Limit.DOCUMENTS: SHARD_DOCUMENTS / a_day,
        }

    @property
    def limit(self) -> Limit:
        """The limit that is reached first."""
        days = self.days_to
        return min(days, key=lambda limit: days[limit])

    @property
    def index_days(self) -> float:
        """Days for which an index takes messages."""
        return self.days_to[self.limit]

    @property
    def kept_days(self) -> tuple[float, float]:
        """The age of the newest and of the oldest document of an index when ILM deletes it."""
        delete = retention(self.demand.retention_days).delete_minutes / _DAY_MINUTES
        return delete, delete + self.index_days

    @property
    def documents(self) -> int:
        """The most that are stored: just before an index is deleted."""
        return round(self.messages_a_day * self.kept_days[1])

    @property
    def primary_bytes(self) -> float:
        """What these take on disk, without copies."""
        return self.documents * self.storage.on_disk

    @property
    def bytes(self) -> float:
        """The same, with copies."""
        return self.primary_bytes * self.copies

    @property
    def disk_bytes(self) -> float:
        """Disks of all data nodes together, so that these bytes stay below the low watermark."""
        return self.bytes / DISK_USED

    @property
    def copies(self) -> int:
        """Of each document, the primary included."""
        return 1 + self.demand.replicas

    @property
    def indices(self) -> int:
        """The most indices behind the stream."""
        return _indices(self.kept_days[0], self.index_days)

    @property
    def shards(self) -> int:
        """The most shards of the stream, copies included."""
        return self.indices * self.demand.shards * self.copies

    @property
    def other_shards(self) -> int:
        """The most of what lies beside it: dead letters, the latest states, the toolkit's own state.

        Servers of old turn to a new index for dead letters even where the one before has stayed empty.
        """
        ages = retention(self.demand.dead_letter_retention_days)
        return (_indices(ages.delete_minutes, ages.rollover_minutes) * self.demand.shards + 2) * self.copies

    @property
    def nodes(self) -> int:
        """Data nodes, at least: one for each copy, and as many as all shards need."""
        return max(self.copies, math.ceil((self.shards + self.other_shards) / SHARDS_A_NODE))

    @property
    def shard_documents(self) -> int:
        """Documents of a primary shard when the stream turns to a new index."""
        return math.floor(self.messages_a_day * self.index_days / self.demand.shards + 1e-6)

    @property
    def shard_bytes(self) -> float:
        """What they take on disk."""
        return self.shard_documents * self.storage.on_disk

    @property
    def latest_states(self) -> int:
        """Documents of the latest-state index: one for each campaign group."""
        return self.demand.groups

    @property
    def cpus(self) -> float:
        """CPUs that the feed keeps busy in the whole cluster, at most: a copy takes no more than a primary."""
        return self.indexing.steady_cpus + self.messages_a_second * self.indexing.post_cpu_us / 1e6 * self.copies

    @property
    def shard_load(self) -> float:
        """How much comes to a primary shard, as a share of what one was seen to take."""
        return self.messages_a_second / self.demand.shards / self.indexing.posts_a_second

    @property
    def rewrite_cpu_hours(self) -> float:
        """CPU, at least, for writing every document once more, as relabel and migrations do; replicas take it too."""
        return self.documents * self.indexing.bulk_cpu_us / 1e6 / 3600 * self.copies

    @property
    def advice(self) -> tuple[Advice, ...]:
        """What should be set otherwise; nothing where the settings fit."""
        return tuple(_advice(self))

    def but(self, **changes: Any) -> Sizing:
        """What the demand would come to with other values."""
        return replace(self, demand=replace(self.demand, **changes))

    def as_json(self) -> dict[str, Any]:
        """For programs; sizes are bytes."""
        least, most = self.kept_days
        return {
            "demand": asdict(self.demand),
            "seen": asdict(self.seen) if self.seen else None,
            "measured": {"storage": asdict(self.storage), "indexing": asdict(self.indexing)},
            "messages": {"a_second": self.messages_a_second, "a_day": self.messages_a_day},
            "documents": {"most": self.documents, "kept_days": [least, most], "latest_states": self.latest_states},
            "bytes": {
                "a_document": self.storage.on_disk,
                "primaries": self.primary_bytes,
                "with_replicas": self.bytes,
                "disks": self.disk_bytes,
            },
            "rollover": {"after_days": self.index_days, "by": self.limit.value, "days_to": self.days_to},
            "shard": {"documents": self.shard_documents, "bytes": self.shard_bytes, "load": self.shard_load},
            "indices": self.indices,
            "shards": {"stream": self.shards, "others": self.other_shards},
            "nodes": self.nodes,
            "cpus": self.cpus,
            "rewrite_cpu_hours": self.rewrite_cpu_hours,
            "advice": [asdict(each) for each in self.advice],
        }


def size_text(size: float) -> str:
    """Bytes, for people, in the units of Elasticsearch's settings."""
    return f"{size / GB:,.1f} GB" if size >= GB / 10 else f"{size / 2**20:,.1f} MB"


def shards_needed(messages_a_second: float, indexing: Indexing) -> int:
    """Primary shards that take a feed with room to spare; see `CAPACITY_USED`."""
    return max(1, math.ceil(messages_a_second / (indexing.posts_a_second * CAPACITY_USED)))


def fitting_rollover_gb(storage: Storage) -> int:
    """The rollover size, in whole GB, at which a shard has `SHARD_DOCUMENTS`, or `SHARD_BYTES_MAX` if that is less."""
    return max(1, min(SHARD_BYTES_MAX, math.floor(SHARD_DOCUMENTS * storage.on_disk)) // GB)


def _indices(delete: float, rollover: float) -> int:
    """The most indices at a time: those that wait until their delete age, one that is due, and the write index."""
    return math.floor(delete / rollover + 1e-9) + 2


def _advice(sizing: Sizing) -> Iterator[Advice]:
    yield from _shards(sizing)
    yield from _rollover_size(sizing)
    yield from _index_mode(sizing)
    yield from _replicas(sizing)
    yield from _interval(sizing)
    yield from _retention_days(sizing)


def _shards(sizing: Sizing) -> Iterator[Advice]:
    """More where the rate needs them; fewer where that is no reason, and each stays smaller than a shard should be."""
    demand, needed = sizing.demand, shards_needed(sizing.messages_a_second, sizing.indexing)
    if demand.shards < needed:
        yield Advice(
            "shards",
            str(needed),
            f"A primary shard would get {sizing.shard_load:.0%} of the {sizing.indexing.posts_a_second:,.0f} POSTs a "
            f"second that one was seen to take; plan for {CAPACITY_USED:.0%} at most.",
        )
    elif demand.shards > needed and sizing.shard_bytes < SHARD_BYTES_MIN:
        yield Advice(
            "shards",
            str(needed),
            f"A shard would end at {size_text(sizing.shard_bytes)}, where {SHARD_BYTES_MIN // GB} to "
            f"{SHARD_BYTES_MAX // GB} GB are usual, and {needed} can take {sizing.messages_a_second:,.0f} messages a "
            "second: more shards cost memory and make searches slower.",
        )


def _rollover_size(sizing: Sizing) -> Iterator[Advice]:
    """Neither a shard that takes long to recover, nor needlessly small ones where size ends an index."""
    fitting = fitting_rollover_gb(sizing.storage)
    if sizing.shard_bytes > SHARD_BYTES_MAX:
        yield Advice(
            "rollover_size",
            f"{fitting}gb",
            f"A shard would end at {size_text(sizing.shard_bytes)}, where {SHARD_BYTES_MIN // GB} to "
            f"{SHARD_BYTES_MAX // GB} GB are usual: a larger one takes long to recover.",
        )
    elif sizing.limit is Limit.SIZE and sizing.demand.rollover_bytes < min(SHARD_BYTES_MIN, fitting * GB):
        yield Advice(
            "rollover_size",
            f"{fitting}gb",
            f"A shard would end at {size_text(sizing.shard_bytes)}, where {SHARD_BYTES_MIN // GB} to "
            f"{SHARD_BYTES_MAX // GB} GB are usual; with {fitting} GB there would be "
            f"{sizing.but(rollover_bytes=fitting * GB).shards:,} shards instead of {sizing.shards:,}.",
        )


def _index_mode(sizing: Sizing) -> Iterator[Advice]:
    """By the bytes that were measured of both."""
    if sizing.leaner and sizing.leaner.on_disk < sizing.storage.on_disk:
        less = sizing.primary_bytes * sizing.leaner.on_disk / sizing.storage.on_disk
        yield Advice(
            "index_mode",
            "auto",
            f"Elasticsearch 8.17 and later have logsdb, in which a document takes {sizing.leaner.bytes:,.0f} bytes "
            f"instead of {sizing.storage.bytes:,.0f}: primaries of {size_text(less)} instead of "
            f"{size_text(sizing.primary_bytes)}.",
        )


def _replicas(sizing: Sizing) -> Iterator[Advice]:
    """OCS repeats nothing, so the only copy of a document must not be on a node that can fail."""
    if sizing.demand.replicas == 0:
        yield Advice(
            "replicas",
            "0-1",
            "Without a replica a node that fails takes messages along, and while it is away OCS's are lost. A second "
            f"data node holds one, and the bytes double, to {size_text(sizing.but(replicas=1).bytes)}.",
        )


def _interval(sizing: Sizing) -> Iterator[Advice]:
    """The one setting of OCS's that everything is in proportion to."""
    demand = sizing.demand
    for_one_shard = math.ceil(demand.groups / (sizing.indexing.posts_a_second * CAPACITY_USED))
    if for_one_shard > max(demand.interval_s, demand.refresh_interval_s):
        yield Advice(
            "interval_s",
            str(for_one_shard),
            f"With OCS's campaigngroup-states-interval at {for_one_shard} s one primary shard takes the feed; "
            f"documents and bytes are {demand.interval_s / for_one_shard:.0%} of these. Or take more shards.",
        )
    elif demand.interval_s < demand.refresh_interval_s:
        yield Advice(
            "interval_s",
            str(demand.refresh_interval_s),
            f"A document can be found after {demand.refresh_interval_s} s (refresh_interval_s), so nobody sees more by "
            f"a message every {demand.interval_s} s. Set OCS's campaigngroup-states-interval, then this.",
        )


def _retention_days(sizing: Sizing) -> Iterator[Advice]:
    """Only where the shards of so many days are more than the nodes may hold."""
    if sizing.nodes == sizing.copies:
        return
    shorter = (sizing.but(retention_days=days) for days in range(sizing.demand.retention_days - 1, 0, -1))
    fitting = next((each for each in shorter if each.nodes == each.copies), None)
    if fitting is not None:
        yield Advice(
            "retention_days",
            str(fitting.demand.retention_days),
            f"{sizing.shards + sizing.other_shards:,} shards need {sizing.nodes} data nodes, since a node may hold "
            f"{SHARDS_A_NODE:,} (cluster.max_shards_per_node): keep documents so long, or add nodes.",
        )
