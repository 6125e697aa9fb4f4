"""What a number of campaign groups needs, for people: the figures, each with what it comes from, then the advice."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import fill
from typing import TYPE_CHECKING

from toolkit.output.console import counted
from toolkit.output.tables import table
from toolkit.sizing import (
    DISK_USED,
    GB,
    SHARD_BYTES_MAX,
    SHARD_BYTES_MIN,
    SHARD_DOCUMENTS,
    SHARDS_A_NODE,
    Limit,
    size_text,
)

if TYPE_CHECKING:
    from toolkit.sizing import Advice, Sizing

_WIDTH = 100
_LIMITS = {
    Limit.AGE: "age, a tenth of the retention and 30 days at most",
    Limit.SIZE: "size of a primary shard (rollover_size)",
    Limit.DOCUMENTS: f"documents of a primary shard, {SHARD_DOCUMENTS:,} at most",
}


def text(found: Sizing) -> str:
    """Figures, advice, and what was measured where."""
    demand = found.demand
    title = (
        f"{counted(demand.groups, 'active campaign group')}, a message of each every {demand.interval_s} s, "
        f"kept {counted(demand.retention_days, 'day')}"
    )
    rows = [*_seen(found), *_feed(found), *_room(found), *_indices(found), *_work(found)]
    return "\n".join([table(title, ("", "At most", "From"), rows), "", *_advice(found), "", *_measured(found)])


Row = tuple[str, str, str]


def _seen(found: Sizing) -> Iterator[Row]:
    if (seen := found.seen) is None:
        return
    yield "Last 24 hours", f"{seen.messages_last_day:,}", f"messages in {seen.stream}; active groups: {seen.groups:,}"
    yield "Stored now", f"{seen.documents:,}", f"documents, primaries of {size_text(seen.primary_bytes)}"


def _feed(found: Sizing) -> Iterator[Row]:
    least, most = found.kept_days
    yield "Messages", f"{_number(found.messages_a_second)} a second", f"{found.messages_a_day:,.0f} a day"
    age = f"{_number(least)} to {_days(most)}"
    yield "Documents", f"{found.documents:,}", f"each is deleted at an age of {age}, with its index"
    yield "Latest states", f"{found.latest_states:,}", "one document a campaign group, under 1 kB each"


def _room(found: Sizing) -> Iterator[Row]:
    storage = found.storage
    merged = f": {_number(storage.bytes)} once merged to one segment, {_number(storage.unmerged)} times that as it lies"
    a_document = (
        f"{_number(storage.on_disk)} bytes a document{merged if storage.unmerged > 1 else ', as in the stream'}"
    )
    yield "Primaries", size_text(found.primary_bytes), a_document
    yield "With replicas", size_text(found.bytes), f"{found.demand.replicas} beside each primary"
    yield "Disks", size_text(found.disk_bytes), f"at {DISK_USED:.0%} a disk takes no more shards (its low watermark)"


def _indices(found: Sizing) -> Iterator[Row]:
    first, *others = sorted(found.days_to.items(), key=lambda each: each[1])
    later = [f"; {limit.value} after {_days(days)}" for limit, days in others if days <= found.demand.retention_days]
    yield "A new index", f"after {_days(first[1])}", f"by {_LIMITS[first[0]]}{''.join(later)}"
    usual = f"{SHARD_BYTES_MIN // GB} to {SHARD_BYTES_MAX // GB} GB are usual, less is harmless"
    yield "A shard then", size_text(found.shard_bytes), f"{found.shard_documents:,} documents; {usual}"
    yield "Indices", f"{found.indices:,}", f"of {counted(found.demand.shards, 'primary shard')}"
    yield "Shards", f"{found.shards:,}", f"replicas included; and {found.other_shards} of dead letters and states"
    yield "Data nodes", f"{found.nodes:,} or more", f"a copy on each, and {SHARDS_A_NODE:,} shards at most"


def _work(found: Sizing) -> Iterator[Row]:
    indexing = found.indexing
    yield (
        "CPU",
        f"{found.cpus:.0%} of one",
        f"all nodes together: {indexing.steady_cpus:.0%} at any rate, and {_number(indexing.post_cpu_us)} µs a copy",
    )
    yield (
        "A primary shard",
        f"{found.shard_load:.0%} busy",
        f"one took {_number(indexing.posts_a_second)} POSTs a second of {indexing.connections} connections, on "
        f"{indexing.cpus} CPUs",
    )
    yield (
        "Written anew",
        f"{found.rewrite_cpu_hours:,.1f} CPU hours",
        f"of every document, as relabel and migrations do: {_number(indexing.bulk_cpu_us)} µs each",
    )


def _advice(found: Sizing) -> Iterator[str]:
    if not found.advice:
        yield "The settings fit."
        return
    yield "To change in ocs-elastic.yml:"
    for each in found.advice:
        yield _filled(each)


def _filled(advice: Advice) -> str:
    head = f"- {advice.setting}: {advice.value}"
    return "\n".join([head, fill(advice.why, _WIDTH, initial_indent="  ", subsequent_indent="  ")])


def _measured(found: Sizing) -> Iterator[str]:
    storage, indexing = found.storage, found.indexing
    yield fill(
        f"Bytes: index mode {found.demand.index_mode}, measured on {storage.engine} with {storage.documents:,} "
        f"documents of {storage.groups} campaign groups, {storage.date}. CPU: {indexing.engine}, {indexing.date}. "
        "Yours differ: long names and many calling lists take more. Not counted: dead letters, and "
        "the translog of the write index.",
        _WIDTH,
    )


def _days(days: float) -> str:
    return "1 day" if days == 1 else f"{_number(days)} days"


def _number(number: float) -> str:
    """Whole, or with the one decimal that says something."""
    if number >= 100 or number == round(number):
        return f"{number:,.0f}"
    return f"{number:,.1f}" if number >= 1 else f"{number:,.2g}"
